# SPDX-License-Identifier: GPL-3.0-or-later
"""Presets of the style: strength and sliders, never names, paths or emotions, so that they fit any talker.

One small JSON file each, in the extension's folder of the user: a preset is data, and opening one runs nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .preset_files import preset_file, preset_files
from .problems import LipSyncProblem
from .style_properties import SLIDERS

if TYPE_CHECKING:
    import bpy

FOLDER: Final = "style_presets"
FORMAT: Final = "diffusion_talker.style"
VERSION: Final = 1


@dataclass(frozen=True)
class StylePreset:
    """A named style. sliders: those that are not at rest."""

    title: str
    sliders: Mapping[str, float]
    strength: float = 1.0


#: Starting points that come with the add-on.
BUILT_IN: Final[tuple[StylePreset, ...]] = (
    StylePreset("Crisp", {"precision": 0.8, "lips": 0.3}),
    StylePreset("Mumbled", {"precision": -0.8, "jaw": -0.6, "lips": -0.5}),
    StylePreset("Stage", {"jaw": 0.7, "lips": 0.5, "precision": 0.5, "brows": 0.6, "head": 0.5}),
    StylePreset("Deadpan", {"brows": -1.0, "head": -0.8, "corners": -0.5, "smile": -0.5}),
    StylePreset("Smiling", {"smile": 0.9, "corners": 0.6}),
)


def folder() -> Path:
    """Where the user's presets are kept; it survives upgrades, and need not exist yet."""
    import bpy

    return Path(bpy.utils.extension_path_user(__package__, path=FOLDER))


def saved_titles() -> list[str]:
    """The user's presets, by name."""
    return [path.stem for path in preset_files(folder())]


# ---------------------------------------------------------------- scene


def present_style(settings: bpy.types.PropertyGroup, title: str) -> StylePreset:
    """The scene's style as a preset."""
    values = {name: round(getattr(settings.style, name), 4) for name in SLIDERS}
    return StylePreset(title, {name: value for name, value in values.items() if value}, settings.style_strength)


def apply_style(settings: bpy.types.PropertyGroup, preset: StylePreset) -> None:
    """Set strength and every slider; those of which the preset says nothing come to rest."""
    settings.style_strength = preset.strength
    for name in SLIDERS:
        setattr(settings.style, name, preset.sliders.get(name, 0.0))


# ---------------------------------------------------------------- files


def save_preset(preset: StylePreset) -> Path:
    """Write a preset, over one of the same name. Raises LipSyncProblem, OutputError."""
    from diffusion_talker.files import atomic_write

    path = preset_file(folder(), preset.title)
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"format": FORMAT, "version": VERSION, "style_strength": preset.strength, "sliders": dict(preset.sliders)}
    with atomic_write(path) as stream:
        stream.write(json.dumps(content, indent=2).encode())
    return path


def find_preset(title: str) -> StylePreset:
    """The user's preset of that name, else the built-in one. Raises LipSyncProblem."""
    path = preset_file(folder(), title)
    if path.is_file():
        return read_preset(path)
    for preset in BUILT_IN:
        if preset.title == title:
            return preset
    raise LipSyncProblem(f"There is no style preset '{title}': choose one from the menu")


def read_preset(path: Path) -> StylePreset:
    """Read a file; sliders that this version does not know are passed over. Raises LipSyncProblem."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise ValueError("of another program")
        sliders = {str(name): _finite(value) for name, value in content["sliders"].items()}
        strength = _finite(content.get("style_strength", 1.0))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise LipSyncProblem(f"'{path}' is no style preset or damaged: save it again, or delete it") from error
    return StylePreset(path.stem, sliders, strength)


def _finite(value: object) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("not a number")
    return number


def delete_preset(title: str) -> None:
    """Delete the user's preset of that name. Raises LipSyncProblem."""
    path = preset_file(folder(), title)
    if not path.is_file():
        raise LipSyncProblem(f"There is no style preset '{title}' of your own: choose one from the menu")
    path.unlink()
