# SPDX-License-Identifier: GPL-3.0-or-later
"""From sound to motion: windows with exact interiors, DDIM sampling, any length in constant memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from diffusion_talker.audio import MOTION_RATE_HZ, AudioSource
from diffusion_talker.channels import HEAD_CHANNELS, MOUTH_CHANNELS
from diffusion_talker.errors import BundleError, CancelledError, SettingsError
from diffusion_talker.library import IdentityInfo, describe_identities
from diffusion_talker.library.identity import UserIdentity
from diffusion_talker.library.names import find_name, folded
from diffusion_talker.library.voiceprint import voice_statistics, voiceprint
from diffusion_talker.motion import Motion, VertexMotion
from diffusion_talker.student.blinks import settle_blinks
from diffusion_talker.student.bundle import (
    BundleMetadata,
    StyleAxis,
    embedding_space,
    load_bundle,
    packaged_bundle_path,
)
from diffusion_talker.student.config import StudentConfig
from diffusion_talker.student.contact import close_nearly_closed_lips
from diffusion_talker.student.hearing import OPENING_FRAMES, Heard
from diffusion_talker.student.network import Network
from diffusion_talker.student.noise import gaussian_noise
from diffusion_talker.student.runtime import open_network
from diffusion_talker.student.schedule import Prediction, ddim_step, extrapolate, time_steps
from diffusion_talker.student.settings import AUTO, GenerateSettings, check_numbers, parts_of, region_of
from diffusion_talker.student.smoothing import gaussian_kernels, smooth
from diffusion_talker.student.styling import Rows, StylePlan
from diffusion_talker.student.voices import shares_of_identity, shares_of_queries

WINDOW_FRAMES = 3600  # frames kept of one window: 60 s
VERTEX_WINDOW_FRAMES = 600  # of a mesh, whose frames are hundreds of times larger

Progress = Callable[[float], None]
Cancelled = Callable[[], bool]


@dataclass(frozen=True)
class MatchResult:
    """Who a recording sounds like, best first.

    Attributes:
        identities: (name, similarity). Built-in talkers: cosine between the voice's query and their keys. The user's
            own: (1 + cosine between the two voiceprints) / 2.
        emotions: (name, probability).
        own: names that are the user's own.
    """

    identities: tuple[tuple[str, float], ...]
    emotions: tuple[tuple[str, float], ...]
    own: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Window:
    """Frames [start, stop) are kept, [context_start, context_stop) are computed."""

    start: int
    stop: int
    context_start: int
    context_stop: int

    @property
    def kept(self) -> slice:
        return slice(self.start - self.context_start, self.stop - self.context_start)


def windows(frame_count: int, window_frames: int, context_frames: int) -> Iterator[_Window]:
    """Cover [0, frame_count) with windows whose context lets their interior equal a whole-clip run."""
    for start in range(0, frame_count, window_frames):
        stop = min(start + window_frames, frame_count)
        yield _Window(start, stop, max(0, start - context_frames), min(frame_count, stop + context_frames))


class Student:
    """A loaded student: ask it for motion as often as you like. Not for two threads at once."""

    def __init__(self, network: Network, metadata: BundleMetadata, window_frames: int | None = None,
                 neutral_face: np.ndarray | None = None, space: str = "unnamed") -> None:
        """window_frames: frames made at a time; neutral_face: (V, 3) metres, of a student of vertices; space: see
        `bundle.embedding_space`."""
        self._network = network
        self.space = space
        self._own: tuple[UserIdentity, ...] = ()
        self._neutral_face = neutral_face
        self.metadata = metadata
        self.config = network.config
        window_frames = window_frames or (VERTEX_WINDOW_FRAMES if self.config.vertex_count else WINDOW_FRAMES)
        self._window_frames = -(-window_frames // self.config.patch_frames) * self.config.patch_frames
        self._kernels = gaussian_kernels(self.config.smoothing_frames)
        self._mouth = _mouth_channels(self.config)
        self._lock = threading.Lock()

    @property
    def runtime_name(self) -> str:
        """What executes the network, e.g. "numpy" or "torch (cuda)"."""
        return self._network.name

    @property
    def identities(self) -> tuple[IdentityInfo, ...]:
        """The library's talkers."""
        return describe_identities(self.config.identities, self.metadata.identity_descriptions)

    @property
    def emotions(self) -> tuple[str, ...]:
        """The library's emotions; the first is neutral."""
        return self.config.emotions

    @property
    def style_axes(self) -> tuple[StyleAxis, ...]:
        """The sliders this student has; none if it was exported without them."""
        return self.metadata.style_axes

    @property
    def own_identities(self) -> tuple[UserIdentity, ...]:
        """The user's identities that settings may name."""
        return self._own

    def use_identities(self, identities: Sequence[UserIdentity]) -> None:
        """Let settings name these identities of the user's own, too, instead of those given before."""
        self._own = tuple(identities)

    def shares_of_voice(self, heard: Sequence[Heard]) -> tuple[tuple[str, float], ...]:
        """How much of each built-in talker the voice of these recordings has: (name, share), largest first."""
        shares = shares_of_queries(self._network, [recording.query() for recording in heard])
        return _ranked(self.config.identities, shares)

    def shares_of_own(self, identity: UserIdentity) -> tuple[tuple[str, float], ...]:
        """The same for an identity of the user's own, heard again if it is another student's. Raises LibraryError."""
        return _ranked(self.config.identities, shares_of_identity(self._network, self.space, identity))

    def shares_of(self, name: str) -> tuple[tuple[str, float], ...]:
        """The same for a built-in or own identity by its name. Raises LibraryError."""
        own = {identity.name: identity for identity in self._own}
        name = find_name("identity", name, (*self.config.identities, *own))
        return self.shares_of_own(own[name]) if name in own else ((name, 1.0),)

    def listen(self, source: AudioSource) -> Heard:
        """Hear a recording once for any number of takes; see `perform`. The work is done when it is first needed."""
        return Heard(self._network, source)

    def match(self, source: AudioSource) -> MatchResult:
        """Compare the first minute of a recording with the library and the user's own identities."""
        return self.match_heard(self.listen(source))

    def match_heard(self, heard: Heard) -> MatchResult:
        """The same for a recording that was listened to, so that a take and likenesses cost hearing it once."""
        query = heard.query()
        found = dict(zip(self.config.identities, query.identities.tolist(), strict=True))
        voices = [identity for identity in self._own if identity.has_voice]
        if voices:
            voice = voiceprint(voice_statistics(heard.source, OPENING_FRAMES / MOTION_RATE_HZ).values)
            found |= {own.name: 0.5 + 0.5 * float(voice @ voiceprint(own.statistics)) for own in voices}
        probabilities = self._network.library_weights("emotion", query.emotions)
        return MatchResult(_ranked(tuple(found), np.array(list(found.values()))),
                           _ranked(self.emotions, probabilities), tuple(own.name for own in voices))

    def generate(
        self,
        source: AudioSource,
        settings: GenerateSettings | None = None,
        progress: Progress | None = None,
        cancelled: Cancelled | None = None,
    ) -> Motion:
        """Animate a recording with curves.

        Args:
            source: mono 16 kHz speech of any length.
            settings: identity, emotion, amounts, steps and seed.
            progress: called with a fraction in [0, 1].
            cancelled: asked between denoising steps; True ends the work with CancelledError.

        Returns:
            Motion (T, C) at 60 Hz, T = `motion_frame_count(source.sample_count)`, face weights in [0, 1].

        Raises:
            LibraryError: unknown identity or emotion.  SettingsError: a number out of range.
            CancelledError: `cancelled` answered True.  BundleError: this student moves vertices.
        """
        return self.perform(self.listen(source), settings, progress, cancelled)

    def perform(
        self,
        heard: Heard,
        settings: GenerateSettings | None = None,
        progress: Progress | None = None,
        cancelled: Cancelled | None = None,
    ) -> Motion:
        """Another take of a recording that was listened to: `generate` without the encoder, the same curves.

        heard: what `listen` of this student returned. Everything else as in `generate`.
        """
        if self.config.vertex_count:
            raise BundleError(
                f"This student moves the {self.config.vertex_count} vertices of one mesh and has no facial curves: "
                "choose a student of blendshapes, or write its vertices with the command generate IN.wav OUT.npz."
            )
        values = self._generate(heard, settings or GenerateSettings(), _Monitor(progress, cancelled))
        return Motion(values, self.config.channels, float(MOTION_RATE_HZ))

    def generate_vertices(
        self,
        source: AudioSource,
        settings: GenerateSettings | None = None,
        progress: Progress | None = None,
        cancelled: Cancelled | None = None,
    ) -> VertexMotion:
        """Animate a recording with the vertices of the mesh that the student learned on; arguments as in `generate`.

        Returns:
            VertexMotion (T, V, 3) at 60 Hz, offsets in metres in the mesh's own frame; 3.6 MB a second for
            FLAME's 5023 vertices.

        Raises:
            BundleError: this student moves curves.  Otherwise as `generate`.
        """
        return self.perform_vertices(self.listen(source), settings, progress, cancelled)

    def perform_vertices(
        self,
        heard: Heard,
        settings: GenerateSettings | None = None,
        progress: Progress | None = None,
        cancelled: Cancelled | None = None,
    ) -> VertexMotion:
        """`generate_vertices` of a recording that was listened to, without the encoder; see `perform`."""
        if not self.config.vertex_count:
            raise BundleError("This student moves facial curves, not vertices: choose one trained on vertices.")
        values = self._generate(heard, settings or GenerateSettings(), _Monitor(progress, cancelled))
        offsets = values.reshape(len(values), self.config.vertex_count, 3)
        return VertexMotion(offsets, float(MOTION_RATE_HZ), self._neutral_face)

    def _generate(self, heard: Heard, settings: GenerateSettings, monitor: _Monitor) -> np.ndarray:
        """Checked settings to values (T, C) of every frame, one take at a time."""
        if heard.network is not self._network:
            raise ValueError("this recording was listened to by another student")
        check_numbers(settings)
        with self._lock:
            return self._windowed(heard, settings, monitor)

    def _windowed(self, heard: Heard, settings: GenerateSettings, monitor: _Monitor) -> np.ndarray:
        steps = settings.steps or self.config.sampling_steps
        plans = self._plans(heard, settings)
        gains = self._region_gains(settings)
        values = np.empty((heard.frame_count, self.config.values_per_frame), np.float32)
        for window in windows(heard.frame_count, self._window_frames, self.config.context_frames(steps)):
            passes = []
            for number, plan in enumerate(plans):
                monitor.enter(window, heard.frame_count, number, len(plans))
                passes.append(self._sample(heard, window, plan, steps, settings.seed, monitor)[window.kept])
            values[window.start : window.stop] = self._finish(_by_region(passes, gains))
        monitor.report(1.0)
        return settle_blinks(values, self.config.channels, float(MOTION_RATE_HZ))

    def _finish(self, normalized: np.ndarray) -> np.ndarray:
        """z-scored motion to channel values in range, with lips that meet; vertices as they are."""
        values = self._network.to_weights(normalized)
        if self.config.vertex_count:
            return values
        weights = _clip_face(values, self.config.channels)
        return close_nearly_closed_lips(weights, self.config.channels)

    def _sample(
        self, heard: Heard, window: _Window, plan: StylePlan, steps: int, seed: int, monitor: _Monitor
    ) -> np.ndarray:
        """z-scored motion of a window: noise at t = 1, `steps` DDIM steps to t = 0, each channel's low-pass.

        With `mouth_first` the mouth is decided by the first step, which only listens; the steps after it give brows,
        lids and head their variety and see that mouth.
        """
        frames = window.context_stop - window.context_start
        prepared = heard.prepared(window.context_start, frames)
        style = self._network.style(plan.request(window.context_start, frames, self.config.patch_frames))
        motion = gaussian_noise(seed, window.context_start, frames, self.config.values_per_frame)
        motion *= np.float32(self.config.noise_scale)
        first: np.ndarray | None = None
        before: Prediction | None = None
        for done, (time, next_time) in enumerate(time_steps(steps)):
            monitor.report(done / steps)
            predicted = self._network.denoise(motion, time, prepared, style)
            first = predicted if first is None else first
            if self.config.mouth_first:
                predicted = np.where(self._mouth, first, predicted)
            now = Prediction(predicted, time)
            aim = extrapolate(now, before, next_time) if self.config.second_order else predicted
            motion, before = ddim_step(motion, aim, time, next_time), now
        return smooth(motion, self._kernels) if self.config.smoothing_frames else motion

    def _plans(self, heard: Heard, settings: GenerateSettings) -> tuple[StylePlan, ...]:
        """The style to make, and if parts of the face have amounts of emotion of their own, the same without any."""
        plan = StylePlan(
            identity=tuple((self._identity(name, heard), share) for name, share in parts_of(settings.identity)),
            emotion=tuple((self._emotion(name, heard), share) for name, share in parts_of(settings.emotion)),
            intensity=settings.intensity,
            strength=settings.style_strength,
            sliders=self._sliders(settings),
        )
        needs_neutral = any(amount != 1.0 for _, amount in settings.regions)
        return (plan, plan.neutral()) if needs_neutral else (plan,)

    def _identity(self, name: str, heard: Heard) -> np.ndarray:
        """(K,) weights over the library. Raises LibraryError."""
        own = {identity.name: identity for identity in self._own}
        if folded(name) == AUTO:
            return self._network.library_weights("identity", heard.query().identities)
        name = find_name("identity", name, (*self.config.identities, *own), AUTO)
        if name in own:
            return shares_of_identity(self._network, self.space, own[name])
        return _one_hot(self.config.identities, name)

    def _emotion(self, name: str, heard: Heard) -> np.ndarray:
        """(E,) weights over the library. Raises LibraryError."""
        if folded(name) == AUTO:
            return self._network.library_weights("emotion", heard.query().emotions)
        return _one_hot(self.emotions, find_name("emotion", name, self.emotions, AUTO))

    def _sliders(self, settings: GenerateSettings) -> Rows:
        """Direction and value of each slider. Raises LibraryError, or SettingsError if this student has none."""
        axes = {axis.name: np.array(axis.direction, np.float32) for axis in self.style_axes}
        if settings.style and not axes:
            raise SettingsError("This student has no style sliders: leave them out, or choose a newer student.")
        return tuple((axes[find_name("style", name, tuple(axes))], value) for name, value in settings.style)

    def _region_gains(self, settings: GenerateSettings) -> np.ndarray:
        """(C,) amount of the emotion in each channel. Raises SettingsError for a student of vertices."""
        if settings.regions and self.config.vertex_count:
            raise SettingsError("A student of vertices knows no parts of the face: leave the amounts of regions out.")
        amounts = dict(settings.regions)
        return np.array([amounts.get(region_of(name), 1.0) for name in self.config.channels], np.float32)


