# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's meshes and shape keys as arrays, in the mesh's own frame and unit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    import bpy

#: Modifiers that put vertices of their own over those of the shape keys.
CACHES: Final = frozenset({"MESH_CACHE", "MESH_SEQUENCE_CACHE"})


def neutral_points(obj: bpy.types.Object) -> np.ndarray:
    """Vertices (V, 3) float64 of the neutral: the keys' basis, or the mesh itself where it has no keys."""
    keys = obj.data.shape_keys
    return mesh_points(obj.data) if keys is None else key_points(keys.reference_key)


def mesh_points(mesh: bpy.types.Mesh) -> np.ndarray:
    """Vertices (V, 3) float64 of a mesh without its shape keys."""
    places = np.empty(3 * len(mesh.vertices), np.float32)
    mesh.vertices.foreach_get("co", places)
    return places.reshape(-1, 3).astype(np.float64)


def key_points(key: bpy.types.ShapeKey) -> np.ndarray:
    """Vertices (V, 3) float64 of one shape key at 1."""
    places = np.empty(3 * len(key.points), np.float32)
    key.points.foreach_get("co", places)
    return places.reshape(-1, 3).astype(np.float64)


def key_offsets(key: bpy.types.ShapeKey) -> np.ndarray:
    """Movement (V, 3) of one shape key at 1, against the key that it is relative to."""
    return key_points(key) - key_points(key.relative_key)


def edges_of(mesh: bpy.types.Mesh) -> np.ndarray:
    """Edges (E, 2) int64."""
    pairs = np.empty(2 * len(mesh.edges), np.int32)
    mesh.edges.foreach_get("vertices", pairs)
    return pairs.reshape(-1, 2).astype(np.int64)


def triangles_of(mesh: bpy.types.Mesh) -> np.ndarray:
    """Triangles (F, 3) int64 of all faces."""
    mesh.calc_loop_triangles()
    corners = np.empty(3 * len(mesh.loop_triangles), np.int32)
    mesh.loop_triangles.foreach_get("vertices", corners)
    return corners.reshape(-1, 3).astype(np.int64)


def is_masked(obj: bpy.types.Object, block: bpy.types.ShapeKey) -> bool:
    """Whether the key's vertex group has no weight wherever the key moves; Blender ignores a group that is not there,
    and one while no vertex is in any group."""
    group = obj.vertex_groups.get(block.vertex_group) if block.vertex_group else None
    if group is None:
        return False
    moves = np.flatnonzero(np.abs(key_offsets(block)).max(axis=1) > 0)
    vertices = obj.data.vertices
    if not any(len(vertices[int(index)].groups) for index in moves) and not any(len(v.groups) for v in vertices):
        return False
    return not any(
        entry.group == group.index and entry.weight > 0.0 for index in moves for entry in vertices[int(index)].groups
    )
