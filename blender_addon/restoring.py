# SPDX-License-Identifier: GPL-3.0-or-later
"""From what a take keeps of its making back to the scene's settings, or to the take itself once more."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import bpy
import numpy as np

from .audio_source import Speech, file_problem, find_strip, scene_fps, sequencer_scene, speech_of_file, speech_of_strip
from .drive_plan import choices_of
from .generation import Request, options_of, request_for, target_of
from .keyframes import Points, Span, Track, current_fcurves, write_tracks
from .problems import LipSyncProblem
from .stored_settings import FILE, SPOKEN, STRIP, StoredLine, StoredTake, model_mark
from .style_properties import AUTO, EMOTIONS, MIX, REGIONS, SLIDERS

if TYPE_CHECKING:
    from diffusion_talker.student.settings import Choice, Value

#: A property that can be keyed: its path seen from the scene, and the value that it shall have.
Setting = tuple[str, "Value"]
ROOT = "diffusion_talker"


# ---------------------------------------------------------------- the take once more


def request_again(context: bpy.types.Context, stored: StoredTake, library: bpy.types.Library | None = None) -> Request:
    """What makes a take again: its line where it lies now, on the face as it is now. library: where the take comes
    from, None for this file. Raises LipSyncProblem."""
    spoken = {name: getattr(stored.options, name) for name in SPOKEN}
    options = replace(options_of(context), **spoken)
    choices = choices_of(context.scene, bool(options.model))
    return request_for(
        speech_again(context, stored.line, library),
        target_of(context),
        options,
        replace(choices, regions=stored.moved or choices.regions),
    )


def speech_again(context: bpy.types.Context, line: StoredLine, library: bpy.types.Library | None = None) -> Speech:
    """The speech of a take: its strip as it is now, else its sound as it lay. Raises LipSyncProblem."""
    scene = sequencer_scene(context)
    if line.source == STRIP and find_strip(scene, line.name) is not None:
        return speech_of_strip(context, scene, line.name)
    path, fps = bpy.path.abspath(line.path, library=library), scene_fps(context.scene)
    reason = file_problem(path)
    if reason:
        gone = f"There is no strip '{line.name}' any more, and no" if line.source == STRIP else "There is no"
        raise LipSyncProblem(f"{gone} sound file {path or 'of this take'}: bring it back to make the take again")
    if line.source == FILE:
        return speech_of_file(path, line.first_frame, fps)
    return Speech(line.name, line.name, path, line.first_frame, fps, line.start_s, line.length_s)


def model_note(context: bpy.types.Context, stored: StoredTake) -> str:
    """A warning where another model would answer now."""
    if stored.model in ("", model_mark(options_of(context).model)):
        return ""
    return "The model is not the one that this take was made with: the same settings will look different"


# ---------------------------------------------------------------- the scene's settings


def use_settings(context: bpy.types.Context, stored: StoredTake) -> tuple[str, ...]:
    """Set the scene as the take was made; what could not be set.

    What is keyed now, or was when the take was made, is keyed over the line, in a new Action of the scene: the present
    one is kept as it is.
    """
    scene, options = context.scene, stored.options
    settings = scene.diffusion_talker
    identity, identity_notes = _identity_settings(settings, options.identity)
    emotion, emotion_notes = _emotion_settings(settings, options.emotion)
    style, regions = dict(options.style), dict(options.regions)
    values: list[Setting] = [*identity, *emotion]
    values += [("intensity", options.intensity), ("style_strength", options.style_strength)]
    values += [(f"style.{name}", style.get(name, 0.0)) for name in SLIDERS]
    values += [(f"regions.{name}_amount", regions.get(name, 1.0)) for name in REGIONS]
    for name in REGIONS:
        setattr(settings.regions, f"use_{name}", name in stored.moved or not stored.moved)
    settings.seed = options.seed
    _set_values(context, values, stored.line)
    unknown = [f"slider '{name}'" for name in style if name not in SLIDERS]
    return (*identity_notes, *emotion_notes, *(f"This version has no {what}" for what in unknown))


def _identity_settings(settings: bpy.types.PropertyGroup, choice: Choice) -> tuple[list[Setting], tuple[str, ...]]:
    """Names are set at once; the share of the second is returned, for it can be keyed."""
    if isinstance(choice, str):
        settings.identity, settings.second_identity = choice, ""
        return [], ()
    (first, rest), *more = choice
    settings.identity, settings.second_identity = first, more[0][0] if more else ""
    note = ("The take mixes more than two talkers: only two of them can be shown",) if len(more) > 1 else ()
    if not more:
        return [], note
    share = more[0][1]
    if not hasattr(share, "times_s") and not hasattr(rest, "times_s"):
        share = share / (rest + share) if rest + share else 0.5
    return [("identity_blend", share)], note


def _emotion_settings(settings: bpy.types.PropertyGroup, choice: Choice) -> tuple[list[Setting], tuple[str, ...]]:
    """A name is set at once; shares are returned, for they can be keyed."""
    name = choice if isinstance(choice, str) else MIX
    shares = {} if isinstance(choice, str) else dict(choice)
    try:
        settings.emotion = name
    except TypeError:  # not on the menu
        settings.emotion = AUTO
        return [], (f"The model at hand has no emotion '{name}'",)
    unknown = tuple(f"This version has no share of '{each}'" for each in shares if each not in EMOTIONS)
    return [(f"emotions.{each}", shares.get(each, 0.0)) for each in EMOTIONS], unknown


def _set_values(context: bpy.types.Context, values: list[Setting], line: StoredLine) -> None:
    scene = context.scene
    keyed = {curve.data_path for curve in current_fcurves(scene) or ()}
    curves = {}
    for path, value in values:
        group, _, name = f"{ROOT}.{path}".rpartition(".")
        is_curve = hasattr(value, "times_s")
        if is_curve or f"{ROOT}.{path}" in keyed:
            curves[f"{ROOT}.{path}", 0] = _points(context, value, line)
        if not is_curve:
            setattr(scene.path_resolve(group), name, value)
    if curves:
        first = _first_frame(context, line)
        span = Span(line.name, line.name, first, line.frame_count)
        write_tracks([Track(scene, f"{scene.name} Style", curves)], span)


def _points(context: bpy.types.Context, value: Value, line: StoredLine) -> Points:
    """Keys of a value over the line, where that lies now; a constant is held from its first frame to its last."""
    first, fps = _first_frame(context, line), scene_fps(context.scene)
    if hasattr(value, "times_s"):
        frames = first + np.array(value.times_s) * fps
        return Points(frames, np.array(value.values, np.float32))
    frames = np.unique([first, first + max(line.frame_count - 1, 0)])
    return Points(frames, np.full(len(frames), value, np.float32))


def _first_frame(context: bpy.types.Context, line: StoredLine) -> int:
    from .audio_source import strip_times

    strip = find_strip(sequencer_scene(context), line.name) if line.source == STRIP else None
    return line.first_frame if strip is None else strip_times(strip).first_frame
