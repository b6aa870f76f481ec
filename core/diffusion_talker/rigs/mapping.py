# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of a face's keys show which ARKit channel: found by name, shown as a table, edited, and applied to motion."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from collections.abc import Mapping as Table
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import numpy as np

from diffusion_talker.channels import ARKIT_52, MOUTH_CHANNELS
from diffusion_talker.errors import SettingsError
from diffusion_talker.motion import Motion, select_channels
from diffusion_talker.rigs.retarget import (
    FaceBasis,
    Retarget,
    channel_reach,
    make_retarget,
    relatedness,
    retarget_poses,
    solve,
)
from diffusion_talker.rigs.vocabularies import ARKIT, PART_SHARES, KeyKind, Recognized, recognize

#: Keys that show less of a channel than this do not count as an approximation of it.
MISSING_BELOW: Final = 0.12
#: With this share of the mouth's channels in ARKit keys, viseme keys stay out of the way.
_ARKIT_MOUTH: Final = 0.5
_SHOWN_GAIN: Final = 0.03
#: Keys this much alike to what is lacking may help with it.
_RELATED: Final = 0.25
#: How dear its own channels are to a key that helps out elsewhere, and to one that does not.
_LOYAL: Final = 1.0
PINNED: Final = 1000.0


class Sureness(StrEnum):
    """How a channel found its keys."""

    EXACT = "exact"
    SPELLING = "spelling"
    APPROXIMATED = "approximated"
    MISSING = "missing"
    BY_HAND = "by hand"


@dataclass(frozen=True)
class TargetKey:
    """A shape key of the face. vocabulary, meaning: where its name is known from and what it is called there, empty if
    unknown. pose: ARKit weights at value 1. minimum, maximum: range of its slider. solved: takes part in approximating
    what is missing."""

    name: str
    vocabulary: str = ""
    meaning: str = ""
    kind: KeyKind | None = None
    pose: tuple[tuple[str, float], ...] = ()
    minimum: float = 0.0
    maximum: float = 1.0
    solved: bool = False


@dataclass(frozen=True)
class Entry:
    """A key that a channel drives: value = gain * weight + offset."""

    key: str
    gain: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True)
class ChannelMapping:
    """One ARKit channel's way to the keys.

    entries: the keys it drives; for an approximated channel those that the solver picks for it alone. explained: share
    of its movement that they show. gain, offset: applied to the channel itself, first. enabled: whether it moves at
    all.
    """

    channel: str
    sureness: Sureness
    entries: tuple[Entry, ...] = ()
    explained: float = 0.0
    gain: float = 1.0
    offset: float = 0.0
    enabled: bool = True

    @property
    def direct(self) -> bool:
        """True where weights go straight to keys, without the solver."""
        return self.sureness in (Sureness.EXACT, Sureness.SPELLING, Sureness.BY_HAND)


@dataclass(frozen=True)
class ChannelEdit:
    """What was changed by hand about one channel. entries: its keys instead of the automatic ones, None to keep
    these."""

    channel: str
    gain: float = 1.0
    offset: float = 0.0
    enabled: bool = True
    entries: tuple[Entry, ...] | None = None


