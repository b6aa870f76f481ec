# SPDX-License-Identifier: GPL-3.0-or-later
"""Presets of a character's mapping: save, load, delete, and the menu that lists them."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import StringProperty
from bpy_extras.io_utils import ExportHelper, ImportHelper

from ..drive_plan import choices_of
from ..generation import target_of
from ..mapping_rows import apply_preset, preset_folder, preset_of, rows_problem
from ..preset_files import preset_file, preset_files
from ..problems import LipSyncProblem, WorkOperator, poll_answer


class PresetOperator(WorkOperator):
    """What the operators share: they need a face."""

    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return poll_answer(cls, rows_problem(target_of(context)))


class DIFFUSION_TALKER_OT_mapping_preset_save(PresetOperator, bpy.types.Operator):
    """Keep the mapping of the face, and of the meshes that go along with it, under a name"""

    bl_idname = "diffusion_talker.mapping_preset_save"
    bl_label = "Save Face Preset"

    title: StringProperty(name="Name", description="Name of the preset")

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self.title = self.title or target_of(context).name
        return context.window_manager.invoke_props_dialog(self)

    def work(self, context: bpy.types.Context) -> str:
        path = preset_file(preset_folder(create=True), self.title)
        save(context, path, self.title)
        return f"Saved the face preset '{self.title}'"


class DIFFUSION_TALKER_OT_mapping_preset_load(PresetOperator, bpy.types.Operator):
    """Lay this preset over the face, and over the meshes that have the same names as in it"""

    bl_idname = "diffusion_talker.mapping_preset_load"
    bl_label = "Load Face Preset"

    title: StringProperty(name="Name", description="Name of the preset")

    def work(self, context: bpy.types.Context) -> str:
        path = preset_file(preset_folder(), self.title)
        return load(context, path)


class DIFFUSION_TALKER_OT_mapping_preset_delete(PresetOperator, bpy.types.Operator):
    """Delete this face preset from disk"""

    bl_idname = "diffusion_talker.mapping_preset_delete"
    bl_label = "Delete Face Preset"
    bl_options = {"INTERNAL"}

    title: StringProperty(name="Name", description="Name of the preset")

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_confirm(self, event)

    def work(self, context: bpy.types.Context) -> str:
        path = preset_file(preset_folder(), self.title)
        if not path.is_file():
            raise LipSyncProblem(f"There is no face preset '{self.title}': choose one from the menu")
        path.unlink()
        return f"Deleted the face preset '{self.title}'"


class DIFFUSION_TALKER_OT_mapping_export(PresetOperator, bpy.types.Operator, ExportHelper):
    """Write the mapping of the face, and of the meshes that go along with it, to a file"""

    bl_idname = "diffusion_talker.mapping_export"
    bl_label = "Export Face Preset"
    bl_options = {"REGISTER"}

    filename_ext = ".json"
    filter_glob: StringProperty(default="*.json", options={"HIDDEN"})

    def work(self, context: bpy.types.Context) -> str:
        save(context, Path(self.filepath), Path(self.filepath).stem)
        return f"Exported the face preset to {self.filepath}"


class DIFFUSION_TALKER_OT_mapping_import(PresetOperator, bpy.types.Operator, ImportHelper):
    """Read a face preset from a file and lay it over the face"""

    bl_idname = "diffusion_talker.mapping_import"
    bl_label = "Import Face Preset"
    bl_options = {"REGISTER", "UNDO"}

    filter_glob: StringProperty(default="*.json", options={"HIDDEN"})

    def work(self, context: bpy.types.Context) -> str:
        return load(context, Path(self.filepath))


class DIFFUSION_TALKER_MT_mapping_presets(bpy.types.Menu):
    """Face presets on disk, and what can be done with them"""

    bl_idname = "DIFFUSION_TALKER_MT_mapping_presets"
    bl_label = "Face Presets"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.operator_context = "INVOKE_DEFAULT"
        found = preset_files(preset_folder())
        for path in found:
            layout.operator("diffusion_talker.mapping_preset_load", text=path.stem).title = path.stem
        if found:
            layout.separator()
        layout.operator("diffusion_talker.mapping_preset_save", text="Save Preset...", icon="ADD").title = ""
        layout.operator("diffusion_talker.mapping_import", text="Import...", icon="IMPORT")
        layout.operator("diffusion_talker.mapping_export", text="Export...", icon="EXPORT")
        if found:
            layout.menu("DIFFUSION_TALKER_MT_mapping_presets_delete", icon="TRASH")


class DIFFUSION_TALKER_MT_mapping_presets_delete(bpy.types.Menu):
    """Face presets that can be deleted"""

    bl_idname = "DIFFUSION_TALKER_MT_mapping_presets_delete"
    bl_label = "Delete"

    def draw(self, context: bpy.types.Context) -> None:
        self.layout.operator_context = "INVOKE_DEFAULT"
        for path in preset_files(preset_folder()):
            self.layout.operator("diffusion_talker.mapping_preset_delete", text=path.stem).title = path.stem


def save(context: bpy.types.Context, path: Path, title: str) -> None:
    """Write the character's present mappings. Raises OutputError."""
    from diffusion_talker.rigs.presets import save_preset

    face, others = _character(context)
    save_preset(path, preset_of(title, face, others))


def load(context: bpy.types.Context, path: Path) -> str:
    """Lay a preset over the character; what to tell. Raises PresetError."""
    from diffusion_talker.rigs.presets import load_preset

    face, others = _character(context)
    preset = load_preset(path)
    count = apply_preset(preset, face, others)
    return f"Face preset '{preset.title}' on {count} mesh{'es' if count > 1 else ''}"


def _character(context: bpy.types.Context) -> tuple[bpy.types.Object, list[bpy.types.Object]]:
    """The face, and the meshes that go along with it."""
    face = target_of(context)
    return face, [obj for obj in choices_of(context.scene).meshes if obj != face]
