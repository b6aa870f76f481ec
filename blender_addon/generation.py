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
from .problems import LipSyncProblem
from .targets import TargetReport, inspect_target

if TYPE_CHECKING:
    import bpy
    import numpy as np

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
    use_upper_face: bool = True


@dataclass(frozen=True)
class Request:
    """Everything a job needs, without a reference into Blender's data: undo may replace that at any moment."""

    speech: Speech
    options: Options
    target_uid: int
    target_name: str


@dataclass(frozen=True)
class Generated:
    """Result of the worker. motion starts at the request's first frame."""

    motion: Motion
    runtime_name: str
    elapsed_s: float


@dataclass(frozen=True)
class Outcome:
    """What one generation left behind."""

    take: WrittenTake
    speech_s: float
    elapsed_s: float
    runtime_name: str

    @property
    def sentence(self) -> str:
        return f"{self.take.action_name}: {self.take.key_count} keys in {self.elapsed_s:.1f} s"


# ---------------------------------------------------------------- choices (main thread)


def target_of(context: bpy.types.Context) -> bpy.types.Object | None:
    """The chosen mesh while it is still in the scene, else the active object."""
    chosen = context.scene.diffusion_talker.target
    if chosen is not None and chosen.name in context.scene.objects:
        return chosen
    return context.active_object


def problem(context: bpy.types.Context) -> str:
    """Why nothing can be generated now and what to do next; empty when all is well. Changes nothing."""
    return speech_problem(context) or inspect_target(target_of(context)).reason


def speech_problem(context: bpy.types.Context) -> str:
    settings = context.scene.diffusion_talker
    if settings.source == "STRIP":
        return strip_problem(sequencer_scene(context), settings.strip)
    return file_problem(_audio_path(settings))


def make_request(context: bpy.types.Context) -> Request:
    """Freeze the present choices. Raises LipSyncProblem when something is missing."""
    return request_for(speech_of(context), target_of(context), options_of(context))


def request_for(speech: Speech, obj: bpy.types.Object | None, options: Options) -> Request:
    """A request for any object. Raises LipSyncProblem when it cannot be driven."""
    report = inspect_target(obj)
    if not report.ready:
        raise LipSyncProblem(report.reason)
    return Request(speech, options, obj.session_uid, obj.name)


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
        use_upper_face=settings.use_upper_face,
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
        source, _settings(request.options), lambda share: progress(0.05 + 0.95 * share, "Animating"), cancelled
    )
    return Generated(motion, student.runtime_name, time.perf_counter() - started_s)


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
    """Write the take on the mesh as it is now. Raises LipSyncProblem, having changed nothing, when the mesh is gone."""
    from .keyframes import Take, write_take

    obj = find_target(request)
    report = inspect_target(obj)
    if not report.ready:
        raise LipSyncProblem(report.reason)
    speech = request.speech
    curves = key_curves(generated.motion, speech, report, request.options.use_upper_face)
    take = write_take(obj, Take(speech.name, speech.key, speech.first_frame, curves))
    return Outcome(take, generated.motion.duration_s, generated.elapsed_s, generated.runtime_name)


def find_target(request: Request) -> bpy.types.Object:
    """The request's object, wherever undo or renaming took it. Raises LipSyncProblem when it was deleted."""
    import bpy

    for obj in bpy.data.objects:
        if obj.session_uid == request.target_uid and obj.users_scene:
            return obj
    raise LipSyncProblem(f"'{request.target_name}' was deleted meanwhile: undo that, or pick another mesh")


def key_curves(motion: Motion, speech: Speech, report: TargetReport, use_upper_face: bool) -> dict[str, np.ndarray]:
    """Shape key name -> (F,) float32, one value per scene frame of the line, closures kept."""
    import numpy as np

    from diffusion_talker.channels import MOUTH_CHANNELS
    from diffusion_talker.motion import sample_motion

    duration_s = motion.duration_s if speech.length_s is None else speech.length_s
    times_s = np.arange(speech.frame_count(duration_s)) / speech.fps
    motion = _seal_without_corrective(motion, report.missing)
    weights = sample_motion(motion, times_s, keep_closures=True)
    columns = {channel: weights[:, index] for index, channel in enumerate(motion.channels)}
    wanted = [pair for pair in report.mapping if pair[0] in columns and (use_upper_face or pair[0] in MOUTH_CHANNELS)]
    return {name: columns[channel] for channel, name in wanted}


def _seal_without_corrective(motion: Motion, missing: tuple[str, ...]) -> Motion:
    """A mesh without mouthClose closes its lips with the jaw, or every closure would stay open on it."""
    from dataclasses import replace

    if "mouthClose" not in missing or "jawOpen" not in motion.channels:
        return motion
    weights = motion.weights.copy()
    jaw = motion.channels.index("jawOpen")
    weights[:, jaw] = (weights[:, jaw] - motion.column("mouthClose")).clip(0)
    return replace(motion, weights=weights)
