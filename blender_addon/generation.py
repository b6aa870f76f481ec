# SPDX-License-Identifier: GPL-3.0-or-later
"""From choices to a request, from a request to motion (in a worker, no bpy), from motion to a take on the mesh."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .audio_source import (
    Speech,
    file_problem,
    read_speech,
    scene_fps,
    sequencer_scene,
    speech_of_file,
    speech_of_strip,
    strip_problem,
)
from .drive_plan import Choices, DrivenKeys, DrivePlan, MeshPlan, choices_of, drive_keys, others_problem, plan_of
from .problems import LipSyncProblem
from .targets import inspect_target, keys_problem

if TYPE_CHECKING:
    import bpy

    from diffusion_talker.motion import Motion
    from diffusion_talker.student import Student

    from .keyframes import WrittenTake

Progress = Callable[[float, str], None]
Cancelled = Callable[[], bool]


@dataclass(frozen=True)
class Options:
    """How the line is spoken and what computes it.

    steps: denoising steps, None for the student's own number. torch_python: another Python for PyTorch, or "".
    """

    identity: str = "auto"
    emotion: str = "auto"
    intensity: float = 1.0
    style_strength: float = 1.0
    seed: int = 0
    steps: int | None = None
    runtime: str = "auto"
    device: str = "auto"
    torch_python: str = ""


@dataclass(frozen=True)
class Request:
    """Everything a job needs, without a reference into Blender's data: undo may replace that at any moment."""

    speech: Speech
    options: Options
    plan: DrivePlan


@dataclass(frozen=True)
class Generated:
    """Result of the worker: curves from the request's first frame on, for the face and all that goes along with it."""

    keys: tuple[DrivenKeys, ...]
    speech_s: float
    runtime_name: str
    elapsed_s: float


@dataclass(frozen=True)
class Outcome:
    """What one generation left behind. take: the face's; others: what went along with it."""

    take: WrittenTake
    speech_s: float
    elapsed_s: float
    runtime_name: str
    others: tuple[WrittenTake, ...] = ()

    @property
    def sentence(self) -> str:
        along = f" and {len(self.others)} more" if self.others else ""
        count = sum(take.key_count for take in (self.take, *self.others))
        return f"{self.take.action_name}{along}: {count} keys in {self.elapsed_s:.1f} s"


# ---------------------------------------------------------------- choices (main thread)


def target_of(context: bpy.types.Context) -> bpy.types.Object | None:
    """The chosen mesh while it is still in the scene, else the active object."""
    chosen = context.scene.diffusion_talker.target
    if chosen is not None and chosen.name in context.scene.objects:
        return chosen
    return context.active_object


def problem(context: bpy.types.Context) -> str:
    """Why nothing can be generated now and what to do next; empty when all is well. Changes nothing."""
    face = target_of(context)
    return (
        speech_problem(context) or inspect_target(face).reason or others_problem(face, choices_of(context.scene))
    )


def speech_problem(context: bpy.types.Context) -> str:
    settings = context.scene.diffusion_talker
    if settings.source == "STRIP":
        return strip_problem(sequencer_scene(context), settings.strip)
    return file_problem(_audio_path(settings))


def make_request(context: bpy.types.Context) -> Request:
    """Freeze the present choices. Raises LipSyncProblem when something is missing."""
    return request_for(speech_of(context), target_of(context), options_of(context), choices_of(context.scene))


def request_for(
    speech: Speech, obj: bpy.types.Object | None, options: Options, choices: Choices | None = None
) -> Request:
    """A request for any face. Raises LipSyncProblem when it, or a mesh beside it, cannot be driven."""
    return Request(speech, options, plan_of(obj, choices or Choices()))


def speech_of(context: bpy.types.Context) -> Speech:
    settings = context.scene.diffusion_talker
    if settings.source == "STRIP":
        return speech_of_strip(context, sequencer_scene(context), settings.strip)
    return speech_of_file(_audio_path(settings), settings.first_frame, scene_fps(context.scene))


def options_of(context: bpy.types.Context) -> Options:
    from .preferences import runtime_and_device, torch_python

    settings = context.scene.diffusion_talker
    runtime, device = runtime_and_device(context)
    return Options(
        identity=settings.identity or "auto",
        emotion=settings.emotion or "auto",
        intensity=settings.intensity,
        style_strength=settings.style_strength,
        seed=settings.seed,
        runtime=runtime,
        device=device,
        torch_python=torch_python(context),
    )


