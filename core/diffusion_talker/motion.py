# SPDX-License-Identifier: GPL-3.0-or-later
"""Facial motion as data, its conversion between frame rates, and the edits that keep lips sealed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from diffusion_talker.channels import ARKIT_52, MODEL_CHANNELS, MOUTH_CHANNELS
from diffusion_talker.errors import SettingsError

#: A dip of the lip aperture below this counts as a closure worth keeping (a fully open jaw is 1).
CLOSURE_APERTURE = 0.15
#: A peak of an eyelid above this counts as a blink worth keeping.
BLINK_CLOSED = 0.6
#: Within this of the extreme value, a frame belongs to the closure.
_PLATEAU = 0.01
#: Channels that intensity leaves alone: a half-strength blink is a drowsy eye, and half a glance misses its aim.
_UNSCALED_PREFIXES = ("eyeBlink", "eyeLook")
_LIP_OPENERS = ("mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight")


@dataclass(frozen=True)
class Motion:
    """Curves of a face: frame i is at time i / rate_hz.

    weights: (T, C) float32; ARKit channels in [0, 1], head rotation in radians. channels: C names. rate_hz: frames per
    second.
    """

    weights: np.ndarray  # (T, C) float32
    channels: tuple[str, ...]
    rate_hz: float

    def __post_init__(self) -> None:
        weights = np.ascontiguousarray(self.weights, dtype=np.float32)
        if weights.ndim != 2 or weights.shape[1] != len(self.channels):
            raise ValueError(f"weights {weights.shape} do not fit {len(self.channels)} channels")
        if not (math.isfinite(self.rate_hz) and self.rate_hz > 0):
            raise ValueError(f"rate_hz must be positive, not {self.rate_hz}")
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "channels", tuple(self.channels))
        object.__setattr__(self, "rate_hz", float(self.rate_hz))

    @property
    def frame_count(self) -> int:
        """T."""
        return self.weights.shape[0]

    @property
    def duration_s(self) -> float:
        """Seconds that the frames cover, the last one included for its whole length."""
        return self.frame_count / self.rate_hz

    def column(self, name: str) -> np.ndarray:
        """Curve (T,) of one channel; zeros where the motion does not carry it."""
        if name not in self.channels:
            return np.zeros(self.frame_count, np.float32)
        return self.weights[:, self.channels.index(name)]


@dataclass(frozen=True)
class VertexMotion:
    """Vertex animation in a mesh's own frame: offsets (T, V, 3) float32 metres, frame i at time i / rate_hz.

    neutral: (V, 3) metres, the face that the offsets are added to, where it is known.
    """

    offsets: np.ndarray  # (T, V, 3) float32
    rate_hz: float
    neutral: np.ndarray | None = None

    @property
    def frame_count(self) -> int:
        """T."""
        return self.offsets.shape[0]

    @property
    def duration_s(self) -> float:
        """Seconds that the frames cover, the last one included for its whole length."""
        return self.frame_count / self.rate_hz


def rest_motion(frame_count: int, rate_hz: float, channels: Sequence[str] = MODEL_CHANNELS) -> Motion:
    """Face at rest: every channel 0."""
    return Motion(np.zeros((frame_count, len(channels)), np.float32), tuple(channels), rate_hz)


def select_channels(motion: Motion, channels: Sequence[str]) -> Motion:
    """The same motion with exactly these channels in this order; channels it does not carry are 0."""
    columns = [motion.column(name) for name in channels]
    weights = np.stack(columns, axis=1) if columns else np.zeros((motion.frame_count, 0), np.float32)
    return Motion(weights, tuple(channels), motion.rate_hz)


def lip_aperture(motion: Motion) -> np.ndarray:
    """How far the lips are apart, (T,) float32: 0 or less is sealed, 1 a fully dropped jaw.

    A = jawOpen - mouthClose + (mean lowerDown + mean upperUp) / 2 - (mean roll + mean press) / 2, means over the two
    channels of each kind; channels that are missing count as 0.
    """
    def mean(first: str, second: str) -> np.ndarray:
        return (motion.column(first) + motion.column(second)) / 2

    opening = mean("mouthLowerDownLeft", "mouthLowerDownRight") + mean("mouthUpperUpLeft", "mouthUpperUpRight")
    sealing = mean("mouthRollLower", "mouthRollUpper") + mean("mouthPressLeft", "mouthPressRight")
    return motion.column("jawOpen") - motion.column("mouthClose") + (opening - sealing) / 2


def true_runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """(first, last + 1) of every stretch of true values of (T,) flags."""
    edges = np.flatnonzero(np.diff(flags.astype(np.int8), prepend=0, append=0)).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))


def resample_motion(motion: Motion, rate_hz: float) -> Motion:
    """The same motion at another frame rate, closures and blinks kept (see `sample_motion`)."""
    if not (math.isfinite(rate_hz) and rate_hz > 0):
        raise SettingsError(f"The frame rate must be a number above 0, not {rate_hz}. Try 24, 25 or 30.")
    if rate_hz == motion.rate_hz:
        return motion
    frame_count = math.ceil(motion.frame_count * rate_hz / motion.rate_hz - 1e-6)
    times_s = np.arange(frame_count) / rate_hz
    return Motion(sample_motion(motion, times_s), motion.channels, rate_hz)


def resample_vertices(motion: VertexMotion, rate_hz: float) -> VertexMotion:
    """The same vertices at another frame rate, linear between frames. Raises SettingsError."""
    if not (math.isfinite(rate_hz) and rate_hz > 0):
        raise SettingsError(f"The frame rate must be a number above 0, not {rate_hz}. Try 24, 25 or 30.")
    if rate_hz == motion.rate_hz:
        return motion
    frame_count = math.ceil(motion.frame_count * rate_hz / motion.rate_hz - 1e-6)
    flat = motion.offsets.reshape(motion.frame_count, -1)
    sampled = interpolate_rows(flat, np.arange(frame_count) * (motion.rate_hz / rate_hz))
    return replace(motion, offsets=sampled.reshape(frame_count, *motion.offsets.shape[1:]), rate_hz=float(rate_hz))


def sample_motion(motion: Motion, times_s: np.ndarray, keep_closures: bool = True) -> np.ndarray:
    """Weights (T', C) float32 at the increasing times `times_s` (T',), in seconds from the first frame.

    Linear between frames, held beyond the ends. A lip closure or a blink that would fall between two of the times is
    shown on the nearest one: there the mouth (or the lid) is read at the moment of the closure, at most half a target
    frame away, and everything else at its own time. Nothing is delayed and nothing is smoothed.
    """
    times_s = np.asarray(times_s, np.float64)
    if motion.frame_count == 0 or times_s.size == 0:
        return np.zeros((times_s.size, len(motion.channels)), np.float32)
    sampled = interpolate_rows(motion.weights, times_s * motion.rate_hz)
    if not keep_closures:
        return sampled
    for channels, signal, limit in _closure_signals(motion):
        frames = pull_to_minima(signal, limit, times_s * motion.rate_hz)
        moved = np.flatnonzero(frames != times_s * motion.rate_hz)
        columns = [i for i, name in enumerate(motion.channels) if name in channels]
        sampled[np.ix_(moved, columns)] = interpolate_rows(motion.weights[:, columns], frames[moved])
    return sampled


def scale_motion(motion: Motion, intensity: float) -> Motion:
    """Motion scaled around the rest pose; what was sealed stays sealed, blinks and gaze keep their full size.

    intensity: 0 is rest, 1 unchanged, above 1 exaggerated. Raises SettingsError if it is negative or not finite.
    """
    if not (math.isfinite(intensity) and intensity >= 0):
        raise SettingsError(f"Intensity must be 0 or more, not {intensity}. 1 is the natural strength.")
    if intensity == 1:
        return motion
    gains = [1.0 if name.startswith(_UNSCALED_PREFIXES) else intensity for name in motion.channels]
    weights = motion.weights * np.asarray(gains, np.float32)
    faces = [i for i, name in enumerate(motion.channels) if name in ARKIT_52]
    weights[:, faces] = np.clip(weights[:, faces], 0, 1)
    return _limit_aperture(replace(motion, weights=weights), _scaled_aperture(lip_aperture(motion), intensity))


def _scaled_aperture(aperture: np.ndarray, intensity: float) -> np.ndarray:
    """Largest aperture allowed after scaling: unchanged where lips touch, scaled where they are well apart."""
    apart = np.clip(aperture / CLOSURE_APERTURE, 0, 1)
    openness = apart * apart * (3 - 2 * apart)
    return aperture * (1 + (intensity - 1) * openness) if intensity > 1 else aperture


def _limit_aperture(motion: Motion, limit: np.ndarray) -> Motion:
    """Close what opens wider than `limit` (T,): first by mouthClose up to jawOpen, then by lowering the lifted lips."""
    weights = motion.weights.copy()
    excess = np.maximum(lip_aperture(motion) - limit, 0)
    if "jawOpen" in motion.channels and "mouthClose" in motion.channels:
        close = motion.channels.index("mouthClose")
        added = np.minimum(excess, np.maximum(motion.column("jawOpen") - weights[:, close], 0))
        weights[:, close] += added
        excess = excess - added
    lips = [i for i, name in enumerate(motion.channels) if name in _LIP_OPENERS]
    opening = weights[:, lips].sum(axis=1) / 4  # its share of the aperture
    keep = 1 - np.clip(excess / np.maximum(opening, 1e-6), 0, 1)
    weights[:, lips] *= keep[:, None]
    return replace(motion, weights=weights)


def _closure_signals(motion: Motion) -> list[tuple[frozenset[str], np.ndarray, float]]:
    """(channels that move together, signal whose minima are closures, value a minimum must reach)."""
    signals: list[tuple[frozenset[str], np.ndarray, float]] = []
    if "jawOpen" in motion.channels:
        signals.append((frozenset(MOUTH_CHANNELS), lip_aperture(motion), CLOSURE_APERTURE))
    for name in ("eyeBlinkLeft", "eyeBlinkRight"):
        if name in motion.channels:
            signals.append((frozenset((name,)), -motion.column(name), -BLINK_CLOSED))
    return signals


def interpolate_rows(weights: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Rows of `weights` (T, C) at fractional frame numbers (T',), held beyond the ends."""
    frames = np.clip(frames, 0, len(weights) - 1)
    before = np.floor(frames).astype(np.int64)
    after = np.minimum(before + 1, len(weights) - 1)
    fraction = (frames - before).astype(np.float32)[:, None]
    return weights[before] * (1 - fraction) + weights[after] * fraction


