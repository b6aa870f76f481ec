# SPDX-License-Identifier: GPL-3.0-or-later
"""What one click can do about a face that does not move. Each fix changes just what its button says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Final

from .keyframes import current_fcurves
from .meshes import CACHES, is_masked
from .nla import covering_track, solo_track
from .targets import driven_keys, face_beside, key_name_of_path, recognized_keys, value_path

if TYPE_CHECKING:
    import bpy


class Fix(Enum):
    """Button and tooltip of every fix."""

    PICK_FACE = ("Pick It", "Use the mesh of the same character that can be driven")
    MAKE_EDITABLE = ("Make Editable", "Make the library override of this object and its shape keys editable")
    MAKE_RELATIVE = ("Make Relative", "Let the shape keys add up instead of following each other in time")
    UNPIN = ("Unpin", "Show all shape keys together instead of one alone")
    LEAVE_TWEAK_MODE = ("Leave Tweak Mode", "Stop editing the NLA strip")
    REMOVE_DRIVERS = ("Remove Drivers", "Delete the drivers of the shape keys that speech needs")
    UNMUTE_KEYS = ("Switch On", "Tick the boxes of the face's shape keys")
    CLEAR_VERTEX_GROUPS = ("Clear Vertex Groups", "Let the shape keys move everything they were made to move")
    RESET_RANGES = ("Set Range 0 to 1", "Give the face's shape keys their whole range")
    UNMUTE_CURVES = ("Unmute Curves", "Unmute the animation curves of the face's shape keys")
    CLEAR_SOLO = ("Clear Star", "Let all NLA tracks and the Action play")
    FULL_INFLUENCE = ("Full Influence", "Set the Action's influence to 1 and let it replace what lies below")
    MUTE_COVER = ("Mute Track", "Mute the NLA track that hides the take")
    CHOOSE_SLOT = ("Choose Slot", "Let the Action move these shape keys")
    SWITCH_OFF_CACHE = ("Switch Off Cache", "Switch the cache's modifier off in the viewport and in renders")
    SHOW = ("Show", "Show the object in the viewport")

    @property
    def label(self) -> str:
        return self.value[0]

    @property
    def description(self) -> str:
        return self.value[1]


def apply_fix(fix: Fix, obj: bpy.types.Object, scene: bpy.types.Scene) -> None:
    """Do what the button says."""
    _ACTIONS[fix](obj, scene)


def _keys(obj: bpy.types.Object) -> bpy.types.Key:
    return obj.data.shape_keys


def _face_keys(obj: bpy.types.Object) -> list[bpy.types.ShapeKey]:
    """The keys that say something, muted or driven ones too."""
    blocks = list(_keys(obj).key_blocks[1:])
    known = {found.name for found in recognized_keys(tuple(block.name for block in blocks))}
    return [block for block in blocks if block.name in known]


def _pick_face(obj: bpy.types.Object, scene: bpy.types.Scene) -> None:
    face = face_beside(obj, scene)
    if face is not None:
        scene.diffusion_talker.target = face


def _make_editable(obj: bpy.types.Object, scene: bpy.types.Scene) -> None:
    for block in (obj, obj.data):
        if block.override_library is not None:
            block.override_library.is_system_override = False


def _make_relative(obj: bpy.types.Object, scene: bpy.types.Scene) -> None:
    _keys(obj).use_relative = True


def _unpin(obj: bpy.types.Object, scene: bpy.types.Scene) -> None:
    obj.show_only_shape_key = False


def _leave_tweak_mode(obj: bpy.types.Object, scene: bpy.types.Scene) -> None:
    _keys(obj).animation_data.use_tweak_mode = False


def _remove_drivers(obj: bpy.types.Object, scene: bpy.types.Scene) -> None:
    driven = driven_keys(_keys(obj))
    for block in _face_keys(obj):
        if block.name in driven:
            block.driver_remove("value")


def _unmute_keys(obj: bpy.types.Object, scene: bpy.types.Scene) -> None:
    for block in _face_keys(obj):
        block.mute = False


def _clear_vertex_groups(obj: bpy.types.Object, scene: bpy.types.Scene) -> None:
    for block in _face_keys(obj):
        if is_masked(obj, block):
            block.vertex_group = ""


def _reset_ranges(obj: bpy.types.Object, scene: bpy.types.Scene) -> None:
    for block in _face_keys(obj):
        block.slider_max = max(block.slider_max, 1.0)
        block.slider_min = min(block.slider_min, 0.0)


def _unmute_curves(obj: bpy.types.Object, scene: bpy.types.Scene) -> None:
    names = {block.name for block in _face_keys(obj)}
    for curve in current_fcurves(_keys(obj)) or ():
        if key_name_of_path(curve.data_path) in names:
            curve.mute = False
            if curve.group is not None:
                curve.group.mute = False


def _clear_solo(obj: bpy.types.Object, scene: bpy.types.Scene) -> None:
    track = solo_track(_keys(obj).animation_data)
    if track is not None:
        track.is_solo = False


def _full_influence(obj: bpy.types.Object, scene: bpy.types.Scene) -> None:
    data = _keys(obj).animation_data
    data.action_influence, data.action_blend_type = 1.0, "REPLACE"


def _mute_cover(obj: bpy.types.Object, scene: bpy.types.Scene) -> None:
    data = _keys(obj).animation_data
    paths = (value_path(block.name) for block in _face_keys(obj))
    track = next((track for path in paths if (track := covering_track(data, path)) is not None), None)
    if track is not None:
        track.mute = True


def _choose_slot(obj: bpy.types.Object, scene: bpy.types.Scene) -> None:
    data = _keys(obj).animation_data
    data.action_slot = data.action_suitable_slots[0]


def _switch_off_cache(obj: bpy.types.Object, scene: bpy.types.Scene) -> None:
    for modifier in obj.modifiers:
        if modifier.type in CACHES:
            modifier.show_viewport = modifier.show_render = False


def _show(obj: bpy.types.Object, scene: bpy.types.Scene) -> None:
    obj.hide_viewport = False
    obj.hide_set(False)


_ACTIONS: Final[Mapping[Fix, Callable[[bpy.types.Object, bpy.types.Scene], None]]] = {
    Fix.PICK_FACE: _pick_face,
    Fix.MAKE_EDITABLE: _make_editable,
    Fix.MAKE_RELATIVE: _make_relative,
    Fix.UNPIN: _unpin,
    Fix.LEAVE_TWEAK_MODE: _leave_tweak_mode,
    Fix.REMOVE_DRIVERS: _remove_drivers,
    Fix.UNMUTE_KEYS: _unmute_keys,
    Fix.CLEAR_VERTEX_GROUPS: _clear_vertex_groups,
    Fix.RESET_RANGES: _reset_ranges,
    Fix.UNMUTE_CURVES: _unmute_curves,
    Fix.CLEAR_SOLO: _clear_solo,
    Fix.FULL_INFLUENCE: _full_influence,
    Fix.MUTE_COVER: _mute_cover,
    Fix.CHOOSE_SLOT: _choose_slot,
    Fix.SWITCH_OFF_CACHE: _switch_off_cache,
    Fix.SHOW: _show,
}
