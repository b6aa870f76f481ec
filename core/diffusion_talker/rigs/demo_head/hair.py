# SPDX-License-Identifier: GPL-3.0-or-later
"""Hair: broad sculpted locks that run from the whorl at the back of the crown to the hairline, swept to one side.

The grid follows the locks: one direction runs along them, the other across, so ridges and valleys stay crisp.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from diffusion_talker.rigs.demo_head.field import Field, field_gradient, project
from diffusion_talker.rigs.demo_head.inner_mouth import zipped_half_faces
from diffusion_talker.rigs.demo_head.mesh import Piece

_LOCKS: Final = 17
_ACROSS: Final = 6
_RINGS: Final = 15
_CENTER_CM: Final = np.array([0.0, 1.2, 2.6])
_WHORL_DEG: Final = (168.0, 38.0)
_SWEEP_DEG: Final = 46.0
# Angle down from the crown at which the hair ends, by azimuth: 0 is the forehead, 90 the left ear, 180 the nape.
_LINE_AZIMUTH_DEG: Final = (0.0, 25.0, 45.0, 58.0, 68.0, 76.0, 84.0, 96.0, 112.0, 125.0, 150.0, 180.0)
_LINE_ANGLE_DEG: Final = (61.0, 62.0, 68.0, 82.0, 101.0, 111.0, 104.0, 99.0, 114.0, 126.0, 136.0, 139.0)
# Relative volume and reach of the locks, in order around the head: enough variety to look grown.
_VOLUME: Final = (1.0, 1.15, 0.9, 1.1, 0.8, 0.95, 1.05, 0.85, 1.0, 0.9, 1.1, 0.85, 1.0, 0.8, 1.05, 1.2, 0.95)
_REACH: Final = (0.3, 1.0, 0.5, 0.8, 0.2, 0.6, 0.3, 0.8, 0.4, 0.9, 0.3, 0.7, 0.5, 0.2, 0.7, 0.9, 0.5)


def _direction(azimuth: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Unit vectors: `angle` down from the crown, `azimuth` from the forehead to the left."""
    return np.stack([np.sin(angle) * np.sin(azimuth), -np.sin(angle) * np.cos(azimuth), np.cos(angle)], axis=-1)


def _hairline(azimuth: np.ndarray) -> np.ndarray:
    """Angle of the hairline at any azimuth, with the corners of the table rounded off."""
    blurred = np.zeros_like(azimuth)
    shifts, weights = np.linspace(-9.0, 9.0, 7), np.array([1.0, 3.0, 5.0, 6.0, 5.0, 3.0, 1.0])
    for shift, weight in zip(shifts, weights / weights.sum(), strict=True):
        turned = (np.degrees(azimuth) + shift + 180.0) % 360.0 - 180.0
        blurred += weight * np.interp(np.abs(turned), _LINE_AZIMUTH_DEG, _LINE_ANGLE_DEG)
    return np.radians(blurred)


def _slerp(start: np.ndarray, stop: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Unit vectors on the great circle from `start` (3,) to `stop` (..., 3)."""
    angle = np.arccos(np.clip(stop @ start, -1.0, 1.0))[..., None]
    return (np.sin((1.0 - share) * angle) * start + np.sin(share * angle) * stop) / np.sin(angle)


def _lock_profile() -> tuple[np.ndarray, np.ndarray]:
    """Which lock each place across belongs to, and its height there: 0 in the valleys, 1 on the ridge."""
    place = np.arange(_LOCKS * _ACROSS)
    across = (place % _ACROSS) / _ACROSS * 2.0 - 1.0
    return place // _ACROSS, np.sqrt(np.clip(1.0 - np.abs(across) ** 2.2, 0.0, 1.0))


def _flow() -> tuple[np.ndarray, np.ndarray]:
    """Directions (RINGS, n, 3) of the grid seen from the skull's centre, and the azimuth at which each column ends."""
    lock, ridge = _lock_profile()
    azimuth = (np.arange(len(lock)) / len(lock) * 2.0 - 1.0) * np.pi
    share = np.linspace(0.06, 1.0, _RINGS)[:, None] ** 0.9
    bent = azimuth - np.radians(_SWEEP_DEG) * (1.0 - share) * np.cos(azimuth / 2.0) ** 2
    reach = 1.0 + 0.085 * np.array(_REACH)[lock] * ridge * share**3 * (0.35 + 0.65 * np.cos(azimuth / 2.0) ** 2)
    line = _hairline(bent) * reach
    whorl = _direction(*np.radians(_WHORL_DEG))
    return _slerp(whorl, _direction(bent, line), share[..., None]), azimuth


def _lift(azimuth: np.ndarray) -> np.ndarray:
    """Height (RINGS, n) above the scalp, cm: a quiff over the forehead, short at the sides, edges tucked in."""
    lock, ridge = _lock_profile()
    share = np.linspace(0.06, 1.0, _RINGS)[:, None] ** 0.9
    front = np.exp(-(((azimuth - 0.1) / 0.75) ** 2))
    quiff = 1.25 * front * np.exp(-(((share - 0.80) / 0.20) ** 2))
    back = np.sin(azimuth / 2.0) ** 2
    body = 0.75 - 0.35 * back * share + 0.35 * np.exp(-(((share - 0.4) / 0.35) ** 2)) + quiff
    groove = (0.16 + 0.36 * front + 0.12 * np.cos(azimuth / 2.0) ** 2) * np.clip(share * 3.0 - 0.2, 0.0, 1.0)
    edge = np.sqrt(np.clip(1.0 - np.clip((share - 0.80) / 0.20, 0.0, 1.0) ** 2.4, 0.0, 1.0))
    return (body * (0.8 + 0.2 * np.array(_VOLUME)[lock]) - groove * (1.0 - ridge)) * edge - 0.12 * (1.0 - edge)


def make_hair(field: Field) -> Piece:
    """The hair as one closed sheet; its border is sunk into the scalp along the hairline."""
    flow, azimuth = _flow()
    shape = flow.shape[:2]
    scalp = project(field, (_CENTER_CM + 8.5 * flow).reshape(-1, 3), 4)
    _, normal = field_gradient(field, scalp)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    vertices = scalp + _lift(azimuth).reshape(-1)[:, None] * normal
    faces = zipped_half_faces(*shape)
    opened = faces[: -(shape[1] // 2 - 1)]
    return Piece("Hair", vertices, opened, ("Hair",) * len(opened))
