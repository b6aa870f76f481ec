# SPDX-License-Identifier: GPL-3.0-or-later
"""One sentence: will Generate move this face, will it be seen, and if not, why not. Looks only, changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from .audio_source import find_strip, strip_times
from .drive_plan import other_way
from .fixes import Fix
from .keyframes import current_fcurves, current_lines, is_muted, is_slotless
from .meshes import CACHES, is_masked, key_offsets
from .nla import covering_track, solo_track
from .targets import (
    JAW,
    TargetReport,
    can_generate,
    driven_keys,
    face_beside,
    inspect_target,
    key_name_of_path,
    listed,
    recognized_keys,
    value_path,
)

if TYPE_CHECKING:
    import bpy

#: Movement that nobody sees, in shares of the mesh's size.
_STILL = 1e-5
#: A speaking key that cannot get this far shows too little of speech.
_LEAST_RANGE = 0.5
#: Keys whose movement is looked at: enough to tell empty keys from sculpted ones, in less than a millisecond.
_SAMPLED_KEYS = 3


@dataclass(frozen=True)
class Diagnosis:
    """sentence: what Generate will do, or why nothing will be seen and what to do. moves: the face will be seen to
    move. fix: what one click can do about it, None where the user has to."""

    sentence: str
    moves: bool = False
    fix: Fix | None = None


@dataclass(frozen=True)
class Patient:
    """A face that has what it takes, and the scene in which it is to speak."""

    obj: bpy.types.Object
    scene: bpy.types.Scene
    report: TargetReport

    @property
    def keys(self) -> bpy.types.Key:
        return self.obj.data.shape_keys

    @cached_property
    def speaking(self) -> tuple[str, ...]:
        """Keys that move the mouth, what opens it first."""
        from diffusion_talker.channels import MOUTH_CHANNELS

        own = [(channel != JAW, name) for channel, name in self.report.mapping if channel in MOUTH_CHANNELS]
        return tuple(name for _, name in sorted(own)) + self.report.others


def diagnose(obj: bpy.types.Object | None, scene: bpy.types.Scene) -> Diagnosis:
    """Look at an object and the scene it is in; quick enough for a panel's draw()."""
    other = other_way(obj, scene)
    if other is not None:
        return Diagnosis(other.sentence, other.moves)
    report = inspect_target(obj)
    if not report.ready:
        return _refusal(obj, scene, report)
    patient = Patient(obj, scene, report)
    for check in CHECKS:
        found = check(patient)
        if found is not None:
            return found
    return _ready(patient)


def _ready(patient: Patient) -> Diagnosis:
    muted = [block.name for block in patient.keys.key_blocks if block.mute]
    note = f". {patient.report.note}" if patient.report.note else ""
    sentence = f"Generate will move {patient.report.summary} of '{patient.obj.name}'{note}"
    return Diagnosis(sentence, True, Fix.UNMUTE_KEYS if muted and "switched off" in note.lower() else None)


# ---------------------------------------------------------------- faces that cannot be driven


def _refusal(obj: bpy.types.Object | None, scene: bpy.types.Scene, report: TargetReport) -> Diagnosis:
    if obj is None:
        return Diagnosis(report.reason)
    face = face_beside(obj, scene)
    if face is not None:
        return Diagnosis(_wrong_object(obj, face), fix=Fix.PICK_FACE)
    return Diagnosis(_boned_face(obj) or report.reason, fix=_refusal_fix(obj))


def _boned_face(obj: bpy.types.Object) -> str:
    """A face without keys whose armature moves it."""
    if obj.type != "MESH" or obj.data.shape_keys is not None:
        return ""
    rig = next((m.object for m in obj.modifiers if m.type == "ARMATURE" and m.object is not None), None)
    if rig is None:
        return ""
    cure = "press Generate Shape Keys" if can_generate(obj) else "place its landmarks and generate them"
    return f"Only the bones of '{rig.name}' move '{obj.name}', and lips need shape keys: {cure}"


