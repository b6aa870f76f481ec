# SPDX-License-Identifier: GPL-3.0-or-later
"""What the commands that show motion share: their arguments, and writing the video and the plot."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from diffusion_talker.audio import AudioSource
from diffusion_talker.cli.options import positive_number
from diffusion_talker.cli.progress import ProgressBar
from diffusion_talker.errors import SettingsError
from diffusion_talker.evaluation.rendering.picture import VIEWS
from diffusion_talker.evaluation.rendering.plot import Mark, plot_motion
from diffusion_talker.evaluation.rendering.video import render_motion
from diffusion_talker.motion import Motion

_SIZES: Final = range(64, 2049, 2)


@dataclass(frozen=True)
class Shown:
    """Something to show: curves, their sound, marks whose times count from its start, one line about it."""

    motion: Motion
    source: AudioSource
    marks: Sequence[Mark]
    title: str


def add_showing_arguments(parser: argparse.ArgumentParser) -> None:
    """Where to write, and how it looks."""
    parser.add_argument("--out", type=Path, default=Path("."), metavar="PATH", help="folder or FILE.mp4 (default .)")
    parser.add_argument("--size", type=_size, default=480, metavar="PIXELS", help="size of the video (default 480)")
    parser.add_argument("--view", choices=VIEWS, default="front", help="camera (default front)")
    parser.add_argument("--fps", type=positive_number, default=30.0, help="frames a second of the video (default 30)")
    parser.add_argument("--plot-only", action="store_true", help="write the plot and no video")
    parser.add_argument("--quiet", action="store_true", help="print errors only")


def _size(text: str) -> int:
    if not text.isdecimal() or int(text) not in _SIZES:
        raise argparse.ArgumentTypeError(f"'{text}' is not an even number from {_SIZES[0]} to {_SIZES[-1]}")
    return int(text)


def show(shown: Shown, name: str, args: argparse.Namespace) -> None:
    """Write video and plot as `add_showing_arguments` asked for; `name` is the file's where --out gives none.

    Raises SettingsError, OutputError, RuntimeUnavailableError.
    """
    video, plot = output_paths(args.out, name)
    with ProgressBar(name, args.quiet) as progress:
        plot_motion(shown.motion, shown.source, plot, shown.marks, shown.title)
        if not args.plot_only:
            view = VIEWS[args.view]
            render_motion(
                shown.motion, shown.source, video, view, args.size, args.fps, _captions(shown.marks), progress
            )
    if not args.quiet:
        print(shown.title)
        print("\n".join(f"-> {path}" for path in ((plot,) if args.plot_only else (video, plot))))


def output_paths(out: Path, name: str) -> tuple[Path, Path]:
    """Video and plot beside each other: under the file's own name, or as `name` in a folder. Raises SettingsError."""
    if out.suffix.lower() in (".mp4", ".png"):
        return out.with_suffix(".mp4"), out.with_suffix(".png")
    if out.suffix and not out.is_dir():
        raise SettingsError(f"'{out}' is neither a folder nor a name that ends in .mp4. Choose one of these.")
    return out / f"{name}.mp4", out / f"{name}.png"


def _captions(marks: Sequence[Mark]) -> Callable[[float], str]:
    def caption(time_s: float) -> str:
        return next((mark.name for mark in marks if mark.start_s <= time_s + 1e-6 < mark.end_s), "")

    return caption
