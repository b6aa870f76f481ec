# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of meshes that go along with the face: add what is selected, remove one."""

from __future__ import annotations

import bpy

from ..generation import target_of
from ..problems import poll_answer


class DIFFUSION_TALKER_OT_meshes_add(bpy.types.Operator):
    """Let the selected meshes go along with the face: teeth, tongue, lashes, beard"""

    bl_idname = "diffusion_talker.meshes_add"
    bl_label = "Add Selected Meshes"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        nothing = "No further mesh with shape keys is selected: select teeth, tongue or lashes first"
        return poll_answer(cls, "" if candidates(context) else nothing)

    def execute(self, context: bpy.types.Context) -> set[str]:
        drive = context.scene.diffusion_talker_drive
        added = candidates(context)
        for obj in added:
            drive.meshes.add().object = obj
        drive.mesh_index = len(drive.meshes) - 1
        self.report({"INFO"}, f"Added {', '.join(obj.name for obj in added)}")
        return {"FINISHED"}


class DIFFUSION_TALKER_OT_meshes_remove(bpy.types.Operator):
    """Take this mesh off the list. Its animation stays as it is"""

    bl_idname = "diffusion_talker.meshes_remove"
    bl_label = "Remove Mesh"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        drive = context.scene.diffusion_talker_drive
        is_chosen = 0 <= drive.mesh_index < len(drive.meshes)
        return poll_answer(cls, "" if is_chosen else "No mesh of the list is chosen: click one")

    def execute(self, context: bpy.types.Context) -> set[str]:
        drive = context.scene.diffusion_talker_drive
        drive.meshes.remove(drive.mesh_index)
        drive.mesh_index = max(0, min(drive.mesh_index, len(drive.meshes) - 1))
        return {"FINISHED"}


def candidates(context: bpy.types.Context) -> list[bpy.types.Object]:
    """Selected meshes with shape keys that are neither the face nor on the list."""
    known = {item.object for item in context.scene.diffusion_talker_drive.meshes}
    chosen = context.scene.diffusion_talker.target
    face = chosen if chosen is not None else target_of(context)
    return [
        obj
        for obj in context.selected_objects
        if obj.type == "MESH" and obj.data.shape_keys is not None and obj not in known and obj != face
    ]
