# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the bones of the face by their names."""

from __future__ import annotations

import bpy

from ..bones import guessed_bones
from ..generation import target_of
from ..problems import poll_answer


class DIFFUSION_TALKER_OT_bones_guess(bpy.types.Operator):
    """Find jaw, eyes and head of the armature by the names of its bones"""

    bl_idname = "diffusion_talker.bones_guess"
    bl_label = "Find Bones"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        found = armature_of(context) is not None
        return poll_answer(cls, "" if found else "No armature is chosen, and none moves the face: choose one")

    def execute(self, context: bpy.types.Context) -> set[str]:
        drive, armature = context.scene.diffusion_talker_drive, armature_of(context)
        bones = guessed_bones(armature)
        drive.armature = armature
        drive.jaw_bone, drive.head_bone = bones.jaw, bones.head
        drive.eye_left_bone, drive.eye_right_bone = bones.eye_left, bones.eye_right
        named = {"jaw": bones.jaw, "left eye": bones.eye_left, "right eye": bones.eye_right, "head": bones.head}
        missing = [part for part, bone in named.items() if not bone]
        if missing:
            self.report({"WARNING"}, f"'{armature.name}' has no bone named like {', '.join(missing)}: choose by hand")
        return {"FINISHED"}


def armature_of(context: bpy.types.Context) -> bpy.types.Object | None:
    """The armature that was chosen, else the one that moves the face or is its parent, or is active itself."""
    chosen, face = context.scene.diffusion_talker_drive.armature, target_of(context)
    if chosen is not None or face is None:
        return chosen
    if face.type == "ARMATURE":
        return face
    deformers = (m.object for m in face.modifiers if m.type == "ARMATURE" and m.object is not None)
    parent = face.parent if face.parent is not None and face.parent.type == "ARMATURE" else None
    return next(deformers, parent)
