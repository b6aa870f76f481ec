# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel "Lip Sync", in the 3D View and in the Sequencer: from the speech down to the button."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import bpy

from .audio_source import find_strip, sequencer_scene
from .diagnosis import diagnose
from .generated_keys import generated_notes, lacks_keys
from .generation import problem, target_of
from .landmarks import LANDMARKS, marks_left
from .operators.generate import is_running, shown_result
from .sentences import draw_sentence
from .style_panel import draw_emotion, draw_emotion_header, draw_style, draw_style_header, draw_voice
from .takes_panel import draw_live
from .targets import inspect_target
from .topology import topology_of

Draw = Callable[[bpy.types.UILayout, bpy.types.Context], None]


class LipSyncPanel:
    """What both panels share."""

    bl_label = "Lip Sync"
    bl_category = "Lip Sync"
    bl_region_type = "UI"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        running = is_running(context)
        choices = layout.column()
        choices.enabled = not running
        shown = set()
        for section in SECTIONS:
            header, body = choices.panel(f"DIFFUSION_TALKER_{section.name}", default_closed=section.is_closed)
            header.label(text=section.title)
            if section.draw_header is not None:
                section.draw_header(header, context)
            if body is not None:
                shown.add(section.name)
                section.draw(body, context)
        if running:
            _draw_progress(layout, context)
        else:
            _draw_button(layout, context, "face" in shown)


class DIFFUSION_TALKER_PT_view3d(LipSyncPanel, bpy.types.Panel):
    bl_space_type = "VIEW_3D"


class DIFFUSION_TALKER_PT_sequencer(LipSyncPanel, bpy.types.Panel):
    bl_space_type = "SEQUENCE_EDITOR"


