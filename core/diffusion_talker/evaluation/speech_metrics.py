# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a mouth says what is said: closures, timing, silence, and beats. Measured against labelled phones at 60 Hz.

These need no reference motion, so the corpus' own faces can be measured alike and show what is reachable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from diffusion_talker.audio import MOTION_RATE_HZ
from diffusion_talker.channels import MODEL_CHANNELS
from diffusion_talker.corpus.phones import PHONE_NAMES, PHONES
from diffusion_talker.evaluation.realism import label_runs, lip_gap

#: Lips touch when their gap is at most this, parted they have at least that; a fully open jaw is 1.
TOUCHING_GAP, PARTED_GAP = 0.05, 0.10
_OPENS_WITHIN_S: Final = 0.3  # before or after a closure
_LEAST_VOWEL_S: Final = 0.05
_CLEAR_OF_LIPS_S: Final = 0.06
_LEAST_SILENCE_S: Final = 0.2
_SILENCE_EDGES_S: Final = (0.1, 0.05)  # closing and opening lips belong to the speech around
_REST_GAP: Final = 0.03
_LARGEST_LAG_FRAMES: Final = 18  # 300 ms
_BEAT_SIGMA_S: Final = 0.1

BILABIAL: Final = frozenset(i for i, name in enumerate(PHONE_NAMES) if PHONES[name].contact == "seal")
_LIP_PHONES: Final = frozenset(i for i, name in enumerate(PHONE_NAMES) if PHONES[name].contact in ("seal", "tuck"))
_SILENCE: Final = frozenset((0,))
_OPEN_VOWELS: Final = frozenset(
    i for i, name in enumerate(PHONE_NAMES) if PHONES[name].is_vowel and PHONES[name].pose.jaw >= 0.25
)
#: How open the mouth is on a phone, as far as the phone alone decides.
_OPENNESS: Final = np.array([0.0 if i in BILABIAL else PHONES[name].pose.jaw for i, name in enumerate(PHONE_NAMES)])


@dataclass(frozen=True)
class SpokenClip:
    """weights: (T, C) in MODEL_CHANNELS order; phones: (T,) labels into PHONE_NAMES, 255 unknown; beats_s: (K,)."""

    weights: np.ndarray
    phones: np.ndarray
    beats_s: np.ndarray


@dataclass(frozen=True)
class BilabialScore:
    """recall: share of /p b m/ in which the lips meet; false_rate: share of open vowels in which they do."""

    bilabials: int
    vowels: int
    recall: float
    false_rate: float

    @property
    def f1(self) -> float:
        """Harmonic mean of recall and of the precision recall / (recall + false_rate), as if both were as many."""
        if self.recall <= 0:
            return 0.0
        precision = self.recall / (self.recall + self.false_rate)
        return 2 * precision * self.recall / (precision + self.recall)


@dataclass(frozen=True)
class SilenceScore:
    """gap: mean lip gap (1 = open jaw) in silence; motion: mean |change of the gap| in silence over that in speech;
    rest_ms: median time from the start of a silence until the lips stay within 0.03 of each other for 0.1 s."""

    seconds: float
    gap: float
    motion: float
    rest_ms: float


def bilabial_score(clips: Sequence[SpokenClip]) -> BilabialScore:
    """Bilabial closure, all phones of all clips pooled.

    A closure counts when the lip gap falls to 0.05 within the phone (one frame wider on each side) and reaches 0.10
    within 0.3 s of it: lips that are always shut close nothing. A false closure: a gap of 0.05 or less inside a vowel
    of an open jaw (apex 0.25 or more) that lasts 50 ms or longer, with no lip consonant or silence within 60 ms.
    """
    hits = [hit for clip in clips for hit in _closures(_gap(clip), clip.phones)]
    false = [shut for clip in clips for shut in _false_closures(_gap(clip), clip.phones)]
    return BilabialScore(len(hits), len(false), _mean(hits), _mean(false))


def _closures(gap: np.ndarray, phones: np.ndarray) -> list[bool]:
    around = round(_OPENS_WITHIN_S * MOTION_RATE_HZ)
    return [
        bool(
            gap[max(first - 1, 0) : last + 1].min() <= TOUCHING_GAP
            and gap[max(first - around, 0) : last + around].max() >= PARTED_GAP
        )
        for first, last in label_runs(phones, BILABIAL)
    ]


def _false_closures(gap: np.ndarray, phones: np.ndarray) -> list[bool]:
    clear = round(_CLEAR_OF_LIPS_S * MOTION_RATE_HZ)
    near_lips = np.isin(phones, list(_LIP_PHONES | _SILENCE))
    return [
        bool(gap[first:last].min() <= TOUCHING_GAP)
        for first, last in label_runs(phones, _OPEN_VOWELS)
        if last - first >= _LEAST_VOWEL_S * MOTION_RATE_HZ
        and not near_lips[max(first - clear, 0) : last + clear].any()
    ]


def sync_lag_ms(clips: Sequence[SpokenClip]) -> float:
    """Lag of the best mean correlation between lip gap and phone openness in speech: above 0 the mouth is late.

    Openness: the apex of jawOpen of each frame's phone, 0 for /p b m/ and silence. Correlations (Pearson, within
    clips, frames of speech) are averaged over clips weighted by length for every lag up to 300 ms; the peak is refined
    by a parabola. NaN for mouths that do not move.
    """
    curves = [(_lag_curve(_gap(clip), clip.phones), len(clip.phones)) for clip in clips]
    known = [(curve, frames) for curve, frames in curves if np.isfinite(curve).all()]
    if not known:
        return float("nan")
    mean = np.average([curve for curve, _ in known], axis=0, weights=[frames for _, frames in known])
    return _peak(mean) * 1000.0 / MOTION_RATE_HZ


