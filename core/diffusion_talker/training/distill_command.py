# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m diffusion_talker distill`: a teacher's many steps and large ear become a student's few and small."""

from __future__ import annotations

import argparse
from pathlib import Path

from diffusion_talker.training.command_options import add_shared_arguments, add_without_argument, open_pipeline
from diffusion_talker.training.presets import ROUNDS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("--teacher", type=Path, required=True, help="a teacher, its file or the folder of its training")
    add_shared_arguments(parser)
    parser.add_argument("--rounds", type=_rounds, default=ROUNDS,
                        help=f"steps of the student after each round (default {','.join(map(str, ROUNDS))})")
    add_without_argument(parser)


def _rounds(text: str) -> tuple[int, ...]:
    """Halving step counts, for example 8,4,2."""
    rounds = tuple(int(part) for part in text.split(","))
    if not rounds or min(rounds) < 1 or any(a != 2 * b for a, b in zip(rounds, rounds[1:], strict=False)):
        raise argparse.ArgumentTypeError(f"each round halves the steps of the one before, as in 8,4,2,1: not {text}")
    return rounds


def run(arguments: argparse.Namespace) -> int:
    """The encoder swap and all rounds."""
    open_pipeline(arguments, "distill").distill(arguments.teacher, arguments.rounds)
    return 0
