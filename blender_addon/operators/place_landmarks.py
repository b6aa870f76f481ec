# SPDX-License-Identifier: GPL-3.0-or-later
"""Mark the points of a face: by clicks on the surface, from the 3D cursor or a selected vertex, mirrored, removed."""

from __future__ import annotations

import bpy
from bpy.props import EnumProperty, StringProperty

from ..generation import target_of
from ..landmarks import (
    LANDMARK_ITEMS,
    LANDMARKS,
    Landmark,
    landmark_named,
    landmarks_locked,
    marks_left,
    mirror_mark,
    remove_mark,
    set_mark,
)
from ..picking import Pointer, ShownSurface, nearest_vertex
from ..problems import LipSyncProblem, WorkOperator, poll_answer

#: What the animator turns and zooms the view with goes on working meanwhile.
_CLICK, _BACK, _END = "LEFTMOUSE", {"BACK_SPACE"}, {"ESC", "RET", "NUMPAD_ENTER", "RIGHTMOUSE"}


def _poll(cls: type[bpy.types.Operator], context: bpy.types.Context, reason: str = "") -> bool:
    reason = landmarks_locked(target_of(context)) or reason
    return poll_answer(cls, reason)


class DIFFUSION_TALKER_OT_place_landmarks(bpy.types.Operator):
    """Click the points of the face one after another. Backspace takes the last one back, Esc ends"""

    bl_idname = "diffusion_talker.place_landmarks"
    bl_label = "Place Landmarks"
    bl_options = {"REGISTER", "UNDO"}

    only: StringProperty(name="Only", description="Place this point alone; empty goes through all that are left")

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        in_view = context.area is not None and context.area.type == "VIEW_3D"
        return _poll(cls, context, "" if in_view else "Points are clicked in a 3D View: press this button there")

    @classmethod
    def description(cls, context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        return f"Click {landmark_named(properties.only).hint}" if properties.only else cls.__doc__

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self.obj = target_of(context)
        self.left = [landmark_named(self.only)] if self.only else list(marks_left(self.obj))
        if not self.left:
            self.report({"INFO"}, "All points are placed: press a point's own button to place it anew")
            return {"CANCELLED"}
        self.surface = ShownSurface.of(self.obj, context.evaluated_depsgraph_get())
        self.area = context.area
        self.placed: list[tuple[Landmark, str]] = []
        context.window.cursor_modal_set("EYEDROPPER")
        context.window_manager.modal_handler_add(self)
        self._show(context)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if event.value != "PRESS":
            return {"PASS_THROUGH"}
        if event.type in _END:
            return self._end(context)
        if event.type in _BACK:
            self._take_back()
            self._show(context)
            return {"RUNNING_MODAL"}
        pointer = Pointer.at(self.area, event) if event.type == _CLICK else None
        if pointer is None:
            return {"PASS_THROUGH"}
        return self.click(context, pointer)

    def click(self, context: bpy.types.Context, pointer: Pointer) -> set[str]:
        """Place the next point where the pointer is."""
        vertex = self.surface.vertex_along(*pointer.ray(self.obj))
        if vertex is None:
            self.report({"WARNING"}, f"That is beside '{self.obj.name}': click on its surface")
            return {"RUNNING_MODAL"}
        self.place(vertex, context.scene.diffusion_talker.mirror_landmarks)
        if not self.left:
            return self._end(context)
        self._show(context)
        return {"RUNNING_MODAL"}

    def place(self, vertex: int, mirrored: bool) -> None:
        """Put the next point on this vertex, and its partner on the other side where that is wanted and free."""
        landmark = self.left.pop(0)
        set_mark(self.obj, landmark.name, vertex)
        partner = ""
        if mirrored and (self.only or any(left.name == landmark.partner for left in self.left)):
            try:
                partner = mirror_mark(self.obj, landmark.name)
            except LipSyncProblem as error:
                self.report({"WARNING"}, str(error))
        self.left = [left for left in self.left if left.name != partner]
        self.placed.append((landmark, partner))

    def _take_back(self) -> None:
        if not self.placed:
            return
        landmark, partner = self.placed.pop()
        for name in filter(None, (landmark.name, partner)):
            remove_mark(self.obj, name)
        self.left = [landmark] if self.only else list(marks_left(self.obj))

    def _show(self, context: bpy.types.Context) -> None:
        self.area.tag_redraw()
        landmark = self.left[0]
        context.workspace.status_text_set(
            f"{landmark.label}: click {landmark.hint}    Backspace: Take Back    Esc: End    {len(self.left)} left"
        )
        self.area.header_text_set(f"{landmark.label}: click {landmark.hint}")

    def _end(self, context: bpy.types.Context) -> set[str]:
        context.window.cursor_modal_restore()
        context.workspace.status_text_set(None)
        self.area.header_text_set(None)
        self.area.tag_redraw()
        return {"FINISHED"} if self.placed else {"CANCELLED"}

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender ends the operator: a file is loaded, the window closes, the add-on is switched off."""
        self._end(context)


class DIFFUSION_TALKER_OT_mark_landmark(bpy.types.Operator):
    """Put this point on the vertex at the 3D cursor, or on the selected vertex"""

    bl_idname = "diffusion_talker.mark_landmark"
    bl_label = "Mark Landmark"
    bl_options = {"REGISTER", "UNDO"}

    name: EnumProperty(name="Point", description="Which point of the face", items=LANDMARK_ITEMS)
    source: EnumProperty(
        name="From",
        description="What says where it is",
        items=(
            ("CURSOR", "3D Cursor", "The vertex nearest to the 3D cursor"),
            ("SELECTED", "Selected Vertex", "The one vertex that is selected in Edit Mode"),
        ),
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return _poll(cls, context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        obj = target_of(context)
        if self.source == "SELECTED":
            vertex = selected_vertex(obj)
        else:
            obj.update_from_editmode()
            vertex = nearest_vertex(obj, context.scene.cursor.location, context.evaluated_depsgraph_get())
        if vertex is None:
            self.report({"ERROR"}, f"Select exactly one vertex of '{obj.name}' in Edit Mode, then try again")
            return {"CANCELLED"}
        set_mark(obj, self.name, vertex)
        return {"FINISHED"}


def selected_vertex(obj: bpy.types.Object) -> int | None:
    """The only selected vertex of a mesh; None where it is none or several."""
    obj.update_from_editmode()
    selected = [vertex.index for vertex in obj.data.vertices if vertex.select]
    return selected[0] if len(selected) == 1 else None


class DIFFUSION_TALKER_OT_mirror_landmarks(WorkOperator, bpy.types.Operator):
    """Place what is missing on one side of the face from the other side"""

    bl_idname = "diffusion_talker.mirror_landmarks"
    bl_label = "Mirror Landmarks"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        obj = target_of(context)
        reason = landmarks_locked(obj)
        if not reason and not _one_sided(obj):
            reason = "No point is placed on one side alone: place one first"
        return _poll(cls, context, reason)

    def work(self, context: bpy.types.Context) -> str:
        obj = target_of(context)
        placed = _one_sided(obj)
        for name in placed:
            mirror_mark(obj, name)
        return f"{len(placed)} points placed on the other side"


def _one_sided(obj: bpy.types.Object) -> list[str]:
    """Points whose partner on the other side is not placed."""
    left = {landmark.name for landmark in marks_left(obj)}
    return [mark.name for mark in LANDMARKS if mark.partner in left and mark.name not in left]


class DIFFUSION_TALKER_OT_remove_landmarks(bpy.types.Operator):
    """Take this point away, or all of them"""

    bl_idname = "diffusion_talker.remove_landmarks"
    bl_label = "Remove Landmarks"
    bl_options = {"REGISTER", "UNDO"}

    only: StringProperty(name="Only", description="Remove this point alone; empty removes all")

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        obj = target_of(context)
        reason = landmarks_locked(obj)
        if not reason and len(marks_left(obj)) == len(LANDMARKS):
            reason = "No point is placed yet"
        return _poll(cls, context, reason)

    def execute(self, context: bpy.types.Context) -> set[str]:
        obj = target_of(context)
        for landmark in LANDMARKS:
            if self.only in ("", landmark.name):
                remove_mark(obj, landmark.name)
        return {"FINISHED"}
