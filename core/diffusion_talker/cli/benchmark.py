# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure size, speed and memory of the student on this machine. Takes about half a minute."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from diffusion_talker.cli.progress import ProgressBar
from diffusion_talker.evaluation.benchmark import format_report, run_benchmark
from diffusion_talker.files import atomic_write
from diffusion_talker.student.bundle import packaged_bundle_path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `benchmark`."""
    parser.add_argument("--student", type=Path, metavar="FILE", help="student bundle (default: the one in the package)")
    parser.add_argument("--out", type=Path, metavar="FILE.json", help="write the measurements there as JSON")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def run(args: argparse.Namespace) -> int:
    """Measure, print, and write if asked."""
    with ProgressBar("Measuring", args.quiet) as progress:
        report = run_benchmark(args.student or packaged_bundle_path(), progress)
    print(format_report(report))
    if args.out is not None:
        with atomic_write(args.out) as stream:
            stream.write((json.dumps(report.as_dict(), indent=2) + "\n").encode())
    return 0
