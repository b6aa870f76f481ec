# SPDX-License-Identifier: GPL-3.0-or-later
"""Ears, brows, lashes and the sweater."""

from __future__ import annotations

from typing import Final

import numpy as np

from diffusion_talker.rigs.demo_head import eyes, layout
from diffusion_talker.rigs.demo_head.anatomy import NECK_BASE_CM
from diffusion_talker.rigs.demo_head.field import Field, field_gradient, front_depth, project
from diffusion_talker.rigs.demo_head.inner_mouth import zipped_half_faces
from diffusion_talker.rigs.demo_head.mesh import Piece, grid_faces

_EAR_RING: Final = 20
# Loops of the ear from the canal to the back: scale of the outline, height above the ear's plane (cm).
_EAR_SCALE: Final = (0.16, 0.34, 0.52, 0.64, 0.80, 0.93, 1.0, 0.97, 0.80, 0.55)
_EAR_HEIGHT: Final = (-0.45, -0.40, -0.10, 0.12, 0.02, 0.22, 0.10, -0.18, -0.50, -1.10)
_EAR_CENTER_CM: Final = (6.95, 1.55, -1.35)
_EAR_FLARE_DEG: Final = 24.0
_BROW_STEPS: Final = 11
_BROW_ROWS: Final = 5
_LASH_ROWS: Final = 3


def _ear_outline(turn: np.ndarray) -> np.ndarray:
    """Outline (N, 2): backwards and up, in cm. Broad above, tapering to the lobe."""
    up = np.sin(turn)
    back = np.cos(turn)
    width = 1.62 + 0.38 * up - 0.22 * np.clip(-up, 0.0, 1.0)
    return np.stack([width * back + 0.25 * up, 2.75 * up], axis=1)