@dataclass(frozen=True)
class Mapping:
    """From the 52 ARKit channels to the keys of one mesh. Edits return a new mapping."""

    keys: tuple[TargetKey, ...]
    channels: tuple[ChannelMapping, ...]

    @property
    def vocabularies(self) -> tuple[str, ...]:
        """Vocabularies that the keys belong to, most keys first."""
        return tuple(name for name, _ in Counter(key.vocabulary for key in self.keys if key.vocabulary).most_common())

    @property
    def unused(self) -> tuple[str, ...]:
        """Keys that nothing drives."""
        driven = {entry.key for channel in self.channels for entry in channel.entries}
        return tuple(key.name for key in self.keys if key.name not in driven and not (key.solved and self.needs_solver))

    @property
    def needs_solver(self) -> bool:
        """True where some channel is shown by keys that are not its own."""
        return any(channel.sureness is Sureness.APPROXIMATED for channel in self.channels)

    def channel(self, name: str) -> ChannelMapping:
        """Mapping of one channel. Raises SettingsError for a name that is not ARKit's."""
        for channel in self.channels:
            if channel.channel == name:
                return channel
        raise SettingsError(f"'{name}' is no ARKit channel. Use a name such as jawOpen.")

    def key(self, name: str) -> TargetKey:
        """One key of the face. Raises SettingsError where it has none of that name."""
        for key in self.keys:
            if key.name == name:
                return key
        raise SettingsError(f"The face has no shape key '{name}'. Choose one of its keys.")

    def with_entry(self, channel: str, key: str, gain: float = 1.0, offset: float = 0.0) -> Mapping:
        """The channel drives this key, by hand: the automatic choice for the channel goes, earlier keys that were set
        by hand stay. Raises SettingsError for unknown names and numbers that are not finite."""
        self.key(key)
        _check_numbers(gain, offset)
        old = self.channel(channel)
        kept = [entry for entry in old.entries if entry.key != key] if old.sureness is Sureness.BY_HAND else []
        entries = (*kept, Entry(key, float(gain), float(offset)))
        return self._with(replace(old, sureness=Sureness.BY_HAND, entries=entries, explained=1.0))

    def without_entry(self, channel: str, key: str) -> Mapping:
        """The channel no longer drives this key; with its last key it becomes missing."""
        old = self.channel(channel)
        entries = tuple(entry for entry in old.entries if entry.key != key)
        if not entries:
            return self._with(replace(old, sureness=Sureness.MISSING, entries=(), explained=0.0))
        return self._with(replace(old, sureness=Sureness.BY_HAND, entries=entries))

    def with_channel(
        self, name: str, gain: float | None = None, offset: float | None = None, enabled: bool | None = None
    ) -> Mapping:
        """Another strength or resting value of a channel, or the channel switched off or on."""
        old = self.channel(name)
        gain = old.gain if gain is None else float(gain)
        offset = old.offset if offset is None else float(offset)
        _check_numbers(gain, offset)
        enabled = old.enabled if enabled is None else bool(enabled)
        return self._with(replace(old, gain=gain, offset=offset, enabled=enabled))

    def with_range(self, key: str, minimum: float, maximum: float) -> Mapping:
        """Another slider range of a key. Raises SettingsError where it is empty."""
        self.key(key)
        _check_numbers(minimum, maximum)
        if minimum > maximum:
            raise SettingsError(f"The range {minimum} to {maximum} of '{key}' is empty. Swap the two.")
        keys = (replace(old, minimum=minimum, maximum=maximum) if old.name == key else old for old in self.keys)
        return replace(self, keys=tuple(keys))

    def edits(self) -> tuple[ChannelEdit, ...]:
        """What differs from the automatic mapping: strengths, switches and keys that were set by hand."""
        found = []
        for old in self.channels:
            entries = old.entries if old.sureness is Sureness.BY_HAND else None
            edit = ChannelEdit(old.channel, old.gain, old.offset, old.enabled, entries)
            if edit != ChannelEdit(old.channel):
                found.append(edit)
        return tuple(found)

    def with_edits(self, edits: Sequence[ChannelEdit]) -> Mapping:
        """This mapping with changes made by hand. Keys that the face does not have are passed over; a channel that
        loses all of its keys so keeps the automatic ones. Raises SettingsError as `with_channel` does."""
        edited, names = self, {key.name for key in self.keys}
        for edit in edits:
            edited = edited.with_channel(edit.channel, edit.gain, edit.offset, edit.enabled)
            entries = tuple(entry for entry in edit.entries or () if entry.key in names)
            if entries:
                old = edited.channel(edit.channel)
                edited = edited._with(replace(old, sureness=Sureness.BY_HAND, entries=entries, explained=1.0))
        return edited

    def for_keys(self, names: Sequence[str]) -> Mapping:
        """This mapping on a face with these keys: what it sets by hand and every channel's strength, where the keys
        exist; all else found anew."""
        fresh = map_keys(names, {key.name: (key.minimum, key.maximum) for key in self.keys})
        return fresh.with_edits(self.edits())

    def only(self, channels: Collection[str]) -> Mapping:
        """The part of this mapping that these channels need: others are missing, and keys that served them alone are
        not driven any more."""
        kept = {c.channel for c in self.channels if c.channel in channels}
        others = (c if c.channel in kept else ChannelMapping(c.channel, Sureness.MISSING) for c in self.channels)
        helping = {entry.key for c in self.channels if c.channel in kept for entry in c.entries}
        keys = (
            replace(key, solved=key.solved and (key.name in helping or any(name in kept for name, _ in key.pose)))
            for key in self.keys
        )
        return Mapping(tuple(keys), tuple(others))

    def _with(self, changed: ChannelMapping) -> Mapping:
        channels = (changed if old.channel == changed.channel else old for old in self.channels)
        return replace(self, channels=tuple(channels))

    def carriers(self, channel: str) -> tuple[str, ...]:
        """Keys of the solver that hold something of this channel along with others."""
        return tuple(key.name for key in self.keys if key.solved and channel in dict(key.pose))

    def table(self) -> str:
        """The mapping for people: one line a channel, then what is left over."""
        rows = [("ARKit channel", "how", "shown", "keys")]
        rows += [(c.channel, _how(c), f"{c.explained:.0%}", self._keys_text(c)) for c in self.channels]
        widths = [max(len(row[i]) for row in rows) for i in range(3)]
        lines = ["  ".join([*(row[i].ljust(widths[i]) for i in range(3)), row[3]]).rstrip() for row in rows]
        lines.append(f"Vocabularies: {', '.join(self.vocabularies) or 'none that is known'}")
        if self.unused:
            lines.append(f"Keys that stay as they are: {', '.join(self.unused)}")
        return "\n".join(lines)

    def _keys_text(self, channel: ChannelMapping) -> str:
        if channel.sureness is Sureness.APPROXIMATED and channel.explained < MISSING_BELOW:
            return f"only along with others, in {', '.join(self.carriers(channel.channel))}"
        return _entries_text(channel.entries)

    def summary(self) -> str:
        """One sentence: how many channels arrive, and how."""
        count = Counter(channel.sureness for channel in self.channels if channel.enabled)
        named = count[Sureness.EXACT] + count[Sureness.SPELLING] + count[Sureness.BY_HAND]
        known = " and ".join(self.vocabularies[:2]) or "no vocabulary that is known"
        return (
            f"{known}: {named} of {len(self.channels)} channels have their own keys, "
            f"{count[Sureness.APPROXIMATED]} are approximated, {count[Sureness.MISSING]} are missing."
        )


