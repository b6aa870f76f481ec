# SPDX-License-Identifier: GPL-3.0-or-later
"""Is this mesh FLAME? Told by its structure alone: counts, and signatures of its edges, wherever it stands in space.

Two signatures (SHA-256): of the list of edges by vertex number, which holds for the very same vertex order; and of the
colours that rounds of neighbour refinement give the vertices (Weisfeiler and Leman 1968), which holds for any order.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from diffusion_talker.rigs.flame.landmarks import FLAME_LANDMARKS, LANDMARK_COLORS
from diffusion_talker.rigs.shape_keys.landmarks import HeadLandmarks
from diffusion_talker.rigs.shape_keys.surface import connected_pieces, unique_edges

VERTICES: Final = 5023
HEAD_VERTICES: Final = 3931
EYE_VERTICES: Final = 546
EDGES: Final = 14995
FACES: Final = 9976
#: Vertices of the same surface cut open along the seams of its texture coordinates.
SEAM_SPLIT_VERTICES: Final = 5118

_EDGES_SHA256: Final = "963f669aa6db0571a9e2d3940676291d5a542f366727c716be0820556140b169"
_HEAD_SHA256: Final = "194e22411b21017fba3f322011b813f4c86c6461be3e68a4cc7f7f6bbfe46752"
_STRUCTURE_SHA256: Final = "29eedcc2a863c8f830599810988217ae2667d75e9d629439f721aa72faea92c8"
_ROUNDS: Final = 64
_MARK_INSTEAD: Final = "or mark the points of the face by hand and generate keys from these."


@dataclass(frozen=True)
class FlameMatch:
    """The mesh is FLAME. landmarks: its vertices. same_order: vertex numbers are FLAME's, which per-vertex animation
    needs. has_eyes: the eyeballs are there. extra_vertices: further pieces behind them, such as teeth."""

    landmarks: HeadLandmarks
    same_order: bool = True
    has_eyes: bool = True
    extra_vertices: int = 0


@dataclass(frozen=True)
class NearMiss:
    """The mesh is not FLAME as it stands: why, and what to do. close: it was made from FLAME, or looks so."""

    reason: str
    advice: str
    close: bool = True


def recognise(vertex_count: int, polygons: np.ndarray) -> FlameMatch | NearMiss:
    """Recognise FLAME topology.

    polygons: faces (F, K) int, -1 filling up shorter ones, in any order and winding; or edges (E, 2).
    """
    polygons = np.asarray(polygons, np.int64)
    edges = unique_edges(polygons, vertex_count) if polygons.shape[1] > 2 else _ordered(polygons, vertex_count)
    if vertex_count >= VERTICES and _starts_with(edges, VERTICES, _EDGES_SHA256):
        return FlameMatch(FLAME_LANDMARKS, extra_vertices=vertex_count - VERTICES)
    if vertex_count >= HEAD_VERTICES and _starts_with(edges, HEAD_VERTICES, _HEAD_SHA256):
        return FlameMatch(FLAME_LANDMARKS, has_eyes=False, extra_vertices=vertex_count - HEAD_VERTICES)
    if vertex_count == VERTICES and len(edges) == EDGES:
        return _reordered(edges)
    return _near_miss(vertex_count, edges)


def edge_signature(edges: np.ndarray) -> str:
    """SHA-256 of edges (E, 2), each sorted and all in order."""
    return hashlib.sha256(np.ascontiguousarray(edges, dtype="<i4").tobytes()).hexdigest()


def structure_colors(edges: np.ndarray, count: int) -> np.ndarray:
    """(V,) uint64 that tells how each vertex lies in the network of edges (E, 2), whatever the vertices' order."""
    first, second = edges.T
    colors = _mixed(np.bincount(edges.reshape(-1), minlength=count).astype(np.uint64))
    for _ in range(_ROUNDS):
        around = np.zeros(count, dtype=np.uint64)
        np.add.at(around, first, _mixed(colors[second]))
        np.add.at(around, second, _mixed(colors[first]))
        colors = _mixed(colors * np.uint64(3) + around)
    return colors


def structure_signature(colors: np.ndarray) -> str:
    """SHA-256 of all colours, sorted."""
    return hashlib.sha256(np.sort(colors).astype("<u8").tobytes()).hexdigest()


