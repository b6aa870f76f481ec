# SPDX-License-Identifier: GPL-3.0-or-later
"""What is drawn anew: the editors that show our panels, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace

import pytest


@dataclass
class Tagged:
    """An area, or a region of one, that remembers whether it is to be drawn anew."""

    type: str
    regions: list[Tagged] = field(default_factory=list)
    is_tagged: bool = False

    def tag_redraw(self) -> None:
        self.is_tagged = True


@pytest.fixture
def areas() -> list[Tagged]:
    kinds = ("VIEW_3D", "SEQUENCE_EDITOR", "DOPESHEET_EDITOR", "GRAPH_EDITOR", "TEXT_EDITOR")
    return [Tagged(kind, [Tagged("WINDOW"), Tagged("UI")]) for kind in kinds]


@pytest.mark.parametrize(("what", "drawn"), [
    ("redraw", {"VIEW_3D", "SEQUENCE_EDITOR"}),
    ("redraw_keys", {"VIEW_3D", "SEQUENCE_EDITOR", "DOPESHEET_EDITOR", "GRAPH_EDITOR"}),
    ("redraw_sidebars", set()),
])
def test_only_what_shows_the_change_is_drawn(
    addon: ModuleType, areas: list[Tagged], what: str, drawn: set[str]
) -> None:
    getattr(addon.redrawing, what)(context(areas))
    assert {area.type for area in areas if area.is_tagged} == drawn


def test_sidebars_are_drawn_without_what_they_stand_beside(addon: ModuleType, areas: list[Tagged]) -> None:
    addon.redrawing.redraw_sidebars(context(areas))
    tagged = [(area.type, region.type) for area in areas for region in area.regions if region.is_tagged]
    assert tagged == [("VIEW_3D", "UI"), ("SEQUENCE_EDITOR", "UI")]


def context(areas: list[Tagged]) -> SimpleNamespace:
    """One with two windows that share these areas between them."""
    windows = [SimpleNamespace(screen=SimpleNamespace(areas=part)) for part in (areas[:2], areas[2:])]
    return SimpleNamespace(window_manager=SimpleNamespace(windows=windows))
