# SPDX-License-Identifier: GPL-3.0-or-later
"""Plots of a realism report: distributions, speeds, couplings, the shape of a blink. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from diffusion_talker.channels import ARKIT_52
from diffusion_talker.evaluation.realism import FaceMeasure
from diffusion_talker.evaluation.realism_report import RealismReport
from diffusion_talker.evaluation.rendering.packages import require
from diffusion_talker.motion import Motion

_CORPUS_COLOR, _TAKES_COLOR = "#d9822b", "#2b6fd9"
_EXAMPLE_CHANNELS: Final = ("jawOpen", "mouthClose", "mouthPucker", "mouthLowerDownLeft", "mouthSmileLeft")
_EXAMPLE_S: Final = 6.0


def write_plots(report: RealismReport, corpus_clip: Motion | None, take: Motion | None, folder: Path) -> list[str]:
    """Write all PNG plots into `folder`; returns their names. corpus_clip, take: the examples, where there are any.

    Raises RuntimeUnavailableError when matplotlib is missing.
    """
    pictures: dict[str, Callable[[], Any]] = {
        "ranges.png": lambda: _draw_bars(report, "range p1-p50-p99", _spans_of_values),
        "speeds.png": lambda: _draw_bars(report, "speed p50-p95-p99 per second", _spans_of_speed),
        "couplings.png": lambda: _draw_couplings(report),
        "blink.png": lambda: _draw_blink(report),
        "examples.png": lambda: _draw_examples(corpus_clip, take),
    }
    for name, draw in pictures.items():
        figure = draw()
        figure.savefig(folder / name, dpi=70)
    return list(pictures)


def _figure(width_in: float, height_in: float) -> Any:
    require("matplotlib")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _sides(report: RealismReport) -> list[tuple[str, str, FaceMeasure]]:
    sides = [("corpus", _CORPUS_COLOR, report.corpus)]
    return sides + ([("takes", _TAKES_COLOR, report.takes)] if report.takes else [])


def _spans_of_values(face: FaceMeasure) -> list[tuple[float, float, float]]:
    return [(c.p1, c.p50, c.p99) for c in (face.channels[name] for name in ARKIT_52)]


def _spans_of_speed(face: FaceMeasure) -> list[tuple[float, float, float]]:
    return [(c.speed_p50, c.speed_p95, c.speed_p99) for c in (face.channels[name] for name in ARKIT_52)]


def _draw_bars(
    report: RealismReport, title: str, spans: Callable[[FaceMeasure], Sequence[tuple[float, float, float]]]
) -> Any:
    """A bar per channel and side from the first to the last value, with a tick at the middle one."""
    figure = _figure(7.0, 10.5)
    axis = figure.subplots()
    rows = np.arange(len(ARKIT_52))
    for k, (name, color, face) in enumerate(_sides(report)):
        low, middle, high = np.array(spans(face)).T
        at = rows + (k - 0.5) * 0.36
        axis.barh(at, high - low, left=low, height=0.3, color=color, label=name)
        axis.plot(middle, at, "|", color="black", markersize=5)
    axis.set_yticks(rows, ARKIT_52, fontsize=7)
    axis.invert_yaxis()
    axis.set_title(title, fontsize=10)
    axis.legend(loc="lower right", fontsize=8)
    axis.grid(axis="x", linewidth=0.3)
    return figure


def _draw_couplings(report: RealismReport) -> Any:
    """Correlation matrices of both side by side."""
    sides = _sides(report)
    figure = _figure(7.5 * len(sides), 7.5)
    for axis, (name, _, face) in zip(np.atleast_1d(figure.subplots(1, len(sides))), sides, strict=True):
        image = axis.imshow(face.correlation, cmap="RdBu_r", vmin=-1, vmax=1)
        axis.set_xticks(range(len(ARKIT_52)), ARKIT_52, rotation=90, fontsize=5)
        axis.set_yticks(range(len(ARKIT_52)), ARKIT_52, fontsize=5)
        axis.set_title(f"correlation, {name}", fontsize=10)
    figure.colorbar(image, ax=figure.axes, shrink=0.6)
    return figure


def _draw_blink(report: RealismReport) -> Any:
    figure = _figure(5.0, 3.2)
    axis = figure.subplots()
    for name, color, face in _sides(report):
        shape = face.blinks.mean_shape
        span = float(np.ptp(shape)) or 1.0
        axis.plot(np.linspace(-400, 400, len(shape)), (shape - shape.min()) / span, color=color, label=name)
    axis.set_xlabel("ms from the middle of a blink", fontsize=8)
    axis.set_title("mean blink, scaled to its depth", fontsize=10)
    axis.legend(fontsize=8)
    axis.grid(linewidth=0.3)
    return figure


def _draw_examples(corpus_clip: Motion | None, take: Motion | None) -> Any:
    """The busiest seconds of a clip and of a take."""
    motions = [(name, motion) for name, motion in (("corpus", corpus_clip), ("take", take)) if motion is not None]
    figure = _figure(10.0, 2.8 * len(motions))
    for axis, (name, motion) in zip(np.atleast_1d(figure.subplots(len(motions), 1)), motions, strict=True):
        first, last = busiest_stretch(motion, _EXAMPLE_S)
        times_s = np.arange(last - first) / motion.rate_hz
        for channel in _EXAMPLE_CHANNELS:
            axis.plot(times_s, motion.column(channel)[first:last], linewidth=1.0, label=channel)
        axis.set_title(name, fontsize=9)
        axis.set_ylim(-0.02, 1.0)
        axis.legend(fontsize=6, ncols=len(_EXAMPLE_CHANNELS), loc="upper right")
    return figure


def busiest_stretch(motion: Motion, seconds: float) -> tuple[int, int]:
    """(first, last + 1) frame of the stretch in which the jaw travels farthest."""
    length = min(int(seconds * motion.rate_hz), motion.frame_count)
    travel = np.abs(np.diff(motion.column("jawOpen"), prepend=0.0))
    total = np.convolve(travel, np.ones(max(length, 1)), "valid")
    first = int(np.argmax(total))
    return first, first + length
