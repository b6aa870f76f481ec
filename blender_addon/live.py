# SPDX-License-Identifier: GPL-3.0-or-later
"""Update While Dragging: a changed slider changes the take that plays, while Blender stays at hand.

What was heard of the line is kept, so that a change costs denoising alone. That happens in a worker; keys are written
on the main thread, in place, into a take of their own: the one that was generated is kept. No reference into Blender's
data is held from one tick to the next: undo may replace it at any moment.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final

import bpy

from .audio_source import Speech, find_strip, sequencer_scene, strip_times
from .drive_plan import DrivePlan, choices_of, plan_of
from .face_mapping import usable_keys
from .file_state import file_state
from .generation import (
    Cancelled,
    Generated,
    Listened,
    Options,
    Progress,
    Request,
    listen,
    options_of,
    perform,
    problem,
    speech_of,
    target_of,
)
from .job import Job
from .keyframes import DIGEST_PROPERTY, Track, current_action, line_digest, rewrite_tracks
from .problems import LipSyncProblem, user_message
from .redrawing import redraw_keys, redraw_sidebars
from .style_properties import LISTENERS
from .takes import Stamp, header_of, is_made, lead_of, new_stamp, present_take, record_of
from .vertex_animation import form_of
from .writing import driven_tracks, write_driven

TICK_S: Final = 0.015
#: Changes that come within this time are served together.
GATHER_S: Final = 0.06
#: A computation that takes longer than this gives way to a newer change ...
LONG_S: Final = 0.25
#: ... unless the face has not moved for this long: then it is finished first, so that a long drag shows something.
STARVED_S: Final = 0.6
#: How long switching the add-on off waits for a step that is under way.
PATIENCE_S: Final = 2.0
#: A computation that takes longer than this is shown with its progress.
SHOWN_S: Final = 0.3


@dataclass
class Kept:
    """What the worker keeps from one change to the next: the line as it was heard, and the key that says of which line
    and model that is true; both at once, for a worker that was given up may still be at its last step."""

    heard: tuple[tuple[object, ...], Listened] | None = field(default=None, repr=False)

    def work(self, request: Request, progress: Progress, cancelled: Cancelled) -> Generated:
        """Animate a line; listen first where it is another one, or another model."""
        key, heard = hearing_key(request.speech, request.options), self.heard
        if heard is None or heard[0] != key:
            self.heard = None  # frees the memory of the one before
            self.heard = heard = key, listen(request, progress, cancelled)
        return perform(request, heard[1], progress, cancelled)


@dataclass
class Frozen:
    """What freezing costs time, with the mark by which it is known to be true still."""

    speech: Speech | None = None
    speech_mark: tuple[object, ...] = ()
    plan: DrivePlan | None = None
    plan_mark: tuple[object, ...] = ()


@dataclass
class Live:
    """The state of updating: what changed when, the job that runs, the take that is being changed.

    scene_uid: scene whose settings changed. take: id of the take that belongs to the sliders; empty before the first
    change, and once another take was made or put on. listens_only: the next computation makes the line known and
    writes nothing; job_writes: whether the present one will.
    """

    is_on: bool = False
    scene_uid: int = 0
    take: str = ""
    changed_at: float | None = None
    started_at: float = 0.0
    written_at: float = 0.0
    expected_s: float = 0.0
    listens_only: bool = False
    job: Job | None = None
    job_writes: bool = False
    kept: Kept = field(default_factory=Kept)
    frozen: Frozen = field(default_factory=Frozen)

    # -- what happens

    def changed(self, context: bpy.types.Context) -> None:
        """A setting changed. Called from Blender's update callbacks: it only takes note."""
        if not context.scene.diffusion_talker.use_live:
            if self.is_on and context.scene.session_uid == self.scene_uid:
                self.stop()
            return
        self.listens_only = not self.is_on  # switching it on listens, and changes nothing yet
        self.is_on, self.scene_uid = True, context.scene.session_uid
        if self.changed_at is None:
            self.changed_at = time.monotonic()
        self._overtake()
        _schedule()

    def tick(self) -> float | None:
        """One look at the worker and at what changed; seconds until the next one, None when there is nothing to do."""
        with _context_of(self.scene_uid) as context:
            if context is None:
                self.stop()
                return None
            if self.job is not None:
                self._attend(context)
            if self.job is None and self._is_due():
                self._begin(context)
        return TICK_S if self.is_busy else None

    @property
    def is_busy(self) -> bool:
        return self.job is not None or self.changed_at is not None

    def interrupt(self) -> None:
        """Give up what is being computed; nothing is written."""
        self.changed_at = None
        if self.job is not None:
            self.job.cancel()
            self.job = None
        tell_progress(0.0, "")

    def stop(self, patience_s: float = 0.0) -> None:
        """Give up everything that is kept, and wait so long for the worker's last step."""
        job = self.job
        self.interrupt()
        if job is not None:
            job.join(patience_s)
        self.is_on, self.take = False, ""
        self.kept, self.frozen = Kept(), Frozen()
        tell_problem("")

    def release(self) -> None:
        """Another take plays, which is not the sliders': what is computed would hide it, and the next change makes a
        take of its own."""
        self.interrupt()
        self.take = ""

    # -- the worker

    def _overtake(self) -> None:
        """A newer change than the one that is computed: give that up where it takes long."""
        is_starved = time.monotonic() - self.written_at > STARVED_S
        if self.job is not None and self.job_writes and self.expected_s > LONG_S and not is_starved:
            self.job.cancel()

    def _is_due(self) -> bool:
        return self.changed_at is not None and time.monotonic() - self.changed_at >= GATHER_S

    def _begin(self, context: bpy.types.Context) -> None:
        """Start a computation of the newest settings, where they are not what plays already."""
        self.changed_at = None
        reason = live_problem(context)
        try:
            request = None if reason else self._request(context)
        except Exception as error:
            request, reason = None, user_message(error)
            if reason is None:
                raise
        tell_problem(reason)
        if request is not None and (self.listens_only or not is_made(lead_of(context), request)):
            self.job_writes, self.started_at = not self.listens_only, time.monotonic()
            self.job = Job(request, self.kept.work)
            self.job.start()
        self.listens_only = False

    def _attend(self, context: bpy.types.Context) -> None:
        """Take what the worker has."""
        state = self.job.poll()
        if not state.is_finished:
            if time.monotonic() - self.started_at > SHOWN_S:
                tell_progress(state.progress, state.message)
            return
        request, self.job = self.job.request, None
        tell_progress(0.0, "")
        if state.error:
            tell_problem(state.error)
        elif state.result is not None:
            self.expected_s = state.result.elapsed_s
            if self.job_writes:
                self._write(context, request, state.result)

    def _request(self, context: bpy.types.Context) -> Request:
        """The settings of now; speech and plan only where they changed. Raises LipSyncProblem."""
        frozen, mark = self.frozen, speech_mark(context)
        if frozen.speech is None or mark != frozen.speech_mark:
            frozen.speech, frozen.speech_mark = speech_of(context), mark
        options = options_of(context, frozen.speech)
        mark = plan_mark(context, bool(options.model))
        if frozen.plan is None or mark != frozen.plan_mark:
            choices = choices_of(context.scene, bool(options.model))
            frozen.plan, frozen.plan_mark = plan_of(target_of(context), choices, frozen.speech.name), mark
        return Request(frozen.speech, options, frozen.plan)

    # -- keys

    def _write(self, context: bpy.types.Context, request: Request, generated: Generated) -> None:
        """In place into the sliders' own take, else as a new take: the first after a Generate, and whenever somebody
        edited its keys."""
        stamp = new_stamp(record_of(request, generated), request.speech.key, is_live=True)
        try:
            tracks = self._own_tracks(request, generated, stamp)
            if tracks:
                rewrite_tracks(tracks, generated.take.span)
            else:
                write_driven(request.plan, generated.take, stamp)
                tracks = driven_tracks(request.plan, generated.take, stamp)
        except LipSyncProblem as error:
            self.release()
            tell_problem(str(error))
            return
        for track in tracks:
            current_action(track.owner)[DIGEST_PROPERTY] = line_digest(track.owner, stamp.line)
        self.written_at = time.monotonic()
        playing = header_of(current_action(tracks[0].owner)).take
        if playing != self.take:
            self.take = playing
            _push_undo("Live Take")
        redraw_keys(context)

    def _own_tracks(self, request: Request, generated: Generated, stamp: Stamp) -> list[Track]:
        """What to write in place; nothing where the Actions that play are not the sliders', or were edited."""
        if not self.take:
            return []
        tracks = driven_tracks(request.plan, generated.take, replace(stamp, take=self.take))
        return tracks if all(self._is_own(track, stamp.line) for track in tracks) else []

    def _is_own(self, track: Track, line: str) -> bool:
        action = current_action(track.owner)
        header = header_of(action)
        if header is None or header.take != self.take or action.library is not None:
            return False
        return header.line == line and action.get(DIGEST_PROPERTY) == line_digest(track.owner, line)


