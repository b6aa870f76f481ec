# SPDX-License-Identifier: GPL-3.0-or-later
"""Generate curves for whole sets of recordings, as OUT/<set>/<stem>.npz, to be scored against labels."""

from __future__ import annotations

import argparse
from pathlib import Path

from diffusion_talker.cli.options import add_student_arguments, open_student
from diffusion_talker.cli.progress import ProgressBar
from diffusion_talker.evaluation.predict import find_recordings, predict
from diffusion_talker.student import GenerateSettings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `evaluate`."""
    parser.add_argument("action", choices=("predict",), help="predict: write the curves of every recording")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder with one folder for each set")
    parser.add_argument("--sets", required=True, metavar="A,B", help="names of the sets")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the curves")
    parser.add_argument("--identity", default="auto", metavar="NAME", help="talker (default: auto)")
    parser.add_argument("--emotion", default="auto", metavar="NAME", help="emotion (default: auto)")
    parser.add_argument("--intensity", type=float, default=1.0, help="strength of the emotion (default: 1)")
    parser.add_argument("--style-strength", type=float, default=1.0, help="strength of the talker's own style (default: 1)")
    parser.add_argument("--steps", type=int, help="denoising steps (default: the student's own)")
    parser.add_argument("--seed", type=int, default=0, help="another seed gives another take (default: 0)")
    parser.add_argument("--quiet", action="store_true", help="print errors only")
    add_student_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Predict every set."""
    settings = GenerateSettings(args.identity, args.emotion, args.intensity, args.style_strength, args.steps, args.seed)
    recordings = find_recordings(args.data, [name for name in args.sets.split(",") if name])
    with ProgressBar("Predicting", args.quiet) as progress:
        predict(open_student(args), recordings, args.out, settings, progress)
    if not args.quiet:
        print(f"{len(recordings)} recordings -> {args.out}")
    return 0
