# SPDX-License-Identifier: GPL-3.0-or-later
"""From choices to a request, from a request to motion (in a worker, no bpy), from motion to a take on the mesh."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
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
from .drive_plan import Choices, DrivePlan, choices_of, plan_of, plan_problem
from .driving import DrivenTake, drive
from .identities import identity_problem, library_folder, model_library
from .problems import LipSyncProblem
from .style_curves import reader
from .style_options import emotion_of, identity_of, regions_of, style_of

if TYPE_CHECKING:
    import bpy

    from diffusion_talker.library import Listing
    from diffusion_talker.student import GenerateSettings, Heard, Student
    from diffusion_talker.student.generate import MatchResult
    from diffusion_talker.student.settings import Choice, Value

    from .keyframes import WrittenTake

Progress = Callable[[float, str], None]
Cancelled = Callable[[], bool]


@dataclass(frozen=True)
class Options:
    """How the line is spoken and what computes it.

    identity to regions: as in the core's GenerateSettings, which see. steps: None for the student's own number.
    torch_python: another Python for PyTorch, or "". model: file of another student, or "" for the one that is part of
    the add-on. library: folder of the user's own identities, "" for the one of the command line.
    """

    identity: Choice = "auto"
    emotion: Choice = "auto"
    intensity: Value = 1.0
    style_strength: Value = 1.0
    seed: int = 0
    steps: int | None = None
    style: tuple[tuple[str, Value], ...] = ()
    regions: tuple[tuple[str, float], ...] = ()
    runtime: str = "auto"
    device: str = "auto"
    torch_python: str = ""
    model: str = ""
    library: str = ""


@dataclass(frozen=True)
class Request:
    """Everything a job needs, without a reference into Blender's data: undo may replace that at any moment."""

    speech: Speech
    options: Options
    plan: DrivePlan


@dataclass(frozen=True)
class Generated:
    """Result of the worker: everything that the take moves, ready to be written. model: mark of the model's file,
    empty where no model made it. match: whom the speech sounds like, where that was asked. notes: what the user should
    know beside."""

    take: DrivenTake
    speech_s: float
    runtime_name: str
    elapsed_s: float
    model: str = ""
    match: MatchResult | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What one generation left behind: Actions, the face's first, and where its vertices went, empty for keys."""

    takes: tuple[WrittenTake, ...]
    speech_s: float
    elapsed_s: float
    runtime_name: str
    vertices: str = ""

    @property
    def action_name(self) -> str:
        """The face's Action, or of what moves with it; empty where there is none."""
        return self.takes[0].action_name if self.takes else ""

    @property
    def title(self) -> str:
        """What was made, in a few words."""
        return self.vertices or self.action_name

    @property
    def key_count(self) -> int:
        return sum(take.key_count for take in self.takes)

    @property
    def sentence(self) -> str:
        along = f" and {len(self.takes) - 1} more" if len(self.takes) > 1 else ""
        keys = f"{self.action_name}{along}: {self.key_count} keys" if self.takes else ""
        return f"{'; '.join(part for part in (self.vertices, keys) if part)} in {self.elapsed_s:.1f} s"


# ---------------------------------------------------------------- choices (main thread)


def target_of(context: bpy.types.Context) -> bpy.types.Object | None:
    """The chosen mesh while it is still in the scene, else the active object."""
    chosen = context.scene.diffusion_talker.target
    if chosen is not None and chosen.name in context.scene.objects:
        return chosen
    return context.active_object


def problem(context: bpy.types.Context) -> str:
    """Why nothing can be generated now and what to do next; empty when all is well. Changes nothing."""
    return (
        speech_problem(context)
        or plan_problem(target_of(context), choices_of(context.scene))
        or identity_problem(context)
    )


def speech_problem(context: bpy.types.Context) -> str:
    settings = context.scene.diffusion_talker
    if settings.source == "STRIP":
        return strip_problem(sequencer_scene(context), settings.strip)
    return file_problem(_audio_path(settings))


def make_request(context: bpy.types.Context) -> Request:
    """Freeze the present choices. Raises LipSyncProblem when something is missing."""
    speech = speech_of(context)
    options = options_of(context, speech)
    return request_for(speech, target_of(context), options, choices_of(context.scene, bool(options.model)))


def request_for(
    speech: Speech, obj: bpy.types.Object | None, options: Options, choices: Choices | None = None
) -> Request:
    """A request for any face. Raises LipSyncProblem when it, or a mesh beside it, cannot be driven."""
    return Request(speech, options, plan_of(obj, choices or Choices(), speech.name))


def speech_of(context: bpy.types.Context) -> Speech:
    settings = context.scene.diffusion_talker
    if settings.source == "STRIP":
        return speech_of_strip(context, sequencer_scene(context), settings.strip)
    return speech_of_file(_audio_path(settings), settings.first_frame, scene_fps(context.scene))


def options_of(context: bpy.types.Context, speech: Speech | None = None) -> Options:
    """The scene's choices for a line; without one, as they are in this frame."""
    from .preferences import model_file, runtime_and_device, torch_python

    settings = context.scene.diffusion_talker
    read = getattr if speech is None else reader(context.scene, speech)
    runtime, device = runtime_and_device(context)
    library = model_library(context)
    return Options(
        identity=identity_of(settings, read),
        emotion=emotion_of(settings, library.emotions, read),
        intensity=read(settings, "intensity"),
        style_strength=read(settings, "style_strength"),
        seed=settings.seed,
        style=style_of(settings, [axis.name for axis in library.axes], read),
        regions=regions_of(settings),
        runtime=runtime,
        device=device,
        torch_python=torch_python(context),
        model=model_file(context),
        library=str(library_folder()),
    )