#: The one state: Blender's timers, handlers and update callbacks have nothing else to hold on to.
LIVE: Final = Live()


# ---------------------------------------------------------------- marks


def live_problem(context: bpy.types.Context) -> str:
    """Why nothing can be updated while dragging, and what to do; empty when it can."""
    from .operators.generate import is_running

    if is_running(context):
        return "Lip sync is being generated: sliders are followed again when it is done"
    if form_of(context.scene) is not None:
        return "Vertices are too heavy to follow sliders: choose Write > Shape Keys, or press Generate Lip Sync"
    return problem(context)


def hearing_key(speech: Speech, options: Options) -> tuple[object, ...]:
    """What a line that was heard depends on: its sound, and who listens."""
    mixed = speech.mixed
    sound = (
        speech.path,
        file_state(speech.path) if speech.packed is None and mixed is None else None,
        zlib.crc32(speech.packed) if speech.packed is not None else None,
        (zlib.crc32(mixed.samples.tobytes()), mixed.rate_hz) if mixed is not None else None,
        speech.start_s,
        speech.length_s,
    )
    model = options.model, file_state(options.model)
    return (*sound, *model, options.runtime, options.device, options.torch_python)


def speech_mark(context: bpy.types.Context) -> tuple[object, ...]:
    """What tells whether the chosen speech is the one that was frozen; cheap, unlike freezing a packed or retimed
    strip."""
    settings, render = context.scene.diffusion_talker, context.scene.render
    rate = render.fps, render.fps_base
    if settings.source == "FILE":
        return settings.audio_file, settings.first_frame, rate
    strip = find_strip(sequencer_scene(context), settings.strip)
    if strip is None or strip.sound is None:
        return ()
    times, retiming = strip_times(strip), getattr(strip, "retiming_keys", ())
    keys = tuple(key.timeline_frame for key in retiming)
    sound = strip.sound.filepath, strip.sound.packed_file is not None, getattr(strip, "sound_offset", 0.0)
    return strip.name, *sound, times, keys, rate