def _lag_curve(gap: np.ndarray, phones: np.ndarray) -> np.ndarray:
    """Correlation at every lag from -300 to 300 ms."""
    reach = _LARGEST_LAG_FRAMES
    openness = np.where(phones < len(_OPENNESS), _OPENNESS[np.minimum(phones, len(_OPENNESS) - 1)], np.nan)
    inner = np.arange(reach, len(gap) - reach)
    inner = inner[(phones[inner] != 0) & np.isfinite(openness[inner])] if len(inner) else inner
    if len(inner) < 2 * reach:
        return np.full(2 * reach + 1, np.nan)
    return np.array([_correlation(gap[inner + lag], openness[inner]) for lag in range(-reach, reach + 1)])


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    deviation = float(first.std() * second.std())
    return float(np.mean((first - first.mean()) * (second - second.mean()))) / deviation if deviation > 1e-9 else np.nan


def _peak(curve: np.ndarray) -> float:
    """Frames from the middle of a curve to its maximum, between frames."""
    top = int(np.argmax(curve))
    shift = 0.0
    if 0 < top < len(curve) - 1:
        before, at, after = curve[top - 1 : top + 2]
        bend = before - 2 * at + after
        shift = 0.5 * (before - after) / bend if bend < 0 else 0.0
    return float(top + shift - len(curve) // 2)


def silence_score(clips: Sequence[SpokenClip]) -> SilenceScore:
    """Rest in silences longer than 0.2 s; their first 0.1 s and last 0.05 s count for `rest_ms` alone."""
    quiet, moves_quiet, moves_speaking, rests = [], [], [], []
    for clip in clips:
        gap = _gap(clip)
        moves = np.abs(np.diff(gap, prepend=gap[:1]))
        for first, last in _long_silences(clip.phones):
            inner = slice(
                first + (round(_SILENCE_EDGES_S[0] * MOTION_RATE_HZ) if first else 0),
                last - (round(_SILENCE_EDGES_S[1] * MOTION_RATE_HZ) if last < len(gap) else 0),
            )
            quiet.append(gap[inner])
            moves_quiet.append(moves[inner])
            if first:
                rests.append(_rest_ms(gap[first:last]))
        moves_speaking.append(moves[clip.phones != 0])
    if not quiet:
        return SilenceScore(0.0, float("nan"), float("nan"), float("nan"))
    frames = np.concatenate(quiet)
    speaking = _mean(np.concatenate(moves_speaking))
    motion = _mean(np.concatenate(moves_quiet)) / speaking if speaking > 0 else float("nan")
    rest_ms = float(np.median(rests)) if rests else float("nan")
    return SilenceScore(len(frames) / MOTION_RATE_HZ, float(frames.mean()), motion, rest_ms)


def _long_silences(phones: np.ndarray) -> list[tuple[int, int]]:
    return [run for run in label_runs(phones, _SILENCE) if run[1] - run[0] > _LEAST_SILENCE_S * MOTION_RATE_HZ]


def _rest_ms(gap: np.ndarray) -> float:
    """Milliseconds until the lips stay together for 0.1 s; the whole silence when they never do."""
    hold = round(0.1 * MOTION_RATE_HZ)
    apart = np.convolve(gap > _REST_GAP, np.ones(hold), "valid") > 0.5
    resting = np.flatnonzero(~apart)
    return (int(resting[0]) if len(resting) else len(gap)) * 1000.0 / MOTION_RATE_HZ


def beat_consistency(clips: Sequence[SpokenClip]) -> float:
    """Mean over audio beats of exp(-(distance to the nearest motion beat)^2 / (2 sigma^2)), sigma 0.1 s.

    Motion beats: local minima over time of the mean |change| of the 52 face channels (SAiD, Park & Cho 2023). Audio
    beats: see `audio_beats_s`. NaN without audio beats; a motionless face has no motion beats and scores 0.
    """
    scores: list[float] = []
    for clip in clips:
        motion_beats_s = _motion_beats_s(clip.weights)
        for beat_s in clip.beats_s:
            nearest_s = np.abs(motion_beats_s - beat_s).min() if len(motion_beats_s) else np.inf
            scores.append(float(np.exp(-(nearest_s**2) / (2 * _BEAT_SIGMA_S**2))))
    return _mean(scores)


def _motion_beats_s(weights: np.ndarray) -> np.ndarray:
    speed = np.abs(np.diff(weights[:, :52].astype(np.float64), axis=0)).mean(axis=1)
    low = (speed[1:-1] < speed[:-2]) & (speed[1:-1] <= speed[2:])
    return (np.flatnonzero(low) + 1.5) / MOTION_RATE_HZ


def audio_beats_s(log_mel: np.ndarray) -> np.ndarray:
    """Times (K,) of sudden rises of sound: peaks of the summed positive change of log-mel (T, 2, 80) over a frame.

    A peak is the largest within 0.1 s and lies one standard deviation above the clip's mean rise.
    """
    rise = np.maximum(np.diff(log_mel.mean(axis=1), axis=0), 0.0).sum(axis=1)
    reach = round(_BEAT_SIGMA_S * MOTION_RATE_HZ)
    padded = np.pad(rise, reach, mode="constant")
    largest = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).max(axis=1)
    return (np.flatnonzero((rise >= largest) & (rise > rise.mean() + rise.std())) + 0.5) / MOTION_RATE_HZ


def _gap(clip: SpokenClip) -> np.ndarray:
    return lip_gap(clip.weights, MODEL_CHANNELS)


def _mean(values: Sequence[float] | np.ndarray) -> float:
    return float(np.mean(values)) if len(values) else float("nan")
