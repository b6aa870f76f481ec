# SPDX-License-Identifier: GPL-3.0-or-later
"""Convert motion between Live Link Face CSV, Audio2Face JSON and npz, and between frame rates."""

from __future__ import annotations

import argparse
from pathlib import Path

from diffusion_talker.cli.options import positive_number
from diffusion_talker.cli.progress import ProgressBar
from diffusion_talker.errors import SettingsError
from diffusion_talker.formats import FORMATS, read_motion, write_motion
from diffusion_talker.motion import resample_motion


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `convert`."""
    parser.add_argument("input", type=Path, metavar="IN", help="motion file")
    parser.add_argument("output", type=Path, metavar="OUT", help="motion file to write")
    parser.add_argument("--fps", type=positive_number, help="frames a second (default: as in the input)")
    parser.add_argument("--quiet", action="store_true", help="print errors only")


def run(args: argparse.Namespace) -> int:
    """Read, resample, write."""
    extensions = [known.extension for known in FORMATS]
    for path in (args.input, args.output):
        if path.suffix.lower() not in extensions:
            raise SettingsError(f"'{path}' does not end in a motion format. Use one of {', '.join(extensions)}.")
    with ProgressBar(args.input.name, args.quiet) as progress:
        motion = read_motion(args.input)
        progress(0.6)
        if args.fps is not None:
            motion = resample_motion(motion, args.fps)
        progress(0.7)
        write_motion(args.output, motion)
    if not args.quiet:
        print(f"{args.input} -> {args.output}  ({motion.frame_count} frames at {motion.rate_hz:g} a second)")
    return 0
