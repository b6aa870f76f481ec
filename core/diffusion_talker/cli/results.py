# SPDX-License-Identifier: GPL-3.0-or-later
"""`evaluate model`: one row of measurements. `evaluate results`: the page of results from all rows."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Final

from diffusion_talker import __version__
from diffusion_talker.cli.progress import ProgressBar
from diffusion_talker.errors import SettingsError
from diffusion_talker.evaluation.rows import ROLES, STAGES, ModelInfo, Row, read_row, write_row
from diffusion_talker.files import atomic_write

_PARTS: Final = ("accuracy", "speed")
_RUNTIMES: Final = ("numpy", "torch")
_SOME_SCORER: Final = "an external scorer"


def add_arguments(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Arguments of both verbs."""
    model = verbs.add_parser("model", help="measure one model and write the figures as a row")
    model.add_argument("model", type=Path, help="a student bundle, or the folder of a trained teacher")
    model.add_argument("--out", type=Path, required=True, metavar="ROW.json", help="file for the figures")
    model.add_argument("--role", choices=[role for role in ROLES if role not in STAGES], default="other",
                       help="what the row is about (default: other)")
    model.add_argument("--steps", type=int, help="denoising steps (default: the model's own)")
    model.add_argument("--corpus", type=Path, metavar="DIR", help="what the models of the table were trained on")
    model.add_argument("--test-corpus", type=Path, metavar="DIR", help="made with 'corpus build --test-set'")
    model.add_argument("--parts", default=",".join(_PARTS), metavar="A,B",
                       help="accuracy, speed, both or none; what --out holds of the others is kept (default: both)")
    model.add_argument("--runtime", choices=_RUNTIMES, default="numpy", help="runs the accuracy part (default: numpy)")
    model.add_argument("--runtimes", default=",".join(_RUNTIMES), metavar="A,B",
                       help="measure the speed of these (default: numpy,torch)")
    model.add_argument("--threads", type=int, default=2, help="threads of the speed part (default: 2)")
    model.add_argument("--recordings", type=Path, metavar="DIR", help="sounds of any kind to try the model on")
    model.add_argument("--mouth-scores", type=Path, metavar="FILE.json", help="real-voice scores of another program")
    model.add_argument("--scorer", default=_SOME_SCORER, help="the name of that program")
    model.add_argument("--quiet", action="store_true", help="print errors only")
    stage = verbs.add_parser("stage", help="keep another program's scores of a stage ('predict --stage') as a row")
    stage.add_argument("stage", choices=STAGES)
    stage.add_argument("--mouth-scores", type=Path, required=True, metavar="FILE.json", help="scores of its curves")
    stage.add_argument("--scorer", default=_SOME_SCORER, help="the name of the program that scored them")
    stage.add_argument("--recogniser", type=Path, metavar="FILE", help="the recogniser that was used")
    stage.add_argument("--out", type=Path, required=True, metavar="ROW.json", help="file for the figures")
    page = verbs.add_parser("results", help="write the page of results, with plots, from all rows")
    page.add_argument("rows", type=Path, nargs="+", metavar="ROW.json")
    page.add_argument("--out", type=Path, required=True, metavar="RESULTS.md", help="plots go to images/ beside it")


def run_model(args: argparse.Namespace) -> int:
    """Measure one model; returns the exit code."""
    from diffusion_talker.evaluation.machine import describe_machine
    from diffusion_talker.evaluation.models import describe_model, own_steps

    parts = _parts(args)
    steps = args.steps or own_steps(args.model)
    row = Row(args.role, steps, describe_model(args.model), _command(args, steps), __version__, describe_machine())
    row = _with_earlier_parts(row, args.out)
    measures = {
        "accuracy": ("accuracy" in parts, _with_accuracy),
        "speed": ("speed" in parts, _with_speed),
        "mouth": (args.mouth_scores is not None, _with_mouth_scores),
        "recordings": (args.recordings is not None, _with_recordings),
    }
    for part, (is_wanted, measure) in measures.items():
        if is_wanted:
            row = replace(measure(row, args), part_commands={**row.part_commands, part: row.command})
    write_row(args.out, row)
    if not args.quiet:
        from diffusion_talker.evaluation.results_page import summary

        print(summary(row))
    return 0


def _parts(args: argparse.Namespace) -> set[str]:
    parts = {name.strip() for name in args.parts.split(",") if name.strip()} - {"none"}
    if not parts <= set(_PARTS):
        raise SettingsError(f"There are no parts {', '.join(sorted(parts - set(_PARTS)))}: use {', '.join(_PARTS)}.")
    if "accuracy" in parts and (args.corpus is None or args.test_corpus is None):
        raise SettingsError("Accuracy is measured on clips: name --corpus and --test-corpus, or use --parts speed.")
    return parts


