# SPDX-License-Identifier: GPL-3.0-or-later
"""Positions of the skin: explicit loops at eyes and mouth, everything else relaxed on the sculpted surface."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from diffusion_talker.rigs.demo_head import eyes, layout, lips
from diffusion_talker.rigs.demo_head.field import Field, gaussian, project, trace
from diffusion_talker.rigs.demo_head.layout import FRONT, ROWS, SIDE, SkinLayout
from diffusion_talker.rigs.demo_head.mesh import grid_faces

_FRONT_ANGLES_DEG: Final = (0.0, 2.6, 5.2, 8.0, 11.5, 17.0, 22.5, 28.0, 34.0, 40.5, 47.5, 55.0, 63.0)
_FRONT_Z: Final = (
    7.4,
    5.9,
    4.5,
    3.3,
    2.35,
    1.45,
    0.55,
    -0.4,
    -1.35,
    -2.2,
    -2.9,
    -3.35,
    -3.75,
    -4.1,
    -4.45,
    -4.95,
    -5.6,
    -6.2,
    -6.85,
    -7.5,
    -8.2,
    -8.9,
    -9.7,
    -10.5,
    -11.1,
    -11.3,
    -11.5,
    -12.2,
    -13.2,
    -14.6,
    -16.2,
    -17.8,
    -19.5,
)
_BACK_TOP_Z: Final = 8.0
_BACK_CHIN_Z: Final = -7.6
_RELAX_STEPS: Final = 16
_NOSE_CM: Final = (0.0, -9.8, -3.9)
_NOSE_REACH_CM: Final = (1.3, 1.8, 1.3)
_NOSTRIL_CM: Final = np.array([0.52, -9.55, -4.75])
_NOSTRIL_RIM: Final = 0.82
_NOSTRIL_DEPTH_CM: Final = np.array([0.0, 0.15, 0.42])


@dataclass(frozen=True)
class Skin:
    """The skin at rest: its layout, its vertices (V, 3) in cm and the faces inside the nostrils."""

    layout: SkinLayout
    vertices: np.ndarray
    nostril_faces: np.ndarray


def _column_angles() -> np.ndarray:
    half = np.array(_FRONT_ANGLES_DEG)
    front = np.concatenate([-half[:0:-1], half])
    side = np.linspace(half[-1], 118.0, SIDE + 1)[1:-1]
    back = np.linspace(118.0, 242.0, FRONT + 1)
    return np.radians(np.concatenate([front, side, back, (360.0 - side)[::-1]]))


def _tube_rays() -> tuple[np.ndarray, np.ndarray]:
    """Rays (ROWS + 1, RING, 3) towards the tube: tilted slices around the skull that settle into those of the neck."""
    angle = _column_angles()
    front_z = np.array(_FRONT_Z)
    row = np.arange(ROWS + 1)
    back_z = np.interp(row, [0, layout.CHIN_ROW, ROWS], [_BACK_TOP_Z, _BACK_CHIN_Z, _FRONT_Z[-1]])
    tilt = np.clip((np.degrees(np.abs((angle + np.pi) % (2 * np.pi) - np.pi)) - 30.0) / 110.0, 0.0, 1.0)
    tilt = tilt * tilt * (3.0 - 2.0 * tilt)
    z = front_z[:, None] + tilt * (back_z - front_z)[:, None]
    neck = np.clip((row - layout.CHIN_ROW) / 3.0, 0.0, 1.0)[:, None]
    outward = np.broadcast_to(np.stack([np.sin(angle), -np.cos(angle), 0.0 * angle], axis=-1), (*z.shape, 3))
    axis = np.stack([0.0 * z, np.broadcast_to(neck * 2.4, z.shape), z], axis=-1)
    return axis + (13.0 - 6.0 * neck[..., None]) * outward, -outward


def _cap_start(border: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """First guess of the crown: a dome over its border."""
    rows, columns = shape
    u, v = np.meshgrid(np.linspace(-1, 1, columns), np.linspace(-1, 1, rows), indexing="xy")
    x = border[:, 0].max() * u * np.sqrt(1 - v**2 / 2)
    y = border[:, 1].mean() + (border[:, 1].max() - border[:, 1].min()) / 2 * v * np.sqrt(1 - u**2 / 2)
    return np.stack([x, y, np.full_like(x, 9.0) + 2.5 * (1 - u**2) * (1 - v**2)], axis=-1)


def _place_rings(points: np.ndarray, rings: np.ndarray, inner: np.ndarray) -> None:
    """Put the explicit inner loops and spread the rest evenly between the last of them and the border."""
    explicit = len(inner)
    points[rings[:explicit]] = inner
    border = points[rings[-1]]
    free = len(rings) - explicit
    for step in range(1, free):
        points[rings[explicit - 1 + step]] = inner[-1] + step / free * (border - inner[-1])


def neighbor_table(faces: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Edges as directed pairs (E,), (E,): every neighbour relation once in each direction."""
    pairs = np.concatenate([faces[:, [i, (i + 1) % 4]] for i in range(4)])
    codes = np.unique(np.concatenate([pairs @ (count, 1), pairs @ (1, count)]))
    return codes // count, codes % count


