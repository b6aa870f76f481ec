# SPDX-License-Identifier: GPL-3.0-or-later
"""Presets on disk, of the face or of the style: one small JSON file each, in a folder of the user's. No bpy here."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from .file_names import file_stem
from .problems import LipSyncProblem

PRESET_SUFFIX: Final = ".json"


def preset_files(folder: Path) -> list[Path]:
    """Presets by name; none where the folder does not exist."""
    return sorted(folder.glob(f"*{PRESET_SUFFIX}"), key=lambda path: path.stem.casefold()) if folder.is_dir() else []


def preset_file(folder: Path, title: str) -> Path:
    """File of a preset. Raises LipSyncProblem for a title that no file can have."""
    stem = file_stem(title)
    if not stem:
        raise LipSyncProblem("The preset needs a name: type one with letters or digits")
    return folder / f"{stem}{PRESET_SUFFIX}"
