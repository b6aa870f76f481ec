# SPDX-License-Identifier: GPL-3.0-or-later
"""What the NLA does to a datablock's animation: tracks that play alone, tracks that hide a take below them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .keyframes import LINES_PROPERTY, strip_fcurves

if TYPE_CHECKING:
    import bpy

#: A strip with less influence than this leaves the strips below it visible.
_COVERS = 0.95


def solo_track(data: bpy.types.AnimData) -> bpy.types.NlaTrack | None:
    """The track that plays alone, which silences even the Action; None where there is none."""
    return next((track for track in data.nla_tracks if track.is_solo), None) if data.use_nla else None


def covering_track(data: bpy.types.AnimData, data_path: str) -> bpy.types.NlaTrack | None:
    """The track that replaces what a take further down does to this property, where a take lies in the NLA."""
    take = None
    for track in data.nla_tracks:  # from the bottom up
        if track.mute:
            continue
        for strip in track.strips:
            if take is not None and _covers(strip, take, data_path):
                return track
        take = next((strip for strip in track.strips if _is_take(strip)), take)
    return None


def _is_take(strip: bpy.types.NlaStrip) -> bool:
    return not strip.mute and strip.action is not None and LINES_PROPERTY in strip.action


def _covers(strip: bpy.types.NlaStrip, take: bpy.types.NlaStrip, data_path: str) -> bool:
    if strip.mute or strip.blend_type != "REPLACE":
        return False
    if strip.use_animated_influence and strip.influence < _COVERS:  # otherwise it counts in full, whatever it says
        return False
    held = strip.extrapolation == "HOLD"
    before = strip.frame_start if not held else -float("inf")
    after = strip.frame_end if strip.extrapolation == "NOTHING" else float("inf")
    overlap = min(after, take.frame_end) - max(before, take.frame_start)
    return overlap > 0 and any(curve.data_path == data_path for curve in strip_fcurves(strip) or ())
