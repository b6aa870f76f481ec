# SPDX-License-Identifier: GPL-3.0-or-later
"""Hair: a sculpted cap with combed grooves, as toys and animated characters wear it."""
from __future__ import annotations

from typing import Final

import numpy as np

from diffusion_talker.rigs.demo_head.field import Field, field_gradient, project
from diffusion_talker.rigs.demo_head.mesh import Piece, disc_positions, grid_faces

_SIZE: Final = 32
_CENTER_CM: Final = np.array([0.0, 1.2, 2.6])
# Angle down from the crown at which the hair ends, by azimuth: 0 is the forehead, 180 the nape.
_LINE_AZIMUTH_DEG: Final = (0.0, 25.0, 48.0, 62.0, 76.0, 92.0, 115.0, 140.0, 180.0)
_LINE_ANGLE_DEG: Final = (64.0, 65.0, 72.0, 92.0, 118.0, 108.0, 122.0, 136.0, 140.0)


def _direction(azimuth: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Unit vectors: `angle` down from the crown, `azimuth` from the forehead to the left."""
    return np.stack([np.sin(angle) * np.sin(azimuth), -np.sin(angle) * np.cos(azimuth), np.cos(angle)], axis=-1)


def hair_cap(field: Field) -> Piece:
    """The hair: a square grid wrapped over the skull; its border is sunk into the scalp along the hairline."""
    disc = disc_positions(_SIZE)
    radius = np.minimum(np.linalg.norm(disc, axis=1), 1.0)
    azimuth = np.arctan2(disc[:, 0], -disc[:, 1])
    line = np.radians(np.interp(np.degrees(np.abs(azimuth)), _LINE_AZIMUTH_DEG, _LINE_ANGLE_DEG))
    scalp = project(field, _CENTER_CM + 8.5 * _direction(azimuth, radius * line), 5)
    _, normal = field_gradient(field, scalp)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    lift = _thickness(azimuth, radius, scalp)
    faces = grid_faces(_SIZE + 1, _SIZE + 1)
    return Piece("Hair", scalp + lift[:, None] * normal, faces, ("Hair",) * len(faces))


def _thickness(azimuth: np.ndarray, radius: np.ndarray, scalp: np.ndarray) -> np.ndarray:
    """Height of the hair above the scalp, cm: full on top, a rolled edge, grooves along the comb's path."""
    edge = np.sqrt(np.clip(1.0 - np.clip((radius - 0.86) / 0.14, 0.0, 1.0) ** 2, 0.0, 1.0))
    front = np.exp(-((azimuth / 0.9) ** 2)) * np.clip(radius * 1.4 - 0.2, 0.0, 1.0)
    body = 0.75 + 0.9 * front + 0.35 * np.clip(scalp[:, 2] / 10.0, 0.0, 1.0)
    swirl = azimuth * 9.0 + 3.0 * radius
    groove = 0.10 * np.sin(swirl) * np.clip(radius * 2.0 - 0.3, 0.0, 1.0)
    return (body + groove) * edge - 0.25 * (1.0 - edge)
