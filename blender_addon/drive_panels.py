# SPDX-License-Identifier: GPL-3.0-or-later
"""Sub-panels of the panel "Lip Sync": which meshes and bones move with the face, its mapping, vertex animation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import bpy

from .operators.mapping import active_row, mapped_object
from .operators.mapping_presets import DIFFUSION_TALKER_MT_mapping_presets
from .sentences import draw_sentence

#: Icon of a channel by how it found its keys.
HOW_ICONS: Final[Mapping[str, str]] = {
    "exact": "DOT", "spelling": "DOT", "approximated": "MOD_SMOOTH", "missing": "BLANK1", "by hand": "GREASEPENCIL",
}  # fmt: skip


class DIFFUSION_TALKER_UL_meshes(bpy.types.UIList):
    """Meshes that go along with the face."""

    def draw_item(self, context, layout, data, item, icon, active_data, active_property, index=0, flt_flag=0) -> None:
        obj = item.object
        if obj is None:
            layout.label(text="Deleted", icon="ERROR")
        elif obj.name not in context.scene.objects:
            layout.label(text=f"{obj.name} (not in this scene)", icon="ERROR")
        else:
            layout.label(text=obj.name, icon="MESH_DATA")


class DIFFUSION_TALKER_UL_channels(bpy.types.UIList):
    """ARKit's channels, the keys that show them, and how strongly."""

    def draw_item(self, context, layout, data, item, icon, active_data, active_property, index=0, flt_flag=0) -> None:
        layout.use_property_split = False
        row = layout.row(align=True)
        row.prop(item, "enabled", text="")
        label = row.row()
        label.active = item.enabled and item.how != "missing"
        label.label(text=row_text(item), icon=HOW_ICONS.get(item.how, "BLANK1"))


def row_text(row: bpy.types.PropertyGroup) -> str:
    """A channel, its strength, and its keys as they are set now, unless these say the same: sidebars are narrow."""
    keys = ", ".join(entry.key or "?" for entry in row.entries) if row.by_hand else row.found
    strength = "" if row.gain == 1.0 else f" x{row.gain:.2f}"
    same = re.sub("[^a-z0-9]", "", keys.lower()) == row.name.lower()
    return row.name + strength + ("" if same or not keys else f": {keys}")


class DrivePanel:
    """What the sub-panels share."""

    bl_region_type = "UI"
    bl_category = "Lip Sync"
    bl_options = {"DEFAULT_CLOSED"}

    def prepared(self) -> bpy.types.UILayout:
        """The layout as every section of the panel has it."""
        self.layout.use_property_split = True
        self.layout.use_property_decorate = False
        return self.layout


class MeshesPanel(DrivePanel):
    bl_label = "More Meshes"

    def draw(self, context: bpy.types.Context) -> None:
        drive = context.scene.diffusion_talker_drive
        layout = self.prepared()
        row = layout.row()
        row.template_list("DIFFUSION_TALKER_UL_meshes", "", drive, "meshes", drive, "mesh_index", rows=3)
        column = row.column(align=True)
        column.operator("diffusion_talker.meshes_add", text="", icon="ADD")
        column.operator("diffusion_talker.meshes_remove", text="", icon="REMOVE")


class MappingPanel(DrivePanel):
    bl_label = "Mapping"

    def draw_header_preset(self, context: bpy.types.Context) -> None:
        self.layout.menu(DIFFUSION_TALKER_MT_mapping_presets.bl_idname, text="", icon="PRESET")

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.prepared()
        obj = mapped_object(context)
        row = active_row(obj)
        if row is None:
            layout.operator("diffusion_talker.mapping_show", icon="VIEWZOOM")
            return
        layout.label(text=obj.name, icon="MESH_DATA")
        group = obj.diffusion_talker_mapping
        split = layout.row()
        split.template_list("DIFFUSION_TALKER_UL_channels", "", group, "channels", group, "index", rows=6)
        column = split.column(align=True)
        column.operator("diffusion_talker.mapping_show", text="", icon="FILE_REFRESH")
        column.operator("diffusion_talker.mapping_reset", text="", icon="LOOP_BACK").whole = True
        _draw_channel(layout, context, obj, row)


def _draw_channel(
    layout: bpy.types.UILayout, context: bpy.types.Context, obj: bpy.types.Object, row: bpy.types.PropertyGroup
) -> None:
    column = layout.column(align=True)
    column.prop(row, "gain")
    column.prop(row, "offset")
    if not row.by_hand:
        draw_sentence(layout, context, channel_sentence(row))
        layout.operator("diffusion_talker.mapping_by_hand", icon="GREASEPENCIL")
        return
    for index, entry in enumerate(row.entries):
        box = layout.column(align=True)
        line = box.row(align=True)
        line.use_property_split = False
        line.prop_search(entry, "key", obj.data.shape_keys, "key_blocks", text="")
        line.operator("diffusion_talker.mapping_remove_key", text="", icon="X").index = index
        line = box.row(align=True)
        line.use_property_split = False
        line.prop(entry, "gain")
        line.prop(entry, "offset")
    line = layout.row(align=True)
    line.operator("diffusion_talker.mapping_add_key", text="Add Key", icon="ADD")
    line.operator("diffusion_talker.mapping_reset", text="Automatic", icon="LOOP_BACK").whole = False