def _draw_speech(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    settings = context.scene.diffusion_talker
    layout.prop(settings, "source", text="From")
    if settings.source == "FILE":
        layout.prop(settings, "audio_file")
        layout.prop(settings, "first_frame")
        return
    strip = find_strip(sequencer_scene(context), settings.strip)
    shown = strip.name if strip is not None else "Choose a strip"
    layout.prop(settings, "strip", icon="SOUND", placeholder=shown)


def _draw_face(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    settings = context.scene.diffusion_talker
    layout.prop(settings, "target")
    obj = target_of(context)
    found = diagnose(obj, context.scene)
    column = layout.column(align=True)
    draw_sentence(column, context, found.sentence, "CHECKMARK" if found.moves else "INFO")
    if found.fix is not None:
        column.operator("diffusion_talker.fix_face", text=found.fix.label)
    if obj is None or obj.type != "MESH":
        layout.operator("diffusion_talker.add_demo_head", icon="USER")
    elif lacks_keys(obj):
        _draw_key_generator(layout, context, obj)
    for note in generated_notes(obj.data.shape_keys) if obj is not None and obj.type == "MESH" else ():
        draw_sentence(layout, context, note, "BLANK1")


def _draw_key_generator(layout: bpy.types.UILayout, context: bpy.types.Context, obj: bpy.types.Object) -> None:
    """For heads that lack keys: what the mesh is, its landmarks where it is no known one, and the button."""
    topology = topology_of(obj)
    if topology.sentence:
        draw_sentence(layout, context, topology.sentence, "MESH_MONKEY")
    left = marks_left(obj)
    if topology.landmarks is None or len(left) < len(LANDMARKS):
        title = f"Landmarks {len(LANDMARKS) - len(left)} of {len(LANDMARKS)}"
        header, body = layout.panel("DIFFUSION_TALKER_landmarks", default_closed=False)
        header.label(text=title)
        header.operator("diffusion_talker.remove_landmarks", text="", icon="X").only = ""
        if body is not None:
            _draw_landmarks(body, context, obj)
    layout.operator("diffusion_talker.generate_shape_keys", icon="SHAPEKEY_DATA")


def _draw_landmarks(layout: bpy.types.UILayout, context: bpy.types.Context, obj: bpy.types.Object) -> None:
    settings = context.scene.diffusion_talker
    left = {landmark.name for landmark in marks_left(obj)}
    row = layout.row(align=True)
    row.operator("diffusion_talker.place_landmarks", icon="EYEDROPPER").only = ""
    row.prop(settings, "mirror_landmarks", text="", icon="MOD_MIRROR")
    row.prop(settings, "show_landmarks", text="", icon="HIDE_OFF" if settings.show_landmarks else "HIDE_ON")
    column = layout.column(align=True)
    for landmark in LANDMARKS:
        if landmark.name.endswith("_right"):
            continue
        row = column.row(align=True)
        row.label(text=landmark.title)
        sides = row.row(align=True)
        sides.alignment = "RIGHT"
        for name, text in ((landmark.name, "L" if landmark.partner else "  "), (landmark.partner, "R")):
            if name:
                icon = "RADIOBUT_OFF" if name in left else "CHECKMARK"
                sides.operator("diffusion_talker.place_landmarks", text=text, icon=icon).only = name
    layout.operator("diffusion_talker.mirror_landmarks", icon="MOD_MIRROR")
    _draw_one_landmark(layout, settings)


def _draw_one_landmark(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    """Other ways to place a point than by a click."""
    layout.prop(settings, "landmark")
    row = layout.row(align=True)
    for source, text, icon in (("CURSOR", "3D Cursor", "PIVOT_CURSOR"), ("SELECTED", "Vertex", "VERTEXSEL")):
        mark = row.operator("diffusion_talker.mark_landmark", text=text, icon=icon)
        mark.name, mark.source = settings.landmark, source
    row.operator("diffusion_talker.remove_landmarks", text="", icon="X").only = settings.landmark


def _draw_output(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    settings = context.scene.diffusion_talker
    layout.prop(settings, "seed")
    row = layout.row()
    row.use_property_split = False  # its name needs the whole width
    row.prop(context.scene.diffusion_talker_takes, "use_new_seed")
    layout.operator("diffusion_talker.export", icon="EXPORT", text="Export Take...")


@dataclass(frozen=True)
class Section:
    """A part of the panel that folds. draw_header: what stands at the right of its title."""

    name: str
    title: str
    draw: Draw
    is_closed: bool = False
    draw_header: Draw | None = None


SECTIONS = (
    Section("speech", "Speech", _draw_speech),
    Section("face", "Face", _draw_face),
    Section("voice", "Voice", draw_voice),
    Section("emotion", "Emotion", draw_emotion, draw_header=draw_emotion_header),
    Section("style", "Style", draw_style, is_closed=True, draw_header=draw_style_header),
    Section("output", "Output", _draw_output, is_closed=True),
)


def _draw_button(layout: bpy.types.UILayout, context: bpy.types.Context, face_is_explained: bool) -> None:
    status = context.window_manager.diffusion_talker
    row = layout.row()
    row.scale_y = 1.5
    row.operator("diffusion_talker.generate", icon="PLAY")
    draw_live(layout, context)
    reason = problem(context)
    if reason:
        if not (face_is_explained and reason == inspect_target(target_of(context)).reason):
            draw_sentence(layout, context, reason, "INFO")
    elif result := shown_result(context):
        draw_sentence(layout, context, result, "ERROR" if status.failed else "CHECKMARK")


def _draw_progress(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    status = context.window_manager.diffusion_talker
    row = layout.row(align=True)
    row.scale_y = 1.5
    row.progress(factor=status.progress, type="BAR", text=f"{status.message} {status.progress:.0%}")
    row.operator("diffusion_talker.cancel", text="", icon="CANCEL")


def _draw_add_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    menu.layout.operator("diffusion_talker.add_demo_head", icon="USER")


def attach() -> None:
    """Put the demo head into Add > Mesh."""
    bpy.types.VIEW3D_MT_mesh_add.append(_draw_add_menu)


def detach() -> None:
    bpy.types.VIEW3D_MT_mesh_add.remove(_draw_add_menu)