def _check_numbers(*numbers: float) -> None:
    if not np.isfinite(numbers).all():
        raise SettingsError("Gain, offset and range must be numbers. Correct the one that is not.")


def _how(channel: ChannelMapping) -> str:
    gain = "" if channel.gain == 1.0 else f" x{channel.gain:g}"
    offset = "" if channel.offset == 0.0 else f" {channel.offset:+g}"
    return f"{channel.sureness.value}{gain}{offset}{'' if channel.enabled else ' (off)'}"


def _entries_text(entries: Sequence[Entry]) -> str:
    def text(entry: Entry) -> str:
        gain = "" if entry.gain == 1.0 else f" x{entry.gain:.2f}"
        return entry.key + gain + (f" {entry.offset:+.2f}" if entry.offset else "")

    return ", ".join(text(entry) for entry in entries)


@dataclass(frozen=True)
class MeasuredFace:
    """ARKit's shapes and the face's own keys as movement of one mesh (both bases on the same vertices)."""

    arkit: FaceBasis
    keys: FaceBasis


# ---------------------------------------------------------------- finding


def map_keys(
    names: Sequence[str],
    ranges: Table[str, tuple[float, float]] | None = None,
    measured: MeasuredFace | None = None,
) -> Mapping:
    """Mapping of the 52 ARKit channels to a face's shape keys by their names.

    ranges: slider ranges (minimum, maximum) by key name, [0, 1] where absent. Keys of the channel itself, or parts of
    it, are driven directly; what has none is approximated by the other keys, as far as the meaning of their names
    allows, or their movement where it is measured.
    """
    recognized = recognize(names)
    direct = _direct_entries(recognized)
    solved = _solver_names(recognized, direct, measured)
    keys = tuple(
        _target_key(name, found, name in solved, (ranges or {}).get(name, (0.0, 1.0)))
        for name, found in zip(names, recognized, strict=True)
    )
    channels = tuple(direct.get(name, ChannelMapping(name, Sureness.MISSING)) for name in ARKIT_52)
    return _with_approximations(Mapping(keys, channels), measured)


