# SPDX-License-Identifier: GPL-3.0-or-later
"""Sections of the panel "Lip Sync" about who speaks and how: voice, emotion, style."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import bpy


def draw_voice(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    settings = context.scene.diffusion_talker
    layout.prop(settings, "identity")


def draw_emotion(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    settings = context.scene.diffusion_talker
    layout.prop(settings, "emotion")
    layout.prop(settings, "intensity", slider=True)


def draw_style(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    settings = context.scene.diffusion_talker
    layout.prop(settings, "style_strength", slider=True)


def draw_style_header(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """What stands at the right of the section's title."""