def average_of_neighbors(values: np.ndarray, edges: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Mean (V, D) over the neighbours of every vertex."""
    start, stop = edges
    degree = np.maximum(np.bincount(start, minlength=len(values)), 1)
    columns = [np.bincount(start, weights=values[stop, axis], minlength=len(values)) for axis in range(values.shape[1])]
    return np.stack(columns, axis=1) / degree[:, None]


def symmetrize(points: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """Exact mirror symmetry: the mean of every vertex and its partner's reflection."""
    return 0.5 * (points + points[mirror] * (-1.0, 1.0, 1.0))


def _start(skin: SkinLayout, field: Field) -> tuple[np.ndarray, np.ndarray]:
    points = np.zeros((skin.count, 3))
    origin, direction = _tube_rays()
    used = skin.tube >= 0
    points[skin.tube[used]] = trace(field, origin[used], direction[used], 12)
    crown = skin.cap[1:-1, 1:-1]
    points[crown] = _cap_start(points[skin.tube[0]], skin.cap.shape)[1:-1, 1:-1]
    points[crown.reshape(-1)] = project(field, points[crown.reshape(-1)], 4)
    lids = eyes.explicit_loops(skin.eye_left.shape[1])
    _place_rings(points, skin.eye_left, lids)
    _place_rings(points, skin.eye_right, lids * (-1.0, 1.0, 1.0))
    mouth = lips.rest_loops(field, skin.mouth.shape[1])
    _place_rings(points, skin.mouth, mouth)
    pinned = np.zeros(skin.count, dtype=bool)
    for rings, explicit in ((skin.eye_left, lids), (skin.eye_right, lids), (skin.mouth, mouth)):
        pinned[rings[: len(explicit)]] = True
    for rings in (skin.eye_left, skin.eye_right):
        t, side = eyes.lid_parameter(rings.shape[1])
        pinned[rings[layout.EYE_CREASE]] = (side > 0) & (t > -0.7)
    pinned[skin.tube[-1]] = True
    return points, pinned


def _relax_rate(points: np.ndarray) -> np.ndarray:
    """How eagerly vertices (V, 1) spread out: less on the nose, which needs them close together."""
    return 0.5 - 0.42 * gaussian(points, _NOSE_CM, _NOSE_REACH_CM)[:, None]


def _with_nostrils(skin: SkinLayout, points: np.ndarray) -> tuple[SkinLayout, np.ndarray]:
    """Sink one quad on either side of the nose's underside twice: a rim, then a hole."""
    centers = points[skin.faces].mean(axis=1)
    left = int(np.argmin(np.linalg.norm(centers - _NOSTRIL_CM, axis=1)))
    corners = skin.faces[left]
    partner = skin.mirror[corners]
    right = int(np.flatnonzero((np.sort(skin.faces, axis=1) == np.sort(partner)).all(axis=1))[0])
    base, new_faces, new_points = skin.count, [], []
    for side, quad in enumerate((corners, partner[::-1])):
        middle = points[quad].mean(axis=0)
        rim = middle + _NOSTRIL_RIM * (points[quad] - middle) + (0.0, 0.0, 0.03)
        floor = middle + 0.8 * _NOSTRIL_RIM * (points[quad] - middle) + _NOSTRIL_DEPTH_CM
        first = base + 8 * side
        rings = np.stack([quad, first + np.arange(4), first + 4 + np.arange(4)])
        new_faces += [rings.reshape(-1)[grid_faces(3, 4, wrap=True)][:, ::-1], rings[2:3]]
        new_points += [rim, floor]
    kept = np.delete(skin.faces, [left, right], axis=0)
    order = np.array([3, 2, 1, 0, 7, 6, 5, 4])
    mirror = np.concatenate([skin.mirror, base + 8 + order, base + order])
    faces = np.concatenate([kept, *new_faces])
    return replace(skin, count=base + 16, faces=faces, mirror=mirror), np.concatenate([points, *new_points])


def make_skin(field: Field) -> Skin:
    """Place all skin vertices on the surface `field`: start, relax along the surface, symmetrise."""
    skin = layout.make_layout()
    points, pinned = _start(skin, field)
    edges = neighbor_table(skin.faces, skin.count)
    free = np.flatnonzero(~pinned & (points[:, 0] > -1e-6))
    rate = _relax_rate(points)
    for _ in range(_RELAX_STEPS):
        target = points + rate * (average_of_neighbors(points, edges) - points)
        points[free] = project(field, target[free], 1)
        partner = skin.mirror[free]
        points[partner] = points[free] * (-1.0, 1.0, 1.0)
        points[skin.mirror == np.arange(skin.count), 0] = 0.0
    points[free] = project(field, points[free], 2)
    points[skin.mirror[free]] = points[free] * (-1.0, 1.0, 1.0)
    skin, points = _with_nostrils(skin, points)
    last = len(skin.faces)
    return Skin(skin, symmetrize(points, skin.mirror), np.arange(last - 18, last))
