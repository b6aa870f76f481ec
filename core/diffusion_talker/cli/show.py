# SPDX-License-Identifier: GPL-3.0-or-later
"""Show exported curves: video of the demo head with the recording's sound, and a plot under its spectrogram."""

from __future__ import annotations

import argparse
from pathlib import Path

from diffusion_talker.audio import FileSource
from diffusion_talker.cli.showing import Shown, add_showing_arguments, show
from diffusion_talker.errors import SettingsError
from diffusion_talker.formats import read_motion


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `show`."""
    parser.add_argument("curves", type=Path, metavar="CURVES", help="motion file: .csv, .json or .npz")
    parser.add_argument("audio", type=Path, metavar="AUDIO", help="the recording they belong to")
    add_showing_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Read both, show them."""
    motion = read_motion(args.curves)
    if motion.frame_count == 0:
        raise SettingsError(f"'{args.curves}' holds no frames. Export the animation again.")
    with FileSource(args.audio) as source:
        title = f"{args.curves.name} with {args.audio.name}: {motion.duration_s:.1f} s at {motion.rate_hz:g} a second"
        show(Shown(motion, source, (), title), args.curves.stem, args)
    return 0
