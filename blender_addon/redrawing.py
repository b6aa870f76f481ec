# SPDX-License-Identifier: GPL-3.0-or-later
"""Which parts of Blender's windows have to be drawn anew when something of ours changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import bpy

#: Editors whose sidebar has our panels, and those that show keys besides.
_WITH_PANELS: Final = frozenset({"VIEW_3D", "SEQUENCE_EDITOR"})
_WITH_KEYS: Final = _WITH_PANELS | {"DOPESHEET_EDITOR", "GRAPH_EDITOR"}


def redraw(context: bpy.types.Context) -> None:
    """Everything that may show our panels, or what they are about."""
    for area in _areas(context, _WITH_PANELS):
        area.tag_redraw()


def redraw_keys(context: bpy.types.Context) -> None:
    """The same, and what shows keys."""
    for area in _areas(context, _WITH_KEYS):
        area.tag_redraw()


def redraw_sidebars(context: bpy.types.Context) -> None:
    """The sidebars alone: drawing the scene would take time from a worker."""
    for area in _areas(context, _WITH_PANELS):
        for region in area.regions:
            if region.type == "UI":
                region.tag_redraw()


def _areas(context: bpy.types.Context, kinds: frozenset[str]) -> Iterator[bpy.types.Area]:
    for window in context.window_manager.windows:
        yield from (area for area in window.screen.areas if area.type in kinds)