def pull_to_minima(signal: np.ndarray, limit: float, frames: np.ndarray) -> np.ndarray:
    """Target frames (T',), the nearest one moved onto each minimum of `signal` (T,) that all of them miss."""
    pulled = frames.copy()
    depth = np.full(len(frames), np.inf)
    for first, last in _minimum_plateaus(signal, limit):
        index = int(np.searchsorted(frames, first - 1e-6))
        if index < len(frames) and frames[index] <= last + 1e-6:
            continue
        nearest = _nearest_within_half_step(frames, first, last, index)
        if nearest is not None and signal[first] < depth[nearest]:
            pulled[nearest] = first if frames[nearest] < first else last
            depth[nearest] = signal[first]
    return pulled


def _nearest_within_half_step(frames: np.ndarray, first: int, last: int, index: int) -> int | None:
    """Index of the target nearest to the plateau [first, last] that lies between targets index - 1 and index."""
    if len(frames) == 1:
        return 0 if min(abs(frames[0] - first), abs(frames[0] - last)) <= 0.5 else None
    before, after = index - 1, index
    if before < 0:
        return 0 if frames[0] - last <= (frames[1] - frames[0]) / 2 else None
    if after == len(frames):
        return before if first - frames[-1] <= (frames[-1] - frames[-2]) / 2 else None
    return before if first - frames[before] <= frames[after] - last else after


def _minimum_plateaus(signal: np.ndarray, limit: float) -> list[tuple[int, int]]:
    """First and last frame of every local minimum of `signal` at or below `limit`, flat ground included."""
    plateaus: list[tuple[int, int]] = []
    edges = np.concatenate(([np.inf], signal, [np.inf]))
    lowest = np.flatnonzero((signal <= limit) & (edges[:-2] >= signal) & (edges[2:] >= signal))
    for frame in lowest.tolist():
        if plateaus and frame <= plateaus[-1][1]:
            continue
        level = signal[frame] + _PLATEAU
        first = last = frame
        while first > 0 and signal[first - 1] <= level:
            first -= 1
        while last < len(signal) - 1 and signal[last + 1] <= level:
            last += 1
        plateaus.append((first, last))
    return plateaus
