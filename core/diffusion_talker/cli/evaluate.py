# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure what was trained: a model for the page of results, curves of whole sets of recordings, or the recogniser."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from diffusion_talker.cli import paper_size, results, sliders
from diffusion_talker.cli.options import (
    add_performance_arguments,
    add_student_arguments,
    open_student,
    performance_settings,
)
from diffusion_talker.cli.progress import ProgressBar
from diffusion_talker.errors import SettingsError
from diffusion_talker.evaluation.predict import Recording, animate_with, find_recordings, predict
from diffusion_talker.files import atomic_write
from diffusion_talker.motion import Motion
from diffusion_talker.student import Student

_STAGES: Final = ("model", "labels", "recogniser")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `evaluate`."""
    verbs = parser.add_subparsers(dest="action", required=True)
    curves = verbs.add_parser("predict", help="write the curves of every recording as OUT/<set>/<stem>.npz")
    curves.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder with one folder for each set")
    curves.add_argument("--sets", required=True, metavar="A,B", help="names of the sets")
    curves.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the curves")
    curves.add_argument("--speakers", metavar="A:B,C:D",
                        help="only these, of sets whose speakers are known (default: all)")
    curves.add_argument("--stage", choices=_STAGES, default="model",
                        help="what makes them: the student, or our articulation from hand-labelled or from recognised "
                        "phones, which shows what limits a student (default: model)")
    curves.add_argument("--recogniser", type=Path, metavar="FILE", help="the recogniser of that stage")
    add_performance_arguments(curves)
    curves.add_argument("--quiet", action="store_true", help="print errors only")
    add_student_arguments(curves)
    ear = verbs.add_parser("recogniser", help="measure a phone recogniser on hand-labelled recordings")
    ear.add_argument("recogniser", type=Path, help="its file, or the folder of its training")
    ear.add_argument("--recordings", type=Path, required=True, metavar="DIR", help="folder of recordings")
    ear.add_argument("--speakers", metavar="A:B,C:D", help="who to listen to (default: those that training leaves out)")
    ear.add_argument("--out", type=Path, metavar="DIR", help="write recogniser.md and confusion.csv there")
    results.add_arguments(verbs)
    paper_size.add_arguments(verbs)
    sliders.add_arguments(verbs)


def run(args: argparse.Namespace) -> int:
    """Run one of the actions; returns the exit code."""
    actions = {
        "predict": _predict,
        "recogniser": _measure_recogniser,
        "model": results.run_model,
        "stage": results.run_stage,
        "results": results.run_results,
        "paper-size": paper_size.run,
        "sliders": sliders.run,
    }
    return actions[args.action](args)


def _predict(args: argparse.Namespace) -> int:
    recordings = _recordings(args)
    with ProgressBar("Predicting", args.quiet) as progress:
        predict(_curves(args), recordings, args.out, progress)
    if not args.quiet:
        print(f"{len(recordings)} recordings -> {args.out}")
    return 0


def _recordings(args: argparse.Namespace) -> list[Recording]:
    """What to animate. Raises AudioMissingError, CorpusError."""
    recordings = find_recordings(args.data, [name for name in args.sets.split(",") if name])
    if args.speakers is None and args.stage != "labels":
        return recordings
    from diffusion_talker.corpus.recordings.split import held_out_speakers
    from diffusion_talker.evaluation import stages

    if args.speakers is not None:
        recordings = stages.of_speakers(args.data, recordings, held_out_speakers(args.speakers))
    return stages.with_labels(args.data, recordings) if args.stage == "labels" else recordings


def _curves(args: argparse.Namespace) -> Callable[[Recording], Motion]:
    """What makes curves of a recording. Raises BundleError, CorpusError, RuntimeUnavailableError, SettingsError."""
    if args.stage == "model":
        return animate_with(_open_model(args), performance_settings(args))
    from diffusion_talker.evaluation import stages  # needs SciPy, which a student does without

    if args.stage == "labels":
        return partial(stages.stage_curves, stages.labels_stage(args.data))
    if args.recogniser is None:
        raise SettingsError("The stage 'recogniser' needs a trained one. Name it with --recogniser.")
    from diffusion_talker.corpus.recordings.listening import load_listener

    return partial(stages.stage_curves, stages.recogniser_stage(load_listener(args.recogniser)))


def _open_model(args: argparse.Namespace) -> Student:
    """The student that the arguments ask for; a teacher can stand in its place."""
    from diffusion_talker.evaluation.models import is_teacher, open_model, own_steps

    if args.student is not None and is_teacher(args.student):
        return open_model(args.student, args.runtime, args.steps or own_steps(args.student))
    return open_student(args)


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