def _audio_path(settings: bpy.types.PropertyGroup) -> str:
    import bpy

    return bpy.path.abspath(settings.audio_file)


# ---------------------------------------------------------------- work (any thread, no bpy)


def generate(request: Request, progress: Progress, cancelled: Cancelled, student: Student | None = None) -> Generated:
    """Listen and animate. Without a student the packaged one is loaded. Raises DiffusionTalkerError."""
    from diffusion_talker.errors import CancelledError

    started_s = time.perf_counter()
    progress(0.0, "Reading the sound")
    source = read_speech(request.speech)
    if cancelled():
        raise CancelledError("Lip sync was cancelled")
    progress(0.02, "Loading the model")
    student = student or open_student(request.options)
    progress(0.05, "Animating")
    motion = student.generate(
        source, _settings(request.options), lambda share: progress(0.05 + 0.85 * share, "Animating"), cancelled
    )
    progress(0.9, "Fitting the face")
    keys = drive_keys(motion_at_frames(motion, request.speech), request.plan)
    return Generated(keys, motion.duration_s, student.runtime_name, time.perf_counter() - started_s)


def motion_at_frames(motion: Motion, speech: Speech) -> Motion:
    """The motion with one row for each scene frame of the line. Closures are kept here, by ARKit's names, and only then
    brought onto the keys that the face has."""
    import numpy as np

    from diffusion_talker.motion import Motion, sample_motion

    duration_s = motion.duration_s if speech.length_s is None else speech.length_s
    times_s = np.arange(speech.frame_count(duration_s)) / speech.fps
    return Motion(sample_motion(motion, times_s, keep_closures=True), motion.channels, speech.fps)


def open_student(options: Options) -> Student:
    """Load the packaged student; PyTorch, where it is used, is imported here. Raises DiffusionTalkerError."""
    from diffusion_talker.student import load_student

    python = Path(options.torch_python) if options.torch_python else None
    return load_student(runtime=options.runtime, device=options.device, python=python)


def _settings(options: Options) -> object:
    from diffusion_talker.student import GenerateSettings

    return GenerateSettings(
        identity=options.identity,
        emotion=options.emotion,
        intensity=options.intensity,
        style_strength=options.style_strength,
        steps=options.steps,
        seed=options.seed,
    )


# ---------------------------------------------------------------- result (main thread)


def apply(request: Request, generated: Generated) -> Outcome:
    """Write the take on the meshes as they are now. Raises LipSyncProblem, having changed nothing, when one is gone."""
    from .keyframes import Span, shape_key_track, write_tracks

    speech = request.speech
    tracks = []
    for driven in generated.keys:
        obj = find_mesh(driven.mesh)
        _check_keys(obj, driven)
        tracks.append(shape_key_track(obj, driven.curves))
    frame_count = max((len(values) for driven in generated.keys for values in driven.curves.values()), default=0)
    written = write_tracks(tracks, Span(speech.name, speech.key, speech.first_frame, frame_count))
    return Outcome(written[0], generated.speech_s, generated.elapsed_s, generated.runtime_name, written[1:])


def find_mesh(mesh: MeshPlan) -> bpy.types.Object:
    """The mesh, wherever undo or renaming took it. Raises LipSyncProblem when it was deleted."""
    import bpy

    for obj in bpy.data.objects:
        if obj.session_uid == mesh.uid and obj.users_scene:
            return obj
    raise LipSyncProblem(f"'{mesh.name}' was deleted meanwhile: undo that, or pick another mesh")


def _check_keys(obj: bpy.types.Object, driven: DrivenKeys) -> None:
    """Raises LipSyncProblem where the keys cannot be written, or were changed while the worker computed."""
    reason = keys_problem(obj)
    if reason:
        raise LipSyncProblem(reason)
    gone = [name for name in driven.curves if name not in obj.data.shape_keys.key_blocks]
    if gone:
        raise LipSyncProblem(f"'{obj.name}' lost its shape key {gone[0]} meanwhile: undo that, or generate again")
