# SPDX-License-Identifier: GPL-3.0-or-later
"""A face's mapping on disk: JSON with a version, written whole or not at all, read without trust."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from diffusion_talker.channels import ARKIT_52
from diffusion_talker.errors import PresetError
from diffusion_talker.files import atomic_write
from diffusion_talker.rigs.mapping import ChannelMapping, Entry, Mapping, MeshMappings, Sureness, TargetKey
from diffusion_talker.rigs.vocabularies import KeyKind

FORMAT: Final = "diffusion-talker-face"
VERSION: Final = 1
_MAX_BYTES: Final = 16_000_000

T = TypeVar("T")


@dataclass(frozen=True)
class Preset:
    """A named set of mappings, one for every mesh of a character."""

    title: str
    mappings: MeshMappings


class _Damage(Exception):
    """What is wrong with a preset, to be told with the name of its file."""


def save_preset(path: str | os.PathLike[str], preset: Preset) -> None:
    """Write a preset, atomically. Raises OutputError."""
    meshes = {mesh: _mapping_to_json(mapping) for mesh, mapping in preset.mappings.meshes.items()}
    content = {"format": FORMAT, "version": VERSION, "title": preset.title, "face": preset.mappings.face,
               "meshes": meshes}  # fmt: skip
    with atomic_write(path) as stream:
        stream.write(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False).encode("utf-8"))


def load_preset(path: str | os.PathLike[str]) -> Preset:
    """Read a preset. Raises PresetError in one sentence for a file that is absent, damaged or of another version."""
    try:
        return _preset_from_json(json.loads(_read(path)))
    except _Damage as damage:
        raise PresetError(f"'{path}' cannot be used as a face preset because {damage}; save it anew.") from damage
    except (ValueError, RecursionError) as error:
        raise PresetError(f"'{path}' is no face preset or is damaged; choose a preset that was saved here.") from error


def _read(path: str | os.PathLike[str]) -> str:
    try:
        if os.path.getsize(path) > _MAX_BYTES:
            raise _Damage("it is far too large for one")
        return Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        reason = error.strerror or str(error)
        raise PresetError(f"'{path}' could not be read ({reason}); choose a preset that exists.") from error


# ---------------------------------------------------------------- to JSON


def _mapping_to_json(mapping: Mapping) -> dict[str, Any]:
    return {"keys": [_key_to_json(key) for key in mapping.keys],
            "channels": [_channel_to_json(channel) for channel in mapping.channels]}  # fmt: skip


def _key_to_json(key: TargetKey) -> dict[str, Any]:
    return {
        "name": key.name,
        "vocabulary": key.vocabulary,
        "meaning": key.meaning,
        "kind": key.kind.value if key.kind else "",
        "pose": [list(pair) for pair in key.pose],
        "range": [key.minimum, key.maximum],
        "solved": key.solved,
    }


def _channel_to_json(channel: ChannelMapping) -> dict[str, Any]:
    return {
        "channel": channel.channel,
        "how": channel.sureness.value,
        "keys": [[entry.key, entry.gain, entry.offset] for entry in channel.entries],
        "explained": channel.explained,
        "gain": channel.gain,
        "offset": channel.offset,
        "enabled": channel.enabled,
    }


# ---------------------------------------------------------------- from JSON


def _preset_from_json(content: object) -> Preset:
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise _Damage("it is some other file")
    if content.get("version") != VERSION:
        raise _Damage(f"it is of version {content.get('version')!r} and this release reads version {VERSION}")
    meshes = {str(mesh): _mapping_from_json(mapping) for mesh, mapping in _field(content, "meshes", dict).items()}
    face = _field(content, "face", str)
    if face not in meshes:
        raise _Damage(f"its face '{face}' is not among its meshes")
    return Preset(_field(content, "title", str), MeshMappings(face, meshes))


def _mapping_from_json(content: object) -> Mapping:
    keys = tuple(_key_from_json(key) for key in _field(content, "keys", list))
    channels = tuple(_channel_from_json(channel) for channel in _field(content, "channels", list))
    if tuple(channel.channel for channel in channels) != ARKIT_52:
        raise _Damage("it does not hold the 52 ARKit channels once each")
    known = {key.name for key in keys}
    if len(known) != len(keys):
        raise _Damage("two of its keys have the same name")
    unknown = {entry.key for channel in channels for entry in channel.entries} - known
    if unknown:
        raise _Damage(f"it drives '{min(unknown)}', which is not among its keys")
    return Mapping(keys, channels)


def _key_from_json(content: object) -> TargetKey:
    kind = _field(content, "kind", str)
    low, high = _numbers(_field(content, "range", list), 2)
    if low > high:
        raise _Damage("the range of a key is empty")
    return TargetKey(
        name=_field(content, "name", str),
        vocabulary=_field(content, "vocabulary", str),
        meaning=_field(content, "meaning", str),
        kind=_member(KeyKind, kind) if kind else None,
        pose=tuple(_pose_pair(pair) for pair in _field(content, "pose", list)),
        minimum=low,
        maximum=high,
        solved=_field(content, "solved", bool),
    )


def _pose_pair(content: object) -> tuple[str, float]:
    if not isinstance(content, list) or len(content) != 2 or content[0] not in ARKIT_52:
        raise _Damage("the pose of a key names something that is no ARKit channel")
    return str(content[0]), _number(content[1])


def _channel_from_json(content: object) -> ChannelMapping:
    return ChannelMapping(
        channel=_field(content, "channel", str),
        sureness=_member(Sureness, _field(content, "how", str)),
        entries=tuple(_entry_from_json(entry) for entry in _field(content, "keys", list)),
        explained=_number(_field(content, "explained", object)),
        gain=_number(_field(content, "gain", object)),
        offset=_number(_field(content, "offset", object)),
        enabled=_field(content, "enabled", bool),
    )


def _entry_from_json(content: object) -> Entry:
    if not isinstance(content, list) or len(content) != 3 or not isinstance(content[0], str):
        raise _Damage("a driven key is not given as name, gain and offset")
    return Entry(content[0], *_numbers(content[1:], 2))


def _field(content: object, name: str, kind: type[T]) -> T:
    if not isinstance(content, dict) or not isinstance(content.get(name), kind):
        raise _Damage(f"its '{name}' is missing or wrong")
    return content[name]


def _numbers(content: list[Any], count: int) -> list[float]:
    if len(content) != count:
        raise _Damage("a number is missing")
    return [_number(value) for value in content]


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise _Damage(f"{value!r} stands where a number should")
    return float(value)


def _member(kind: Callable[[str], T], value: str) -> T:
    try:
        return kind(value)
    except ValueError as error:
        raise _Damage(f"'{value}' means nothing there") from error
