# SPDX-License-Identifier: GPL-3.0-or-later
"""What the builder hands out: an immutable mesh with named parts, materials and sparse shape deltas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Material:
    """Looks of one material slot; `color` is linear RGB."""

    name: str
    color: tuple[float, float, float]
    roughness: float
    subsurface: float = 0.0
    coat: float = 0.0


@dataclass(frozen=True)
class Part:
    """A connected or repeated piece of the head: a half-open range of vertices and of faces."""

    name: str
    vertex_start: int
    vertex_stop: int
    face_start: int
    face_stop: int


@dataclass(frozen=True)
class ShapeDelta:
    """One shape key, sparse: vertex `indices` (K,) int32 move by `offsets` (K, 3) float32 metres at full strength."""

    indices: np.ndarray
    offsets: np.ndarray


@dataclass(frozen=True)
class HeadMesh:
    """The demo head at rest and its 52 ARKit shapes.

    vertices (V, 3) float32 metres, Z up, facing -Y, origin at the base of the neck. faces (F, 4) int32, all quads,
    counter-clockwise seen from outside. material_indices (F,) into `materials`; smooth (F,) bool. lip_contacts (K, 2):
    upper and lower vertex of every place where the lips meet. creased_edges (E, 2) stay sharp under subdivision, which
    keeps the seal of the lips exact there too.
    """

    vertices: np.ndarray
    faces: np.ndarray
    material_indices: np.ndarray
    smooth: np.ndarray
    materials: tuple[Material, ...]
    parts: tuple[Part, ...]
    shape_deltas: Mapping[str, ShapeDelta]
    lip_contacts: np.ndarray
    creased_edges: np.ndarray

    def part(self, name: str) -> Part:
        """Return the part called `name`; KeyError if there is none."""
        return {part.name: part for part in self.parts}[name]

    def posed(self, weights: Mapping[str, float]) -> np.ndarray:
        """Vertices (V, 3) float64 under a linear combination of shapes, as Blender evaluates relative shape keys."""
        points = self.vertices.astype(np.float64)
        for name, weight in weights.items():
            delta = self.shape_deltas[name]
            points[delta.indices] += weight * delta.offsets
        return points


@dataclass(frozen=True)
class Piece:
    """A piece under construction, in cm: vertices (V, 3), quads (F, 4), one material name per quad."""

    name: str
    vertices: np.ndarray
    faces: np.ndarray
    materials: tuple[str, ...]


def grid_faces(rows: int, columns: int, wrap: bool = False) -> np.ndarray:
    """Quads (F, 4) of a grid of `rows` x `columns` vertices, stored row by row; `wrap` closes every row to a ring."""
    index = np.arange(rows * columns).reshape(rows, columns)
    if wrap:
        index = np.concatenate([index, index[:, :1]], axis=1)
    return np.stack([index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]], axis=-1).reshape(-1, 4)


def mirrored(piece: Piece, name: str) -> Piece:
    """The piece on the other side of the face: X negated, winding reversed."""
    return Piece(name, piece.vertices * (-1.0, 1.0, 1.0), piece.faces[:, ::-1], piece.materials)


def disc_positions(size: int) -> np.ndarray:
    """Unit-disc positions ((size + 1)**2, 2) of a square grid of quads whose perimeter lies on the circle."""
    axis = np.linspace(-1.0, 1.0, size + 1)
    u, v = np.meshgrid(axis, axis, indexing="xy")
    return np.stack([u * np.sqrt(1.0 - v**2 / 2.0), v * np.sqrt(1.0 - u**2 / 2.0)], axis=-1).reshape(-1, 2)