class _Monitor:
    """Scales progress of a window into progress of the clip, and turns a cancel request into an exception."""

    def __init__(self, progress: Progress | None, cancelled: Cancelled | None) -> None:
        self._progress = progress
        self._cancelled = cancelled
        self._offset, self._share = 0.0, 1.0

    def enter(self, window: _Window, frame_count: int, number: int, passes: int) -> None:
        """What follows is pass `number` of `passes` over a window."""
        self._share = (window.stop - window.start) / frame_count / passes
        self._offset = window.start / frame_count + number * self._share

    def report(self, fraction: float) -> None:
        if self._cancelled is not None and self._cancelled():
            raise CancelledError("Cancelled: nothing was changed. Generate again to start over.")
        if self._progress is not None:
            self._progress(min(1.0, self._offset + self._share * fraction))


def load_student(
    path: Path | None = None, runtime: str = "auto", device: str = "auto", python: Path | None = None
) -> Student:
    """Open a student.

    Args:
        path: a bundle; None opens the one that ships with the package.
        runtime, device: see `runtime.RUNTIMES` and `runtime.DEVICES`.
        python: executable of another Python that has PyTorch; unless the runtime is "numpy", the student then runs
            there, in a worker process.

    Raises:
        BundleError: missing, damaged or foreign file.  RuntimeUnavailableError: no such runtime here.
    """
    bundle = load_bundle(path)
    if python is not None and runtime != "numpy":
        from diffusion_talker.student.remote import RemoteNetwork  # only who asks for it pays for subprocess

        network: Network = RemoteNetwork(bundle.config, path or packaged_bundle_path(), python, device)
    else:
        network = open_network(bundle, runtime, device)
    neutral_face = bundle.weights.get("decoder.neutral_face")
    return Student(network, bundle.metadata, neutral_face=neutral_face, space=embedding_space(bundle))


