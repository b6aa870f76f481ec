# SPDX-License-Identifier: GPL-3.0-or-later
"""Curves become Actions on shape keys, bones and objects. Every version difference in animation lives here."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import bpy
import numpy as np

from .targets import value_path

if TYPE_CHECKING:
    FCurves = bpy.types.bpy_prop_collection

HAS_SLOTS: Final = bpy.app.version >= (4, 4, 0)
#: Bytes of a datablock's name.
NAME_LIMIT: Final = 255 if bpy.app.version >= (5, 0, 0) else 63
#: Custom property of our actions: {line's key: [first frame, end frame]} as JSON; a moved line leaves its old place.
LINES_PROPERTY: Final = "diffusion_talker_lines"
#: Custom properties of an Action that belongs to a take: which take (short), how it was made (long), whether it is a
#: favorite, and what a live take looked like when it was written last.
TAKE_PROPERTY: Final = "diffusion_talker_take"
SETTINGS_PROPERTY: Final = "diffusion_talker_settings"
FAVORITE_PROPERTY: Final = "diffusion_talker_favorite"
DIGEST_PROPERTY: Final = "diffusion_talker_digest"
TAKE_PROPERTIES: Final = (TAKE_PROPERTY, SETTINGS_PROPERTY, FAVORITE_PROPERTY, DIGEST_PROPERTY)

_LINEAR: Final = 1  # bpy.types.Keyframe.interpolation
_AUTO_CLAMPED: Final = 4  # bpy.types.Keyframe.handle_left_type
#: Per-key values and their width, everything that a rewrite of a curve must carry over.
_KEY_FIELDS: Final[Mapping[str, int]] = {
    "co": 2,
    "handle_left": 2,
    "handle_right": 2,
    "interpolation": 1,
    "handle_left_type": 1,
    "handle_right_type": 1,
    "type": 1,
    "easing": 1,
    "back": 1,
    "amplitude": 1,
    "period": 1,
}
#: What a fresh key has where the merge with older keys needs a value: Blender's own defaults.
_FRESH_DEFAULTS: Final[Mapping[str, float]] = {"back": 1.70158, "amplitude": 0.8, "period": 4.1}
_ENUM_FIELDS: Final = frozenset({"interpolation", "handle_left_type", "handle_right_type", "type", "easing"})


@dataclass(frozen=True)
class Take:
    """Curves of one spoken line, ready to be written.

    line: name of the strip or file, for the Action's name. key: what tells this line from others on the same face.
    first_frame: scene frame of the first value. end_frame: frame after the last.
    curves: shape key name -> (F,) float32, one value a frame.
    """

    line: str
    key: str
    first_frame: int
    curves: Mapping[str, np.ndarray]

    @property
    def frame_count(self) -> int:
        return max((len(values) for values in self.curves.values()), default=0)

    @property
    def end_frame(self) -> int:
        return self.first_frame + self.frame_count


@dataclass(frozen=True)
class WrittenTake:
    """What was written."""

    action_name: str
    curve_count: int
    key_count: int


#: What one curve animates: a data path seen from its datablock, and the index in an array property (0 for others).
Channel = tuple[str, int]


@dataclass(frozen=True)
class Points:
    """A curve of a few keys instead of one a frame: scene frames (K,) and values (K,)."""

    frames: np.ndarray
    values: np.ndarray


@dataclass(frozen=True)
class Keys:
    """Keys of a curve as they are, with their handles and all: fields (K, width) by name."""

    fields: dict[str, np.ndarray]


@dataclass(frozen=True)
class Track:
    """Curves for one datablock. title: what its Action is named after. curves: channel -> (F,) float32, one a frame,
    single points, or keys of another Action. dropped: channels whose older curves do not go over into the new Action.
    marks: custom properties of the new Action, see TAKE_PROPERTIES. bearer: the object that keeps the new Action among
    its takes, None where it is none."""

    owner: bpy.types.ID
    title: str
    curves: Mapping[Channel, np.ndarray | Points | Keys]
    dropped: frozenset[Channel] = frozenset()
    marks: Mapping[str, str] = field(default_factory=dict)
    bearer: bpy.types.Object | None = None


@dataclass(frozen=True)
class Span:
    """The line that tracks belong to: name, key and first frame as in a Take, and the number of frames."""

    line: str
    key: str
    first_frame: int
    frame_count: int

    @property
    def end_frame(self) -> int:
        return self.first_frame + self.frame_count


def write_take(obj: bpy.types.Object, take: Take) -> WrittenTake:
    """Give the object's shape keys a new Action with this line.

    The Action that was there stays as it was, kept by a fake user. What it holds besides this line (other lines, other
    shape keys, the animator's own keys before and after) is carried over into the new one.
    """
    span = Span(take.line, take.key, take.first_frame, take.frame_count)
    return write_tracks((shape_key_track(obj, take.curves),), span)[0]


def shape_key_track(obj: bpy.types.Object, curves: Mapping[str, np.ndarray]) -> Track:
    """Track of an object's shape keys from curves by key name, held within the keys' sliders."""
    blocks = obj.data.shape_keys.key_blocks
    held = {
        (value_path(name), 0): np.clip(values, blocks[name].slider_min, blocks[name].slider_max)
        for name, values in curves.items()
    }
    return Track(obj.data.shape_keys, obj.name, held)


def write_tracks(tracks: Sequence[Track], span: Span) -> tuple[WrittenTake, ...]:
    """Give every track's datablock a new Action with this line: all of them or, if one fails, none.

    Tracks of the same datablock share one Action.
    """
    merged = _one_track_each(tracks)
    fresh: list[_FreshAction] = []
    try:
        for track in merged:
            fresh.append(_prepare(track))
            fresh[-1].fill(track, span)
    except Exception:
        for prepared in fresh:
            bpy.data.actions.remove(prepared.action)  # none is assigned yet: the scene is as it was
        raise
    return tuple(_assign(track, prepared, span) for track, prepared in zip(merged, fresh, strict=True))


def _one_track_each(tracks: Sequence[Track]) -> list[Track]:
    merged: dict[int, Track] = {}
    for track in tracks:
        known = merged.get(track.owner.session_uid)
        curves = track.curves if known is None else {**known.curves, **track.curves}
        dropped = track.dropped if known is None else known.dropped | track.dropped
        merged[track.owner.session_uid] = replace(known or track, curves=curves, dropped=dropped)
    return list(merged.values())


@dataclass
class _FreshAction:
    """An Action that nothing uses yet, its curves, and how many keys were put into it."""

    action: bpy.types.Action
    fcurves: FCurves
    key_count: int = 0

    def fill(self, track: Track, span: Span) -> None:
        for curve in [curve for curve in self.fcurves if (curve.data_path, curve.array_index) in track.dropped]:
            self.fcurves.remove(curve)
        for replaced in _spans_to_replace(self.action, span):
            _remove_keys(self.fcurves, replaced, track.curves)
        for channel, values in track.curves.items():
            self.key_count += _write_curve(self.fcurves, channel, span.first_frame, values)
        _remember_line(self.action, span)
        _mark(self.action, track.marks)


def _prepare(track: Track) -> _FreshAction:
    data = track.owner.animation_data
    previous = data.action if data is not None else None
    return _FreshAction(*(_new_action(track.owner) if previous is None else _derived_action(data, track.owner)))


def _mark(action: bpy.types.Action, marks: Mapping[str, str]) -> None:
    """Say which take an Action belongs to; what its predecessor said, of which it may be a copy, goes."""
    for name in TAKE_PROPERTIES:
        if name in action:
            del action[name]
    for name, text in marks.items():
        action[name] = text


def _assign(track: Track, fresh: _FreshAction, span: Span) -> WrittenTake:
    fresh.action.name = take_name(track.title, span.line)
    assign_action(track.owner, fresh.action)
    if track.bearer is not None:
        _keep(track.bearer, fresh.action)
    return WrittenTake(fresh.action.name, len(track.curves), fresh.key_count)


def _keep(bearer: bpy.types.Object, action: bpy.types.Action) -> None:
    """Let an object hold on to a take, so that it takes it along when it is appended or linked. Overrides cannot."""
    if bearer.library is not None or bearer.override_library is not None:
        return
    kept = bearer.diffusion_talker_takes
    for index in reversed(range(len(kept))):
        if kept[index].action in (None, action):
            kept.remove(index)
    kept.add().action = action


def assign_action(owner: bpy.types.ID, action: bpy.types.Action | None) -> None:
    """Make this the Action of a datablock. The one that was there is kept, by a fake user where it can have one."""
    data = owner.animation_data_create()
    if data.action is not None and data.action.library is None:
        data.action.use_fake_user = True
    data.action = action
    if HAS_SLOTS and action is not None:
        data.action_slot = _slot_for(owner, action)  # without its slot nothing moves
    owner.update_tag()


def _slot_for(owner: bpy.types.ID, action: bpy.types.Action) -> bpy.types.ActionSlot | None:
    """The slot that is named like this datablock, else the first one for datablocks of its kind."""
    fitting = [slot for slot in action.slots if slot.target_id_type in (owner.id_type, "UNSPECIFIED")]
    return next((slot for slot in fitting if slot.name_display == owner.name), fitting[0] if fitting else None)


def current_action(owner: bpy.types.ID | None) -> bpy.types.Action | None:
    """The Action that a datablock plays."""
    data = owner.animation_data if owner is not None else None
    return data.action if data is not None else None


# ---------------------------------------------------------------- a take that is changed in place


def rewrite_tracks(tracks: Sequence[Track], span: Span) -> int:
    """Write a line into the Actions that play now, which hold it already; how many keys changed.

    Only where a key moves or is missing is a curve made anew: otherwise its values are exchanged, and all else about it
    stays. Call it for Actions of one's own only: what they held of this line is lost.
    """
    changed = 0
    for track in _one_track_each(tracks):
        action, fcurves = current_action(track.owner), current_fcurves(track.owner)
        for old in set(_spans_to_replace(action, span)) - {(span.first_frame, span.end_frame)}:
            _remove_keys(fcurves, old, track.curves)
        changed += sum(_rewrite_curve(fcurves, channel, span, values) for channel, values in track.curves.items())
        _remember_line(action, span)
        for name, text in track.marks.items():
            action[name] = text
        track.owner.update_tag()
    return changed


def _rewrite_curve(fcurves: FCurves, channel: Channel, span: Span, values: np.ndarray) -> int:
    """Values of one channel over a line; how many keys changed."""
    curve = fcurves.find(channel[0], index=channel[1])
    fresh = _fresh_keys(span.first_frame, values)["co"]
    co = np.empty((0, 2), np.float32) if curve is None else _read_field(curve, "co")
    inside = _within(co[:, 0], span.first_frame, span.end_frame)
    if np.array_equal(co[inside], fresh):
        return 0
    if np.array_equal(co[inside, 0], fresh[:, 0]):
        co[inside] = fresh
        curve.keyframe_points.foreach_set("co", co.ravel())
        curve.update()
        return len(fresh)
    _remove_keys(fcurves, (span.first_frame, span.end_frame), [channel])
    return _write_curve(fcurves, channel, span.first_frame, values)


def _within(frames: np.ndarray, first_frame: int, end_frame: int) -> np.ndarray:
    return (frames >= first_frame - 0.5) & (frames < end_frame - 0.5)


def line_digest(owner: bpy.types.ID, key: str) -> str:
    """What tells all keys that a datablock's Action holds within a line from other keys; empty without that line."""
    place = lines_of(current_action(owner)).get(key)
    if place is None:
        return ""
    digest = hashlib.blake2b(repr(place).encode(), digest_size=8)
    for curve in current_fcurves(owner) or ():
        co = _read_field(curve, "co")
        digest.update(f"{curve.data_path}{curve.array_index}".encode())
        digest.update(co[_within(co[:, 0], *place)].tobytes())
    return digest.hexdigest()


# ---------------------------------------------------------------- reading


def line_keys(owner: bpy.types.ID, action: bpy.types.Action, key: str) -> dict[Channel, Keys]:
    """All keys of a line as an Action has them for a datablock, edits included."""
    place = lines_of(action)[key]
    found = {}
    for curve in slot_fcurves_of(owner, action):
        fields = _read_keys(curve)
        inside = _within(fields["co"][:, 0], *place)
        if inside.any():
            kept = {name: values[inside] for name, values in fields.items()}
            found[curve.data_path, curve.array_index] = Keys(kept)
    return found


def read_curves(obj: bpy.types.Object, key_names: Iterable[str], frames: np.ndarray) -> dict[str, np.ndarray]:
    """Values (F,) float32 of the object's present Action at these frames, for every key that has a curve."""
    fcurves = current_fcurves(obj.data.shape_keys)
    found = {name: fcurves.find(value_path(name)) for name in key_names} if fcurves is not None else {}
    return {
        name: np.array([curve.evaluate(frame) for frame in frames.tolist()], np.float32)
        for name, curve in found.items()
        if curve is not None
    }


def current_lines(obj: bpy.types.Object) -> dict[str, tuple[int, int]]:
    """Lines that the present Action of the object's shape keys holds: key -> (first frame, end frame)."""
    data = obj.data.shape_keys.animation_data if obj.data.shape_keys else None
    return lines_of(data.action) if data is not None and data.action is not None else {}


def current_fcurves(owner: bpy.types.ID) -> FCurves | None:
    """F-curves that animate this datablock now."""
    data = owner.animation_data
    if data is None or data.action is None:
        return None
    return slot_fcurves(data.action, data.action_slot if HAS_SLOTS else None)


def strip_fcurves(strip: bpy.types.NlaStrip) -> FCurves | None:
    """F-curves that a strip of the NLA plays."""
    if strip.action is None:
        return None
    return slot_fcurves(strip.action, strip.action_slot if HAS_SLOTS else None)


def slot_fcurves(action: bpy.types.Action, slot: bpy.types.ActionSlot | None) -> FCurves | None:
    """F-curves of an Action for one slot; before 4.4 all that it has."""
    if not HAS_SLOTS:
        return action.fcurves
    for layer in action.layers:
        for strip in layer.strips:
            channelbag = strip.channelbag(slot) if slot else None
            if channelbag is not None:
                return channelbag.fcurves
    return None


def slot_fcurves_of(owner: bpy.types.ID, action: bpy.types.Action) -> Iterable[bpy.types.FCurve]:
    """F-curves that would move a datablock if this were its Action."""
    return slot_fcurves(action, _slot_for(owner, action) if HAS_SLOTS else None) or ()


def beside_digest(owner: bpy.types.ID, action: bpy.types.Action, key: str) -> str:
    """What tells the keys that an Action holds for a datablock outside of a line from other keys."""
    place = lines_of(action).get(key, (0, 0))
    digest = hashlib.blake2b(digest_size=8)
    for curve in sorted(slot_fcurves_of(owner, action), key=lambda curve: (curve.data_path, curve.array_index)):
        co = _read_field(curve, "co")
        beside = co[~_within(co[:, 0], *place)]
        if len(beside):
            digest.update(f"{curve.data_path}{curve.array_index}".encode() + beside.tobytes())
    return digest.hexdigest()


def all_fcurves(action: bpy.types.Action) -> Iterator[bpy.types.FCurve]:
    """F-curves of an Action for all of its slots."""
    if not HAS_SLOTS:
        yield from action.fcurves
        return
    for layer in action.layers:
        for strip in layer.strips:
            for channelbag in strip.channelbags:
                yield from channelbag.fcurves


def is_slotless(data: bpy.types.AnimData) -> bool:
    """Whether an Action is there that moves nothing, because none of its slots was chosen."""
    return HAS_SLOTS and data.action is not None and data.action_slot is None


def is_muted(curve: bpy.types.FCurve) -> bool:
    """Whether a curve is switched off; the mute of its group counts in Blender before 4.4 only."""
    return curve.mute or (not HAS_SLOTS and curve.group is not None and curve.group.mute)


def take_name(object_name: str, line: str) -> str:
    """ "Head Dialogue Take 02": readable, numbered on, and never cut by Blender's limit."""
    ending_bytes = len(" Take 00")
    stem = _cut(f"{object_name} {line}", NAME_LIMIT - ending_bytes)
    pattern = re.compile(re.escape(stem) + r" Take (\d+)")
    numbers = [int(match.group(1)) for action in bpy.data.actions if (match := pattern.fullmatch(action.name))]
    return f"{stem} Take {max(numbers, default=0) + 1:02d}"


def cut_name(name: str) -> str:
    """A name that Blender's limit does not cut."""
    return _cut(name, NAME_LIMIT)


def _cut(text: str, byte_count: int) -> str:
    return text.encode("utf-8")[:byte_count].decode("utf-8", errors="ignore").rstrip()


# ---------------------------------------------------------------- actions and slots


def _new_action(owner: bpy.types.ID) -> tuple[bpy.types.Action, FCurves]:
    action = bpy.data.actions.new("Lip Sync")
    if not HAS_SLOTS:
        action.id_root = owner.id_type
        return action, action.fcurves
    return action, _ensure_fcurves(action, action.slots.new(id_type=owner.id_type, name=owner.name))


def _derived_action(data: bpy.types.AnimData, owner: bpy.types.ID) -> tuple[bpy.types.Action, FCurves]:
    """A local copy of the present Action, with the slot of this datablock alone."""
    handle = data.action_slot.handle if HAS_SLOTS and data.action_slot is not None else None
    action = data.action.copy()
    if not HAS_SLOTS:
        return action, action.fcurves
    for slot in [slot for slot in action.slots if slot.handle != handle]:
        action.slots.remove(slot)
    slot = action.slots[0] if len(action.slots) else action.slots.new(id_type=owner.id_type, name=owner.name)
    return action, _ensure_fcurves(action, slot)


def _ensure_fcurves(action: bpy.types.Action, slot: bpy.types.ActionSlot) -> FCurves:
    layer = action.layers[0] if len(action.layers) else action.layers.new("Layer")
    strip = layer.strips[0] if len(layer.strips) else layer.strips.new(type="KEYFRAME")
    return strip.channelbag(slot, ensure=True).fcurves


# ---------------------------------------------------------------- lines that share an action


def lines_of(action: bpy.types.Action) -> dict[str, tuple[int, int]]:
    """Lines that an Action holds: key -> (first frame, end frame).

    JSON in one text property: Blender limits the names of properties, but not of strips."""
    try:
        stored = json.loads(action.get(LINES_PROPERTY, "{}"))
        return {key: (int(first), int(end)) for key, (first, end) in stored.items()}
    except (AttributeError, TypeError, ValueError):  # somebody edited the property by hand
        return {}


def _remember_line(action: bpy.types.Action, line: Span) -> None:
    lines = kept_lines(lines_of(action), line) | {line.key: (line.first_frame, line.end_frame)}
    action[LINES_PROPERTY] = json.dumps(lines)


def _spans_to_replace(action: bpy.types.Action, line: Span) -> list[tuple[int, int]]:
    """Frame ranges whose keys give way: the new line's own, and those of the lines it takes the place of."""
    replaced = [span for key, span in lines_of(action).items() if _is_replaced(key, span, line)]
    return [(line.first_frame, line.end_frame), *replaced]


def kept_lines(lines: Mapping[str, tuple[int, int]], line: Span) -> dict[str, tuple[int, int]]:
    """Of these lines, key -> (first frame, end frame), those that a new one does not take the place of."""
    return {key: tuple(span) for key, span in lines.items() if not _is_replaced(key, span, line)}


def _is_replaced(key: str, span: tuple[int, int], line: Span) -> bool:
    """The same line generated again, or one that mostly lies where the new one goes."""
    overlap = min(span[1], line.end_frame) - max(span[0], line.first_frame)
    return key == line.key or overlap * 2 > min(span[1] - span[0], line.frame_count)


# ---------------------------------------------------------------- keys


def _remove_keys(fcurves: FCurves, span: tuple[int, int], channels: Iterable[Channel]) -> None:
    """Drop the keys of these channels from span[0] up to, not including, span[1]."""
    wanted = set(channels)
    for curve in list(fcurves):
        if (curve.data_path, curve.array_index) not in wanted or not len(curve.keyframe_points):
            continue
        frames = _read_field(curve, "co")[:, 0]
        outside = (frames < span[0] - 0.5) | (frames >= span[1] - 0.5)
        if not outside.any():
            curve.keyframe_points.clear()
        elif not outside.all():
            _replace_keys(curve, {name: values[outside] for name, values in _read_keys(curve).items()})


def _write_curve(fcurves: FCurves, channel: Channel, first_frame: int, values: np.ndarray | Points | Keys) -> int:
    """Add a line's keys to the curve of one channel; how many there were."""
    path, index = channel
    fresh = _fields_of(values, first_frame)
    curve = fcurves.find(path, index=index)
    if curve is None:
        curve = fcurves.new(path, index=index)
    _replace_keys(curve, _merge(_read_keys(curve), fresh) if len(curve.keyframe_points) else fresh)
    return len(fresh["co"])


def _fields_of(values: np.ndarray | Points | Keys, first_frame: int) -> dict[str, np.ndarray]:
    if isinstance(values, Keys):
        return values.fields
    return _keys_at(values) if isinstance(values, Points) else _fresh_keys(first_frame, values)


def _fresh_keys(first_frame: int, values: np.ndarray) -> dict[str, np.ndarray]:
    """One linear key a frame: what is seen between two frames then never overshoots. A still channel needs one key."""
    if np.ptp(values) == 0:
        values = values[:1]
    return _keys_at(Points(first_frame + np.arange(len(values)), values))


def _keys_at(points: Points) -> dict[str, np.ndarray]:
    count = len(points.values)
    co = np.stack([points.frames, points.values], axis=1).astype(np.float32)
    kinds = {"interpolation": _LINEAR, "handle_left_type": _AUTO_CLAMPED, "handle_right_type": _AUTO_CLAMPED}
    return {"co": co} | {field: np.full((count, 1), kind, np.int32) for field, kind in kinds.items()}


def _read_keys(curve: bpy.types.FCurve) -> dict[str, np.ndarray]:
    return {name: _read_field(curve, name) for name in _KEY_FIELDS}


def _read_field(curve: bpy.types.FCurve, name: str) -> np.ndarray:
    """Values (K, width) of one property of all keys."""
    count, width = len(curve.keyframe_points), _KEY_FIELDS[name]
    values = np.empty(count * width, np.int32 if name in _ENUM_FIELDS else np.float32)
    curve.keyframe_points.foreach_get(name, values)
    return values.reshape(count, width)


def _merge(kept: dict[str, np.ndarray], fresh: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Both sets of keys in order of time; fields that fresh keys leave to Blender get its defaults."""
    order = np.argsort(np.concatenate((kept["co"][:, 0], fresh["co"][:, 0])), kind="stable")
    count = len(fresh["co"])
    merged = {}
    for name, values in kept.items():
        added = fresh.get(name, np.full((count, values.shape[1]), _FRESH_DEFAULTS.get(name, 0)))
        merged[name] = np.concatenate((values, added.astype(values.dtype)))[order]
    return merged


def _replace_keys(curve: bpy.types.FCurve, fields: dict[str, np.ndarray]) -> None:
    points = curve.keyframe_points
    points.clear()
    points.add(len(fields["co"]))
    for name, values in fields.items():
        dtype = np.int32 if name in _ENUM_FIELDS else np.float32
        points.foreach_set(name, np.ascontiguousarray(values, dtype).ravel())
    curve.update()
