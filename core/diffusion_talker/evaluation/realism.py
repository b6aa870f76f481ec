# SPDX-License-Identifier: GPL-3.0-or-later
"""How faces move, in numbers: ranges, speeds, rest, couplings between muscles, blinks, head and contacts.

The same measures are taken of a corpus and of recorded takes, at the frame rate of the takes, so that they compare.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from diffusion_talker.channels import ARKIT_52, HEAD_CHANNELS, MIRROR_PAIRS, MODEL_CHANNELS
from diffusion_talker.motion import Motion, resample_motion, sample_motion, true_runs

#: Frame rate of recorded takes; a corpus is measured at it too.
RATE_HZ: Final = 30.0
#: A mouth speaks within half a second of a jaw that moves faster than this per second.
_ACTIVE_SPEED, _ACTIVE_S = 0.15, 0.5
#: A channel rests while it changes less than this per second.
_REST_SPEED = 0.05
#: A channel with a smaller deviation has no couplings worth the name.
_LEAST_DEVIATION = 0.005
#: A lid is shut for a blink when it rises this far above what it usually is, and not for longer.
_BLINK_DEPTH, _LONGEST_BLINK_S = 0.25, 0.8
CLOSURE_RATES_HZ: Final = (24.0, 25.0, 30.0, 60.0)
#: What counts as contact: lip gap, roll of the lower lip, opening of the jaw.
_CLOSED_GAP, _TUCKED_ROLL, _TEETH_JAW = 0.02, 0.30, 0.12
_GAP_WEIGHTS: Final[Mapping[str, float]] = {
    "jawOpen": 1.0, "mouthClose": -1.41, "mouthFunnel": 0.26, "mouthPucker": -0.08, "mouthShrugLower": -0.23,
    "mouthShrugUpper": 0.14, "mouthUpperUpLeft": 0.12, "mouthUpperUpRight": 0.12, "mouthLowerDownLeft": 0.10,
    "mouthLowerDownRight": 0.10, "mouthRollUpper": 0.07, "mouthRollLower": -0.04, "mouthPressLeft": -0.035,
    "mouthPressRight": -0.035,
}  # fmt: skip


@dataclass(frozen=True)
class ChannelMeasure:
    """One channel while the mouth is busy: value percentiles and deviation; |velocity| per second, its percentiles;
    99th percentiles of |acceleration| per s^2 and |jerk| per s^3; roughness: rms third over rms first difference;
    rest_share: share of all frames in which it hardly moves."""

    p1: float
    p50: float
    p99: float
    largest: float
    deviation: float
    speed_p50: float
    speed_p95: float
    speed_p99: float
    acceleration_p99: float
    jerk_p99: float
    roughness: float
    rest_share: float


@dataclass(frozen=True)
class BlinkMeasure:
    """Blinks: how many a minute; medians of depth and of the seconds they close, stay and open; (10th, 50th, 90th)
    percentile of the seconds between them; mean_shape: (49,) lid around the moment it is shut, RATE_HZ-independent,
    -0.4 to 0.4 s."""

    count: int
    rate_per_min: float
    depth: float
    closing_s: float
    hold_s: float
    opening_s: float
    intervals_s: tuple[float, float, float]
    mean_shape: np.ndarray = field(repr=False)


@dataclass(frozen=True)
class FaceMeasure:
    """All measures of a set of takes. correlation: (52, 52) of the ARKit channels while the mouth is busy, NaN where
    one hardly moves; side_difference: mean |left - right| of every pair; head_speed_deg_s: median, 95th percentile."""

    seconds: float
    channels: Mapping[str, ChannelMeasure]
    side_difference: Mapping[str, float]
    correlation: np.ndarray = field(repr=False)
    blinks: BlinkMeasure
    head_speed_deg_s: tuple[float, float]


@dataclass(frozen=True)
class ContactMeasure:
    """Contacts of labelled phones: how many were looked at, and the share that is made, by frame rate in Hz."""

    count: int
    share: Mapping[float, float]


def measure_faces(takes: Sequence[Motion]) -> FaceMeasure:
    """Measure takes of any rate and channels. Raises ValueError when there is no frame in them."""
    weights = [_uniform(take) for take in takes if take.frame_count > 3]
    if not weights:
        raise ValueError("there is no take with frames")
    busy = [is_busy(take) for take in weights]
    return FaceMeasure(
        seconds=sum(len(take) for take in weights) / RATE_HZ,
        channels={name: _measure_channel(weights, busy, i) for i, name in enumerate(MODEL_CHANNELS)},
        side_difference=_side_difference(weights),
        correlation=correlate(weights, busy),
        blinks=measure_blinks([take[:, MODEL_CHANNELS.index("eyeBlinkLeft")] for take in weights], RATE_HZ),
        head_speed_deg_s=_head_speed(weights),
    )


def _uniform(take: Motion) -> np.ndarray:
    """(T, 55) at RATE_HZ in MODEL_CHANNELS order; channels that the take does not have are 0."""
    at_rate = resample_motion(take, RATE_HZ)
    return np.stack([at_rate.column(name) for name in MODEL_CHANNELS], axis=1).astype(np.float64)


def is_busy(weights: np.ndarray) -> np.ndarray:
    """(T,) whether the mouth moves, or does within half a second."""
    speed = np.abs(np.gradient(weights[:, MODEL_CHANNELS.index("jawOpen")])) * RATE_HZ
    near = np.ones(2 * int(_ACTIVE_S * RATE_HZ) + 1)
    return np.convolve(speed > _ACTIVE_SPEED, near, "same") > 0.5


def _measure_channel(weights: Sequence[np.ndarray], busy: Sequence[np.ndarray], i: int) -> ChannelMeasure:
    curves = [take[:, i] for take in weights]
    values = _joined(curve[mask] for curve, mask in zip(curves, busy, strict=True))
    if not len(values):
        values = _joined(curves)
    steps = {order: _steps(curves, busy, order) for order in (1, 2, 3)}
    speed = steps[1] * RATE_HZ
    every_step = _joined(np.abs(np.diff(curve)) for curve in curves)
    return ChannelMeasure(
        *(float(np.percentile(values, p)) for p in (1, 50, 99)),
        largest=float(values.max()),
        deviation=float(values.std()),
        speed_p50=float(np.percentile(speed, 50)),
        speed_p95=float(np.percentile(speed, 95)),
        speed_p99=float(np.percentile(speed, 99)),
        acceleration_p99=float(np.percentile(steps[2], 99)) * RATE_HZ**2,
        jerk_p99=float(np.percentile(steps[3], 99)) * RATE_HZ**3,
        roughness=_roughness(steps[1], steps[3]),
        rest_share=float(np.mean(every_step * RATE_HZ < _REST_SPEED)),
    )


def _joined(parts: Iterable[np.ndarray]) -> np.ndarray:
    return np.concatenate(list(parts))


def _steps(curves: Sequence[np.ndarray], busy: Sequence[np.ndarray], order: int) -> np.ndarray:
    """|difference of that order| where the mouth is busy, of all takes; one 0 when it never is."""
    parts = [np.abs(np.diff(curve, n=order))[mask[order:]] for curve, mask in zip(curves, busy, strict=True)]
    joined = np.concatenate(parts)
    return joined if len(joined) else np.zeros(1)


def _roughness(first: np.ndarray, third: np.ndarray) -> float:
    """rms third difference over rms first: white noise 3.2, a sine of 4 Hz 0.66; 0 for a still channel."""
    speed = float(np.sqrt(np.mean(first**2)))
    return float(np.sqrt(np.mean(third**2))) / speed if speed > 1e-6 else 0.0


def _side_difference(weights: Sequence[np.ndarray]) -> dict[str, float]:
    joined = np.concatenate(weights)
    pairs = [(left, MODEL_CHANNELS.index(left), MODEL_CHANNELS.index(right)) for left, right in MIRROR_PAIRS]
    return {name: float(np.abs(joined[:, left] - joined[:, right]).mean()) for name, left, right in pairs}


def correlate(weights: Sequence[np.ndarray], busy: Sequence[np.ndarray]) -> np.ndarray:
    """(52, 52) mean over takes of the correlation between channels while the mouth is busy; NaN where one is still."""
    matrices = []
    for take, mask in zip(weights, busy, strict=True):
        face = take[mask, : len(ARKIT_52)]
        if len(face) > 2 * RATE_HZ:
            matrices.append(_correlation(face))
    if not matrices:
        return np.full((len(ARKIT_52), len(ARKIT_52)), np.nan)
    stacked = np.stack(matrices)
    known = np.isfinite(stacked)
    return np.where(known.any(0), np.where(known, stacked, 0.0).sum(0) / np.maximum(known.sum(0), 1), np.nan)


def _correlation(face: np.ndarray) -> np.ndarray:
    centered = face - face.mean(axis=0)
    deviation = centered.std(axis=0)
    scale = np.where(deviation > _LEAST_DEVIATION, deviation, np.nan)
    return (centered.T @ centered) / len(face) / np.outer(scale, scale)


def measure_blinks(lids: Sequence[np.ndarray], rate_hz: float) -> BlinkMeasure:
    """Blinks in curves of one lid, each (T,)."""
    found = [(lid, blink) for lid in lids for blink in find_blinks(lid, rate_hz)]
    minutes = sum(len(lid) for lid in lids) / rate_hz / 60
    offsets_s = np.linspace(-0.4, 0.4, 49)
    if not found:
        return BlinkMeasure(0, 0.0, 0.0, 0.0, 0.0, 0.0, (0.0, 0.0, 0.0), np.zeros(len(offsets_s)))
    shapes = np.array([_lid_around(lid, blink, offsets_s, rate_hz) for lid, blink in found])
    spans = np.array([blink.seconds(rate_hz) for _, blink in found])
    apart = _joined(np.diff([b.shut for b in find_blinks(lid, rate_hz)]) / rate_hz for lid in lids)
    intervals = np.percentile(apart, (10, 50, 90)) if len(apart) else np.zeros(3)
    closing, hold, opening = np.median(spans, axis=0)
    return BlinkMeasure(
        count=len(found),
        rate_per_min=len(found) / max(minutes, 1e-9),
        depth=float(np.median([blink.depth for _, blink in found])),
        closing_s=float(closing),
        hold_s=float(hold),
        opening_s=float(opening),
        intervals_s=(float(intervals[0]), float(intervals[1]), float(intervals[2])),
        mean_shape=shapes.mean(axis=0),
    )


@dataclass(frozen=True)
class Blink:
    """One blink in frames: where the lid starts, is first and last nine tenths shut, and is back; depth above usual."""

    start: float
    shut: float
    parted: float
    end: float
    depth: float

    def seconds(self, rate_hz: float) -> tuple[float, float, float]:
        """Seconds it closes, holds and opens."""
        return (
            (self.shut - self.start) / rate_hz,
            (self.parted - self.shut) / rate_hz,
            (self.end - self.parted) / rate_hz,
        )


def find_blinks(lid: np.ndarray, rate_hz: float) -> list[Blink]:
    """Blinks of a lid curve (T,): short rises above what the lid does around them."""
    half = int(rate_hz)
    usual = np.array([np.percentile(lid[max(i - half, 0) : i + half], 20) for i in range(len(lid))])
    above = lid - usual
    blinks = [_blink_at(above, first, last) for first, last in true_runs(above > _BLINK_DEPTH)]
    return [blink for blink in blinks if (blink.end - blink.start) / rate_hz < _LONGEST_BLINK_S]


def _blink_at(above: np.ndarray, first: int, last: int) -> Blink:
    top = first + int(np.argmax(above[first:last]))
    depth = float(above[top])
    return Blink(
        start=_crossing(above, top, 0.1 * depth, -1),
        shut=_crossing(above, top, 0.9 * depth, -1),
        parted=_crossing(above, top, 0.9 * depth, 1),
        end=_crossing(above, top, 0.1 * depth, 1),
        depth=depth,
    )


def _crossing(curve: np.ndarray, start: int, level: float, direction: int) -> float:
    """Where the curve falls below a level, walking from `start`, between frames."""
    i = start
    while 0 <= i + direction < len(curve) and curve[i + direction] > level:
        i += direction
    following = min(max(i + direction, 0), len(curve) - 1)
    drop = curve[i] - curve[following]
    return i + direction * float(np.clip((curve[i] - level) / drop, 0.0, 1.0)) if drop > 0 else float(i)


def _lid_around(lid: np.ndarray, blink: Blink, offsets_s: np.ndarray, rate_hz: float) -> np.ndarray:
    middle = 0.5 * (blink.shut + blink.parted)
    return np.interp(middle + offsets_s * rate_hz, np.arange(len(lid)), lid)


def _head_speed(weights: Sequence[np.ndarray]) -> tuple[float, float]:
    columns = [MODEL_CHANNELS.index(name) for name in HEAD_CHANNELS]
    speed = _joined(np.linalg.norm(np.diff(take[:, columns], axis=0), axis=1) for take in weights)
    degrees = np.degrees(speed) * RATE_HZ
    return float(np.percentile(degrees, 50)), float(np.percentile(degrees, 95))


def lip_gap(weights: np.ndarray, channels: Sequence[str]) -> np.ndarray:
    """(T,) mean vertical gap of the lips of (T, C) weights, 1 = jaw fully open: linear fit on a scanned head."""
    terms = (scale * weights[:, channels.index(name)] for name, scale in _GAP_WEIGHTS.items() if name in channels)
    return np.maximum(sum(terms, np.zeros(len(weights))), 0.0)


def measure_contacts(takes: Sequence[tuple[Motion, np.ndarray]], phones: frozenset[int], kind: str) -> ContactMeasure:
    """Share of labelled phones whose contact is made at each of CLOSURE_RATES_HZ.

    takes: motion and its phone labels (T,) at the motion's rate. kind: "seal" (lips shut), "tuck" (lower lip rolled
    in) or "teeth" (jaw up). A phone counts when its contact is seen within a frame of the target rate around it.
    """
    made = dict.fromkeys(CLOSURE_RATES_HZ, 0)
    count = 0
    for motion, labels in takes:
        runs = label_runs(labels, phones)
        count += len(runs)
        for rate_hz in CLOSURE_RATES_HZ:
            made[rate_hz] += _contacts_made(motion, runs, rate_hz, kind)
    return ContactMeasure(count, {rate: made[rate] / count if count else 1.0 for rate in CLOSURE_RATES_HZ})


def _contacts_made(motion: Motion, runs: Sequence[tuple[int, int]], rate_hz: float, kind: str) -> int:
    times_s = np.arange(int(np.ceil(motion.frame_count * rate_hz / motion.rate_hz))) / rate_hz
    weights = sample_motion(motion, times_s)
    signal, limit = _contact_signal(weights, motion.channels, kind)
    frame_s = 1.0 / rate_hz
    made = 0
    for first, last in runs:
        near = (times_s >= first / motion.rate_hz - frame_s) & (times_s <= last / motion.rate_hz + frame_s)
        made += bool(near.any() and signal[near].min() <= limit)
    return made


def _contact_signal(weights: np.ndarray, channels: Sequence[str], kind: str) -> tuple[np.ndarray, float]:
    """A curve (T,) that is at or below the limit where the contact is made."""
    if kind == "seal":
        return lip_gap(weights, channels), _CLOSED_GAP
    if kind == "tuck":
        return -weights[:, channels.index("mouthRollLower")], -_TUCKED_ROLL
    return weights[:, channels.index("jawOpen")], _TEETH_JAW


def label_runs(labels: np.ndarray, phones: frozenset[int]) -> list[tuple[int, int]]:
    """(first, last + 1) of every run of frames whose label is one of `phones`, neighbours merged."""
    return true_runs(np.isin(labels, list(phones)))
