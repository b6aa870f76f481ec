# SPDX-License-Identifier: GPL-3.0-or-later
"""What the animator chooses, stored with the scene; and the state of a running job, stored with the window manager."""

from __future__ import annotations

import zlib
from functools import lru_cache

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    FloatVectorProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from .audio_source import sequencer_scene, sound_strips
from .identities import find_row, listed_identities, model_library
from .landmarks import LANDMARK_ITEMS
from .style_properties import (
    AUTO,
    MIX,
    DIFFUSION_TALKER_PG_emotions,
    DIFFUSION_TALKER_PG_regions,
    DIFFUSION_TALKER_PG_style,
    changed,
)

#: Paths that may be relative to the file; without this newer Blenders draw them as mistakes, and 4.2 does not know it.
PATH_OPTIONS = {"PATH_SUPPORTS_BLEND_RELATIVE"} if bpy.app.version >= (4, 5, 0) else set()
EnumItem = tuple[str, str, str, str, int]


@lru_cache(maxsize=4)
def emotion_items(emotions: tuple[str, ...]) -> tuple[EnumItem, ...]:
    """Menu of emotions. Kept, because Blender does not hold on to the strings of a dynamic menu."""
    return (
        (AUTO, "As Recorded", "The emotion that the voice carries", "NONE", 0),
        *(_item(name, f"Speak with {name}" if index else "No emotion") for index, name in enumerate(emotions)),
        _item(MIX, "Several emotions at once, each with its share", "Mixed"),
    )


def _item(name: str, description: str, label: str = "") -> EnumItem:
    """The stored number follows from the name, so that files keep their choice when the library grows."""
    label = label or name.replace("_", " ").title()
    return name, label, description, "NONE", zlib.crc32(name.encode()) & 0x7FFFFFFF or 1


def _emotion_items(settings: DIFFUSION_TALKER_PG_settings, context: bpy.types.Context) -> tuple[EnumItem, ...]:
    return emotion_items(model_library(context or bpy.context).emotions)


def _search_strips(settings: DIFFUSION_TALKER_PG_settings, context: bpy.types.Context, text: str) -> list[str]:
    return [strip.name for strip in sound_strips(sequencer_scene(context))]


def _search_talkers(settings: DIFFUSION_TALKER_PG_settings, context: bpy.types.Context, text: str) -> list[str]:
    """Names of talkers; the one that every recording chooses for itself is for the list above."""
    return [row.identity for row in listed_identities(context).rows if row.identity != AUTO]


def _chosen_row(settings: DIFFUSION_TALKER_PG_settings) -> int:
    return find_row(bpy.context, settings.identity)


def _choose_row(settings: DIFFUSION_TALKER_PG_settings, index: int) -> None:
    rows = listed_identities(bpy.context).rows
    if 0 <= index < len(rows) and rows[index].identity != settings.identity:
        settings.identity = rows[index].identity


def _is_mesh(settings: DIFFUSION_TALKER_PG_settings, obj: bpy.types.Object) -> bool:
    return obj.type == "MESH" and obj.name in settings.id_data.objects


