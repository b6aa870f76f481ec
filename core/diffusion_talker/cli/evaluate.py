# SPDX-License-Identifier: GPL-3.0-or-later
"""Generate curves for whole sets of recordings, as OUT/<set>/<stem>.npz, to be scored against labels."""

from __future__ import annotations

import argparse
from pathlib import Path

from diffusion_talker.cli.options import (
    add_performance_arguments,
    add_student_arguments,
    open_student,
    performance_settings,
)
from diffusion_talker.cli.progress import ProgressBar
from diffusion_talker.evaluation.predict import find_recordings, predict


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `evaluate`."""
    parser.add_argument("action", choices=("predict",), help="predict: write the curves of every recording")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder with one folder for each set")
    parser.add_argument("--sets", required=True, metavar="A,B", help="names of the sets")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the curves")
    add_performance_arguments(parser)
    parser.add_argument("--quiet", action="store_true", help="print errors only")
    add_student_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Predict every set."""
    recordings = find_recordings(args.data, [name for name in args.sets.split(",") if name])
    with ProgressBar("Predicting", args.quiet) as progress:
        predict(open_student(args), recordings, args.out, performance_settings(args), progress)
    if not args.quiet:
        print(f"{len(recordings)} recordings -> {args.out}")
    return 0