def _target_key(name: str, found: Recognized | None, solved: bool, limits: tuple[float, float]) -> TargetKey:
    if found is None:
        return TargetKey(name, minimum=limits[0], maximum=limits[1], solved=solved)
    meaning = found.meaning
    return TargetKey(name, found.vocabulary, meaning.name, meaning.kind, meaning.pose, *limits, solved)


def _direct_entries(recognized: Sequence[Recognized | None]) -> dict[str, ChannelMapping]:
    """Channels with keys of their own: the whole channel in one key, else all the parts of it that there are."""
    whole: dict[str, Recognized] = {}
    parts: dict[str, list[Recognized]] = {}
    for found in recognized:
        if found is None or found.meaning.kind is not KeyKind.SHAPE or len(found.meaning.pose) != 1:
            continue
        channel, weight = found.meaning.pose[0]
        if weight == 1.0:
            whole.setdefault(channel, found)
        elif weight in PART_SHARES:
            parts.setdefault(channel, []).append(found)
    mapped: dict[str, ChannelMapping] = {}
    for channel, each in parts.items():
        share = min(sum(part.meaning.pose[0][1] for part in each), 1.0)
        entries = tuple(Entry(part.name) for part in each)
        mapped[channel] = ChannelMapping(channel, Sureness.SPELLING, entries, share)
    for channel, found in whole.items():
        sure = Sureness.EXACT if found.exact and found.vocabulary == ARKIT.name else Sureness.SPELLING
        mapped[channel] = ChannelMapping(channel, sure, (Entry(found.name),), 1.0)
    return mapped


def _solver_names(
    recognized: Sequence[Recognized | None], direct: Table[str, ChannelMapping], measured: MeasuredFace | None
) -> set[str]:
    """Keys that may stand in for others: shapes, and visemes of the richest vocabulary where ARKit's mouth is poor.

    Visemes move jaw and lips together; on a face whose lips can be moved one by one they would only blur them. So would
    shapes whose channels all have other keys of their own. Keys that say nothing by their names need to be measured.
    """
    mouth = sum(name in direct for name in MOUTH_CHANNELS) / len(MOUTH_CHANNELS)
    counts = Counter(found.vocabulary for found in recognized if found and found.meaning.kind is KeyKind.VISEME)
    visemes = counts.most_common(1)[0][0] if counts and mouth < _ARKIT_MOUTH else None
    own = {entry.key for channel in direct.values() for entry in channel.entries}
    chosen: set[str] = set()
    for found in (found for found in recognized if found is not None):
        kind = found.meaning.kind
        spare = found.name not in own and all(channel in direct for channel, _ in found.meaning.pose)
        by_name = found.vocabulary == visemes if kind is KeyKind.VISEME else kind is KeyKind.SHAPE and not spare
        if by_name or kind is KeyKind.MEASURED:
            chosen.add(found.name)
    if measured is not None:
        return chosen & set(measured.keys.names)
    return {found.name for found in recognized if found and found.name in chosen and found.meaning.pose}


