# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole heads for the add-on's tests: the demo head as a user's head without keys, and FLAME where it is at hand."""

from __future__ import annotations

from dataclasses import asdict
from functools import lru_cache
from pathlib import Path

import bpy
import numpy as np

from diffusion_talker.rigs.demo_head import build_demo_head
from diffusion_talker.rigs.demo_head.sculpt import head_field
from diffusion_talker.rigs.demo_head.skin import make_skin
from diffusion_talker.rigs.mesh_files import read_mesh
from tests.core.rigs.conftest import demo_landmarks


@lru_cache(maxsize=1)
def demo_points() -> tuple[np.ndarray, list[tuple[int, ...]], dict[str, int]]:
    """The demo head's vertices (V, 3), faces and the landmarks of its face."""
    head = build_demo_head()
    faces = [tuple(int(corner) for corner in face) for face in head.faces.tolist()]
    return head.vertices, faces, asdict(demo_landmarks(make_skin(head_field())))


def make_mesh(vertices: np.ndarray, faces: list[tuple[int, ...]], name: str = "Head") -> bpy.types.Object:
    """A mesh object, active in the scene."""
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(np.asarray(vertices).tolist(), [], faces)
    obj = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(obj)
    obj.select_set(True)
    bpy.context.view_layer.objects.active = obj
    bpy.context.view_layer.update()
    return obj


def bare_head() -> bpy.types.Object:
    """The demo head as one mesh without shape keys, of no known topology."""
    vertices, faces, _ = demo_points()
    return make_mesh(vertices, faces)


def mark_head(addon: object, obj: bpy.types.Object, without: tuple[str, ...] = ()) -> None:
    """Place the landmarks of the demo head."""
    for name, vertex in demo_points()[2].items():
        if name not in without:
            addon.landmarks.set_mark(obj, name, vertex)


def flame_head(path: Path, turned: bool = False) -> bpy.types.Object:
    """FLAME's template; turned to Z up, in centimetres and far from the origin where that is asked for."""
    mesh = read_mesh(path)
    points = mesh.vertices
    if turned:
        points = 100.0 * points @ np.array([[1.0, 0, 0], [0, 0, 1.0], [0, -1.0, 0]]) + (30.0, -20.0, 150.0)
    return make_mesh(points, [tuple(face) for face in mesh.polygons.tolist()], "FLAME")