def left_ear() -> Piece:
    """The left ear: a shell of loops with bowl, fold and rim; its back end is sunk into the head."""
    turn = (np.arange(_EAR_RING) + 0.5) / _EAR_RING * 2.0 * np.pi
    outline = _ear_outline(turn)
    scale, height = np.array(_EAR_SCALE), np.array(_EAR_HEIGHT)
    plane = scale[:, None, None] * outline
    front = np.clip(np.cos(turn), -1.0, 0.0)
    lobe = np.clip(-np.sin(turn) - 0.5, 0.0, 0.5) * 2.0
    lift = height[:, None] * (1.0 - 0.75 * lobe) + 0.15 * front * (scale[:, None] > 0.6)
    flare = np.radians(_EAR_FLARE_DEG)
    back = plane[..., 0] * np.cos(flare) - lift * np.sin(flare)
    out = plane[..., 0] * np.sin(flare) + lift * np.cos(flare) + 0.35
    lean = 0.16 * plane[..., 1]
    vertices = np.stack([out, back + lean, plane[..., 1]], axis=-1).reshape(-1, 3) + _EAR_CENTER_CM
    faces = zipped_half_faces(len(scale), _EAR_RING)
    opened = faces[: -(_EAR_RING // 2 - 1)]
    return Piece("Ear Left", vertices, opened, ("Skin",) * len(opened))


def left_brow(field: Field) -> Piece:
    """The left brow: a tapering ridge that follows the sculpted surface."""
    share = np.linspace(0.0, 1.0, _BROW_STEPS)
    x = 1.45 + 4.35 * share
    z = 2.45 + 0.62 * np.sin(np.clip(share * 1.05, 0.0, 1.0) * np.pi * 0.62) - 0.85 * share**3
    half = 0.40 * (1.0 - share**2.2) ** 0.7 * np.clip(0.45 + share * 4.0, 0.0, 1.0) + 0.03
    across = np.linspace(-1.0, 1.0, _BROW_ROWS)
    grid_x = (x[:, None] - 0.12 * across).reshape(-1)
    grid_z = (z[:, None] + half[:, None] * across).reshape(-1)
    surface = np.stack([grid_x, front_depth(field, grid_x, grid_z), grid_z], axis=1)
    surface = project(field, surface, 2)
    _, normal = field_gradient(field, surface)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    end = np.clip(np.minimum(share, 1.0 - share) * 8.0, 0.0, 1.0)
    relief = (0.24 * end[:, None] * np.sqrt(np.clip(1.0 - across**2, 0.0, None)) - 0.07).reshape(-1)
    faces = grid_faces(_BROW_STEPS, _BROW_ROWS)
    return Piece("Brow Left", surface + relief[:, None] * normal, faces, ("Brow",) * len(faces))


def lash_positions(blink: float) -> np.ndarray:
    """Vertices (rows * steps, 3) of the left upper lashes: they stand on the margin of the lid and curl with it."""
    count = 24
    t, _ = eyes.lid_parameter(count)
    upper = _lash_ring()
    margin = eyes.lid_loop(layout.EYE_MARGIN, count, blink)[upper]
    lid = eyes.lid_loop(layout.EYE_LID, count, blink)[upper]
    outward = margin - np.asarray(eyes.EYE_CENTER_CM)
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    tangent = lid - margin
    tangent -= np.sum(tangent * outward, axis=1, keepdims=True) * outward
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-6
    place = t[upper]
    inner_fade = np.clip(5.1 - 5.0 * np.abs(place) + (place > 0), 0.0, 1.0)
    length = (
        (0.16 + 0.24 * np.clip((place + 1.0) / 2.0, 0.0, 1.0) ** 1.5) * (1.0 - 0.6 * np.abs(place) ** 8) * inner_fade
    )
    sweep = np.stack([0.35 * np.clip(place, 0.0, 1.0) ** 2, 0.0 * place, 0.0 * place], axis=1)
    rows = []
    for row in range(_LASH_ROWS):
        share = row / (_LASH_ROWS - 1)
        step = share * outward + (0.55 * share**2 - 0.02) * tangent + share * sweep
        rows.append(margin + length[:, None] * step - 0.015 * outward)
    return np.concatenate(rows)


def _lash_ring() -> np.ndarray:
    """Ring positions of the upper lid from the outer corner to a little before the inner one."""
    count = 24
    t, side = eyes.lid_parameter(count)
    return np.flatnonzero(side >= 0)[np.argsort(-t[side >= 0])][:-2]


def lash_base(rings: np.ndarray) -> np.ndarray:
    """Skin vertex under every lash vertex: the upper lid's margin, once per row."""
    return np.tile(rings[layout.EYE_MARGIN][_lash_ring()], _LASH_ROWS)


def left_lashes() -> Piece:
    """The left upper lashes as one dark strip."""
    vertices = lash_positions(0.0)
    faces = grid_faces(_LASH_ROWS, len(vertices) // _LASH_ROWS)
    return Piece("Lashes Left", vertices, faces, ("Lash",) * len(faces))


def sweater() -> Piece:
    """A turtleneck on a small bust: it hides where the neck ends."""
    turn = np.arange(32) / 32 * 2.0 * np.pi
    # Height above the base of the neck, half width, half depth, centre in y, roundness of the outline.
    rings = np.array(
        [
            (3.9, 4.05, 4.15, 2.30),
            (4.9, 4.45, 4.55, 2.25),
            (5.2, 4.85, 4.95, 2.25),
            (4.75, 5.15, 5.2, 2.25),
            (3.4, 5.15, 5.25, 2.3),
            (2.3, 5.2, 5.25, 2.35),
            (1.4, 6.1, 5.45, 2.4),
            (0.5, 8.7, 6.0, 2.5),
            (-1.2, 11.8, 6.9, 2.5),
            (-3.2, 13.6, 7.6, 2.3),
            (-5.6, 14.2, 8.0, 2.1),
            (-7.5, 14.2, 8.1, 2.0),
        ]
    )
    z, width, depth, center = rings.T
    outline = np.stack([np.sin(turn), -np.cos(turn)], axis=1)
    x = width[:, None] * outline[:, 0]
    y = center[:, None] + depth[:, None] * outline[:, 1]
    height = np.broadcast_to(z[:, None] + NECK_BASE_CM[2], x.shape)
    vertices = np.stack([x, y, height], axis=-1).reshape(-1, 3)
    faces = grid_faces(len(rings), 32, wrap=True)
    return Piece("Sweater", vertices, faces, ("Sweater",) * len(faces))
