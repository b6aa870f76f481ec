# SPDX-License-Identifier: GPL-3.0-or-later
"""Style: presets, and putting a section's values back to where they rest."""

from __future__ import annotations

from typing import Final

import bpy
from bpy.props import EnumProperty, StringProperty

from .. import style_presets
from ..problems import WorkOperator
from ..style_properties import AUTO, EMOTIONS, REGIONS

SECTION_ITEMS: Final = (
    ("STYLE", "Style", "Strength and sliders"),
    ("EMOTION", "Emotion", "Emotion, shares and intensity"),
    ("REGIONS", "Parts of the Face", "Switches and amounts"),
)


class StyleOperator(WorkOperator):
    """What the operators share: undo and redo, but for those that write files."""

    bl_options = {"REGISTER", "UNDO", "INTERNAL"}


class DIFFUSION_TALKER_OT_style_reset(StyleOperator, bpy.types.Operator):
    """Put these values back to where they rest. Keys on them stay"""

    bl_idname = "diffusion_talker.style_reset"
    bl_label = "Reset"

    section: EnumProperty(name="Section", description="What is reset", items=SECTION_ITEMS)

    @classmethod
    def description(cls, context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        texts = {name: text for name, _, text in SECTION_ITEMS}
        return f"{texts[properties.section]}: back to where they rest. Keys on them stay"

    def work(self, context: bpy.types.Context) -> str:
        reset(context.scene.diffusion_talker, self.section)
        titles = {name: title for name, title, _ in SECTION_ITEMS}
        return f"Reset {titles[self.section]}"


class DIFFUSION_TALKER_OT_style_preset_save(StyleOperator, bpy.types.Operator):
    """Keep strength and sliders under a name, for any talker and file"""

    bl_idname = "diffusion_talker.style_preset_save"
    bl_label = "Save Style Preset"
    bl_options = {"INTERNAL"}

    title: StringProperty(name="Name", description="Name of the preset. One of the same name is replaced")

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_props_dialog(self, confirm_text="Save")

    def work(self, context: bpy.types.Context) -> str:
        preset = style_presets.present_style(context.scene.diffusion_talker, self.title)
        path = style_presets.save_preset(preset)
        return f"Saved the style preset '{path.stem}'"


class DIFFUSION_TALKER_OT_style_preset_load(StyleOperator, bpy.types.Operator):
    """Set strength and all sliders as in this preset"""

    bl_idname = "diffusion_talker.style_preset_load"
    bl_label = "Load Style Preset"

    title: StringProperty(name="Name", description="Name of the preset")

    def work(self, context: bpy.types.Context) -> str:
        style_presets.apply_style(context.scene.diffusion_talker, style_presets.find_preset(self.title))
        return f"Style preset '{self.title}'"


class DIFFUSION_TALKER_OT_style_preset_delete(StyleOperator, bpy.types.Operator):
    """Delete this style preset from disk. Undo does not bring it back"""

    bl_idname = "diffusion_talker.style_preset_delete"
    bl_label = "Delete Style Preset"
    bl_options = {"INTERNAL"}

    title: StringProperty(name="Name", description="Name of the preset")

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_confirm(
            self, event, title=f"Delete '{self.title}'?", message="Undo does not bring it back", confirm_text="Delete"
        )

    def work(self, context: bpy.types.Context) -> str:
        style_presets.delete_preset(self.title)
        return f"Deleted the style preset '{self.title}'"


class DIFFUSION_TALKER_MT_style_presets(bpy.types.Menu):
    """Style presets: those that come with the add-on, and your own"""

    bl_idname = "DIFFUSION_TALKER_MT_style_presets"
    bl_label = "Style Presets"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.operator_context = "INVOKE_DEFAULT"
        saved = style_presets.saved_titles()
        for title in (preset.title for preset in style_presets.BUILT_IN if preset.title not in saved):
            layout.operator("diffusion_talker.style_preset_load", text=title).title = title
        if saved:
            layout.separator()
        for title in saved:
            layout.operator("diffusion_talker.style_preset_load", text=title, icon="USER").title = title
        layout.separator()
        layout.operator("diffusion_talker.style_preset_save", text="Save Preset...", icon="ADD").title = ""
        if saved:
            layout.menu("DIFFUSION_TALKER_MT_style_presets_delete", icon="TRASH")


class DIFFUSION_TALKER_MT_style_presets_delete(bpy.types.Menu):
    """Style presets of your own, which can be deleted"""

    bl_idname = "DIFFUSION_TALKER_MT_style_presets_delete"
    bl_label = "Delete"

    def draw(self, context: bpy.types.Context) -> None:
        self.layout.operator_context = "INVOKE_DEFAULT"
        for title in style_presets.saved_titles():
            self.layout.operator("diffusion_talker.style_preset_delete", text=title).title = title


def reset(settings: bpy.types.PropertyGroup, section: str) -> None:
    """Put the values of a section back to their defaults."""
    if section == "STYLE":
        style_presets.apply_style(settings, style_presets.StylePreset("", {}))
    elif section == "EMOTION":
        settings.emotion, settings.intensity = AUTO, 1.0
        for name in EMOTIONS:
            setattr(settings.emotions, name, 0.0)
    else:
        for name in REGIONS:
            setattr(settings.regions, f"use_{name}", True)
            setattr(settings.regions, f"{name}_amount", 1.0)
