# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure what was trained: a model for the page of results, curves of whole sets of recordings, or the recogniser."""

from __future__ import annotations

import argparse
from pathlib import Path

from diffusion_talker.cli import results
from diffusion_talker.cli.options import (
    add_performance_arguments,
    add_student_arguments,
    open_student,
    performance_settings,
)
from diffusion_talker.cli.progress import ProgressBar
from diffusion_talker.evaluation.predict import find_recordings, predict
from diffusion_talker.files import atomic_write


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `evaluate`."""
    verbs = parser.add_subparsers(dest="action", required=True)
    curves = verbs.add_parser("predict", help="write the curves of every recording as OUT/<set>/<stem>.npz")
    curves.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder with one folder for each set")
    curves.add_argument("--sets", required=True, metavar="A,B", help="names of the sets")
    curves.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the curves")
    add_performance_arguments(curves)
    curves.add_argument("--quiet", action="store_true", help="print errors only")
    add_student_arguments(curves)
    ear = verbs.add_parser("recogniser", help="measure a phone recogniser on hand-labelled recordings")
    ear.add_argument("recogniser", type=Path, help="its file, or the folder of its training")
    ear.add_argument("--recordings", type=Path, required=True, metavar="DIR", help="folder of recordings")
    ear.add_argument("--speakers", metavar="A:B,C:D", help="who to listen to (default: those that training leaves out)")
    ear.add_argument("--out", type=Path, metavar="DIR", help="write recogniser.md and confusion.csv there")
    results.add_arguments(verbs)


def run(args: argparse.Namespace) -> int:
    """Run one of the actions; returns the exit code."""
    actions = {
        "predict": _predict,
        "recogniser": _measure_recogniser,
        "model": results.run_model,
        "results": results.run_results,
    }
    return actions[args.action](args)


def _predict(args: argparse.Namespace) -> int:
    recordings = find_recordings(args.data, [name for name in args.sets.split(",") if name])
    with ProgressBar("Predicting", args.quiet) as progress:
        predict(open_student(args), recordings, args.out, performance_settings(args), progress)
    if not args.quiet:
        print(f"{len(recordings)} recordings -> {args.out}")
    return 0


def _measure_recogniser(args: argparse.Namespace) -> int:
    # needs PyTorch and SciPy, which the other action does without
    from diffusion_talker.evaluation.recogniser import describe, evaluate_recogniser, write_confusion

    report = evaluate_recogniser(args.recogniser, args.recordings, args.speakers)
    text = describe(report)
    print(text, end="")
    if args.out is not None:
        args.out.mkdir(parents=True, exist_ok=True)
        _write(args.out / "recogniser.md", text)
        _write(args.out / "confusion.csv", write_confusion(report))
    return 0


def _write(path: Path, text: str) -> None:
    with atomic_write(path) as stream:
        stream.write(text.encode("utf-8"))