def _wrong_object(obj: bpy.types.Object, face: bpy.types.Object) -> str:
    if obj.type == "ARMATURE":
        return f"'{obj.name}' is an armature: its face is the mesh '{face.name}'. Pick that"
    if obj.type != "MESH":
        return f"'{obj.name}' is not a mesh: the face beside it is '{face.name}'. Pick that"
    return f"'{obj.name}' has no face shapes, but '{face.name}' beside it has: pick that"


def _refusal_fix(obj: bpy.types.Object) -> Fix | None:
    keys = obj.data.shape_keys if obj.type == "MESH" else None
    if keys is None or keys.library is not None or obj.data.library is not None:
        return None
    if obj.data.override_library is not None and obj.data.override_library.is_system_override:
        return Fix.MAKE_EDITABLE
    if not keys.use_relative:
        return Fix.MAKE_RELATIVE
    if obj.show_only_shape_key:
        return Fix.UNPIN
    if keys.animation_data is not None and keys.animation_data.use_tweak_mode:
        return Fix.LEAVE_TWEAK_MODE
    return _key_fix(keys)


def _key_fix(keys: bpy.types.Key) -> Fix | None:
    """What would make keys usable that are driven or switched off."""
    known = {found.name for found in recognized_keys(tuple(block.name for block in keys.key_blocks[1:]))}
    if known & set(driven_keys(keys)):
        return Fix.REMOVE_DRIVERS
    return Fix.UNMUTE_KEYS if any(block.mute and block.name in known for block in keys.key_blocks) else None


# ---------------------------------------------------------------- faces that move unseen


def _still_keys(patient: Patient) -> Diagnosis | None:
    size = max(patient.obj.dimensions) / (max(map(abs, patient.obj.matrix_world.to_scale())) or 1.0)
    sampled = patient.speaking[:_SAMPLED_KEYS]
    still = [name for name in sampled if _largest_move(patient.keys.key_blocks[name]) <= _STILL * size]
    if not still or (len(still) < len(sampled) and still[0] != sampled[0]):
        return None
    return Diagnosis(
        f"Shape key {_quoted(still)} of '{patient.obj.name}' moves no vertex: sculpt it, or delete it and "
        "generate shape keys"
    )


def _quoted(names: Iterable[str]) -> str:
    return listed([f"'{name}'" for name in names], 2)


def _largest_move(block: bpy.types.ShapeKey) -> float:
    moves = key_offsets(block)
    return float(np.abs(moves).max()) if len(moves) else 0.0


def _masked_keys(patient: Patient) -> Diagnosis | None:
    names = [name for name in patient.speaking if is_masked(patient.obj, patient.keys.key_blocks[name])]
    if not names:
        return None
    group = patient.keys.key_blocks[names[0]].vertex_group
    return Diagnosis(
        f"Vertex group '{group}' holds back shape key {_quoted(names)}, having no weight "
        "where the key moves: clear the group of the key",
        fix=Fix.CLEAR_VERTEX_GROUPS,
    )


def _narrow_ranges(patient: Patient) -> Diagnosis | None:
    blocks = [patient.keys.key_blocks[name] for name in patient.speaking]
    narrow = [block for block in blocks if block.slider_max < _LEAST_RANGE or block.slider_min > 0.0]
    if not narrow:
        return None
    first = narrow[0]
    return Diagnosis(
        f"The range of shape key {_quoted(block.name for block in narrow)} is {first.slider_min:.2g} to "
        f"{first.slider_max:.2g}, which cuts speech off: set it to 0 to 1",
        fix=Fix.RESET_RANGES,
    )


def _muted_curves(patient: Patient) -> Diagnosis | None:
    curves = current_fcurves(patient.keys) or ()
    off = {key_name_of_path(curve.data_path) for curve in curves if is_muted(curve)}
    muted = [name for name in patient.speaking if name in off]
    if not muted:
        return None
    return Diagnosis(
        f"The animation curve of {_quoted(muted)} on '{patient.obj.name}' is muted: unmute it in the Graph Editor",
        fix=Fix.UNMUTE_CURVES,
    )


