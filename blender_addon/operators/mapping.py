# SPDX-License-Identifier: GPL-3.0-or-later
"""Show the mapping of a mesh's shape keys, edit it, and put it back to automatic."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, IntProperty

from ..face_mapping import remember_edits
from ..generation import target_of
from ..mapping_rows import clear_rows, full_mapping, reset_channel, rows_problem, set_entries, show_rows
from ..problems import poll_answer


def mapped_object(context: bpy.types.Context) -> bpy.types.Object | None:
    """The mesh whose mapping the panel shows: the active one if the take moves it, else the face."""
    along = {item.object for item in context.scene.diffusion_talker_drive.meshes}
    active = context.active_object
    return active if active is not None and active in along else target_of(context)


def active_row(obj: bpy.types.Object | None) -> bpy.types.PropertyGroup | None:
    """The row that is chosen in the list."""
    if obj is None:
        return None
    group = obj.diffusion_talker_mapping
    return group.channels[group.index] if 0 <= group.index < len(group.channels) else None


class MappingOperator:
    """What the operators share: they need a mesh, and all but the first one its rows."""

    bl_options = {"REGISTER", "UNDO", "INTERNAL"}
    needs_rows = True

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        obj = mapped_object(context)
        reason = rows_problem(obj)
        if not reason and cls.needs_rows and active_row(obj) is None:
            reason = "The mapping is not shown yet: press Show Mapping"
        return poll_answer(cls, reason)


class DIFFUSION_TALKER_OT_mapping_show(MappingOperator, bpy.types.Operator):
    """Look which shape keys show which ARKit channel, and list them for editing"""

    bl_idname = "diffusion_talker.mapping_show"
    bl_label = "Show Mapping"
    needs_rows = False

    def execute(self, context: bpy.types.Context) -> set[str]:
        obj = mapped_object(context)
        mapping = full_mapping(obj)
        show_rows(obj, mapping)
        self.report({"INFO"}, f"'{obj.name}': {mapping.summary()}")
        return {"FINISHED"}


class DIFFUSION_TALKER_OT_mapping_reset(MappingOperator, bpy.types.Operator):
    """Forget what was set by hand"""

    bl_idname = "diffusion_talker.mapping_reset"
    bl_label = "Reset to Automatic"

    whole: BoolProperty(name="All Channels", description="Reset every channel, not only the chosen one")

    def execute(self, context: bpy.types.Context) -> set[str]:
        obj = mapped_object(context)
        if self.whole:
            clear_rows(obj)
            show_rows(obj, full_mapping(obj))
        else:
            reset_channel(obj, active_row(obj).name)
        return {"FINISHED"}


class DIFFUSION_TALKER_OT_mapping_by_hand(MappingOperator, bpy.types.Operator):
    """Choose this channel's shape keys by hand, beginning with those that were found"""

    bl_idname = "diffusion_talker.mapping_by_hand"
    bl_label = "Choose Keys by Hand"

    def execute(self, context: bpy.types.Context) -> set[str]:
        obj = mapped_object(context)
        row = active_row(obj)
        set_entries(row, full_mapping(obj).channel(row.name))
        row.by_hand, row.how = True, "by hand"
        if not len(row.entries):
            row.entries.add()
        return {"FINISHED"}


class DIFFUSION_TALKER_OT_mapping_add_key(MappingOperator, bpy.types.Operator):
    """Let this channel drive one more shape key"""

    bl_idname = "diffusion_talker.mapping_add_key"
    bl_label = "Add Shape Key"

    def execute(self, context: bpy.types.Context) -> set[str]:
        row = active_row(mapped_object(context))
        row.entries.add()
        row.by_hand, row.how = True, "by hand"
        return {"FINISHED"}


class DIFFUSION_TALKER_OT_mapping_remove_key(MappingOperator, bpy.types.Operator):
    """This channel no longer drives this shape key"""

    bl_idname = "diffusion_talker.mapping_remove_key"
    bl_label = "Remove Shape Key"

    index: IntProperty(name="Index", description="Which of the channel's shape keys")

    def execute(self, context: bpy.types.Context) -> set[str]:
        obj = mapped_object(context)
        row = active_row(obj)
        if not 0 <= self.index < len(row.entries):
            self.report({"ERROR"}, f"Channel {row.name} has no shape key number {self.index}: choose one of its keys")
            return {"CANCELLED"}
        row.entries.remove(self.index)
        remember_edits(obj)
        if not len(row.entries):
            reset_channel(obj, row.name)
        return {"FINISHED"}