def _with_approximations(mapping: Mapping, measured: MeasuredFace | None) -> Mapping:
    """Channels without keys of their own: what the solver makes of them, if it is anything."""
    lacking = {channel.channel for channel in mapping.channels if not channel.direct}
    keys = _solver_keys(mapping, measured)
    if not lacking or not any(key.solved for key in keys):
        return mapping
    problem = _problem(keys, measured)
    meant = {channel for key in keys if key.solved for channel, _ in key.pose}
    for reach in channel_reach(problem, _direct_gains(mapping, keys), _loyalty(mapping, keys, problem, lacking)):
        if reach.channel in lacking and (reach.explained >= MISSING_BELOW or reach.channel in meant):
            entries = [Entry(key.name, round(float(g), 2)) for key, g in zip(keys, reach.gains, strict=True)]
            shown = sorted((entry for entry in entries if abs(entry.gain) >= _SHOWN_GAIN), key=lambda e: -abs(e.gain))
            mapping = mapping._with(
                ChannelMapping(reach.channel, Sureness.APPROXIMATED, tuple(shown), round(reach.explained, 3))
            )
    return mapping


# ---------------------------------------------------------------- what the solver is given


def _solver_keys(mapping: Mapping, measured: MeasuredFace | None) -> list[TargetKey]:
    """Keys that the solver moves or at least knows of, each with a pose or a measured movement.

    A key of unknown meaning that was set by hand is taken for the channels that drive it.
    """
    by_hand: dict[str, list[tuple[str, float]]] = {}
    for channel in mapping.channels:
        for entry in channel.entries if channel.sureness is Sureness.BY_HAND else ():
            if entry.gain > 0:
                by_hand.setdefault(entry.key, []).append((channel.channel, 1.0 / entry.gain))
    keys = [
        replace(key, pose=key.pose or tuple(by_hand.get(key.name, ())))
        for key in mapping.keys
        if key.solved or key.name in by_hand
    ]
    return keys if measured is None else [key for key in keys if key.name in measured.keys.names]


def _problem(keys: Sequence[TargetKey], measured: MeasuredFace | None) -> Retarget:
    """The fit of these keys: measured on the face itself, or by the poses that their names stand for."""
    bounds = _solver_bounds(keys)
    if measured is not None:
        arkit, theirs = measured.arkit, measured.keys
        return make_retarget(arkit.only(ARKIT_52), theirs.only([key.name for key in keys]), *bounds)
    poses = np.zeros((len(keys), len(ARKIT_52)))
    for row, key in zip(poses, keys, strict=True):
        for channel, weight in key.pose:
            row[ARKIT_52.index(channel)] = weight
    return retarget_poses([key.name for key in keys], poses, *bounds)


def _solver_bounds(keys: Sequence[TargetKey]) -> tuple[np.ndarray, np.ndarray]:
    """Bounds within which the solver moves keys: the slider, but only measured keys go below 0 and beyond 1."""
    lower = [key.minimum if key.kind is KeyKind.MEASURED else max(key.minimum, 0.0) for key in keys]
    upper = [key.maximum if key.kind is KeyKind.MEASURED else min(key.maximum, 1.0) for key in keys]
    return np.array(lower), np.maximum(upper, lower)


def _direct_gains(mapping: Mapping, keys: Sequence[TargetKey]) -> np.ndarray:
    """Gain (52, K) from channels to those of these keys that they drive directly."""
    column = {key.name: i for i, key in enumerate(keys)}
    gains = np.zeros((len(mapping.channels), len(keys)))
    for row, channel in zip(gains, mapping.channels, strict=True):
        for entry in channel.entries if channel.direct else ():
            if entry.key in column:
                row[column[entry.key]] = entry.gain
    return gains


