# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings that the animator keyed become curves over the line: what the scene's Action says, frame by frame."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .audio_source import SPEECH_RATE_HZ, Speech, read_speech
from .keyframes import current_fcurves, is_muted

if TYPE_CHECKING:
    import bpy

    from diffusion_talker.student.settings import Value

    from .style_options import Read


def reader(scene: bpy.types.Scene, speech: Speech) -> Read:
    """Reads settings of a scene for a line: a number, or its curve over the line where it is keyed and changes."""
    curves = keyed_settings(scene)
    if not curves:
        return getattr
    frames = speech.first_frame + np.arange(line_frames(speech))

    def read(group: bpy.types.PropertyGroup, name: str) -> Value:
        curve = curves.get(group.path_from_id(name))
        return getattr(group, name) if curve is None else _sampled(curve, group, name, frames, speech.fps)

    return read


def keyed_settings(scene: bpy.types.Scene) -> dict[str, bpy.types.FCurve]:
    """F-curves on the settings of how a line is spoken, by data path: those that say something."""
    found = (curve for curve in current_fcurves(scene) or () if curve.data_path.startswith("diffusion_talker."))
    return {curve.data_path: curve for curve in found if not (is_muted(curve) or curve.is_empty)}


def line_frames(speech: Speech) -> int:
    """Scene frames of a line; of a whole file after a look at it."""
    if speech.length_s is not None:
        return speech.frame_count(speech.length_s)
    try:
        return speech.frame_count(_duration_s(speech, Path(speech.path).stat().st_mtime_ns))
    except OSError:  # whoever listens to it will say so
        return 1


@lru_cache(maxsize=4)
def _duration_s(speech: Speech, changed_ns: int) -> float:
    from diffusion_talker.errors import AudioError

    try:
        return read_speech(speech).sample_count / SPEECH_RATE_HZ
    except AudioError:  # whoever listens to it will say so
        return 0.0


def _sampled(
    curve: bpy.types.FCurve, group: bpy.types.PropertyGroup, name: str, frames: np.ndarray, fps: float
) -> Value:
    """One point a frame, held within what the setting may be; one number where it stays the same."""
    from diffusion_talker.student import Curve

    limits = group.bl_rna.properties[name]
    values = [min(max(curve.evaluate(frame), limits.hard_min), limits.hard_max) for frame in frames.tolist()]
    if min(values) == max(values):
        return values[0]
    return Curve(tuple(index / fps for index in range(len(values))), tuple(values))
