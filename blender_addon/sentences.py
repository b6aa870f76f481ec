# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentences in a sidebar: Blender's labels do not wrap, so they are broken into lines that fit the region."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

import blf
import bpy

#: Interface pixels at scale 1: an average letter of the default font, and the icon and margins beside a label.
LETTER_PIXELS: Final = 5.8
BORDER_PIXELS: Final = 66
ICON_PIXELS: Final = 20
SHORTEST_LINE: Final = 20
FONT: Final = 0  # the interface's own


def draw_sentence(layout: bpy.types.UILayout, context: bpy.types.Context, text: str, icon: str = "NONE") -> None:
    """A sentence on lines that fit; with an icon before the first."""
    draw_lines(layout, fitting_lines(context, text, icon != "NONE"), icon)


def draw_lines(layout: bpy.types.UILayout, lines: Sequence[str], icon: str = "NONE") -> None:
    """Lines of one sentence, closer together than labels; with an icon before the first."""
    column = layout.column(align=True)
    column.scale_y = 0.8
    rest = "NONE" if icon == "NONE" else "BLANK1"
    for index, line in enumerate(lines):
        column.label(text=line, icon=icon if index == 0 else rest)


def fitting_lines(context: bpy.types.Context, text: str, has_icon: bool) -> list[str]:
    """Words of `text` on lines that the region holds, as wide as its font draws them."""
    if bpy.app.background or context.region is None:
        return wrapped(text, letters_of(context))
    scale = context.preferences.system.ui_scale
    points = context.preferences.ui_styles[0].widget.points * scale
    room = context.region.width - (BORDER_PIXELS + (ICON_PIXELS if has_icon else 0)) * scale
    room = max(room, SHORTEST_LINE * LETTER_PIXELS * scale)
    return _broken(text, lambda line: _width(line, points) <= room)


@lru_cache(maxsize=1024)
def _width(text: str, points: float) -> float:
    """Pixels that a text takes."""
    blf.size(FONT, points)
    return blf.dimensions(FONT, text)[0]


def letters_of(context: bpy.types.Context) -> int:
    """Letters that a line of the region holds, about."""
    scale = context.preferences.system.ui_scale or 1.0  # 0 without a window
    width = context.region.width if context.region is not None else 0
    return max(SHORTEST_LINE, int((width / scale - BORDER_PIXELS) / LETTER_PIXELS))


def wrapped(text: str, letters: int) -> list[str]:
    """Words of `text` on lines of at most `letters` letters."""
    return _broken(text, lambda line: len(line) <= letters)


def _broken(text: str, fits: Callable[[str], bool]) -> list[str]:
    """Words of `text` on lines that fit; a word that does not fit has a line of its own."""
    lines = [""]
    for word in text.split():
        if lines[-1] and not fits(f"{lines[-1]} {word}"):
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