def _loyalty(mapping: Mapping, keys: Sequence[TargetKey], problem: Retarget, lacking: set[str]) -> np.ndarray:
    """How firmly each key (K,) stays where its own channels put it: not at all if it has none, entirely if it was set
    by hand or has nothing to do with what the mouth lacks, and between the two if it could help there.

    Above the mouth nothing has to touch: lids and brows are not bent to make up for others.
    """
    own = _direct_gains(mapping, keys).any(axis=0)
    by_hand = {e.key for c in mapping.channels if c.sureness is Sureness.BY_HAND for e in c.entries}
    pinned = np.array([key.name in by_hand for key in keys])
    likeness = np.abs(relatedness(problem)[[name in lacking and name in MOUTH_CHANNELS for name in problem.channels]])
    helpful = likeness.max(axis=0, initial=0.0) >= _RELATED
    return np.where(pinned | (own & ~helpful), PINNED, np.where(own, _LOYAL, 0.0))


# ---------------------------------------------------------------- applying


def apply_mapping(motion: Motion, mapping: Mapping, measured: MeasuredFace | None = None) -> Motion:
    """Motion over the face's keys, every value within its slider's range; keys that nothing drives are left out.

    Head rotation is not part of it. Bring the motion to the scene's frame rate first: closures are kept there by
    ARKit's names. measured: the keys as they really move, the same that `map_keys` was given. Without it what is
    missing is solved by the meaning of the keys' names.
    """
    weights = _channel_weights(motion, mapping)
    values = _direct_values(weights, mapping)
    names = [key.name for key in mapping.keys]
    keys = _solver_keys(mapping, measured) if mapping.needs_solver else []
    if keys:
        columns = [names.index(key.name) for key in keys]
        values[:, columns] += _solved_change(weights, values[:, columns], mapping, keys, measured)
    low, high = (np.array([getattr(key, bound) for key in mapping.keys]) for bound in ("minimum", "maximum"))
    values = np.clip(values, low, high) if names else values
    driven = [i for i, name in enumerate(names) if name not in mapping.unused]
    return Motion(values[:, driven], tuple(names[i] for i in driven), motion.rate_hz)


def keys_to_arkit(keys: Motion, mapping: Mapping) -> Motion:
    """The way back: ARKit's 52 channels from motion of the face's keys, as an animator may have edited it.

    Channels with keys of their own are read off these, exactly but for what a slider's range cut off; all others from
    what the keys mean (their poses).
    """
    weights = np.zeros((keys.frame_count, len(ARKIT_52)))
    own = {entry.key for channel in mapping.channels if channel.direct for entry in channel.entries}
    for key in mapping.keys:
        for channel, weight in key.pose if key.solved and key.name not in own else ():
            weights[:, ARKIT_52.index(channel)] += weight * keys.column(key.name)
    for column, channel in zip(weights.T, mapping.channels, strict=True):
        known = [e for e in channel.entries if channel.direct and e.key in keys.channels and e.gain]
        if known and channel.enabled and channel.gain:
            shown = np.mean([(keys.column(entry.key) - entry.offset) / entry.gain for entry in known], axis=0)
            column[:] = (shown - channel.offset) / channel.gain
    return Motion(np.clip(weights, 0.0, 1.0), ARKIT_52, keys.rate_hz)


def _channel_weights(motion: Motion, mapping: Mapping) -> np.ndarray:
    """ARKit weights (T, 52) after every channel's own gain, offset and switch."""
    weights = select_channels(motion, ARKIT_52).weights.astype(np.float64)
    gains = np.array([channel.gain * channel.enabled for channel in mapping.channels])
    offsets = np.array([channel.offset * channel.enabled for channel in mapping.channels])
    return weights * gains + offsets


