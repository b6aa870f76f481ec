# SPDX-License-Identifier: GPL-3.0-or-later
"""Sections of the panel "Lip Sync" about who speaks and how: voice, emotion, style."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import bpy
from bpy.props import BoolProperty

from . import identities
from .identities import AUTO, find_row, is_compared, keep_fresh, listed_identities, matches, similarity_text
from .operators.style import DIFFUSION_TALKER_MT_style_presets
from .sentences import draw_sentence
from .style_properties import EMOTIONS, MIX, REGIONS

#: Where a student has no sliders; those that were trained on recorded talkers have none.
NO_SLIDERS: Final = "This model has no style sliders: they need talkers whose style is known"
#: Sliders that belong together, in the order of the face.
SLIDER_GROUPS: Final[tuple[tuple[str, ...], ...]] = (
    ("jaw", "lips", "rounding", "upper_lip", "precision", "lead"),
    ("corners", "smile", "asymmetry"),
    ("brows", "blinks", "head"),
)


class DIFFUSION_TALKER_UL_identities(bpy.types.UIList):
    """Talkers: the user's own, and those that are built in. The search looks into the descriptions, too."""

    use_alike_first: BoolProperty(
        name="Most Alike First", description="Begin with the talkers that the compared speech sounds most like"
    )

    def draw_item(self, context, layout, data, item, icon, active_data, active_property, index=0, flt_flag=0) -> None:
        row = layout.row(align=True)
        row.label(text=item.name, icon=icon_of(item))
        text = similarity_text(item) if is_compared(context) else ""
        if text:
            side = row.row()
            side.alignment = "RIGHT"
            side.label(text=text)

    def draw_filter(self, context, layout) -> None:
        row = layout.row(align=True)
        row.use_property_split = False
        row.prop(self, "filter_name", text="", icon="VIEWZOOM")
        row.prop(self, "use_alike_first", text="", icon="SORTSIZE")

    def filter_items(self, context, data, property) -> tuple[list[int], list[int]]:
        rows = getattr(data, property)
        text = self.filter_name
        flags = [self.bitflag_filter_item if matches(row, text) else 0 for row in rows] if text else []
        return flags, alike_first(rows) if self.use_alike_first else []


def alike_first(rows: Sequence[bpy.types.PropertyGroup]) -> list[int]:
    """The place of each row when those that sound most alike stand first, after the one for every recording."""
    ranked = sorted(range(len(rows)), key=lambda index: (rows[index].identity != AUTO, -rows[index].similarity))
    return [ranked.index(index) for index in range(len(rows))]


def icon_of(row: bpy.types.PropertyGroup) -> str:
    if row.identity == AUTO:
        return "SOUND"
    return "USER" if row.is_own else "LOCKED"


class DIFFUSION_TALKER_MT_identity_add(bpy.types.Menu):
    """New talkers of your own"""

    bl_idname = "DIFFUSION_TALKER_MT_identity_add"
    bl_label = "New Identity"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.operator_context = "INVOKE_DEFAULT"
        layout.operator("diffusion_talker.identity_enrol_speech", text="From the Speech...", icon="SOUND")
        layout.operator("diffusion_talker.identity_enrol_strips", text="From Selected Strips...", icon="SEQUENCE")
        layout.operator("diffusion_talker.identity_enrol_files", text="From Sound Files...", icon="FILE_SOUND")
        layout.operator("diffusion_talker.identity_save_blend", text="From the Blend...", icon="ARROW_LEFTRIGHT")
        layout.separator()
        layout.operator("diffusion_talker.identity_import", text="Import...", icon="IMPORT")


class DIFFUSION_TALKER_MT_identity(bpy.types.Menu):
    """What can be done with the chosen talker, and with the list"""

    bl_idname = "DIFFUSION_TALKER_MT_identity"
    bl_label = "Identity"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.operator_context = "INVOKE_DEFAULT"
        layout.operator("diffusion_talker.identity_rename", text="Rename...", icon="GREASEPENCIL")
        layout.operator("diffusion_talker.identity_duplicate", text="Duplicate", icon="DUPLICATE")
        layout.operator("diffusion_talker.identity_export", text="Export...", icon="EXPORT")
        layout.separator()
        layout.operator("diffusion_talker.identities_refresh", icon="FILE_REFRESH")


# ---------------------------------------------------------------- voice


