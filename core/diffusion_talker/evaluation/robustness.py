# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a mouth stays sane on any sound at all: songs, other languages, noise. Needs no labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from diffusion_talker.audio import load_audio
from diffusion_talker.channels import ARKIT_52
from diffusion_talker.motion import Motion, lip_aperture, select_channels
from diffusion_talker.student import GenerateSettings, Student

_RATE_HZ: Final = 30.0  # at which jitter is judged, as an eye sees it in a video
_STEP: Final = 0.02  # of the mouth's range; smaller wiggles are not seen
_LEAST_RANGE: Final = 0.02  # of the aperture; a mouth that opens less is still


@dataclass(frozen=True)
class RecordingFigures:
    """One recording, animated by its sound alone.

    is_finite: all curves are numbers in [0, 1]; opening: 95th less 5th percentile of the lip aperture (fully open jaw:
    1); jerk_norm: RMS third difference of the aperture over RMS first difference at 30 Hz (white noise 3.2, a sine of 4
    Hz 0.66, real faces about 1); zigzag: share of its frames in three successive steps of more than 2 % of the opening
    with alternating signs. Both NaN for a still mouth.
    """

    name: str
    seconds: float
    is_finite: bool
    opening: float
    jerk_norm: float
    zigzag: float


def measure_recordings(
    student: Student, paths: Sequence[Path], steps: int, progress: Callable[[float], None]
) -> tuple[RecordingFigures, ...]:
    """Figures of every recording. Raises AudioError."""
    figures = []
    for done, path in enumerate(paths, 1):
        motion = student.generate(load_audio(path), GenerateSettings(steps=steps), None, None)
        figures.append(recording_figures(path.stem, motion))
        progress(done / len(paths))
    return tuple(figures)


def recording_figures(name: str, motion: Motion) -> RecordingFigures:
    """Figures of one animated recording."""
    face = select_channels(motion, ARKIT_52).weights
    is_finite = bool(np.isfinite(face).all() and face.min(initial=0.0) >= 0 and face.max(initial=0.0) <= 1)
    aperture = np.nan_to_num(np.maximum(lip_aperture(motion), 0.0))
    times_s = np.arange(0.0, motion.duration_s, 1.0 / _RATE_HZ)
    curve = np.interp(times_s * motion.rate_hz, np.arange(motion.frame_count), aperture)
    low, high = np.percentile(curve, (5, 95))
    opening = float(high - low)
    moves = opening >= _LEAST_RANGE and len(curve) > 4
    return RecordingFigures(
        name=name,
        seconds=motion.duration_s,
        is_finite=is_finite,
        opening=opening,
        jerk_norm=jerk_norm(curve) if moves else float("nan"),
        zigzag=zigzag_share(curve / opening) if moves else float("nan"),
    )


def jerk_norm(curve: np.ndarray) -> float:
    """RMS third difference over RMS first difference of (T,)."""
    return float(np.sqrt(np.mean(np.diff(curve, n=3) ** 2) / np.mean(np.diff(curve) ** 2)))


def zigzag_share(curve: np.ndarray) -> float:
    """Share of frames at which three successive steps larger than 0.02 alternate in sign; curve: (T,), range 1."""
    steps = np.diff(curve)
    turns = steps[1:] * steps[:-1] < 0
    large = np.abs(steps) > _STEP
    return float((turns[1:] & turns[:-1] & large[2:] & large[1:-1] & large[:-2]).mean())