class DIFFUSION_TALKER_PG_settings(bpy.types.PropertyGroup):
    """Choices for the next take."""

    source: EnumProperty(
        name="Source",
        description="Where the speech comes from",
        items=(
            ("STRIP", "Sound Strip", "A sound strip of the Video Sequencer, with its position, trim and speed"),
            ("FILE", "Sound File", "A sound file on disk, from a frame of your choice"),
        ),
    )
    strip: StringProperty(
        name="Strip",
        description="Sound strip to animate. Empty takes the active strip, or the only one",
        search=_search_strips,
    )
    audio_file: StringProperty(
        name="File", description="Recording to animate", subtype="FILE_PATH", options=PATH_OPTIONS
    )
    first_frame: IntProperty(name="Start Frame", description="Frame at which the sound file begins", default=1)
    target: PointerProperty(
        name="Mesh",
        description="Mesh with the face's shape keys. Empty takes the active object",
        type=bpy.types.Object,
        poll=_is_mesh,
    )
    identity: StringProperty(
        name="Identity",
        description="Talker whose manner of speaking is used: one of the library, or of your own",
        default=AUTO,
        search=_search_talkers,
        search_options={"SORT", "SUGGESTION"},
        update=changed,
    )
    identity_row: IntProperty(
        name="Talker",
        description="Talker whose manner of speaking is used",
        get=_chosen_row,
        set=_choose_row,
        options=set(),
    )
    second_identity: StringProperty(
        name="Blend With",
        description="A second talker to mix in. Empty takes the chosen identity alone",
        search=_search_talkers,
        update=changed,
    )
    identity_blend: FloatProperty(
        name="Blend",
        description="Share of the second talker: 0 is the chosen identity, 1 the second alone",
        default=0.5,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
        update=changed,
    )
    emotion: EnumProperty(
        name="Emotion",
        description="Emotion of the performance. To change it over the line, mix emotions and key their shares",
        items=_emotion_items,
        options=set(),
        update=changed,
    )
    emotions: PointerProperty(type=DIFFUSION_TALKER_PG_emotions)
    intensity: FloatProperty(
        name="Intensity",
        description="Amount of the emotion: 0 is neutral, 1 as actors show it",
        default=1.0,
        min=0.0,
        max=1.5,
        subtype="FACTOR",
        update=changed,
    )
    style: PointerProperty(type=DIFFUSION_TALKER_PG_style)
    style_strength: FloatProperty(
        name="Style Strength",
        description="How much of the talker's own manner is used: 0 is the average talker, 1 the talker, more "
        "exaggerates",
        default=1.0,
        min=0.0,
        max=3.0,
        soft_max=2.0,
        subtype="FACTOR",
        update=changed,
    )
    regions: PointerProperty(type=DIFFUSION_TALKER_PG_regions)
    seed: IntProperty(
        name="Seed", description="Another seed gives another take of the same line", default=0, min=0, update=changed
    )
    use_live: BoolProperty(
        name="Update While Dragging",
        description="Change the present take at once when a slider, the emotion or the identity is changed",
        default=False,
        update=changed,
    )

    mirror_landmarks: BoolProperty(
        name="Mirror",
        description="Points that are placed on one side of the face are placed on the other side too",
        default=True,
    )
    show_landmarks: BoolProperty(
        name="Show in Viewport", description="Draw the points of the face over the mesh", default=True
    )
    landmark: EnumProperty(
        name="Point",
        description="Point of the face that the buttons below place",
        items=LANDMARK_ITEMS,
    )


class DIFFUSION_TALKER_PG_status(bpy.types.PropertyGroup):
    """What the panels show about the job that runs or the last one."""

    progress: FloatProperty(name="Progress", min=0.0, max=1.0, subtype="FACTOR")
    message: StringProperty(name="Message")
    result: StringProperty(name="Result")
    failed: BoolProperty(name="Failed")
    take: StringProperty(name="Take", description="Action of which the result speaks")
    blend: StringProperty(name="File", description="File in which the result was made")
    cancel_requested: BoolProperty(name="Cancel Requested")


class DIFFUSION_TALKER_PG_landmark(bpy.types.PropertyGroup):
    """One marked point of a face: a vertex of the neutral, and where it was when it was marked."""

    name: StringProperty(name="Name", description="Which point of the face it is")
    vertex: IntProperty(name="Vertex", description="Vertex of the neutral", default=-1)
    vertex_count: IntProperty(name="Vertices", description="Vertices that the mesh had when the point was placed")
    place: FloatVectorProperty(name="Place", description="Place of the point on the neutral", size=3)


def attach() -> None:
    """Hang the groups on scene, window manager and objects; their classes are registered already."""
    bpy.types.Object.diffusion_talker_landmarks = CollectionProperty(type=DIFFUSION_TALKER_PG_landmark)
    bpy.types.Scene.diffusion_talker = PointerProperty(type=DIFFUSION_TALKER_PG_settings)
    bpy.types.WindowManager.diffusion_talker = PointerProperty(type=DIFFUSION_TALKER_PG_status)


def detach() -> None:
    del bpy.types.Object.diffusion_talker_landmarks
    del bpy.types.WindowManager.diffusion_talker
    del bpy.types.Scene.diffusion_talker
    emotion_items.cache_clear()