def _mixed(values: np.ndarray) -> np.ndarray:
    """Scatter uint64 values over all bits (the finaliser of splitmix64, Steele et al. 2014)."""
    with np.errstate(over="ignore"):
        values = values + np.uint64(0x9E3779B97F4A7C15)
        values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _ordered(edges: np.ndarray, count: int) -> np.ndarray:
    ordered = np.sort(edges, axis=1)
    codes = np.unique(ordered[:, 0] * count + ordered[:, 1])
    return np.stack([codes // count, codes % count], axis=1)


def _starts_with(edges: np.ndarray, count: int, signature: str) -> bool:
    """True where the first `count` vertices carry exactly the signed edges and none leads out of them."""
    inside = edges < count
    crossing = inside.any(axis=1) & ~inside.all(axis=1)
    return not crossing.any() and edge_signature(edges[inside.all(axis=1)]) == signature


def _reordered(edges: np.ndarray) -> FlameMatch | NearMiss:
    colors = structure_colors(edges, VERTICES)
    if structure_signature(colors) != _STRUCTURE_SHA256:
        return NearMiss(
            f"This mesh has FLAME's {VERTICES} vertices, but they are connected in another way.",
            "Use the mesh as it came from FLAME, before triangles were flipped or joined, " + _MARK_INSTEAD,
        )
    order = np.argsort(colors)
    places = order[np.searchsorted(colors[order], np.array([LANDMARK_COLORS[name] for name in _names()], np.uint64))]
    return FlameMatch(HeadLandmarks(**dict(zip(_names(), places.tolist(), strict=True))), same_order=False)


def _names() -> list[str]:
    return [field.name for field in fields(HeadLandmarks)]


def _near_miss(count: int, edges: np.ndarray) -> NearMiss:
    pieces = np.sort(np.unique(connected_pieces(edges, count), return_counts=True)[1])[::-1]
    eyeballs = int((pieces == EYE_VERTICES).sum())
    if count == VERTICES and len(edges) < EDGES:
        return NearMiss(
            f"This mesh has FLAME's {VERTICES} vertices but only {len(edges)} of its {EDGES} edges: triangles "
            "were joined to quads or faces were deleted.",
            "Use the mesh as it came from FLAME, without Tris to Quads, " + _MARK_INSTEAD,
        )
    level = _subdivision_level(count)
    if level:
        return NearMiss(
            f"This is FLAME subdivided {level} time{'s' if level > 1 else ''} ({count} vertices).",
            "Undo the subdivision and use a Subdivision Surface modifier, which keeps the keys, " + _MARK_INSTEAD,
        )
    if count == SEAM_SPLIT_VERTICES:
        return NearMiss(
            f"This is FLAME cut open along its texture seams ({count} vertices instead of {VERTICES}).",
            "Import it without splitting vertices, or merge them by distance, " + _MARK_INSTEAD,
        )
    return _part_of_it(count, pieces, eyeballs)


def _part_of_it(count: int, pieces: np.ndarray, eyeballs: int) -> NearMiss:
    if (eyeballs == 1 or count < HEAD_VERTICES) and HEAD_VERTICES // 2 - 60 < pieces[0] < HEAD_VERTICES // 2 + 120:
        return NearMiss(
            f"This looks like one half of FLAME ({count} vertices instead of {VERTICES}).",
            "Apply the Mirror modifier or use the whole head, " + _MARK_INSTEAD,
        )
    if VERTICES - 250 <= count < VERTICES:
        return NearMiss(
            f"This looks like FLAME with {VERTICES - count} vertices merged or deleted ({count} instead of "
            f"{VERTICES}).",
            "Use the mesh as it came from FLAME, without Merge by Distance, " + _MARK_INSTEAD,
        )
    if eyeballs == 2:
        return NearMiss(
            f"The eyeballs are FLAME's, but the head was changed ({count} vertices instead of {VERTICES}).",
            "Use the mesh as it came from FLAME, " + _MARK_INSTEAD,
        )
    return NearMiss(
        f"This mesh is not FLAME: it has {count} vertices in {len(pieces)} pieces, and FLAME has {VERTICES} in 3.",
        "Mark the points of the face by hand and generate keys from these.",
        close=False,
    )


def _subdivision_level(count: int) -> int:
    """How often FLAME's triangles were subdivided, simply or to quads; 0 for not at all."""
    split = (VERTICES, EDGES, FACES)  # each triangle to four triangles
    quads = (VERTICES + EDGES + FACES, 2 * EDGES + 3 * FACES, 3 * FACES)  # each triangle to three quads
    for level in range(1, 4):
        vertices, edge_count, faces = split
        split = (vertices + edge_count, 2 * edge_count + 3 * faces, 4 * faces)
        if count in (split[0], quads[0]):
            return level
        vertices, edge_count, faces = quads
        quads = (vertices + edge_count + faces, 2 * edge_count + 4 * faces, 4 * faces)
    return 0
