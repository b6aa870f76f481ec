# SPDX-License-Identifier: GPL-3.0-or-later
"""`evaluate sliders`: move each style slider of a student and measure what it is named for."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from diffusion_talker.audio import load_audio
from diffusion_talker.cli.options import add_student_arguments, open_student
from diffusion_talker.evaluation.sliders import measure_sliders, table
from diffusion_talker.files import atomic_write


def add_arguments(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the action to the sub-commands of `evaluate`."""
    parser = verbs.add_parser("sliders", help="move each style slider and measure what it is named for")
    parser.add_argument("recordings", nargs="+", type=Path, metavar="IN", help="recorded speech")
    parser.add_argument("--identity", default="auto", metavar="NAME", help="whose style is bent (default: auto)")
    parser.add_argument("--seeds", type=int, default=2, help="takes of each recording (default: 2)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write what was measured as JSON there")
    add_student_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Measure and print."""
    sources = [load_audio(path) for path in args.recordings]
    responses = measure_sliders(open_student(args), sources, seeds=range(args.seeds), identity=args.identity)
    print(table(responses))
    if args.out is not None:
        rows = [asdict(response) | {"monotone": response.monotone} for response in responses]
        with atomic_write(args.out) as stream:
            stream.write(json.dumps(rows, indent=1).encode())
    return 0