def _command(args: argparse.Namespace, steps: int) -> str:
    """The command again; folders and files by their names, so that it reads the same on every machine."""
    words = ["evaluate", "model", args.model.name, "--role", args.role, "--steps", str(steps), "--parts", args.parts]
    for option in ("corpus", "test_corpus", "recordings", "mouth_scores"):
        if getattr(args, option) is not None:
            words += ["--" + option.replace("_", "-"), getattr(args, option).name]
    words += ["--runtime", args.runtime, "--runtimes", args.runtimes, "--threads", str(args.threads)]
    return shlex.join(words)


def _with_earlier_parts(row: Row, path: Path) -> Row:
    """The row with what `path` already tells of the same model with as many steps."""
    if not path.exists():
        return row
    earlier = read_row(path)
    if (earlier.model.sha256, earlier.steps) != (row.model.sha256, row.steps):
        return row
    return replace(
        row, accuracy=earlier.accuracy, speed=earlier.speed, mouth=earlier.mouth, recordings=earlier.recordings,
        part_commands=earlier.part_commands,
    )  # fmt: skip


def _with_accuracy(row: Row, args: argparse.Namespace) -> Row:
    from diffusion_talker.evaluation.evaluation_set import SetSizes, load_evaluation_set
    from diffusion_talker.evaluation.measuring import measure_accuracy
    from diffusion_talker.evaluation.models import open_model

    student = open_model(args.model, args.runtime, row.steps, args.role == "regression")
    clips = load_evaluation_set(args.corpus, args.test_corpus, SetSizes())
    with ProgressBar("Measuring", args.quiet) as progress:
        return replace(row, accuracy=measure_accuracy(student, clips, row.steps, progress))


def _with_mouth_scores(row: Row, args: argparse.Namespace) -> Row:
    from diffusion_talker.evaluation.mouth_scores import read_mouth_scores

    return replace(row, mouth=read_mouth_scores(args.mouth_scores, args.scorer))


def _with_recordings(row: Row, args: argparse.Namespace) -> Row:
    from diffusion_talker.evaluation.models import open_model
    from diffusion_talker.evaluation.predict import find_recordings
    from diffusion_talker.evaluation.robustness import measure_recordings

    paths = [found.path for found in find_recordings(args.recordings.parent, [args.recordings.name])]
    student = open_model(args.model, args.runtime, row.steps, args.role == "regression")
    with ProgressBar("Trying", args.quiet) as progress:
        return replace(row, recordings=measure_recordings(student, paths, row.steps, progress))


def _with_speed(row: Row, args: argparse.Namespace) -> Row:
    from diffusion_talker.evaluation.model_speed import measure_speed
    from diffusion_talker.evaluation.models import is_teacher

    runtimes = ["torch"] if is_teacher(args.model) else [name for name in args.runtimes.split(",") if name]
    speed = tuple(measure_speed(args.model, name, row.steps, args.threads) for name in runtimes)
    return replace(row, speed=speed)


def run_stage(args: argparse.Namespace) -> int:
    """Keep the scores of a stage; returns the exit code."""
    from diffusion_talker.corpus.shards import hash_file
    from diffusion_talker.evaluation.machine import describe_machine
    from diffusion_talker.evaluation.mouth_scores import read_mouth_scores

    words = ["evaluate", "stage", args.stage, "--mouth-scores", args.mouth_scores.name]
    recogniser = ModelInfo("", 0, 0, 0)
    if args.recogniser is not None:
        if not args.recogniser.is_file():
            raise SettingsError(f"There is no recogniser '{args.recogniser}'. Name its file.")
        recogniser = ModelInfo(hash_file(args.recogniser), args.recogniser.stat().st_size, 0, 0)
        words += ["--recogniser", args.recogniser.name]
    mouth = read_mouth_scores(args.mouth_scores, args.scorer)
    row = Row(args.stage, 0, recogniser, shlex.join(words), __version__, describe_machine(), mouth=mouth)
    write_row(args.out, row)
    return 0


def run_results(args: argparse.Namespace) -> int:
    """Write the page; returns the exit code."""
    from diffusion_talker.evaluation.results_page import write_page
    from diffusion_talker.evaluation.results_plots import write_plots
    from diffusion_talker.evaluation.rows import sort_rows

    rows = sort_rows([read_row(path) for path in args.rows])
    images = args.out.parent / "images"
    images.mkdir(parents=True, exist_ok=True)
    pictures = write_plots(rows, images)
    with atomic_write(args.out) as stream:
        stream.write(write_page(rows, pictures).encode("utf-8"))
    print(f"{len(rows)} rows -> {args.out}")
    return 0
