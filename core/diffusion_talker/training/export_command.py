# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m diffusion_talker export`: checkpoint to student.npz."""

from __future__ import annotations

import argparse
from pathlib import Path

from diffusion_talker.student.bundle import packaged_bundle_path
from diffusion_talker.training.export import export_student


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("training", type=Path, help="folder written by the train command")
    parser.add_argument("--corpus", type=Path, required=True, help="the corpus it was trained on")
    parser.add_argument("--out", type=Path, default=packaged_bundle_path(), help="default: the packaged student.npz")
    parser.add_argument("--sampling-steps", type=int, help="default number of denoising steps of the student")


def run(arguments: argparse.Namespace) -> int:
    """Export and say what was written."""
    bundle = export_student(arguments.training, arguments.corpus, arguments.out, arguments.sampling_steps)
    size_mb = arguments.out.stat().st_size / 1e6
    parameters = sum(array.size for array in bundle.weights.values())
    print(f"Wrote {arguments.out}: {size_mb:.1f} MB, {parameters / 1e6:.2f} million parameters")
    return 0