def _nla(patient: Patient) -> Diagnosis | None:
    data = patient.keys.animation_data
    if data is None:
        return None
    solo = solo_track(data)
    if solo is not None:
        return Diagnosis(
            f"NLA track '{solo.name}' of '{patient.obj.name}' plays alone, so no Action is seen: click its star",
            fix=Fix.CLEAR_SOLO,
        )
    if len(data.nla_tracks) and data.use_nla and data.action_influence < 0.05:
        return Diagnosis(
            f"The Action of '{patient.obj.name}' has no influence in the NLA: set Action Influence to 1",
            fix=Fix.FULL_INFLUENCE,
        )
    return _covered_take(patient, data)


def _covered_take(patient: Patient, data: bpy.types.AnimData) -> Diagnosis | None:
    if data.action is not None:
        return None  # an Action lies above all tracks
    cover = covering_track(data, value_path(patient.speaking[0]))
    if cover is None:
        return None
    return Diagnosis(
        f"NLA track '{cover.name}' lies above the take of '{patient.obj.name}' and hides it: mute that track, or "
        "generate the line anew",
        fix=Fix.MUTE_COVER,
    )


def _slotless(patient: Patient) -> Diagnosis | None:
    data = patient.keys.animation_data
    if data is None or not is_slotless(data) or not current_lines(patient.obj):
        return None
    return Diagnosis(
        f"Action '{data.action.name}' is on '{patient.obj.name}' without a slot, so it moves nothing: choose its slot",
        fix=Fix.CHOOSE_SLOT,
    )


def _caches(patient: Patient) -> Diagnosis | None:
    cache = next((m for m in patient.obj.modifiers if m.type in CACHES and m.show_viewport), None)
    if cache is None:
        return None
    return Diagnosis(
        f"Modifier '{cache.name}' puts cached vertices over the shape keys of '{patient.obj.name}': switch it off",
        fix=Fix.SWITCH_OFF_CACHE,
    )


def _unseen(patient: Patient) -> Diagnosis | None:
    obj = patient.obj
    if obj.mode == "EDIT":
        return Diagnosis(f"'{obj.name}' is in Edit Mode, which shows no animated keys: press Tab")
    if obj.hide_viewport or obj.hide_get():
        return Diagnosis(f"'{obj.name}' is hidden in the viewport: show it to see it speak", fix=Fix.SHOW)
    return None


def _outside_range(patient: Patient) -> Diagnosis | None:
    scene = patient.scene
    first, end = _line_frames(scene)
    if scene.use_preview_range:
        start, stop, name = scene.frame_preview_start, scene.frame_preview_end, "preview range"
    else:
        start, stop, name = scene.frame_start, scene.frame_end, "frame range"
    if first is None or (first <= stop and (end is None or end > start)):
        return None
    where = f"at frame {first}" if end is None else f"at frames {first} to {end - 1}"
    return Diagnosis(f"The line lies {where}, outside the {name} {start} to {stop}: set the range, or move the line")


def _line_frames(scene: bpy.types.Scene) -> tuple[int | None, int | None]:
    """First frame of the line and the frame after its last, None as far as they are not known without reading it."""
    settings = scene.diffusion_talker
    if settings.source == "FILE":
        return settings.first_frame, None
    strip = find_strip(scene, settings.strip)
    if strip is None:
        return None, None
    times = strip_times(strip)
    return times.first_frame, times.end_frame


#: In the order in which they hide each other; the first that finds something speaks.
CHECKS: Final[tuple[Callable[[Patient], Diagnosis | None], ...]] = (
    _still_keys,
    _masked_keys,
    _narrow_ranges,
    _muted_curves,
    _nla,
    _slotless,
    _caches,
    _unseen,
    _outside_range,
)
