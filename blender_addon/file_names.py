# SPDX-License-Identifier: GPL-3.0-or-later
"""Names from Blender as names of files."""

from __future__ import annotations

from typing import Final

_KEPT: Final = " -_.()"
_LONGEST: Final = 150


def file_stem(text: str) -> str:
    """The text as far as every file system takes it; empty where nothing is left."""
    kept = "".join(letter if letter.isalnum() or letter in _KEPT else "_" for letter in text)
    return kept[:_LONGEST].strip(" .")
