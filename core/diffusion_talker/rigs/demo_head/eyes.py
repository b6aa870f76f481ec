# SPDX-License-Identifier: GPL-3.0-or-later
"""Eyeballs and the geometry of the lids: everything that lives in spherical coordinates around an eye's centre.

Azimuth grows towards the temple, elevation upwards, both in degrees, zero straight ahead. Functions speak of the left
eye (+X); the right one is its mirror image.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from diffusion_talker.rigs.demo_head import layout
from diffusion_talker.rigs.demo_head.anatomy import EYE_CENTER_CM, EYE_RADIUS_CM, IRIS_DEG, PUPIL_DEG
from diffusion_talker.rigs.demo_head.mesh import Piece, disc_positions, grid_faces

_DISC = 4
_RIM_DEG = 3.6
# At rest both eyes meet an onlooker about a metre away instead of staring at the horizon.
_CONVERGENCE_DEG = 2.5
_DISC_DEG: Final = 0.6 * PUPIL_DEG
_BALL_RINGS_DEG: Final = (
    PUPIL_DEG,
    IRIS_DEG * 0.6,
    IRIS_DEG - _RIM_DEG,
    IRIS_DEG,
    40.0,
    54.0,
    72.0,
    92.0,
    115.0,
    140.0,
)
_BALL_MATERIALS: Final = ("Pupil", "Iris Inner", "Iris", "Iris Rim") + ("Eye White",) * 6

_INNER_CANTHUS_DEG: Final = (-47.0, -7.0)
_OUTER_CANTHUS_DEG: Final = (52.0, 3.0)
UPPER_LID_DEG: Final = 28.0
LOWER_LID_DEG: Final = 25.5
_CLOSED_SHARE: Final = 0.38

# Radius of each explicit loop, in ball radii, and how far it lies outside the edge of the lid, in degrees.
_LOOP_RADIUS: Final = (0.90, 0.985, 1.095, 1.13, 1.115)
_UPPER_SPREAD_DEG: Final = (2.0, 0.0, 1.5, 9.0, 19.0)
_LOWER_SPREAD_DEG: Final = (2.0, 0.0, 1.5, 8.0, 17.0)
_OUTER_SPREAD_DEG: Final = (1.0, 0.0, 2.5, 8.0, 15.0)
_INNER_SPREAD_DEG: Final = (1.0, 0.0, 0.6, 1.2, 3.0)
_INNER_LIFT: Final = (0.0, 0.0, 0.01, 0.05, 0.20)


def ball_point(azimuth_deg: np.ndarray, elevation_deg: np.ndarray, radius: np.ndarray | float) -> np.ndarray:
    """Head-space points (N, 3), cm, around the left eye; `radius` in ball radii."""
    azimuth, elevation = np.radians(azimuth_deg), np.radians(elevation_deg)
    direction = np.stack(
        [np.sin(azimuth) * np.cos(elevation), -np.cos(azimuth) * np.cos(elevation), np.sin(elevation)], axis=-1
    )
    return np.asarray(EYE_CENTER_CM) + EYE_RADIUS_CM * np.asarray(radius)[..., None] * direction


def lid_parameter(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Place of ring positions along the lids: t (count,) from -1 inner to 1 outer; side 1 upper, -1 lower, 0 corner."""
    half = count // 2
    t = np.linspace(1.0, -1.0, half + 1)
    t = 0.7 * t + 0.3 * np.sin(t * np.pi / 2.0)
    side = np.concatenate([[0.0], np.ones(half - 1), [0.0], -np.ones(half - 1)])
    return np.concatenate([t, t[-2:0:-1]]), side