def _mouth_channels(config: StudentConfig) -> np.ndarray:
    """(C,) bool: values that the first step decides; none of a mesh, whose lips nothing tells from its other parts."""
    if config.vertex_count:
        return np.zeros(config.values_per_frame, bool)
    return np.array([name in MOUTH_CHANNELS for name in config.channels])


def _ranked(names: tuple[str, ...], scores: np.ndarray) -> tuple[tuple[str, float], ...]:
    order = np.argsort(-scores, kind="stable")
    return tuple((names[i], float(scores[i])) for i in order)


def _one_hot(names: tuple[str, ...], name: str) -> np.ndarray:
    """Mixture weights of a single entry."""
    return (np.arange(len(names)) == names.index(name)).astype(np.float32)


def _by_region(passes: list[np.ndarray], gains: np.ndarray) -> np.ndarray:
    """z-scored motion with emotion and, if a second pass was made without any, each channel its amount of it.

    Both passes share their noise, so they close their lips together, and so does everything between them.
    """
    if len(passes) == 1:
        return passes[0]
    full, neutral = passes
    return neutral + gains * (full - neutral)


def _clip_face(weights: np.ndarray, channels: tuple[str, ...]) -> np.ndarray:
    """Face weights live in [0, 1]; head rotation is in radians and stays free."""
    face = np.array([name not in HEAD_CHANNELS for name in channels])
    weights[:, face] = np.clip(weights[:, face], 0.0, 1.0)
    return weights