class BonesPanel(DrivePanel):
    bl_label = "Bones and Head"

    def draw(self, context: bpy.types.Context) -> None:
        drive = context.scene.diffusion_talker_drive
        layout = self.prepared()
        row = layout.row(align=True)
        row.prop(drive, "armature")
        row.operator("diffusion_talker.bones_guess", text="", icon="VIEWZOOM")
        armature = drive.armature
        if armature is not None and armature.type == "ARMATURE":
            _draw_bones(layout, drive, armature)
        layout.separator()
        layout.prop(drive, "use_head")
        if drive.use_head:
            _draw_head(layout, drive)


def _draw_bones(layout: bpy.types.UILayout, drive: bpy.types.PropertyGroup, armature: bpy.types.Object) -> None:
    column = layout.column()
    column.prop_search(drive, "jaw_bone", armature.data, "bones")
    if drive.jaw_bone:
        jaw = column.column(align=True)
        jaw.prop(drive, "jaw_axis")
        jaw.prop(drive, "jaw_angle")
        jaw.prop(drive, "jaw_alone")
    column.prop_search(drive, "eye_left_bone", armature.data, "bones")
    column.prop_search(drive, "eye_right_bone", armature.data, "bones")
    if drive.eye_left_bone or drive.eye_right_bone:
        column.prop(drive, "eye_strength", slider=True)
    column.prop(drive, "use_poses")


def _draw_head(layout: bpy.types.UILayout, drive: bpy.types.PropertyGroup) -> None:
    column = layout.column()
    column.prop(drive, "head_object")
    head = drive.head_object or drive.armature
    if head is not None and head.type == "ARMATURE":
        column.prop_search(drive, "head_bone", head.data, "bones")
    column.prop(drive, "head_strength", slider=True)


class VerticesPanel(DrivePanel):
    bl_label = "Vertex Animation"

    def draw(self, context: bpy.types.Context) -> None:
        drive = context.scene.diffusion_talker_drive
        layout = self.prepared()
        layout.prop(drive, "mode")
        if drive.mode == "CACHE":
            layout.prop(drive, "cache_format")
            layout.prop(drive, "cache_folder")


def channel_sentence(row: bpy.types.PropertyGroup) -> str:
    """How a channel found its keys, in one sentence."""
    if row.how == "missing":
        return "No key of this face shows it"
    if row.how == "approximated":
        return f"Approximated, {row.shown:.0%} of the movement: {row.found}"
    return f"Its own key: {row.found}" if row.shown == 1.0 else f"{row.shown:.0%} of it: {row.found}"


class DIFFUSION_TALKER_PT_meshes_view3d(MeshesPanel, bpy.types.Panel):
    bl_space_type = "VIEW_3D"
    bl_parent_id = "DIFFUSION_TALKER_PT_view3d"


class DIFFUSION_TALKER_PT_meshes_sequencer(MeshesPanel, bpy.types.Panel):
    bl_space_type = "SEQUENCE_EDITOR"
    bl_parent_id = "DIFFUSION_TALKER_PT_sequencer"


class DIFFUSION_TALKER_PT_mapping_view3d(MappingPanel, bpy.types.Panel):
    bl_space_type = "VIEW_3D"
    bl_parent_id = "DIFFUSION_TALKER_PT_view3d"


class DIFFUSION_TALKER_PT_mapping_sequencer(MappingPanel, bpy.types.Panel):
    bl_space_type = "SEQUENCE_EDITOR"
    bl_parent_id = "DIFFUSION_TALKER_PT_sequencer"


class DIFFUSION_TALKER_PT_bones_view3d(BonesPanel, bpy.types.Panel):
    bl_space_type = "VIEW_3D"
    bl_parent_id = "DIFFUSION_TALKER_PT_view3d"


class DIFFUSION_TALKER_PT_bones_sequencer(BonesPanel, bpy.types.Panel):
    bl_space_type = "SEQUENCE_EDITOR"
    bl_parent_id = "DIFFUSION_TALKER_PT_sequencer"


class DIFFUSION_TALKER_PT_vertices_view3d(VerticesPanel, bpy.types.Panel):
    bl_space_type = "VIEW_3D"
    bl_parent_id = "DIFFUSION_TALKER_PT_view3d"


class DIFFUSION_TALKER_PT_vertices_sequencer(VerticesPanel, bpy.types.Panel):
    bl_space_type = "SEQUENCE_EDITOR"
    bl_parent_id = "DIFFUSION_TALKER_PT_sequencer"
