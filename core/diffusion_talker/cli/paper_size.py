# SPDX-License-Identifier: GPL-3.0-or-later
"""`evaluate paper-size`: time and storage of a model as large as the paper's, beside which a student is measured."""

from __future__ import annotations

import argparse
from pathlib import Path

from diffusion_talker.evaluation.rows import TEACHER_STEPS, write_row


def add_arguments(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Arguments of the verb."""
    verb = verbs.add_parser("paper-size", help="time a model of the paper's size (HuBERT-base, random weights)")
    verb.add_argument("--out", type=Path, required=True, metavar="ROW.json", help="file for the figures")
    verb.add_argument("--steps", type=int, default=TEACHER_STEPS, help="denoising steps (default: %(default)s)")
    verb.add_argument("--threads", type=int, default=2, help="threads (default: %(default)s)")
    verb.add_argument("--quiet", action="store_true", help="print errors only")


def run(args: argparse.Namespace) -> int:
    """Measure and write the row; returns the exit code."""
    from diffusion_talker.evaluation.paper_size import measure_paper_size

    row = measure_paper_size(args.threads, args.steps)
    write_row(args.out, row)
    if not args.quiet:
        speed, model = row.speed[0], row.model
        print(f"{speed.frames_per_s:.0f} frames/s on {speed.runtime}, {speed.threads} threads, sound encoded included; "
              f"{model.trainable * 4 / 1e6:.0f} MB trainable, {model.parameters * 4 / 1e6:.0f} MB in all")
    return 0
