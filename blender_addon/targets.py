# SPDX-License-Identifier: GPL-3.0-or-later
"""What can this object be driven by? A mapping of channels to shape keys, or one sentence that says why not."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from .topology import topology_of

if TYPE_CHECKING:
    import bpy

    from diffusion_talker.rigs.vocabularies import Recognized

#: Without the jaw nothing opens the mouth.
JAW = "jawOpen"
#: Fewer keys that move the mouth than this cannot show speech.
MINIMUM_MOUTH_SHAPES = 5
#: A key that opens the jaw by this much opens the mouth.
_OPENS = 0.15
#: Named first when shapes are missing: what speech needs most.
MOUTH_ESSENTIALS = (JAW, "mouthClose", "mouthFunnel", "mouthPucker", "mouthLowerDownLeft", "mouthLowerDownRight")

_VALUE_PATH = re.compile(r'key_blocks\["((?:[^"\\]|\\.)*)"\]\.value')


@dataclass(frozen=True)
class TargetReport:
    """What an object offers.

    reason: why it cannot be driven and what to do next, empty when ready. mapping: (ARKit channel, shape key name)
    pairs of channels with a key of their own. missing: ARKit channels without one. others: further keys that take
    part, visemes or expressions, and vocabulary: whose words they are. note: what the animator should know although it
    works, may be empty.
    """

    reason: str = ""
    mapping: tuple[tuple[str, str], ...] = ()
    missing: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    vocabulary: str = ""
    note: str = ""

    @property
    def ready(self) -> bool:
        return not self.reason

    @property
    def summary(self) -> str:
        """What will move, for the panel."""
        if not self.others:
            return f"{len(self.mapping)} of 52 face shapes"
        own = f"{len(self.mapping)} face shapes and " if self.mapping else ""
        return f"{own}{len(self.others)} keys of {self.vocabulary}"


def inspect_target(obj: bpy.types.Object | None) -> TargetReport:
    """Look at an object without changing it; quick enough for a panel's draw()."""
    reason = keys_problem(obj)
    if reason:
        return TargetReport(reason)
    return _inspect_keys(obj, obj.data.shape_keys)


def value_path(key_name: str) -> str:
    """Data path of a shape key's value, seen from its Key."""
    import bpy

    return f'key_blocks["{bpy.utils.escape_identifier(key_name)}"].value'


def key_name_of_path(data_path: str) -> str | None:
    """Shape key whose value a data path names, None for any other path."""
    import bpy

    match = _VALUE_PATH.fullmatch(data_path)
    return bpy.utils.unescape_identifier(match.group(1)) if match else None


def keys_problem(obj: bpy.types.Object | None) -> str:
    """Why the shape keys of this object cannot be animated, whatever they are, and what to do; empty when they can."""
    if obj is None:
        return "No face chosen: pick the mesh that has the face's shape keys"
    if obj.type != "MESH":
        return f"'{obj.name}' is not a mesh: pick the mesh that has the face's shape keys"
    keys = obj.data.shape_keys
    if keys is None or len(keys.key_blocks) < 2:
        return _bare_problem(obj)
    return _read_only_problem(obj, keys) or _key_state_problem(obj, keys)


def _bare_problem(obj: bpy.types.Object) -> str:
    if can_generate(obj):
        return f"'{obj.name}' has no shape keys: press Generate Shape Keys, or pick the mesh that has them"
    return f"'{obj.name}' has no shape keys: place its landmarks and generate them, or pick the mesh that has them"


def _read_only_problem(obj: bpy.types.Object, keys: bpy.types.Key) -> str:
    library = keys.library or obj.data.library
    if library is not None and keys.override_library is None:
        source = library.filepath.replace("\\", "/").rsplit("/", 1)[-1]
        cure = "make a library override with its mesh, or a local copy"
        return f"'{obj.name}' is linked from {source}, which is read-only: {cure}"
    override = obj.data.override_library  # that of the keys: they have none of their own
    if override is not None and override.is_system_override:
        return f"The override of '{obj.name}' is not editable: choose Library Override > Make Editable, then try again"
    return ""