def _direct_values(weights: np.ndarray, mapping: Mapping) -> np.ndarray:
    """Key values (T, K) from channels that have their own keys."""
    column = {key.name: i for i, key in enumerate(mapping.keys)}
    values = np.zeros((len(weights), len(column)))
    for i, channel in enumerate(mapping.channels):
        for entry in channel.entries if channel.direct and channel.enabled else ():
            values[:, column[entry.key]] += entry.gain * weights[:, i] + entry.offset
    return values


def _solved_change(
    weights: np.ndarray, values: np.ndarray, mapping: Mapping, keys: Sequence[TargetKey], measured: MeasuredFace | None
) -> np.ndarray:
    """What the solver adds (T, S) to the direct values (T, S) of its keys.

    Channels that no key can show would only disturb the others, and are left out.
    """
    problem = _problem(keys, measured)
    lacking = {channel.channel for channel in mapping.channels if channel.sureness is Sureness.APPROXIMATED}
    loyalty = _loyalty(mapping, keys, problem, lacking)
    shown = np.array([channel.sureness is not Sureness.MISSING for channel in mapping.channels])
    wish = np.clip(values, problem.lower, problem.upper)
    change = solve(problem, weights * shown, wish, loyalty) - wish
    return np.where(loyalty >= PINNED, 0.0, change)


# ---------------------------------------------------------------- several meshes


@dataclass(frozen=True)
class MeshMappings:
    """Mappings of all meshes of a character by mesh name; `face` is the mesh that has most of the mouth's keys."""

    face: str
    meshes: Table[str, Mapping]


def map_meshes(names_by_mesh: Table[str, Sequence[str]]) -> MeshMappings:
    """Map every mesh of a character: face, teeth, tongue, lashes, beard. Raises SettingsError without a mesh."""
    if not names_by_mesh:
        raise SettingsError("No mesh with shape keys was chosen. Choose the mesh of the face.")
    meshes = {mesh: map_keys(names) for mesh, names in names_by_mesh.items()}
    shown = {mesh: sum(c.explained for c in mapping.channels) for mesh, mapping in meshes.items()}
    return MeshMappings(max(shown, key=shown.__getitem__), meshes)


def apply_to_meshes(motion: Motion, mappings: MeshMappings, measured: MeasuredFace | None = None) -> dict[str, Motion]:
    """Motion of every mesh's keys. Only the face approximates what it lacks; keys of the other meshes that have the
    name of one of the face's take its values, so that teeth and lashes stay with the skin, and the rest is driven
    directly: a jaw of teeth must not act for lips. What is set by hand on a mesh holds there."""
    face = apply_mapping(motion, mappings.meshes[mappings.face], measured)
    moved = {mappings.face: face}
    for mesh, mapping in mappings.meshes.items():
        if mesh != mappings.face:
            moved[mesh] = follow_face(motion, mapping, face)
    return moved


def follow_face(motion: Motion, mapping: Mapping, face: Motion) -> Motion:
    """Motion of the keys of a mesh that goes along with the face, whose own keys' motion is `face`."""
    values = _direct_values(_channel_weights(motion, mapping), mapping)
    direct = {entry.key for channel in mapping.channels if channel.direct for entry in channel.entries}
    own = _keys_set_by_hand(mapping)
    names, columns = [], []
    for i, key in enumerate(mapping.keys):
        follows = key.name in face.channels and key.name not in own
        if follows or key.name in direct:
            names.append(key.name)
            columns.append(np.clip(face.column(key.name) if follows else values[:, i], key.minimum, key.maximum))
    stacked = np.stack(columns, axis=1) if columns else np.zeros((motion.frame_count, 0))
    return Motion(stacked, tuple(names), motion.rate_hz)


def _keys_set_by_hand(mapping: Mapping) -> set[str]:
    """Keys that were chosen by hand, and keys of channels whose strength was."""
    edited = {edit.channel for edit in mapping.edits()}
    return {e.key for c in mapping.channels if c.channel in edited and c.direct for e in c.entries}
