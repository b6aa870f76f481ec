# SPDX-License-Identifier: GPL-3.0-or-later
"""The mapping as rows that a list shows and the animator edits, and presets of it on disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from .face_mapping import face_keys, mapping_of, remember_edits, usable_keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    import bpy

    from diffusion_talker.rigs.mapping import ChannelMapping, Mapping
    from diffusion_talker.rigs.presets import Preset

PRESET_FOLDER: Final = "face_presets"


def rows_problem(obj: bpy.types.Object | None) -> str:
    """Why this mesh's mapping cannot be shown or edited, and what to do; empty when it can."""
    if obj is None or obj.type != "MESH":
        return "No face chosen: pick the mesh that has the face's shape keys"
    if obj.library is not None and obj.override_library is None:
        return f"'{obj.name}' is linked, its mapping cannot be edited here: make a library override, or a local copy"
    return "" if usable_keys(obj) else f"'{obj.name}' has no shape keys that could be driven: add some, or pick another"


def full_mapping(obj: bpy.types.Object) -> Mapping:
    """How Generate drives this mesh: measured where that tells more, with what was set by hand."""
    keys = face_keys(obj)
    return keys.mapping(keys.shapes.measured() if keys.shapes is not None else None)


def show_rows(obj: bpy.types.Object, mapping: Mapping) -> None:
    """Write a mapping into the mesh's rows, one a channel."""
    from diffusion_talker.rigs.mapping import Sureness

    group = obj.diffusion_talker_mapping
    while len(group.channels) > len(mapping.channels):
        group.channels.remove(len(group.channels) - 1)
    while len(group.channels) < len(mapping.channels):
        group.channels.add()
    for row, channel in zip(group.channels, mapping.channels, strict=True):
        row.name, row.gain, row.offset, row.enabled = channel.channel, channel.gain, channel.offset, channel.enabled
        row.by_hand = channel.sureness is Sureness.BY_HAND
        row.how, row.shown, row.found = channel.sureness.value, channel.explained, found_text(mapping, channel)
        set_entries(row, channel if row.by_hand else None)
    remember_edits(obj)


def set_entries(row: bpy.types.PropertyGroup, channel: ChannelMapping | None) -> None:
    """Put a channel's keys into its row for editing; None empties it."""
    while len(row.entries):
        row.entries.remove(len(row.entries) - 1)
    for found in channel.entries if channel is not None else ():
        entry = row.entries.add()
        entry.key, entry.gain, entry.offset = found.key, found.gain, found.offset


def found_text(mapping: Mapping, channel: ChannelMapping) -> str:
    """The keys of a channel in a few words."""
    from diffusion_talker.rigs.mapping import MISSING_BELOW, Sureness

    if channel.sureness is Sureness.MISSING:
        return ""
    if channel.sureness is Sureness.APPROXIMATED and channel.explained < MISSING_BELOW:
        return "along with " + ", ".join(mapping.carriers(channel.channel))
    return ", ".join(_entry_text(entry.key, entry.gain) for entry in channel.entries)


def _entry_text(key: str, gain: float) -> str:
    return key if gain == 1.0 else f"{key} x{gain:.2f}"


def reset_channel(obj: bpy.types.Object, name: str) -> None:
    """Forget what was set by hand about one channel."""
    row = obj.diffusion_talker_mapping.channels[name]
    row.gain, row.offset, row.enabled, row.by_hand = 1.0, 0.0, True, False
    show_rows(obj, full_mapping(obj))


# ---------------------------------------------------------------- presets


def preset_folder(create: bool = False) -> Path:
    """Where the user's face presets are kept; it survives upgrades."""
    import bpy

    return Path(bpy.utils.extension_path_user(__package__, path=PRESET_FOLDER, create=create))


def preset_of(title: str, face: bpy.types.Object, others: Sequence[bpy.types.Object]) -> Preset:
    """The present mappings of a character as a preset, by the names of its meshes."""
    from diffusion_talker.rigs.mapping import MeshMappings
    from diffusion_talker.rigs.presets import Preset

    meshes = {obj.name: mapping_of(obj) for obj in (face, *others)}
    return Preset(title, MeshMappings(face.name, meshes))


def apply_preset(preset: Preset, face: bpy.types.Object, others: Sequence[bpy.types.Object]) -> int:
    """Lay a preset's edits over the character's meshes: the preset's face over the face, others by name. Returns how
    many meshes it fitted."""
    chosen = {face: preset.mappings.meshes[preset.mappings.face]}
    chosen |= {obj: preset.mappings.meshes[obj.name] for obj in others if obj.name in preset.mappings.meshes}
    for obj, mapping in chosen.items():
        clear_rows(obj)
        show_rows(obj, face_keys(obj).mapping().with_edits(mapping.edits()))
        show_rows(obj, full_mapping(obj))
    return len(chosen)


def clear_rows(obj: bpy.types.Object) -> None:
    """Forget everything that was set by hand."""
    rows = obj.diffusion_talker_mapping.channels
    while len(rows):
        rows.remove(len(rows) - 1)
    remember_edits(obj)
