# SPDX-License-Identifier: GPL-3.0-or-later
"""A triangle mesh as the generator needs it: pieces, neighbours, paths and distances along edges."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from functools import cached_property

import numpy as np

_LEAST_WEIGHT = 1e-2  # of an edge between very blunt triangles, which would turn the Laplacian's sign


@dataclass(frozen=True)
class Surface:
    """Vertices (V, 3) and triangles (F, 3) int."""

    vertices: np.ndarray
    triangles: np.ndarray

    @cached_property
    def edges(self) -> np.ndarray:
        """(E, 2) every edge once, smaller vertex first."""
        return unique_edges(self.triangles, len(self.vertices))

    @cached_property
    def pieces(self) -> np.ndarray:
        """(V,) smallest vertex of the connected piece that each vertex belongs to."""
        return connected_pieces(self.edges, len(self.vertices))

    @cached_property
    def normals(self) -> np.ndarray:
        """Unit normals (V, 3), the mean of the triangles around."""
        corners = self.vertices[self.triangles]
        face = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        total = np.zeros_like(self.vertices)
        for axis in range(3):
            for corner in range(3):
                total[:, axis] += np.bincount(self.triangles[:, corner], face[:, axis], len(total))
        return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-20)

    @cached_property
    def _directed(self) -> tuple[np.ndarray, np.ndarray]:
        """CSR of neighbours: where each vertex's start (V + 1,), and the neighbours."""
        both = np.concatenate([self.edges, self.edges[:, ::-1]])
        both = both[np.argsort(both[:, 0], kind="stable")]
        return np.searchsorted(both[:, 0], np.arange(len(self.vertices) + 1)), both[:, 1].copy()

    @cached_property
    def neighbors(self) -> list[list[int]]:
        """Neighbours of every vertex."""
        starts, stops = self._directed
        return [stops[a:b].tolist() for a, b in zip(starts[:-1], starts[1:], strict=True)]

    @cached_property
    def _ways(self) -> list[list[tuple[int, float]]]:
        """Neighbours of every vertex with the length of the edge to them."""
        starts, stops = self._directed
        lengths = np.linalg.norm(np.repeat(self.vertices, np.diff(starts), axis=0) - self.vertices[stops], axis=1)
        pairs = list(zip(stops.tolist(), lengths.tolist(), strict=True))
        return [pairs[a:b] for a, b in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)]

    @cached_property
    def laplacian(self) -> tuple[np.ndarray, np.ndarray]:
        """Cotangent weight (E,) of every edge, kept positive, and area (V,) of every vertex (Pinkall and Polthier
        1993). Both are scaled to a mean of 1."""
        weight, area = _cotangents(self.vertices, self.triangles, self.edges)
        weight = np.maximum(weight / max(weight.mean(), 1e-20), _LEAST_WEIGHT)
        used = area[area > 0]
        return weight, np.maximum(area / used.mean(), 1e-3) if len(used) else area

    def distances(self, sources: np.ndarray, within: np.ndarray, limit: float) -> np.ndarray:
        """Length (V,) of the shortest way along edges from any source through vertices `within` (V,) bool; inf beyond
        `limit`."""
        return self._dijkstra(sources, within, limit, None)[0]

    def path(self, start: int, stop: int, within: np.ndarray) -> list[int]:
        """Vertices of the shortest way between two vertices, both included; empty where there is none."""
        distance, previous = self._dijkstra(np.array([start]), within, np.inf, stop)
        if not np.isfinite(distance[stop]):
            return []
        way = [stop]
        while way[-1] != start:
            way.append(int(previous[way[-1]]))
        return way[::-1]

    def _dijkstra(
        self, sources: np.ndarray, within: np.ndarray, limit: float, goal: int | None
    ) -> tuple[np.ndarray, np.ndarray]:
        distance, previous = [np.inf] * len(self.vertices), np.full(len(self.vertices), -1)
        queue = [(0.0, int(vertex)) for vertex in sources]
        for _, vertex in queue:
            distance[vertex] = 0.0
        allowed, ways = within.tolist(), self._ways
        while queue:
            length, vertex = heapq.heappop(queue)
            if vertex == goal:
                break
            if length > distance[vertex]:
                continue
            for other, step in ways[vertex]:
                total = length + step
                if allowed[other] and total < distance[other] and total <= limit:
                    distance[other] = total
                    previous[other] = vertex
                    heapq.heappush(queue, (total, other))
        return np.array(distance), previous


def unique_edges(triangles: np.ndarray, count: int) -> np.ndarray:
    """(E, 2) every edge of polygons (F, K) once, smaller vertex first, sorted; -1 fills up shorter polygons."""
    pairs = [_closing_pairs(triangles, corner) for corner in range(triangles.shape[1])]
    ordered = np.sort(np.concatenate(pairs).astype(np.int64), axis=1)
    codes = np.unique(ordered[:, 0] * count + ordered[:, 1])
    return np.stack([codes // count, codes % count], axis=1)


def _closing_pairs(polygons: np.ndarray, corner: int) -> np.ndarray:
    """Edges (E, 2) from each polygon's corner to the next one, or to the first where the polygon ends."""
    here = polygons[:, corner]
    after = polygons[:, corner + 1] if corner + 1 < polygons.shape[1] else polygons[:, 0]
    after = np.where(after < 0, polygons[:, 0], after)
    return np.stack([here, after], axis=1)[here >= 0]


def connected_pieces(edges: np.ndarray, count: int) -> np.ndarray:
    """(V,) smallest vertex of the connected piece that each vertex belongs to."""
    label = np.arange(count)
    while True:
        smallest = np.minimum(label[edges[:, 0]], label[edges[:, 1]])
        merged = label.copy()
        np.minimum.at(merged, edges[:, 0], smallest)
        np.minimum.at(merged, edges[:, 1], smallest)
        merged = merged[merged]
        if (merged == label).all():
            return label
        label = merged


def _cotangents(vertices: np.ndarray, triangles: np.ndarray, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    count = len(vertices)
    codes = edges[:, 0] * count + edges[:, 1]
    weight, area = np.zeros(len(edges)), np.zeros(count)
    for corner in range(3):
        a, b, c = (triangles[:, (corner + shift) % 3] for shift in range(3))
        to_b, to_c = vertices[b] - vertices[a], vertices[c] - vertices[a]
        doubled = np.maximum(np.linalg.norm(np.cross(to_b, to_c), axis=1), 1e-12)
        cotangent = np.einsum("ij,ij->i", to_b, to_c) / doubled
        place = np.searchsorted(codes, np.minimum(b, c).astype(np.int64) * count + np.maximum(b, c))
        weight += np.bincount(place, cotangent / 2, len(edges))
        area += np.bincount(a, doubled / 6, count)
    return weight, area