def plan_mark(context: bpy.types.Context, all_shapes: bool) -> tuple[object, ...]:
    """What tells whether everything that a take moves is as it was frozen."""
    scene, face = context.scene, target_of(context)
    choices = choices_of(scene, all_shapes)
    meshes = tuple(_mesh_mark(obj) for obj in (face, *choices.meshes) if obj is not None)
    drive = scene.diffusion_talker_drive
    names = (name for name in drive.bl_rna.properties.keys() if name not in ("rna_type", "meshes", "mesh_index"))
    return meshes, tuple(str(getattr(drive, name)) for name in names), choices.regions, all_shapes


def _mesh_mark(obj: bpy.types.Object) -> tuple[object, ...]:
    is_mesh = obj.type == "MESH"
    return obj.session_uid, usable_keys(obj) if is_mesh else (), obj.diffusion_talker_edits, obj.rotation_mode


# ---------------------------------------------------------------- Blender


@contextmanager
def _context_of(scene_uid: int) -> Iterator[bpy.types.Context | None]:
    """A context in which this scene is the one of now; None where no window shows it any more."""
    if bpy.context.window is not None and bpy.context.scene.session_uid == scene_uid:
        yield bpy.context
        return
    windows = bpy.context.window_manager.windows
    window = next((window for window in windows if window.scene.session_uid == scene_uid), None)
    if window is None:
        yield bpy.context if bpy.context.scene.session_uid == scene_uid else None
        return
    with bpy.context.temp_override(window=window):
        yield bpy.context


def tell_problem(reason: str) -> None:
    told = bpy.context.window_manager.diffusion_talker_takes
    if told.problem != reason:
        told.problem = reason
        redraw_sidebars(bpy.context)


def tell_progress(progress: float, message: str) -> None:
    told = bpy.context.window_manager.diffusion_talker_takes
    if (told.progress, told.message) != (progress, message):
        told.progress, told.message = progress, message
        redraw_sidebars(bpy.context)


def _push_undo(message: str) -> None:
    """A step of its own for a take that is new; headless Blender keeps no steps."""
    if not bpy.app.background:
        bpy.ops.ed.undo_push(message=message)


def _tick() -> float | None:
    return LIVE.tick()


def _schedule() -> None:
    if not bpy.app.background and not bpy.app.timers.is_registered(_tick):
        bpy.app.timers.register(_tick, first_interval=GATHER_S)


@bpy.app.handlers.persistent
def _before_file(*_: object) -> None:
    LIVE.stop()


@bpy.app.handlers.persistent
def _after_file(*_: object) -> None:
    LIVE.is_on = any(scene.diffusion_talker.use_live for scene in bpy.data.scenes)


@bpy.app.handlers.persistent
def _before_undo(*_: object) -> None:
    LIVE.interrupt()


@bpy.app.handlers.persistent
def _after_undo(*_: object) -> None:
    """Keys follow the sliders that undo brought back, where the sliders' own take plays; no take is made by undoing."""
    _after_file()
    with _context_of(LIVE.scene_uid) as context:
        header = header_of(present_take(lead_of(context))) if context is not None and LIVE.is_on else None
        if header is not None and header.take == LIVE.take:
            LIVE.changed(context)


_HANDLERS: Final = (
    ("load_pre", _before_file),
    ("load_post", _after_file),
    ("undo_pre", _before_undo),
    ("redo_pre", _before_undo),
    ("undo_post", _after_undo),
    ("redo_post", _after_undo),
)


def attach() -> None:
    LISTENERS.append(LIVE.changed)
    for name, handler in _HANDLERS:
        getattr(bpy.app.handlers, name).append(handler)


def detach() -> None:
    LISTENERS.remove(LIVE.changed)
    for name, handler in _HANDLERS:
        getattr(bpy.app.handlers, name).remove(handler)
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    LIVE.stop(PATIENCE_S)
