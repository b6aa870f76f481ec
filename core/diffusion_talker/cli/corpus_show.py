# SPDX-License-Identifier: GPL-3.0-or-later
"""Show a clip of a corpus: video of the demo head with sound, and a plot of its curves under the spectrogram."""

from __future__ import annotations

import argparse
from pathlib import Path

from diffusion_talker.cli.options import non_negative_number, positive_number
from diffusion_talker.cli.showing import Shown, add_showing_arguments, show
from diffusion_talker.errors import SettingsError
from diffusion_talker.evaluation.rendering.clips import (
    ClipEntry,
    cut,
    list_clips,
    load_clip,
    matching,
    open_curves_corpus,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `corpus show`."""
    parser.add_argument("corpus", type=Path, metavar="CORPUS", help="folder of a finished corpus")
    parser.add_argument("number", type=int, nargs="?", metavar="CLIP", help="number of the clip (default: first match)")
    parser.add_argument("--identity", metavar="NAME", help="only clips of this identity")
    parser.add_argument("--emotion", metavar="NAME", help="only clips of this emotion")
    parser.add_argument("--language", metavar="CODE", help="only clips in this language")
    parser.add_argument("--list", action="store_true", help="list the clips instead of showing one")
    parser.add_argument("--from-s", type=non_negative_number, default=0.0, metavar="S", help="start, in s of the clip")
    parser.add_argument("--to-s", type=positive_number, metavar="S", help="end, in s of the clip (default: its end)")
    add_showing_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """List clips, or show one."""
    manifest = open_curves_corpus(args.corpus)
    entries = list_clips(args.corpus, manifest)
    found = matching(entries, args.identity, args.emotion, args.language)
    if args.list:
        print("\n".join(str(entry) for entry in found))
        return 0
    entry = _choose(found, args.number, len(entries))
    stretch = cut(load_clip(args.corpus, entry), manifest, args.from_s, args.to_s)
    show(Shown(stretch.motion, stretch.source, stretch.marks, str(entry)), f"clip_{entry.number:05d}", args)
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
