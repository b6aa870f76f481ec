# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of takes, right under the button that makes them."""

from __future__ import annotations

import bpy

from .generation import problem
from .sentences import draw_sentence, letters_of
from .stored_settings import sentence_of
from .takes import (
    has_takes,
    header_of,
    is_favorite,
    lead_of,
    present_problem,
    present_take,
    read_only_problem,
    short_name,
    stored_of,
    takes_of,
)
from .vertex_animation import CACHE, form_of

ROWS = 5
#: In a sidebar of more letters than this the rows say who speaks.
WIDE_LETTERS = 60


class DIFFUSION_TALKER_UL_takes(bpy.types.UIList):
    """The file's Actions, of which those are shown that are takes of the face."""

    def draw_item(self, context, layout, data, item, icon, active_data, active_property, index=0, flt_flag=0) -> None:
        layout.use_property_split = False
        header, is_mine = header_of(item), not read_only_problem(item)
        row = layout.row(align=True)
        name = row.row()
        if is_mine:
            name.prop(item, "diffusion_talker_name", text="", emboss=False, icon=take_icon(item))
        else:
            name.label(text=short_name(item), icon="LINKED")
        if letters_of(context) > WIDE_LETTERS:
            spoken = row.row()
            spoken.active = False
            spoken.label(text=header.spoken)
        star = row.row()
        star.enabled = is_mine
        marked = "SOLO_ON" if is_favorite(item) else "SOLO_OFF"
        star.operator("diffusion_talker.take_favorite", text="", icon=marked, emboss=False).action = item.name

    def draw_filter(self, context: bpy.types.Context, layout: bpy.types.UILayout) -> None:
        row = layout.row(align=True)
        row.prop(self, "filter_name", text="")
        row.prop(self, "use_filter_sort_alpha", text="", icon="SORTALPHA")
        shown = context.scene.diffusion_talker_takes
        row.prop(shown, "favorites", text="", icon="SOLO_ON")
        row.prop(shown, "this_line", text="", icon="SOUND")

    def filter_items(
        self, context: bpy.types.Context, data: bpy.types.BlendData, property: str
    ) -> tuple[list[int], list[int]]:
        shown = visible_takes(context, self.filter_name, self.use_filter_sort_alpha)
        places = {action: place for place, action in enumerate(shown)}
        flags, order, hidden = [], [], len(shown)
        for action in getattr(data, property):
            is_shown = action in places
            flags.append(self.bitflag_filter_item if is_shown else 0)
            order.append(places[action] if is_shown else hidden)
            hidden += not is_shown
        return flags, order


def visible_takes(context: bpy.types.Context, text: str, by_name: bool) -> list[bpy.types.Action]:
    """Takes of the face that the list shows: newest first, or by name."""
    shown = context.scene.diffusion_talker_takes
    takes = [take for take in takes_of(lead_of(context)) if text.lower() in short_name(take).lower()]
    if shown.favorites:
        takes = [take for take in takes if is_favorite(take)]
    if shown.this_line:
        line = chosen_line(context)
        takes = [take for take in takes if header_of(take).line == line]
    return sorted(takes, key=lambda take: take.name.lower()) if by_name else takes


def chosen_line(context: bpy.types.Context) -> str:
    """Key of the line that Generate would speak."""
    from .audio_source import find_strip, sequencer_scene

    settings = context.scene.diffusion_talker
    if settings.source == "FILE":
        return bpy.path.abspath(settings.audio_file)
    strip = find_strip(sequencer_scene(context), settings.strip)
    return strip.name if strip is not None else ""


def take_icon(action: bpy.types.Action) -> str:
    return "REC" if header_of(action).is_live else "ACTION"


def draw_live(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """The switch that lets the take follow the sliders, and what it waits for."""
    row = layout.row()
    row.use_property_split = False
    row.prop(context.scene.diffusion_talker, "use_live")
    told = context.window_manager.diffusion_talker_takes
    if told.message:
        row = layout.row(align=True)
        row.progress(factor=told.progress, type="BAR", text=f"{told.message} {told.progress:.0%}")
        row.operator("diffusion_talker.live_cancel", text="", icon="CANCEL")
    elif told.problem and context.scene.diffusion_talker.use_live and told.problem != problem(context):
        draw_sentence(layout, context, told.problem, "ERROR")


class TakesPanel:
    """What both panels share."""

    bl_label = "Takes"
    bl_category = "Lip Sync"
    bl_region_type = "UI"

    def draw(self, context: bpy.types.Context) -> None:
        layout, obj = self.layout, lead_of(context)
        if not has_takes(obj):
            draw_sentence(layout, context, no_takes_sentence(context, obj), "INFO")
            return
        row = layout.row()
        takes = context.scene.diffusion_talker_takes
        row.template_list("DIFFUSION_TALKER_UL_takes", "", bpy.data, "actions", takes, "index", rows=ROWS)
        column = row.column(align=True)
        column.operator("diffusion_talker.take_step", text="", icon="TRIA_UP").step = -1
        column.operator("diffusion_talker.take_step", text="", icon="TRIA_DOWN").step = 1
        column.separator()
        column.operator("diffusion_talker.take_delete", text="", icon="TRASH")
        column.menu("DIFFUSION_TALKER_MT_take_bring", text="", icon="DOWNARROW_HLT")
        _draw_present(layout, context, obj)


def no_takes_sentence(context: bpy.types.Context, obj: bpy.types.Object | None) -> str:
    """Why the list is empty."""
    form = form_of(context.scene)
    if form is not None and form.mode == CACHE:
        return "Takes that are mesh caches are files: choose another one in the modifier Mesh Cache"
    return present_problem(context)


def _draw_present(layout: bpy.types.UILayout, context: bpy.types.Context, obj: bpy.types.Object) -> None:
    """What the take that plays was made of, and what to do with it."""
    told = context.window_manager.diffusion_talker_takes
    take = present_take(obj)
    if told.note and told.take in ("", take.name if take is not None else ""):
        draw_sentence(layout, context, told.note, "ERROR")
    stored = stored_of(take)
    if stored is not None and stored.options is not None:
        draw_sentence(layout, context, sentence_of(stored.options))
    row = layout.row(align=True)
    row.operator("diffusion_talker.take_settings")
    row.operator("diffusion_talker.regenerate")


class DIFFUSION_TALKER_PT_takes_view3d(TakesPanel, bpy.types.Panel):
    bl_space_type = "VIEW_3D"
    bl_parent_id = "DIFFUSION_TALKER_PT_view3d"


class DIFFUSION_TALKER_PT_takes_sequencer(TakesPanel, bpy.types.Panel):
    bl_space_type = "SEQUENCE_EDITOR"
    bl_parent_id = "DIFFUSION_TALKER_PT_sequencer"