def draw_voice(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Who speaks: the list, what is known of the chosen talker, and a second one to mix in."""
    keep_fresh(context)
    settings, known = context.scene.diffusion_talker, listed_identities(context)
    layout.use_property_decorate = True  # values that can be keyed show whether they are
    row = layout.row()
    row.template_list("DIFFUSION_TALKER_UL_identities", "", known, "rows", settings, "identity_row", rows=5, maxrows=5)
    side = row.column(align=True)
    side.menu(DIFFUSION_TALKER_MT_identity_add.bl_idname, text="", icon="ADD")
    side.operator("diffusion_talker.identity_remove", text="", icon="REMOVE")
    side.separator()
    side.menu(DIFFUSION_TALKER_MT_identity.bl_idname, text="", icon="DOWNARROW_HLT")
    _draw_chosen(layout, context, settings, known)
    layout.operator("diffusion_talker.identities_compare", icon="VIEWZOOM")
    layout.prop(settings, "second_identity", icon="ARROW_LEFTRIGHT", placeholder="Nobody")
    if settings.second_identity:
        layout.prop(settings, "identity_blend", slider=True)


def _draw_chosen(
    layout: bpy.types.UILayout,
    context: bpy.types.Context,
    settings: bpy.types.PropertyGroup,
    known: bpy.types.PropertyGroup,
) -> None:
    """What is known of the chosen talker, and what went wrong with files."""
    index = find_row(context, settings.identity)
    if index >= 0:
        draw_sentence(layout, context, known.rows[index].description)
    elif known.rows:
        draw_sentence(layout, context, identities.identity_problem(context), "ERROR")
    if known.message:
        draw_sentence(layout, context, known.message, "ERROR")
    if is_compared(context):
        draw_sentence(layout, context, known.verdict, "INFO")


# ---------------------------------------------------------------- emotion


def draw_emotion(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """In what mood, how strongly, and in which parts of the face."""
    settings, known = context.scene.diffusion_talker, listed_identities(context)
    layout.use_property_decorate = True
    layout.prop(settings, "emotion")
    if settings.emotion == MIX:
        emotions = [name for name in EMOTIONS if name in identities.model_library(context).emotions]
        column = layout.column(align=True)
        for name in emotions:
            column.prop(settings.emotions, name, slider=True)
        draw_sentence(layout, context, mixture_sentence(settings, emotions))
    elif settings.emotion == AUTO and is_compared(context):
        draw_sentence(layout, context, known.mood, "INFO")
    layout.prop(settings, "intensity", slider=True)
    header, body = layout.panel("DIFFUSION_TALKER_regions", default_closed=True)
    header.label(text="Parts of the Face")
    _draw_reset(_right_of(header), "REGIONS")
    if body is not None:
        _draw_regions(body, settings)


def mixture_sentence(settings: bpy.types.PropertyGroup, emotions: Sequence[str] = EMOTIONS) -> str:
    """What the shares of these emotions come to."""
    total = sum(getattr(settings.emotions, name) for name in emotions)
    if total > 1.0:
        return f"Together {total:.2f}: scaled to 1"
    return f"Neutral has the rest, {1.0 - total:.2f}"


def _draw_regions(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    """A switch for each part of the face, and its amount of the emotion."""
    layout.label(text="Animated, and amount of emotion")
    column = layout.column(align=True)
    column.use_property_split = False
    for name in REGIONS:
        row = column.split(factor=0.35, align=True)
        row.prop(settings.regions, f"use_{name}")
        amount = row.row(align=True)
        amount.active = getattr(settings.regions, f"use_{name}")
        amount.prop(settings.regions, f"{name}_amount", text="", slider=True)


# ---------------------------------------------------------------- style


def draw_style(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """How strongly the talker's manner shows, and sliders that bend it."""
    settings = context.scene.diffusion_talker
    layout.use_property_decorate = True
    layout.prop(settings, "style_strength", slider=True)
    known = {axis.name for axis in identities.model_library(context).axes}
    if not known:
        draw_sentence(layout, context, NO_SLIDERS, "INFO")
        return
    for group in SLIDER_GROUPS:
        column = layout.column(align=True)
        for name in (name for name in group if name in known):
            column.prop(settings.style, name, slider=True)


def draw_style_header(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Presets and reset at the right of the section's title."""
    row = _right_of(layout)
    row.menu(DIFFUSION_TALKER_MT_style_presets.bl_idname, text="", icon="PRESET")
    _draw_reset(row, "STYLE")


def draw_emotion_header(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Reset at the right of the section's title."""
    _draw_reset(_right_of(layout), "EMOTION")


def _draw_reset(row: bpy.types.UILayout, section: str) -> None:
    """The button that puts a section's values back to where they rest."""
    row.operator("diffusion_talker.style_reset", text="", icon="LOOP_BACK", emboss=False).section = section


def _right_of(header: bpy.types.UILayout) -> bpy.types.UILayout:
    row = header.row(align=True)
    row.alignment = "RIGHT"
    return row
