# SPDX-License-Identifier: GPL-3.0-or-later
"""Plots for the page of results. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from diffusion_talker.evaluation.evaluation_set import TALKERS, TEXTS, VOICES
from diffusion_talker.evaluation.goals import error_interval, speed_of
from diffusion_talker.evaluation.metrics import GROUPS, pooled
from diffusion_talker.evaluation.rendering.packages import require
from diffusion_talker.evaluation.results_text import SET_TITLES
from diffusion_talker.evaluation.rows import Row

_COLORS: Final = ("#2b6fd9", "#d9822b", "#3a9d5d", "#8f8f8f")
_RIGHT: Final = (0.85, 1.15)
_DPI: Final = 110


def write_plots(rows: Sequence[Row], folder: Path) -> list[str]:
    """Write the PNG plots that the rows allow into `folder`; returns their names.

    Raises RuntimeUnavailableError when matplotlib is missing.
    """
    measured = [row for row in rows if row.accuracy]
    timed = [row for row in rows if row.speed]
    pictures: dict[str, tuple[Sequence[Row], Callable[[Sequence[Row]], Any]]] = {
        "results_lip_error.png": (measured, _draw_lip_error),
        "results_dynamics.png": (measured, _draw_dynamics),
        "results_steps.png": ([row for row in measured if row.role in ("teacher", "student")], _draw_steps),
        "results_speed.png": (timed, _draw_speed),
    }
    written = []
    for name, (chosen, draw) in pictures.items():
        if chosen:
            draw(chosen).savefig(folder / name, dpi=_DPI, metadata={"Software": None})
            written.append(name)
    return written


def _figure(width_in: float, height_in: float) -> Any:
    require("matplotlib")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _row_axis(rows: Sequence[Row], title: str) -> tuple[Any, Any, np.ndarray]:
    """(figure, axis, places) with a line for each row, the first on top."""
    figure = _figure(8.0, 1.2 + 0.42 * len(rows))
    axis = figure.subplots()
    places = np.arange(len(rows), dtype=float)
    axis.set_yticks(places, [row.title for row in rows], fontsize=8)
    axis.set_ylim(len(rows) - 0.5, -0.5)  # the first on top
    axis.set_title(title, fontsize=10)
    axis.grid(axis="x", linewidth=0.3)
    return figure, axis, places


def _draw_lip_error(rows: Sequence[Row]) -> Any:
    figure, axis, places = _row_axis(rows, "lip vertex error (LVE), mm², with 95 % interval over clips")
    for k, (name, color) in enumerate(zip((TEXTS, TALKERS, VOICES), _COLORS, strict=False)):
        found = [(place, row.accuracy.sets[name]) for place, row in zip(places, rows, strict=True)
                 if row.accuracy and name in row.accuracy.sets]  # fmt: skip
        if not found:
            continue
        values = np.array([pooled(figures.clips, "lve_mm2") for _, figures in found])
        low, high = np.array([error_interval(figures, "lve_mm2") for _, figures in found]).T
        at = [place + (k - 1) * 0.22 for place, _ in found]
        spread = np.maximum([values - low, high - values], 0.0)
        axis.errorbar(values, at, xerr=spread, fmt="o", markersize=4, color=color, label=SET_TITLES[name])
    axis.set_xlim(left=0)
    _legend_below(figure)
    return figure


def _draw_dynamics(rows: Sequence[Row]) -> Any:
    """Velocity ratios: under-smooth to over-smooth at a glance."""
    figure, axis, places = _row_axis(rows, "velocity relative to the reference (unseen texts); shaded: 0.85 to 1.15")
    axis.axvspan(*_RIGHT, color="#3a9d5d", alpha=0.12)
    axis.axvline(1.0, color="black", linewidth=0.8)
    for k, (group, color) in enumerate(zip(GROUPS, _COLORS, strict=True)):
        values = [row.accuracy.sets[TEXTS].velocity[group] if row.accuracy else np.nan for row in rows]
        axis.plot(values, places + (k - 1.5) * 0.17, "o", markersize=4, color=color, label=group)
    axis.set_xlim(left=0)
    _legend_below(figure)
    return figure


def _draw_steps(rows: Sequence[Row]) -> Any:
    """Error and velocity over the number of steps: respacing against distillation."""
    figure = _figure(8.5, 3.4)
    error, velocity = figure.subplots(1, 2)
    for role, label, color in (("teacher", "teacher, respaced", _COLORS[1]), ("student", "students", _COLORS[0])):
        found = [(row.steps, row.accuracy.sets[TEXTS]) for row in rows if row.role == role and row.accuracy]
        steps = [number for number, _ in found]
        error.plot(steps, [pooled(figures.clips, "lve_mm2") for _, figures in found], "o-", color=color, label=label)
        velocity.plot(steps, [figures.velocity["all"] for _, figures in found], "o-", color=color, label=label)
    velocity.axhspan(*_RIGHT, color="#3a9d5d", alpha=0.12)
    for axis, title in ((error, "LVE, mm²"), (velocity, "velocity ratio, all channels")):
        axis.set_xscale("log", base=2)
        axis.set_xticks([1, 2, 4, 8, 16], ["1", "2", "4", "8", "16"])
        axis.set_xlabel("denoising steps", fontsize=8)
        axis.set_title(title + " (unseen texts)", fontsize=10)
        axis.set_ylim(bottom=0)
        axis.grid(linewidth=0.3)
        axis.legend(fontsize=8)
    return figure


def _draw_speed(rows: Sequence[Row]) -> Any:
    figure, axis, places = _row_axis(rows, "frames per second, audio encoding included, warm")
    for k, (runtime, color) in enumerate(zip(("numpy", "torch"), _COLORS, strict=False)):
        speeds = [speed_of(row, runtime) for row in rows]
        values = [speed.frames_per_s if speed else np.nan for speed in speeds]
        axis.plot(values, places + (k - 0.5) * 0.3, "o", markersize=6, color=color, label=runtime)
    axis.set_xscale("log")
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    _legend_below(figure)
    return figure


def _legend_below(figure: Any) -> None:
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=8)
