# SPDX-License-Identifier: GPL-3.0-or-later
"""From sound to motion: windows with exact interiors, DDIM sampling, any length in constant memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from diffusion_talker.audio import MOTION_RATE_HZ, AudioSource, log_mel, motion_frame_count
from diffusion_talker.channels import HEAD_CHANNELS, MOUTH_CHANNELS
from diffusion_talker.errors import BundleError, CancelledError, LibraryError, SettingsError
from diffusion_talker.library import IdentityInfo, describe_identities
from diffusion_talker.motion import Motion, VertexMotion
from diffusion_talker.student.bundle import BundleMetadata, load_bundle, packaged_bundle_path
from diffusion_talker.student.config import StudentConfig
from diffusion_talker.student.contact import close_nearly_closed_lips
from diffusion_talker.student.network import EncodedAudio, Network, SoundEncoder, StyleRequest
from diffusion_talker.student.noise import gaussian_noise
from diffusion_talker.student.runtime import open_network
from diffusion_talker.student.schedule import ddim_step, time_steps
from diffusion_talker.student.smoothing import gaussian_kernels, smooth

AUTO = "auto"  # identity and emotion: "as the recording suggests"
WINDOW_FRAMES = 3600  # frames kept of one window: 60 s
VERTEX_WINDOW_FRAMES = 600  # of a mesh, whose frames are hundreds of times larger
MAX_STEPS = 64
MAX_INTENSITY = 2.0
MAX_STYLE_STRENGTH = 3.0

Progress = Callable[[float], None]
Cancelled = Callable[[], bool]


@dataclass(frozen=True)
class GenerateSettings:
    """What an animator chooses for one take.

    Attributes:
        identity, emotion: a library name, or "auto" to let the recording decide.
        intensity: amount of the emotion, 0 (neutral) to 2.
        style_strength: 0 = average talker, 1 = the identity, up to 3 = exaggerated.
        steps: denoising steps; None takes the student's own number.
        seed: another seed is another take of the same line.
    """

    identity: str = AUTO
    emotion: str = AUTO
    intensity: float = 1.0
    style_strength: float = 1.0
    steps: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class MatchResult:
    """Who a recording sounds like, best first."""

    identities: tuple[tuple[str, float], ...]  # (name, cosine similarity)
    emotions: tuple[tuple[str, float], ...]  # (name, probability)


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
                 neutral_face: np.ndarray | None = None) -> None:
        """window_frames: frames made at a time; neutral_face: (V, 3) metres, of a student of vertices."""
        self._network = network
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

    def match(self, source: AudioSource) -> MatchResult:
        """Compare the first minute of a recording with the library."""
        query = self._network.query(_EncodedSource(self._network, source).opening().speaker)
        probabilities = self._network.library_weights("emotion", query.emotions)
        return MatchResult(_ranked(self.config.identities, query.identities), _ranked(self.emotions, probabilities))

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
        if self.config.vertex_count:
            raise BundleError(
                f"This student moves the {self.config.vertex_count} vertices of one mesh and has no facial curves: "
                "choose a student of blendshapes, or write its vertices with the command generate IN.wav OUT.npz."
            )
        values = self._generate(source, settings or GenerateSettings(), _Monitor(progress, cancelled))
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
        if not self.config.vertex_count:
            raise BundleError("This student moves facial curves, not vertices: choose one trained on vertices.")
        values = self._generate(source, settings or GenerateSettings(), _Monitor(progress, cancelled))
        offsets = values.reshape(len(values), self.config.vertex_count, 3)
        return VertexMotion(offsets, float(MOTION_RATE_HZ), self._neutral_face)

    def _generate(self, source: AudioSource, settings: GenerateSettings, monitor: _Monitor) -> np.ndarray:
        """Checked settings to values (T, C) of every frame, one take at a time."""
        self._validate(settings)
        with self._lock:
            return self._windowed(source, settings, monitor)

    def _windowed(self, source: AudioSource, settings: GenerateSettings, monitor: _Monitor) -> np.ndarray:
        steps = settings.steps or self.config.sampling_steps
        audio = _EncodedSource(self._network, source)
        style = self._network.style(self._style_request(audio, settings))
        frame_count = motion_frame_count(source.sample_count)
        values = np.empty((frame_count, self.config.values_per_frame), np.float32)
        for window in windows(frame_count, self._window_frames, self.config.context_frames(steps)):
            monitor.enter(window.start / frame_count, (window.stop - window.start) / frame_count)
            normalized = self._sample(audio, window, style, steps, settings.seed, monitor)
            values[window.start : window.stop] = self._finish(normalized[window.kept])
        monitor.report(1.0)
        return values

    def _finish(self, normalized: np.ndarray) -> np.ndarray:
        """z-scored motion to channel values in range, with lips that meet; vertices as they are."""
        values = self._network.to_weights(normalized)
        if self.config.vertex_count:
            return values
        weights = _clip_face(values, self.config.channels)
        return close_nearly_closed_lips(weights, self.config.channels)

    def _sample(
        self, audio: _EncodedSource, window: _Window, style: object, steps: int, seed: int, monitor: _Monitor
    ) -> np.ndarray:
        """z-scored motion of a window: noise at t = 1, `steps` DDIM steps to t = 0, each channel's low-pass.

        With `mouth_first` the mouth is decided by the first step, which only listens; the steps after it give brows,
        lids and head their variety and see that mouth.
        """
        frames = window.context_stop - window.context_start
        prepared = self._network.prepare(audio.frames(window.context_start, frames))
        motion = gaussian_noise(seed, window.context_start, frames, self.config.values_per_frame)
        first: np.ndarray | None = None
        for done, (time, next_time) in enumerate(time_steps(steps, self.config.even_steps)):
            monitor.report(done / steps)
            predicted = self._network.denoise(motion, time, prepared, style)
            first = predicted if first is None else first
            if self.config.mouth_first:
                predicted = np.where(self._mouth, first, predicted)
            motion = ddim_step(motion, predicted, time, next_time)
        return smooth(motion, self._kernels) if self.config.smoothing_frames else motion

    def _style_request(self, audio: _EncodedSource, settings: GenerateSettings) -> StyleRequest:
        identity = _one_hot(self.config.identities, settings.identity)
        emotion = _one_hot(self.config.emotions, settings.emotion)
        if identity is None or emotion is None:
            query = self._network.query(audio.opening().speaker)
            if identity is None:
                identity = self._network.library_weights("identity", query.identities)
            if emotion is None:
                emotion = self._network.library_weights("emotion", query.emotions)
        return StyleRequest(identity, emotion, settings.intensity, settings.style_strength)

    def _validate(self, settings: GenerateSettings) -> None:
        _check_name("identity", settings.identity, self.config.identities)
        _check_name("emotion", settings.emotion, self.config.emotions)
        _check_range("intensity", settings.intensity, 0.0, MAX_INTENSITY)
        _check_range("style strength", settings.style_strength, 0.0, MAX_STYLE_STRENGTH)
        if settings.steps is not None:
            _check_range("number of steps", settings.steps, 1, MAX_STEPS)


class _EncodedSource:
    """A recording as the encoder hears it; the latest stretch is kept, since short clips ask for it twice."""

    def __init__(self, network: Network, source: AudioSource) -> None:
        self._network, self._source = network, source
        self._stretch = (0, 0)
        self._encoded: EncodedAudio | None = None

    def opening(self) -> EncodedAudio:
        """The first minute: enough to know a voice, constant in memory."""
        return self.frames(0, min(motion_frame_count(self._source.sample_count), WINDOW_FRAMES))

    def frames(self, first_frame: int, frame_count: int) -> EncodedAudio:
        """Motion frames [first_frame, first_frame + frame_count)."""
        if self._encoded is None or self._stretch != (first_frame, frame_count):
            self._encoded = self._encode(first_frame, frame_count)
            self._stretch = (first_frame, frame_count)
        return self._encoded

    def _encode(self, first_frame: int, frame_count: int) -> EncodedAudio:
        if isinstance(self._network, SoundEncoder):
            return self._network.encode_sound(self._source, first_frame, frame_count)
        return self._network.encode(log_mel(self._source, first_frame, frame_count))


class _Monitor:
    """Scales progress of a window into progress of the clip, and turns a cancel request into an exception."""

    def __init__(self, progress: Progress | None, cancelled: Cancelled | None) -> None:
        self._progress = progress
        self._cancelled = cancelled
        self._offset, self._share = 0.0, 1.0

    def enter(self, offset: float, share: float) -> None:
        self._offset, self._share = offset, share

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
    return Student(network, bundle.metadata, neutral_face=bundle.weights.get("decoder.neutral_face"))


def _mouth_channels(config: StudentConfig) -> np.ndarray:
    """(C,) bool: values that the first step decides; none of a mesh, whose lips nothing tells from its other parts."""
    if config.vertex_count:
        return np.zeros(config.values_per_frame, bool)
    return np.array([name in MOUTH_CHANNELS for name in config.channels])


def _ranked(names: tuple[str, ...], scores: np.ndarray) -> tuple[tuple[str, float], ...]:
    order = np.argsort(-scores, kind="stable")
    return tuple((names[i], float(scores[i])) for i in order)


def _one_hot(names: tuple[str, ...], name: str) -> np.ndarray | None:
    """Mixture weights of a single entry; None for "auto"."""
    if name == AUTO:
        return None
    return (np.arange(len(names)) == names.index(name)).astype(np.float32)


def _check_name(kind: str, name: str, known: tuple[str, ...]) -> None:
    if name != AUTO and name not in known:
        raise LibraryError(f"There is no {kind} '{name}': choose {AUTO} or one of {', '.join(known)}.")


def _check_range(kind: str, value: float, lowest: float, highest: float) -> None:
    if not lowest <= value <= highest:  # also catches NaN
        raise SettingsError(f"The {kind} is {value}: choose a value from {lowest} to {highest}.")


def _clip_face(weights: np.ndarray, channels: tuple[str, ...]) -> np.ndarray:
    """Face weights live in [0, 1]; head rotation is in radians and stays free."""
    face = np.array([name not in HEAD_CHANNELS for name in channels])
    weights[:, face] = np.clip(weights[:, face], 0.0, 1.0)
    return weights
