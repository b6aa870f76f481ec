# SPDX-License-Identifier: GPL-3.0-or-later
"""Show a clip of a corpus: video of the demo head with sound, and a plot of its curves under the spectrogram."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from diffusion_talker.cli.options import non_negative_number, positive_number
from diffusion_talker.cli.progress import ProgressBar
from diffusion_talker.errors import SettingsError
from diffusion_talker.evaluation.rendering.clips import (
    ClipEntry,
    Shown,
    cut,
    list_clips,
    load_clip,
    matching,
    open_curves_corpus,
)
from diffusion_talker.evaluation.rendering.picture import VIEWS
from diffusion_talker.evaluation.rendering.plot import plot_motion
from diffusion_talker.evaluation.rendering.video import render_motion

_SIZES = range(64, 2049, 2)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `corpus show`."""
    parser.add_argument("corpus", type=Path, metavar="CORPUS", help="folder of a finished corpus")
    parser.add_argument("number", type=int, nargs="?", metavar="CLIP", help="number of the clip (default: first match)")
    parser.add_argument("--identity", metavar="NAME", help="only clips of this identity")
    parser.add_argument("--emotion", metavar="NAME", help="only clips of this emotion")
    parser.add_argument("--language", metavar="CODE", help="only clips in this language")
    parser.add_argument("--list", action="store_true", help="list the clips instead of showing one")
    parser.add_argument("--out", type=Path, default=Path("."), metavar="PATH", help="folder or FILE.mp4 (default .)")
    parser.add_argument("--size", type=_size, default=480, metavar="PIXELS", help="size of the video (default 480)")
    parser.add_argument("--view", choices=VIEWS, default="front", help="camera (default front)")
    parser.add_argument("--fps", type=positive_number, default=30.0, help="frames a second (default 30)")
    parser.add_argument("--plot-only", action="store_true", help="write the plot and no video")
    parser.add_argument("--from-s", type=non_negative_number, default=0.0, metavar="S", help="start, in s of the clip")
    parser.add_argument("--to-s", type=positive_number, metavar="S", help="end, in s of the clip (default: its end)")
    parser.add_argument("--quiet", action="store_true", help="print errors only")


def _size(text: str) -> int:
    if not text.isdecimal() or int(text) not in _SIZES:
        raise argparse.ArgumentTypeError(f"'{text}' is not an even number from {_SIZES[0]} to {_SIZES[-1]}")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """List clips, or show one."""
    manifest = open_curves_corpus(args.corpus)
    entries = list_clips(args.corpus, manifest)
    found = matching(entries, args.identity, args.emotion, args.language)
    if args.list:
        print("\n".join(str(entry) for entry in found))
        return 0
    entry = _choose(found, args.number, len(entries))
    shown = cut(load_clip(args.corpus, entry), manifest, args.from_s, args.to_s)
    video, plot = output_paths(args.out, entry)
    with ProgressBar(f"clip {entry.number}", args.quiet) as progress:
        plot_motion(shown.motion, shown.source, plot, shown.marks, str(entry))
        if not args.plot_only:
            render_motion(
                shown.motion, shown.source, video, VIEWS[args.view], args.size, args.fps, _captions(shown), progress
            )
    if not args.quiet:
        print(entry)
        print("\n".join(f"-> {path}" for path in ((plot,) if args.plot_only else (video, plot))))
    return 0


def _choose(found: list[ClipEntry], number: int | None, count: int) -> ClipEntry:
    if not found:
        raise SettingsError("This corpus has no clips. Build another.")
    if number is None:
        return found[0]
    for entry in found:
        if entry.number == number:
            return entry
    if 0 <= number < count:
        raise SettingsError(f"Clip {number} is not of the kind that was asked for. Leave the number or the filter out.")
    raise SettingsError(f"There is no clip {number}. The corpus has the clips 0 to {count - 1}.")


def output_paths(out: Path, entry: ClipEntry) -> tuple[Path, Path]:
    """Video and plot: beside each other under the file's name, or under the clip's number in a folder."""
    if out.suffix.lower() in (".mp4", ".png"):
        return out.with_suffix(".mp4"), out.with_suffix(".png")
    if out.suffix and not out.is_dir():
        raise SettingsError(f"'{out}' is neither a folder nor a name that ends in .mp4. Choose one of these.")
    return out / f"clip_{entry.number:05d}.mp4", out / f"clip_{entry.number:05d}.png"


def _captions(shown: Shown) -> Callable[[float], str]:
    def caption(time_s: float) -> str:
        return next((mark.name for mark in shown.marks if mark.start_s <= time_s + 1e-6 < mark.end_s), "")

    return caption
