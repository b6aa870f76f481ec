# SPDX-License-Identifier: GPL-3.0-or-later
"""Tools that the shapes share: left-right masks, biharmonic blending of lip movements into the face, rotations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diffusion_talker.rigs.demo_head import layout
from diffusion_talker.rigs.demo_head.skin import Skin, neighbor_table

_MASK_HALF_WIDTH_CM = 0.9
_MOUTH_CENTER_CM = np.array([0.0, -7.0, -6.9])
_MOUTH_REACH_CM = np.array([5.6, 5.5, 4.6])


def smoothstep(value: np.ndarray) -> np.ndarray:
    """Cubic ramp from 0 to 1 over [0, 1]."""
    value = np.clip(value, 0.0, 1.0)
    return value * value * (3.0 - 2.0 * value)


def left_mask(x: np.ndarray) -> np.ndarray:
    """Share of the left side's key at x (cm): mask(x) + mask(-x) = 1, so left and right keys add up to the whole."""
    return smoothstep((x / _MASK_HALF_WIDTH_CM + 1.0) / 2.0)


def rotate_x(points: np.ndarray, pivot: np.ndarray, angle_rad: float) -> np.ndarray:
    """Points (N, 3) turned about the X axis through `pivot`; positive angles lower what lies in front of it."""
    cosine, sine = np.cos(angle_rad), np.sin(angle_rad)
    y, z = points[:, 1] - pivot[1], points[:, 2] - pivot[2]
    return np.stack([points[:, 0], pivot[1] + cosine * y - sine * z, pivot[2] + sine * y + cosine * z], axis=1)


def rotate_z(points: np.ndarray, pivot: np.ndarray, angle_rad: float) -> np.ndarray:
    """Points (N, 3) turned about the vertical axis through `pivot`; positive angles turn the front to the left."""
    cosine, sine = np.cos(angle_rad), np.sin(angle_rad)
    x, y = points[:, 0] - pivot[0], points[:, 1] - pivot[1]
    return np.stack([pivot[0] + cosine * x - sine * y, pivot[1] + sine * x + cosine * y, points[:, 2]], axis=1)


@dataclass(frozen=True)
class MouthBlend:
    """Carries movements of the lips into the face: `free` vertices follow the `handles` by `matrix` (F, H)."""

    handles: np.ndarray
    free: np.ndarray
    matrix: np.ndarray

    def spread(self, count: int, handle_offsets: np.ndarray) -> np.ndarray:
        """Offsets (count, 3) of the whole skin from those of the handles (H, 3)."""
        offsets = np.zeros((count, 3))
        offsets[self.handles] = handle_offsets
        offsets[self.free] = self.matrix @ handle_offsets
        return offsets


def lip_handles(skin: Skin) -> np.ndarray:
    """Vertices of the lips, loop after loop from LIP_INNER to LIP_SKIN: what the mouth's shapes move directly."""
    return skin.layout.mouth[layout.LIP_INNER : layout.LIP_SKIN + 1].reshape(-1)


def make_mouth_blend(skin: Skin) -> MouthBlend:
    """Solve the bi-Laplace equation around the mouth: lips as handles, zero outside the region, smooth in between."""
    handles = lip_handles(skin)
    reach = np.linalg.norm((skin.vertices - _MOUTH_CENTER_CM) / _MOUTH_REACH_CM, axis=1)
    region = reach < 1.0
    region[skin.layout.mouth.reshape(-1)] = True
    region[handles] = False
    free = np.flatnonzero(region)
    matrix = biharmonic(skin.layout.faces, len(skin.vertices), free, handles)
    return MouthBlend(handles, free, matrix)


def biharmonic(faces: np.ndarray, count: int, free: np.ndarray, handles: np.ndarray) -> np.ndarray:
    """Matrix (F, H) of the biharmonic interpolation of handle values at the free vertices; all others are zero."""
    start, stop = neighbor_table(faces, count)
    number = np.full(count, -1)
    known = np.concatenate([free, handles])
    number[known] = np.arange(len(known))
    near = (number[start] >= 0) & (number[stop] >= 0)
    degree = np.bincount(start, minlength=count)
    laplace = np.zeros((len(known), len(known)))
    laplace[number[start[near]], number[stop[near]]] = -1.0 / degree[start[near]]
    laplace[np.arange(len(known)), np.arange(len(known))] = 1.0
    squared = laplace.T @ laplace
    size = len(free)
    return np.linalg.solve(squared[:size, :size], -squared[:size, size:])
