# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentences in the sidebar: lines that fit, by letters where nothing is drawn and by the font's own width elsewhere."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType, SimpleNamespace

import bpy
import pytest

TEXT = "Closest: Newsreader 49%, Grandfather 10%, and a very long list of others who sound alike"


def window(width: int, scale: float = 1.0) -> SimpleNamespace:
    """A context with a sidebar of this width."""
    preferences = SimpleNamespace(
        system=SimpleNamespace(ui_scale=scale), ui_styles=[SimpleNamespace(widget=SimpleNamespace(points=11.0))]
    )
    return SimpleNamespace(region=SimpleNamespace(width=width), preferences=preferences)


@pytest.mark.parametrize("scale", [1.0, 2.0])
@pytest.mark.parametrize("width", [220, 292, 500])
def test_lines_are_as_wide_as_the_font_draws_them(
    addon: ModuleType, monkeypatch: pytest.MonkeyPatch, width: int, scale: float
) -> None:
    sentences = addon.sentences
    monkeypatch.setattr(sentences.bpy, "app", SimpleNamespace(background=False))
    context = window(round(width * scale), scale)
    plain, beside = (sentences.fitting_lines(context, TEXT, has_icon) for has_icon in (False, True))
    assert " ".join(plain) == " ".join(beside) == TEXT and len(beside) >= len(plain) > 1
    room = (width - sentences.BORDER_PIXELS - sentences.ICON_PIXELS) * scale
    assert max(sentences._width(line, 11.0 * scale) for line in beside) <= room
    fuller = f"{beside[0]} {beside[1].split()[0]}"
    assert sentences._width(fuller, 11.0 * scale) > room, "no line is broken too early"


def test_wide_letters_make_shorter_lines(addon: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addon.sentences.bpy, "app", SimpleNamespace(background=False))
    wide, narrow = (addon.sentences.fitting_lines(window(292), " ".join([word] * 12), False) for word in ("WWW", "iii"))
    assert len(wide) > len(narrow)


def test_a_word_that_fits_nowhere_has_a_line_of_its_own(addon: ModuleType) -> None:
    assert addon.sentences.wrapped("at /a/very/long/path/indeed now", 10) == ["at", "/a/very/long/path/indeed", "now"]


def test_every_icon_is_known_to_this_blender(addon: ModuleType) -> None:
    known = set(bpy.types.UILayout.bl_rna.functions["prop"].parameters["icon"].enum_items.keys())
    known |= set(bpy.types.WindowManager.bl_rna.functions["invoke_confirm"].parameters["icon"].enum_items.keys())
    sources = Path(addon.__file__).parent.rglob("*.py")
    used = {icon for path in sources for icon in re.findall(r'icon="([A-Z0-9_]+)"', path.read_text(encoding="utf-8"))}
    assert len(used) > 20 and used <= known
