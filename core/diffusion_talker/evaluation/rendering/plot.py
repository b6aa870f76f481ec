# SPDX-License-Identifier: GPL-3.0-or-later
"""Curves under the spectrogram of their sound, phones marked: where a mouth is early, late or lazy can be seen."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from diffusion_talker.audio import SAMPLE_RATE_HZ, AudioSource
from diffusion_talker.evaluation.rendering.lip_gap import lip_gap_mm
from diffusion_talker.evaluation.rendering.packages import require
from diffusion_talker.files import atomic_write
from diffusion_talker.motion import Motion

_INCHES_PER_S, _WIDTH_RANGE_IN, _DPI = 2.2, (8.0, 60.0), 80
_WINDOW, _HOP = 320, 80  # 20 ms windows every 5 ms show bursts and formants both


@dataclass(frozen=True)
class Mark:
    """A phone in time; closed: whether lips must meet in it, which shades it through all curves."""

    name: str
    start_s: float
    end_s: float
    closed: bool = False


_PANELS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("jaw and seal", ("jawOpen", "mouthClose", "mouthPressLeft", "mouthRollLower", "mouthRollUpper")),
    ("rounding, corners", ("mouthFunnel", "mouthPucker", "mouthSmileLeft", "mouthStretchLeft", "mouthFrownLeft")),
    ("lips", ("mouthLowerDownLeft", "mouthUpperUpLeft", "mouthShrugLower", "tongueOut")),
    ("eyes and brows", ("eyeBlinkLeft", "eyeSquintLeft", "browInnerUp", "browDownLeft", "browOuterUpLeft")),
    ("head (rad)", ("HeadYaw", "HeadPitch", "HeadRoll")),
)


def plot_motion(
    motion: Motion, source: AudioSource, path: str | os.PathLike[str], marks: Sequence[Mark] = (), title: str = ""
) -> None:
    """PNG of the spectrogram with phone marks, the gap of the demo head's lips, and the curves of lips, eyes and head.

    Raises RuntimeUnavailableError without Matplotlib, OutputError.
    """
    require("matplotlib")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width = float(np.clip(_INCHES_PER_S * motion.duration_s, *_WIDTH_RANGE_IN))
    figure = Figure(figsize=(width, 10.5))
    figure.subplots_adjust(left=0.7 / width, right=1 - 0.15 / width, top=0.97, bottom=0.05, hspace=0.12)
    FigureCanvasAgg(figure)  # draws in memory, whatever display Matplotlib would like to use
    axes = figure.subplots(2 + len(_PANELS), 1, sharex=True, height_ratios=[2.2, 1.2] + [1.0] * len(_PANELS))
    _draw_spectrogram(axes[0], source, motion.duration_s, marks)
    _draw_gap(axes[1], motion)
    for panel, (name, channels) in zip(axes[2:], _PANELS, strict=True):
        _draw_curves(panel, motion, name, channels)
    _shade_closures(axes[1:], marks)
    axes[0].set_title(title, fontsize=9, loc="left")
    axes[-1].set_xlabel("seconds")
    axes[-1].set_xlim(0, motion.duration_s)
    with atomic_write(path) as stream:
        figure.savefig(stream, format="png", dpi=_DPI)


def _draw_spectrogram(axis: Any, source: AudioSource, duration_s: float, marks: Sequence[Mark]) -> None:
    samples = source.read(0, source.sample_count)
    axis.imshow(
        spectrogram_db(samples), origin="lower", aspect="auto", cmap="magma", vmin=-80, vmax=-5,
        extent=(0, len(samples) / SAMPLE_RATE_HZ, 0, SAMPLE_RATE_HZ / 2000),
    )  # fmt: skip
    axis.set_ylabel("kHz")
    for mark in marks:
        axis.axvline(mark.start_s, color="white", linewidth=0.5, alpha=0.6)
        if mark.end_s - mark.start_s >= 0.02:
            middle = (mark.start_s + mark.end_s) / 2
            axis.text(middle, 7.9, mark.name, color="white", fontsize=8, ha="center", va="top", clip_on=True)


def spectrogram_db(samples: np.ndarray) -> np.ndarray:
    """Levels (bins, frames) in dB below the loudest, of samples (N,) at 16 kHz; a column every 5 ms."""
    count = max(1, 1 + (len(samples) - _WINDOW) // _HOP)
    padded = np.zeros(max(len(samples), _WINDOW), np.float64)
    padded[: len(samples)] = samples
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP][:count]
    power = np.abs(np.fft.rfft(frames * np.hanning(_WINDOW), 512)) ** 2
    return 10 * np.log10(np.maximum(power / max(power.max(), 1e-12), 1e-9)).T


def _draw_gap(axis: Any, motion: Motion) -> None:
    times_s = np.arange(motion.frame_count) / motion.rate_hz
    gap = lip_gap_mm(motion)
    axis.fill_between(times_s, 0, gap, color="#b5524f", alpha=0.5, linewidth=0)
    axis.plot(times_s, gap, color="#7c2b2a", linewidth=1)
    axis.set_ylabel("lip gap (mm)")
    axis.set_ylim(min(-0.5, float(gap.min(initial=0))), max(5.0, float(gap.max(initial=0))))


def _draw_curves(axis: Any, motion: Motion, name: str, channels: Sequence[str]) -> None:
    times_s = np.arange(motion.frame_count) / motion.rate_hz
    for channel in channels:
        axis.plot(times_s, motion.column(channel), linewidth=1, label=channel.removesuffix("Left"))
    axis.set_ylabel(name)
    axis.grid(alpha=0.2)
    axis.legend(loc="upper right", fontsize=7, ncols=len(channels), framealpha=0.6)


def _shade_closures(axes: Sequence[Any], marks: Sequence[Mark]) -> None:
    for axis in axes:
        for mark in marks:
            if mark.closed:
                axis.axvspan(mark.start_s, mark.end_s, color="#446688", alpha=0.15, linewidth=0)