def _key_state_problem(obj: bpy.types.Object, keys: bpy.types.Key) -> str:
    if not keys.use_relative:
        return f"The shape keys of '{obj.name}' are absolute: tick Relative in the Shape Keys panel"
    if obj.show_only_shape_key:
        return f"'{obj.name}' shows one pinned shape key only: switch the pin off in the Shape Keys panel"
    animation = keys.animation_data
    if animation is not None and animation.use_tweak_mode:
        return f"An NLA strip of '{obj.name}' is being edited: leave tweak mode (Tab in the NLA editor) first"
    return ""


def _inspect_keys(obj: bpy.types.Object, keys: bpy.types.Key) -> TargetReport:
    from diffusion_talker.channels import ARKIT_52

    names = tuple(block.name for block in keys.key_blocks[1:])
    found = dict(_match_names(names))
    drivers = driven_keys(keys)
    muted = {block.name for block in keys.key_blocks if block.mute}
    usable = tuple((channel, name) for channel, name in found.items() if name not in drivers and name not in muted)
    missing = tuple(channel for channel in ARKIT_52 if channel not in dict(usable))
    speech = _Speech.of(tuple(name for name in names if name not in drivers and name not in muted))
    if speech.others:
        reason = _measured_problem(obj, speech) or _jaw_problem(obj, {}, drivers, muted)
        note = _note(found, drivers, muted, ())
    else:
        reason = _jaw_problem(obj, found, drivers, muted) or _coverage_problem(obj, found, speech, missing)
        note = _note(found, drivers, muted, missing)
    return TargetReport(reason, usable, missing, speech.others, speech.vocabulary, note)