def _audio_path(settings: bpy.types.PropertyGroup) -> str:
    import bpy

    return bpy.path.abspath(settings.audio_file)


# ---------------------------------------------------------------- work (any thread, no bpy)


def generate(request: Request, progress: Progress, cancelled: Cancelled, student: Student | None = None) -> Generated:
    """Listen and animate. Without a student the packaged one is loaded. Raises DiffusionTalkerError."""
    started_s = time.perf_counter()
    generated = perform(request, listen(request, progress, cancelled, student), progress, cancelled)
    return replace(generated, elapsed_s=time.perf_counter() - started_s)


def generate_and_match(request: Request, progress: Progress, cancelled: Cancelled) -> Generated:
    """The same, and whom the speech sounds like: it is heard anyway. Raises DiffusionTalkerError."""
    started_s = time.perf_counter()
    listened = listen(request, progress, cancelled)
    generated = perform(request, listened, progress, cancelled)
    own = own_identities(request.options)
    listened.student.use_identities(own.identities)
    match = listened.student.match_heard(listened.heard)
    notes = tuple(dict.fromkeys((*generated.notes, *own.messages)))  # one damaged file is told of once
    return replace(generated, elapsed_s=time.perf_counter() - started_s, match=match, notes=notes)


@dataclass(frozen=True)
class Listened:
    """A line that was listened to, and who did: enough for any number of takes."""

    student: Student
    heard: Heard


def listen(request: Request, progress: Progress, cancelled: Cancelled, student: Student | None = None) -> Listened:
    """Read the sound and open the model. Without a student the packaged one is loaded. Raises DiffusionTalkerError."""
    progress(0.0, "Reading the sound")
    source = read_speech(request.speech)
    _stop_if(cancelled)
    progress(0.02, "Loading the model")
    student = student or open_student(request.options)
    return Listened(student, student.listen(source))


def perform(request: Request, listened: Listened, progress: Progress, cancelled: Cancelled) -> Generated:
    """Animate a line that was listened to. Raises DiffusionTalkerError."""
    from .stored_settings import model_mark

    started_s = time.perf_counter()
    student, settings = listened.student, generate_settings(request.options)
    notes = use_own_identities(student, request.options)
    progress(0.05, "Animating")
    animate = student.perform_vertices if student.config.vertex_count else student.perform
    motion = animate(listened.heard, settings, lambda share: progress(0.05 + 0.85 * share, "Animating"), cancelled)
    _stop_if(cancelled)
    progress(0.9, "Fitting the face")
    take = drive(motion, request.plan, request.speech, cancelled)
    elapsed_s = time.perf_counter() - started_s
    model = model_mark(request.options.model)
    return Generated(take, motion.duration_s, student.runtime_name, elapsed_s, model, notes=notes)


def _stop_if(cancelled: Cancelled) -> None:
    from diffusion_talker.errors import CancelledError

    if cancelled():
        raise CancelledError("Lip sync was cancelled")


def open_student(options: Options) -> Student:
    """Load the student, the packaged one or another; PyTorch, where it is used, is imported here.

    Raises DiffusionTalkerError.
    """
    from diffusion_talker.student import load_student

    python = Path(options.torch_python) if options.torch_python else None
    model = Path(options.model) if options.model else None
    return load_student(model, runtime=options.runtime, device=options.device, python=python)


def generate_settings(options: Options) -> GenerateSettings:
    """The same for the student."""
    from diffusion_talker.student import GenerateSettings

    return GenerateSettings(
        identity=options.identity,
        emotion=options.emotion,
        intensity=options.intensity,
        style_strength=options.style_strength,
        steps=options.steps,
        seed=options.seed,
        style=options.style,
        regions=options.regions,
    )


def use_own_identities(student: Student, options: Options) -> tuple[str, ...]:
    """Let the student know the user's identities where the options name one, as they are on disk now.

    Returns sentences about other files that were damaged. Raises LipSyncProblem where it was that of one that is named.
    """
    from diffusion_talker.library.names import folded
    from diffusion_talker.student.settings import AUTO, parts_of

    built_in = {folded(name) for name in (AUTO, *student.config.identities)}
    wanted = {folded(name) for name, _ in parts_of(options.identity)} - built_in
    if not wanted:
        return ()
    listing = own_identities(options)
    if listing.messages and wanted - {folded(identity.name) for identity in listing.identities}:
        raise LipSyncProblem(" ".join(listing.messages))
    student.use_identities(listing.identities)
    return listing.messages


def own_identities(options: Options) -> Listing:
    """The user's identities in the folder of the options. What is damaged there is set aside."""
    from diffusion_talker.library import UserLibrary, default_library_folder

    return UserLibrary(Path(options.library) if options.library else default_library_folder()).listing()


# ---------------------------------------------------------------- result (main thread)


def apply(request: Request, generated: Generated) -> Outcome:
    """Write the take on everything as it is now. Raises LipSyncProblem, having changed nothing, when one is gone."""
    from .takes import new_stamp, record_of
    from .writing import write_driven

    stamp = new_stamp(record_of(request, generated), request.speech.key)
    takes, vertices = write_driven(request.plan, generated.take, stamp)
    return Outcome(takes, generated.speech_s, generated.elapsed_s, generated.runtime_name, vertices)
