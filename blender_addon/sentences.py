# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentences in a sidebar: Blender's labels do not wrap, so they are broken into lines that fit the region."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import bpy

#: Interface pixels at scale 1: an average letter of the default font, and the icon and margins beside a label.
LETTER_PIXELS: Final = 5.8
BORDER_PIXELS: Final = 66
SHORTEST_LINE: Final = 20


def draw_sentence(layout: bpy.types.UILayout, context: bpy.types.Context, text: str, icon: str = "NONE") -> None:
    """A sentence on lines that fit; with an icon before the first."""
    column = layout.column(align=True)
    column.scale_y = 0.8
    rest = "NONE" if icon == "NONE" else "BLANK1"
    for index, line in enumerate(wrapped(text, letters_of(context))):
        column.label(text=line, icon=icon if index == 0 else rest)


def letters_of(context: bpy.types.Context) -> int:
    """Letters that a line of the region holds."""
    scale = context.preferences.system.ui_scale or 1.0  # 0 without a window
    width = context.region.width if context.region is not None else 0
    return max(SHORTEST_LINE, int((width / scale - BORDER_PIXELS) / LETTER_PIXELS))


def wrapped(text: str, letters: int) -> list[str]:
    """Words of `text` on lines of at most `letters` letters."""
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > letters:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
