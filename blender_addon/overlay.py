# SPDX-License-Identifier: GPL-3.0-or-later
"""The points of the face, drawn over the mesh in the 3D View while they are of use."""

from __future__ import annotations

import math

import bpy
import numpy as np

from .generated_keys import lacks_keys
from .generation import target_of
from .landmarks import landmark_named, marked_vertices
from .picking import shown_points

_RADIUS_PIXELS = 4.5
_CORNERS = 16
_FILL, _RIM, _TEXT = (1.0, 0.55, 0.1, 1.0), (0.05, 0.05, 0.05, 0.9), (1.0, 1.0, 1.0, 0.85)
_TEXT_PIXELS, _LETTER_PIXELS = 11.0, 7.0
_LABEL_PIXELS = (8.0, -4.0)  # from the point to its label
#: What the drawing hangs on while the add-on is on.
_HANDLERS: list[object] = []


def attach() -> None:
    """Draw in every 3D View from now on."""
    _HANDLERS.append(bpy.types.SpaceView3D.draw_handler_add(_draw, (), "WINDOW", "POST_PIXEL"))


def detach() -> None:
    while _HANDLERS:
        bpy.types.SpaceView3D.draw_handler_remove(_HANDLERS.pop(), "WINDOW")


def marks_shown(context: bpy.types.Context) -> list[tuple[str, tuple[float, float, float]]]:
    """Label and place in the scene of every point to draw: none any more once the head has its keys."""
    obj = target_of(context)
    settings = context.scene.diffusion_talker
    if obj is None or obj.type != "MESH" or not settings.show_landmarks or not obj.visible_get():
        return []
    vertices = marked_vertices(obj)
    if not vertices or not lacks_keys(obj):
        return []
    points = shown_points(obj, context.evaluated_depsgraph_get())
    world = np.array(obj.matrix_world)
    return [
        (landmark_named(name).label, tuple((world @ (*points[vertex], 1.0))[:3])) for name, vertex in vertices.items()
    ]


def _draw() -> None:
    context = bpy.context
    if context.space_data is None or not context.space_data.overlay.show_overlays:
        return
    marks = marks_shown(context)
    if marks:
        _draw_marks(marks, context.region, context.region_data, context.preferences.system.ui_scale)


def _draw_marks(
    marks: list[tuple[str, tuple[float, float, float]]],
    region: bpy.types.Region,
    view: bpy.types.RegionView3D,
    ui_scale: float,
) -> None:
    from bpy_extras.view3d_utils import location_3d_to_region_2d

    seen = [(label, location_3d_to_region_2d(region, view, place)) for label, place in marks]
    places = [place for _, place in seen if place is not None]
    _draw_discs(places, (_RADIUS_PIXELS + 1.5) * ui_scale, _RIM)
    _draw_discs(places, _RADIUS_PIXELS * ui_scale, _FILL)
    for label, x, y in readable_labels([(label, place.x, place.y) for label, place in seen if place], ui_scale):
        _draw_label(label, x + _LABEL_PIXELS[0] * ui_scale, y + _LABEL_PIXELS[1] * ui_scale, ui_scale)


def readable_labels(labels: list[tuple[str, float, float]], ui_scale: float) -> list[tuple[str, float, float]]:
    """The labels (text, x, y) that stay clear of those before them: zooming in shows more."""
    kept: list[tuple[str, float, float]] = []
    for text, x, y in labels:
        width = len(text) * _LETTER_PIXELS * ui_scale
        clear = all(
            abs(y - other_y) > 1.2 * _TEXT_PIXELS * ui_scale
            or x > other_x + len(other) * _LETTER_PIXELS * ui_scale
            or other_x > x + width
            for other, other_x, other_y in kept
        )
        if clear:
            kept.append((text, x, y))
    return kept


def _draw_discs(places: list, radius: float, color: tuple[float, float, float, float]) -> None:
    """Filled circles as triangles: points of a given size are not the same on every graphics backend."""
    import gpu
    from gpu_extras.batch import batch_for_shader

    turn = [2 * math.pi * corner / _CORNERS for corner in range(_CORNERS + 1)]
    rim = [(radius * math.cos(angle), radius * math.sin(angle)) for angle in turn]
    corners = [
        (place.x + x, place.y + y)
        for place in places
        for first, second in zip(rim[:-1], rim[1:], strict=True)
        for x, y in ((0.0, 0.0), first, second)
    ]
    shader = gpu.shader.from_builtin("UNIFORM_COLOR")
    shader.uniform_float("color", color)
    gpu.state.blend_set("ALPHA")
    batch_for_shader(shader, "TRIS", {"pos": corners}).draw(shader)
    gpu.state.blend_set("NONE")


def _draw_label(text: str, x: float, y: float, ui_scale: float) -> None:
    import blf

    blf.size(0, _TEXT_PIXELS * ui_scale)
    blf.color(0, *_TEXT)
    blf.enable(0, blf.SHADOW)
    blf.shadow(0, 3, 0.0, 0.0, 0.0, 0.9)
    blf.position(0, x, y, 0.0)
    blf.draw(0, text)
    blf.disable(0, blf.SHADOW)
