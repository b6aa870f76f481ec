# SPDX-License-Identifier: GPL-3.0-or-later
"""FLAME is recognised by structure, and what is nearly FLAME gets an answer that helps."""

from __future__ import annotations

import numpy as np
import pytest

from diffusion_talker.rigs.flame import FLAME_LANDMARKS, FlameMatch, NearMiss, recognise
from diffusion_talker.rigs.flame.derive import derive_landmarks
from diffusion_talker.rigs.flame.topology import structure_colors
from diffusion_talker.rigs.mesh_files import Mesh
from diffusion_talker.rigs.shape_keys.surface import unique_edges


def grid(side: int) -> np.ndarray:
    """Triangles of a flat grid of side x side vertices."""
    index = np.arange(side * side).reshape(side, side)
    a, b, c, d = (part.reshape(-1) for part in (index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]))
    return np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])


def test_template_is_recognised_in_any_face_order_and_winding(flame_template: Mesh) -> None:
    rng = np.random.default_rng(1)
    shuffled = flame_template.polygons[rng.permutation(len(flame_template.polygons))][:, ::-1]
    match = recognise(len(flame_template.vertices), shuffled)
    assert match == FlameMatch(FLAME_LANDMARKS)


def test_edges_do_as_well_as_faces(flame_template: Mesh) -> None:
    edges = unique_edges(flame_template.polygons, 5023)[::-1, ::-1]
    assert recognise(5023, edges) == FlameMatch(FLAME_LANDMARKS)


def test_teeth_behind_the_head_and_missing_eyeballs_are_fine(flame_template: Mesh) -> None:
    polygons = flame_template.polygons
    with_teeth = np.concatenate([polygons, 5023 + grid(5)])
    assert recognise(5023 + 25, with_teeth) == FlameMatch(FLAME_LANDMARKS, extra_vertices=25)
    head = polygons[(polygons < 3931).all(axis=1)]
    assert recognise(3931, head) == FlameMatch(FLAME_LANDMARKS, has_eyes=False)


def test_reordered_vertices_keep_their_landmarks(flame_template: Mesh) -> None:
    number = np.random.default_rng(2).permutation(5023)
    match = recognise(5023, number[flame_template.polygons])
    assert isinstance(match, FlameMatch) and not match.same_order
    assert match.landmarks.chin == number[FLAME_LANDMARKS.chin]
    assert match.landmarks.mouth_corner_right == number[FLAME_LANDMARKS.mouth_corner_right]


def test_landmarks_are_what_the_script_derives(flame_template: Mesh) -> None:
    edges = unique_edges(flame_template.polygons, 5023)
    assert derive_landmarks(flame_template.vertices, edges) == FLAME_LANDMARKS


@pytest.mark.parametrize(
    "change, word",
    [
        ("half", "half"),
        ("merged", "merged"),
        ("joined", "quads"),
        ("flipped", "another way"),
        ("split", "seams"),
    ],
)
def test_near_misses_say_what_happened(flame_template: Mesh, change: str, word: str) -> None:
    count, polygons = changed(flame_template, change)
    miss = recognise(count, polygons)
    assert isinstance(miss, NearMiss) and miss.close
    assert word in miss.reason and miss.advice.endswith(".")


def changed(mesh: Mesh, change: str) -> tuple[int, np.ndarray]:
    polygons, count = mesh.polygons, len(mesh.vertices)
    if change == "half":
        return kept(polygons, mesh.vertices[:, 0] >= -1e-3)
    if change == "merged":
        polygons = polygons.copy()
        polygons[polygons == 100] = polygons[0, 0]
        return kept(polygons, np.isin(np.arange(count), polygons))
    if change == "joined":
        return count, joined_pair(polygons)
    if change == "flipped":
        return count, flipped_pair(polygons)
    polygons = polygons.copy()
    polygons[:95, 0] = count + np.arange(95)
    return count + 95, polygons


def kept(polygons: np.ndarray, keep: np.ndarray) -> tuple[int, np.ndarray]:
    number = np.cumsum(keep) - 1
    return int(keep.sum()), number[polygons[keep[polygons].all(axis=1)]]


def pair_of_triangles(polygons: np.ndarray) -> tuple[int, int, np.ndarray]:
    """Two triangles with a common edge: their rows, and the quad around both."""
    a, b, c = polygons[0]
    other = next(row for row in range(1, len(polygons)) if {a, b} <= set(polygons[row].tolist()))
    d = next(corner for corner in polygons[other] if corner not in (a, b))
    return 0, other, np.array([a, d, b, c])


def joined_pair(polygons: np.ndarray) -> np.ndarray:
    first, second, quad = pair_of_triangles(polygons)
    padded = np.concatenate([polygons, np.full((len(polygons), 1), -1)], axis=1)
    return np.concatenate([np.delete(padded, [first, second], axis=0), quad[None]])


def flipped_pair(polygons: np.ndarray) -> np.ndarray:
    first, second, (a, d, b, c) = pair_of_triangles(polygons)
    flipped = polygons.copy()
    flipped[first], flipped[second] = (d, c, a), (c, d, b)
    return flipped


def test_subdivision_is_told_by_its_counts() -> None:
    for count, times in ((5023 + 14995, "1 time"), (5023 + 14995 + 9976, "1 time"), (79936, "2 times")):
        miss = recognise(count, np.array([[0, 1, 2]]))
        assert isinstance(miss, NearMiss) and f"subdivided {times} (" in miss.reason


def test_another_mesh_is_not_called_close() -> None:
    miss = recognise(100, grid(10))
    assert isinstance(miss, NearMiss) and not miss.close
    assert "100 vertices" in miss.reason


def test_colors_follow_the_vertices_through_any_order() -> None:
    triangles = grid(9)[:-3]  # three triangles fewer on one side leave it without symmetry
    number = np.random.default_rng(3).permutation(81)
    plain = structure_colors(unique_edges(triangles, 81), 81)
    mixed = structure_colors(unique_edges(number[triangles], 81), 81)
    assert (mixed[number] == plain).all()
    assert len(np.unique(plain)) > 60
