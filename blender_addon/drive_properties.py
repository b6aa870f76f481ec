# SPDX-License-Identifier: GPL-3.0-or-later
"""How a face is driven, as the animator set it up: the mapping with each object, everything else with the scene."""

from __future__ import annotations

from math import radians
from typing import Final

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from .face_mapping import remember_edits
from .properties import PATH_OPTIONS

#: Linked characters that were made library overrides are set up like any other.
OVERRIDABLE: Final = {"LIBRARY_OVERRIDABLE"}
OVERRIDABLE_LIST: Final = {"LIBRARY_OVERRIDABLE", "USE_INSERTION"}
AXES: Final = (
    ("AUTO", "Automatic", "The axis that drops the chin, from where the bones lie"),
    ("X", "X", "The bone's own X axis"),
    ("Y", "Y", "The bone's own Y axis"),
    ("Z", "Z", "The bone's own Z axis"),
    ("-X", "-X", "The bone's own X axis, the other way round"),
    ("-Y", "-Y", "The bone's own Y axis, the other way round"),
    ("-Z", "-Z", "The bone's own Z axis, the other way round"),
)
MODES: Final = (
    ("KEYS", "Shape Keys", "Curves on the face's shape keys, which can be edited like any other"),
    ("CACHE", "Mesh Cache", "Every vertex of every frame in a file, read by a Mesh Cache modifier"),
    ("SHAPE_PER_FRAME", "Shape Key per Frame", "Every frame is a shape key of its own. Heavy, and slow to play"),
)


def _remember_edits(row: bpy.types.PropertyGroup, context: bpy.types.Context) -> None:
    remember_edits(row.id_data)


class DIFFUSION_TALKER_PG_entry(bpy.types.PropertyGroup):
    """A shape key that a channel drives."""

    key: StringProperty(
        name="Shape Key", description="Shape key that this channel drives", update=_remember_edits,
        override=OVERRIDABLE,
    )  # fmt: skip
    gain: FloatProperty(
        name="Gain", description="Value of the key when the channel is 1", default=1.0, soft_min=-2.0, soft_max=2.0,
        update=_remember_edits, override=OVERRIDABLE,
    )  # fmt: skip
    offset: FloatProperty(
        name="Offset", description="Value of the key when the channel is 0", soft_min=-1.0, soft_max=1.0,
        update=_remember_edits, override=OVERRIDABLE,
    )  # fmt: skip


class DIFFUSION_TALKER_PG_channel(bpy.types.PropertyGroup):
    """One ARKit channel: its strength, and the keys set by hand. found, how, shown: what was found when it was read."""

    name: StringProperty(name="Channel", override=OVERRIDABLE)
    enabled: BoolProperty(
        name="On", description="Whether this channel moves anything", default=True, update=_remember_edits,
        override=OVERRIDABLE,
    )  # fmt: skip
    gain: FloatProperty(
        name="Gain", description="Strength of this channel", default=1.0, soft_min=0.0, soft_max=2.0,
        update=_remember_edits, override=OVERRIDABLE,
    )  # fmt: skip
    offset: FloatProperty(
        name="Offset", description="Added to this channel", soft_min=-1.0, soft_max=1.0, update=_remember_edits,
        override=OVERRIDABLE,
    )  # fmt: skip
    by_hand: BoolProperty(
        name="By Hand", description="Its keys were chosen by hand", update=_remember_edits, override=OVERRIDABLE
    )
    entries: CollectionProperty(type=DIFFUSION_TALKER_PG_entry, override=OVERRIDABLE_LIST)
    found: StringProperty(name="Keys", override=OVERRIDABLE)
    how: StringProperty(name="How", override=OVERRIDABLE)
    shown: FloatProperty(name="Shown", subtype="FACTOR", override=OVERRIDABLE)


class DIFFUSION_TALKER_PG_mapping(bpy.types.PropertyGroup):
    """The mapping of one mesh as it is shown and edited; empty while nobody looked at it.

    What counts is `Object.diffusion_talker_edits`, which follows every change: Blender keeps a text of an overridden
    object, but not a list within it.
    """

    channels: CollectionProperty(type=DIFFUSION_TALKER_PG_channel, override=OVERRIDABLE_LIST)
    index: IntProperty(name="Active Channel", override=OVERRIDABLE)


