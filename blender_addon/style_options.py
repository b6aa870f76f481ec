# SPDX-License-Identifier: GPL-3.0-or-later
"""From the scene's choices of style to the core's terms: numbers, or curves where the animator keyed them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from .style_properties import AUTO, EMOTIONS, MIX, SLIDERS, regions_in_use

if TYPE_CHECKING:
    import bpy

    from diffusion_talker.student.settings import Choice, Value

#: Reads a property of a group: a number, or its curve over the line. `getattr` reads the present number.
Read: TypeAlias = "Callable[[bpy.types.PropertyGroup, str], Value]"

NEUTRAL = "neutral"


def identity_of(settings: bpy.types.PropertyGroup, read: Read = getattr) -> Choice:
    """One talker, or two with their shares."""
    first, second = settings.identity or AUTO, settings.second_identity
    share = read(settings, "identity_blend") if second else 0.0
    if share == 0.0 or first == second:
        return first
    return second if share == 1.0 else ((first, _rest_of(share)), (second, share))


def _rest_of(share: Value) -> Value:
    """What a share leaves of one."""
    if isinstance(share, (int, float)):
        return 1.0 - share
    return replace(share, values=tuple(1.0 - value for value in share.values))


def emotion_of(settings: bpy.types.PropertyGroup, known: Collection[str], read: Read = getattr) -> Choice:
    """A name, or the emotions of the mixture that have a share, of those that the student at hand knows."""
    if settings.emotion != MIX:
        return settings.emotion or AUTO
    shares = tuple((name, read(settings.emotions, name)) for name in EMOTIONS if name in known)
    return tuple((name, share) for name, share in shares if share != 0.0) or NEUTRAL


def style_of(
    settings: bpy.types.PropertyGroup, axes: Collection[str], read: Read = getattr
) -> tuple[tuple[str, Value], ...]:
    """Sliders that are not at rest, of those that the student at hand has."""
    values = ((name, read(settings.style, name)) for name in SLIDERS if name in axes)
    return tuple((name, value) for name, value in values if value != 0.0)


def regions_of(settings: bpy.types.PropertyGroup) -> tuple[tuple[str, float], ...]:
    """Amounts of the emotion that are not the whole face's; each costs nothing beside the first, which costs a pass."""
    amounts = ((name, getattr(settings.regions, f"{name}_amount")) for name in regions_in_use(settings))
    return tuple((name, amount) for name, amount in amounts if amount != 1.0)
