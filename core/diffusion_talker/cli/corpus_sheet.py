# SPDX-License-Identifier: GPL-3.0-or-later
"""Draw a contact sheet: the mouth at the apex of every phone, front and three-quarter, as the articulation makes it."""

from __future__ import annotations

import argparse
from pathlib import Path

from diffusion_talker.cli.progress import ProgressBar
from diffusion_talker.errors import SettingsError
from diffusion_talker.evaluation.rendering.sheet import draw_sheet, save_picture

_EXTENSIONS = (".jpg", ".jpeg", ".png")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `corpus sheet`."""
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="picture to write, .jpg or .png")
    parser.add_argument("--columns", type=_count, default=6, help="phones in a row (default 6)")
    parser.add_argument("--tile", type=_count, default=128, help="pixels of each view (default 128)")
    parser.add_argument("--quiet", action="store_true", help="print errors only")


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1024:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 1 to 1024")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Draw and save."""
    if args.out.suffix.lower() not in _EXTENSIONS:
        raise SettingsError(f"'{args.out}' does not end in {' or '.join(_EXTENSIONS)}. Choose one of these.")
    with ProgressBar("phones", args.quiet) as progress:
        save_picture(draw_sheet(args.columns, args.tile, progress), args.out)
    if not args.quiet:
        print(f"-> {args.out}")
    return 0
