# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m diffusion_talker train`: one stage, or all of them from a corpus to student.npz, resumable."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from diffusion_talker.corpus.shards import read_manifest
from diffusion_talker.errors import SettingsError
from diffusion_talker.student.bundle import packaged_bundle_path
from diffusion_talker.training.command_options import add_shared_arguments, open_pipeline
from diffusion_talker.training.config import TeacherTrainingConfig
from diffusion_talker.training.distributed import is_first_process
from diffusion_talker.training.export import check_place, export_student

STAGES = ("recogniser", "teacher", "regression", "all")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument(
        "stage", choices=STAGES,
        help="recogniser: sound to phones; teacher: sound to faces over a recogniser; regression: a baseline; "
             "all: every stage, and the student as a bundle",
    )
    add_shared_arguments(parser)
    parser.add_argument("--ear", type=Path,
                        help="teacher, all: a trained recogniser, its file or folder; or a folder or hub name of a "
                             "HuBERT, wav2vec 2.0 or WavLM model")
    parser.add_argument("--ear-layer", default=TeacherTrainingConfig.ear_layer, metavar="LAYER",
                        help="of such a model: a number, last, or mean of all")
    parser.add_argument("--bundle", type=Path, default=packaged_bundle_path(),
                        help="all: the student to write (default: the packaged student.npz)")


def run(arguments: argparse.Namespace) -> int:
    """Train one stage, or all of them and export."""
    pipeline = open_pipeline(arguments, f"train {arguments.stage}")
    teacher = replace(pipeline.plan.teacher, ear_layer=arguments.ear_layer)
    pipeline = replace(pipeline, plan=replace(pipeline.plan, teacher=teacher))
    if arguments.stage == "recogniser":
        pipeline.recogniser()
    elif arguments.stage == "regression":
        pipeline.regression()
    elif arguments.stage == "teacher":
        if arguments.ear is None:
            raise SettingsError("A teacher needs an ear: name a recogniser with --ear, or run train all.")
        pipeline.teacher(arguments.ear)
    else:
        check_place(arguments.bundle, read_manifest(arguments.corpus))  # now, not after hours
        last = pipeline.everything(arguments.ear)
        if is_first_process():
            export_student(last, arguments.corpus, arguments.bundle)
            print(f"Wrote {arguments.bundle}")
    return 0
