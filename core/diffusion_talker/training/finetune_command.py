# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m diffusion_talker finetune`: the ground-truth stage of a distilled student, and then whose voice it is."""

from __future__ import annotations

import argparse
from pathlib import Path

from diffusion_talker.training.command_options import add_shared_arguments, add_without_argument, open_pipeline
from diffusion_talker.training.pipeline import FINAL_STEPS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("--start", type=Path, required=True, help="folder of a round of distill")
    add_shared_arguments(parser)
    parser.add_argument("--student-steps", type=int, default=FINAL_STEPS,
                        help=f"inference steps to unroll (default {FINAL_STEPS})")
    add_without_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Train both stages to their end."""
    open_pipeline(arguments, "finetune").finish(arguments.start, arguments.student_steps)
    return 0
