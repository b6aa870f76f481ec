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
from .landmarks import LANDMARK_ITEMS

AUTO = "auto"
#: Paths that may be relative to the file; without this newer Blenders draw them as mistakes, and 4.2 does not know it.
PATH_OPTIONS = {"PATH_SUPPORTS_BLEND_RELATIVE"} if bpy.app.version >= (4, 5, 0) else set()
EnumItem = tuple[str, str, str, str, int]


@lru_cache(maxsize=1)
def identity_items() -> tuple[EnumItem, ...]:
    """Menu of talkers. Kept, because Blender does not hold on to the strings of a dynamic menu."""
    from diffusion_talker.errors import BundleError
    from diffusion_talker.library import read_library

    automatic = (AUTO, "From the Recording", "The talkers of the library who sound most like the recording", "NONE", 0)
    try:
        identities = read_library().identities
    except BundleError:
        return (automatic,)
    return (automatic, *(_item(info.name, info.description) for info in identities))


@lru_cache(maxsize=1)
def emotion_items() -> tuple[EnumItem, ...]:
    """Menu of emotions."""
    from diffusion_talker.errors import BundleError
    from diffusion_talker.library import read_library

    automatic = (AUTO, "From the Recording", "The emotion that the voice carries", "NONE", 0)
    try:
        emotions = read_library().emotions
    except BundleError:
        return (automatic,)
    return (
        automatic,
        *(_item(name, f"Speak with {name}" if index else "No emotion") for index, name in enumerate(emotions)),
    )


def _item(name: str, description: str) -> EnumItem:
    """The stored number follows from the name, so that files keep their choice when the library grows."""
    label = name if any(letter.isupper() for letter in name) else name.replace("_", " ").title()
    return name, label, description.rstrip("."), "NONE", zlib.crc32(name.encode()) & 0x7FFFFFFF or 1


def _identity_items(settings: DIFFUSION_TALKER_PG_settings, context: bpy.types.Context) -> tuple[EnumItem, ...]:
    return identity_items()


def _emotion_items(settings: DIFFUSION_TALKER_PG_settings, context: bpy.types.Context) -> tuple[EnumItem, ...]:
    return emotion_items()


def _search_strips(settings: DIFFUSION_TALKER_PG_settings, context: bpy.types.Context, text: str) -> list[str]:
    return [strip.name for strip in sound_strips(sequencer_scene(context))]


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
    identity: EnumProperty(
        name="Identity", description="Talker whose manner of speaking is used", items=_identity_items
    )
    emotion: EnumProperty(name="Emotion", description="Emotion of the performance", items=_emotion_items)
    intensity: FloatProperty(
        name="Intensity", description="Amount of the emotion", default=1.0, min=0.0, max=1.5, subtype="FACTOR"
    )
    style_strength: FloatProperty(
        name="Style Strength",
        description="How much of the talker's own manner is used: 0 is the average talker, 1 the talker",
        default=1.0,
        min=0.0,
        max=2.0,
        subtype="FACTOR",
    )
    seed: IntProperty(name="Seed", description="Another seed gives another take of the same line", default=0, min=0)
    use_upper_face: BoolProperty(
        name="Brows and Eyes",
        description="Animate brows, blinks and gaze too. Off leaves every shape key above the mouth as it is",
        default=True,
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
    identity_items.cache_clear()
    emotion_items.cache_clear()