class DIFFUSION_TALKER_PG_mesh(bpy.types.PropertyGroup):
    """A mesh that goes along with the face."""

    object: PointerProperty(name="Mesh", type=bpy.types.Object)


def _is_armature(settings: DIFFUSION_TALKER_PG_drive, obj: bpy.types.Object) -> bool:
    return obj.type == "ARMATURE" and obj.name in settings.id_data.objects


def _in_scene(settings: DIFFUSION_TALKER_PG_drive, obj: bpy.types.Object) -> bool:
    return obj.name in settings.id_data.objects


class DIFFUSION_TALKER_PG_drive(bpy.types.PropertyGroup):
    """What else moves with the face, and in which form the take is written."""

    meshes: CollectionProperty(type=DIFFUSION_TALKER_PG_mesh)
    mesh_index: IntProperty(name="Active Mesh")

    mode: EnumProperty(name="Write", description="Form in which the take is written", items=MODES)
    cache_format: EnumProperty(
        name="Format",
        description="Format of the mesh cache",
        items=(("PC2", "PC2", "Point cache, the smaller one"), ("MDD", "MDD", "Understood by most other programs")),
    )
    cache_folder: StringProperty(
        name="Folder", description="Where mesh caches are written", default="//lip_sync", subtype="DIR_PATH",
        options=PATH_OPTIONS,
    )  # fmt: skip

    armature: PointerProperty(
        name="Armature", description="Armature whose bones move with the face", type=bpy.types.Object, poll=_is_armature
    )
    jaw_bone: StringProperty(name="Jaw", description="Bone that opens the mouth. Empty for none")
    jaw_axis: EnumProperty(name="Axis", description="Axis about which the jaw opens", items=AXES)
    jaw_angle: FloatProperty(
        name="Angle", description="Rotation of the jaw at full open", default=radians(18.0), min=radians(-90.0),
        max=radians(90.0), subtype="ANGLE",
    )  # fmt: skip
    jaw_alone: BoolProperty(
        name="Bone Alone",
        description="The jaw is opened by the bone alone: shape keys leave jawOpen, jawLeft and jawRight to it",
    )
    eye_left_bone: StringProperty(name="Left Eye", description="Bone of the character's left eye. Empty for none")
    eye_right_bone: StringProperty(name="Right Eye", description="Bone of the character's right eye. Empty for none")
    eye_strength: FloatProperty(
        name="Gaze", description="How far the eyes turn: 1 is natural", default=1.0, min=0.0, max=2.0, subtype="FACTOR"
    )
    use_poses: BoolProperty(
        name="Pose Library",
        description="Blend the actions of one frame that are named like visemes or ARKit shapes, on this armature",
    )

    use_head: BoolProperty(
        name="Head Rotation", description="Key the rotation of the head, replacing what is keyed there in this range"
    )
    head_object: PointerProperty(
        name="Head", description="Object that turns, or armature with the bone that does", type=bpy.types.Object,
        poll=_in_scene,
    )  # fmt: skip
    head_bone: StringProperty(name="Bone", description="Bone that turns the head. Empty turns the object")
    head_strength: FloatProperty(
        name="Strength", description="How far the head turns: 1 is natural", default=1.0, min=0.0, max=2.0,
        subtype="FACTOR",
    )  # fmt: skip


def attach() -> None:
    """Hang the groups on scenes and objects; their classes are registered already."""
    bpy.types.Scene.diffusion_talker_drive = PointerProperty(type=DIFFUSION_TALKER_PG_drive)
    bpy.types.Object.diffusion_talker_mapping = PointerProperty(type=DIFFUSION_TALKER_PG_mapping)
    bpy.types.Object.diffusion_talker_edits = StringProperty(
        name="Mapping by Hand", description="What was set by hand in the mapping", override=OVERRIDABLE
    )


def detach() -> None:
    del bpy.types.Object.diffusion_talker_edits
    del bpy.types.Object.diffusion_talker_mapping
    del bpy.types.Scene.diffusion_talker_drive