@lru_cache(maxsize=16)
def _match_names(names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    from diffusion_talker.channels import match_arkit

    return tuple(match_arkit(names).items())


@lru_cache(maxsize=16)
def recognized_keys(names: tuple[str, ...]) -> tuple[Recognized, ...]:
    """Keys whose names say something, in any vocabulary."""
    from diffusion_talker.rigs.vocabularies import recognize

    return tuple(found for found in recognize(names) if found is not None)


@dataclass(frozen=True)
class _Speech:
    """What usable keys can say. mouth: keys that move the mouth. opens: one of them opens it. others: where ARKit's
    own keys are too few, the visemes or expressions that speak instead, of this vocabulary. measured: they mean nothing
    without the mesh."""

    mouth: tuple[str, ...]
    opens: bool
    others: tuple[str, ...] = ()
    vocabulary: str = ""
    measured: bool = False

    @classmethod
    def of(cls, names: tuple[str, ...]) -> _Speech:
        from diffusion_talker.channels import MOUTH_CHANNELS
        from diffusion_talker.rigs.vocabularies import ARKIT, KeyKind

        found = recognized_keys(names)
        mouth = [key for key in found if any(channel in MOUTH_CHANNELS for channel, _ in key.meaning.pose)]
        own = tuple(key.name for key in mouth if key.vocabulary == ARKIT.name)
        if len(own) >= MINIMUM_MOUTH_SHAPES and _opens(key for key in mouth if key.name in own):
            return cls(own, True)
        if len(mouth) >= MINIMUM_MOUTH_SHAPES and _opens(mouth):
            others = [key for key in mouth if key.name not in own]
            return cls(own, True, tuple(key.name for key in others), others[0].vocabulary)
        measured = tuple(key for key in found if key.meaning.kind is KeyKind.MEASURED)
        if measured:
            return cls(own, True, tuple(key.name for key in measured), measured[0].vocabulary, True)
        return cls(tuple(key.name for key in mouth), _opens(mouth))


def _opens(keys: Iterable[Recognized]) -> bool:
    return any(dict(key.meaning.pose).get(JAW, 0.0) >= _OPENS for key in keys)


def driven_keys(keys: bpy.types.Key) -> dict[str, str]:
    """Shape keys whose value a driver moves -> what drives them, as far as it has a name."""
    if keys.animation_data is None:
        return {}
    driven = {key_name_of_path(curve.data_path): curve for curve in keys.animation_data.drivers}
    return {name: _driver_source(curve) for name, curve in driven.items() if name is not None}


def _driver_source(curve: bpy.types.FCurve) -> str:
    targets = (target.id for variable in curve.driver.variables for target in variable.targets)
    return next((f"'{source.name}'" for source in targets if source is not None), "a driver")


def _jaw_problem(obj: bpy.types.Object, found: dict[str, str], drivers: dict[str, str], muted: set[str]) -> str:
    name = found.get(JAW)
    if name in drivers:
        return (
            f"Shape key '{name}' of '{obj.name}' is driven by {drivers[name]}: delete the drivers, or pick another mesh"
        )
    if name in muted:
        return f"Shape key '{name}' of '{obj.name}' is switched off: tick its box in the Shape Keys panel"
    return ""


def _measured_problem(obj: bpy.types.Object, speech: _Speech) -> str:
    """Expression keys are put to use by what they move, which takes the points of the face."""
    from .topology import landmarks_problem

    return landmarks_problem(obj) if speech.measured else ""


def _coverage_problem(
    obj: bpy.types.Object, found: dict[str, str], speech: _Speech, missing: tuple[str, ...]
) -> str:
    from diffusion_talker.channels import MOUTH_CHANNELS

    cure = "press Generate Shape Keys" if can_generate(obj) else "pick another mesh"
    if not found and not speech.mouth:
        return f"None of the shape keys of '{obj.name}' is a known face shape (jawOpen...): rename them, or {cure}"
    if not speech.opens:
        return f"'{obj.name}' has no shape key jawOpen, so its mouth cannot open: add it, or {cure}"
    if len(speech.mouth) < MINIMUM_MOUTH_SHAPES:
        wanted = [channel for channel in (*MOUTH_ESSENTIALS, *MOUTH_CHANNELS) if channel in missing]
        added = f"add {listed(dict.fromkeys(wanted), 4)}" + (f", or {cure}" if can_generate(obj) else "")
        return f"'{obj.name}' has too few mouth shapes to speak ({len(speech.mouth)}): {added}"
    return ""


def can_generate(obj: bpy.types.Object) -> bool:
    """Whether the points of this face are known, so that its missing keys can be generated."""
    from .landmarks import marks_left

    return topology_of(obj).landmarks is not None or not marks_left(obj)


def _note(found: dict[str, str], drivers: dict[str, str], muted: set[str], missing: tuple[str, ...]) -> str:
    kept = [name for name in found.values() if name in drivers]
    off = [name for name in found.values() if name in muted]
    absent = [channel for channel in missing if channel not in found]
    parts = (
        f"left to their drivers: {listed(kept, 3)}" if kept else "",
        f"switched off: {listed(off, 3)}" if off else "",
        f"missing: {listed(absent, 3)}" if absent else "",
    )
    text = "; ".join(part for part in parts if part)
    return text[:1].upper() + text[1:]


def face_beside(obj: bpy.types.Object, scene: bpy.types.Scene) -> bpy.types.Object | None:
    """The mesh of the same character that can be driven, where this object is a part of it that cannot: eyes, hair, the
    rig itself."""
    if obj.type == "MESH" and _has_own_keys(obj):
        return None
    roots = _roots(obj)
    related = (other for other in scene.objects if other != obj and other.type == "MESH" and roots & _roots(other))
    ready = [(inspect_target(other), other) for other in related]
    ranked = sorted(
        ((len(report.mapping) + len(report.others), other.name, other) for report, other in ready if report.ready),
        key=lambda found: (-found[0], found[1]),
    )
    return ranked[0][2] if ranked else None


def _has_own_keys(obj: bpy.types.Object) -> bool:
    """Whether a mesh has keys that say something: then it is worth mending and no other is meant."""
    keys = obj.data.shape_keys
    return keys is not None and bool(recognized_keys(tuple(block.name for block in keys.key_blocks[1:])))


def _roots(obj: bpy.types.Object) -> set[str]:
    """What ties parts of a character together: its armatures, and what they hang on."""
    names = {modifier.object.name for modifier in obj.modifiers if modifier.type == "ARMATURE" and modifier.object}
    while obj is not None:
        names.add(obj.name)
        obj = obj.parent
    return names


def listed(names: Iterable[str], limit: int) -> str:
    """At most `limit` names, then how many more."""
    names = tuple(names)
    rest = len(names) - limit
    return ", ".join(names[:limit]) + (f" and {rest} more" if rest > 0 else "")