def _axis(t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    share = (t + 1.0) / 2.0
    azimuth = _INNER_CANTHUS_DEG[0] + share * (_OUTER_CANTHUS_DEG[0] - _INNER_CANTHUS_DEG[0])
    elevation = _INNER_CANTHUS_DEG[1] + share * (_OUTER_CANTHUS_DEG[1] - _INNER_CANTHUS_DEG[1])
    return azimuth, elevation


def _arch(t: np.ndarray, side: np.ndarray, upper_deg: float, lower_deg: float) -> np.ndarray:
    """Elevation of the lid's edge above the axis of the eye; the upper lid peaks inwards, the lower one outwards."""
    upper = upper_deg * np.clip(1.0 - np.abs(t + 0.06) ** 2.5, 0.0, None) ** 0.85
    lower = -lower_deg * np.clip(1.0 - np.abs(t - 0.10 * (1.0 - t**2)) ** 2.2, 0.0, None) ** 0.85
    return np.where(side > 0, upper, np.where(side < 0, lower, 0.0)) * (1.0 - np.abs(t) ** 12)


def _spread(loop: int, t: np.ndarray, side: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Offset in azimuth and elevation of a loop outside the edge."""
    vertical = np.where(side > 0, _UPPER_SPREAD_DEG[loop], np.where(side < 0, -_LOWER_SPREAD_DEG[loop], 0.0))
    bow = np.sqrt(np.clip(1.0 - t**2, 0.0, 1.0))
    corner = np.where(t > 0, _OUTER_SPREAD_DEG[loop], _INNER_SPREAD_DEG[loop])
    return corner * np.sign(t) * np.abs(t) ** 3, vertical * bow


def lid_loop(
    loop: int, count: int, blink: float = 0.0, upper_deg: float = UPPER_LID_DEG, lower_deg: float = LOWER_LID_DEG
) -> np.ndarray:
    """Points (count, 3) of one of the five explicit loops of the left eye; `blink` 1 is the closed eye."""
    t, side = lid_parameter(count)
    azimuth, axis = _axis(t)
    opened = _arch(t, side, upper_deg, lower_deg)
    closed = _arch(t, -np.ones(count), upper_deg, lower_deg) * (1.0 - _CLOSED_SHARE) * (side != 0)
    out_azimuth, out_elevation = _spread(loop, t, side)
    follow = blink * (1.0, 1.0, 1.0, 0.62, 0.12)[loop]
    elevation = opened + follow * (closed - opened)
    squeeze = 1.0 - follow * (0.0, 0.0, 1.04, 0.0, 0.0)[loop]
    return ball_point(
        azimuth + out_azimuth,
        axis + elevation + squeeze * out_elevation,
        _LOOP_RADIUS[loop] + _INNER_LIFT[loop] * np.clip(-t, 0.0, 1.0) ** 3,
    )


def explicit_loops(count: int, blink: float = 0.0) -> np.ndarray:
    """The five explicit loops (5, count, 3) of the left eye."""
    return np.stack([lid_loop(loop, count, blink) for loop in range(layout.EYE_CREASE + 1)])


def _ball_rings() -> tuple[np.ndarray, np.ndarray]:
    """Perimeter angles of the pupil's disc, and its own points in (angle from the axis, turn)."""
    disc = disc_positions(_DISC)
    angle = np.linalg.norm(disc, axis=1) * _DISC_DEG
    return angle, np.arctan2(disc[:, 1], disc[:, 0])


def _polar(angle_deg: np.ndarray, turn: np.ndarray) -> np.ndarray:
    angle = np.radians(angle_deg)
    direction = np.stack([np.sin(angle) * np.cos(turn), -np.cos(angle), np.sin(angle) * np.sin(turn)], axis=-1)
    inward = np.radians(_CONVERGENCE_DEG)
    x, y = direction[..., 0].copy(), direction[..., 1].copy()
    direction[..., 0] = np.cos(inward) * x + np.sin(inward) * y
    direction[..., 1] = np.cos(inward) * y - np.sin(inward) * x
    return np.asarray(EYE_CENTER_CM) + EYE_RADIUS_CM * direction


def _disc_border(size: int) -> np.ndarray:
    index = np.arange((size + 1) ** 2).reshape(size + 1, size + 1)
    return np.concatenate([index[0, :-1], index[:-1, -1], index[-1, :0:-1], index[:0:-1, 0]])


def left_eyeball() -> Piece:
    """The left eyeball: a disc of quads for the pupil, then rings through iris and white to the back."""
    angle, turn = _ball_rings()
    border = _disc_border(_DISC)
    ring_turn = turn[border]
    rings = np.concatenate([_polar(np.full(len(border), ring), ring_turn) for ring in _BALL_RINGS_DEG])
    index = np.arange(len(_BALL_RINGS_DEG) * len(border)).reshape(-1, len(border)) + len(angle)
    index = np.concatenate([border[None], index])
    ring_faces = index.reshape(-1)[grid_faces(*index.shape, wrap=True)]
    disc_faces = grid_faces(_DISC + 1, _DISC + 1)[:, ::-1]
    materials = ("Pupil",) * len(disc_faces)
    for name in _BALL_MATERIALS:
        materials += (name,) * len(border)
    return Piece(
        "Eye Left", np.concatenate([_polar(angle, turn), rings]), np.concatenate([disc_faces, ring_faces]), materials
    )
