# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that the training commands share, and the pipeline they make of them."""

from __future__ import annotations

import argparse
from dataclasses import fields, replace
from pathlib import Path

from diffusion_talker.student.runtime import DEVICES
from diffusion_talker.training.config import TrainingConfig
from diffusion_talker.training.device import PRECISIONS
from diffusion_talker.training.distributed import is_first_process
from diffusion_talker.training.pipeline import Pipeline
from diffusion_talker.training.presets import PRESETS, WITHOUT, Plan


def add_shared_arguments(parser: argparse.ArgumentParser) -> None:
    """Corpus, folder, size and machine."""
    parser.add_argument("--corpus", type=Path, required=True, help="folder written by the corpus command")
    parser.add_argument("--out", type=Path, required=True, help="folder of the stages' folders; resumes what it holds")
    parser.add_argument("--preset", choices=tuple(PRESETS), default="cpu", help="size of networks and training")
    parser.add_argument("--steps", type=int, help="optimizer steps of each stage instead of the preset's")
    parser.add_argument("--seed", type=int, default=TrainingConfig.seed)
    parser.add_argument("--device", choices=DEVICES, default="auto", help="auto takes a GPU if there is one")
    parser.add_argument("--precision", choices=PRECISIONS, default="auto", help="auto is bf16 on a CUDA GPU, else fp32")
    parser.add_argument("--tensorboard", action="store_true", help="write event files beside log.csv")
    parser.add_argument("--accept-changes", action="store_true",
                        help="go on with a training whose settings or corpus were others")


def add_without_argument(parser: argparse.ArgumentParser) -> None:
    """For measuring what a part of the method is good for."""
    parser.add_argument("--without", choices=WITHOUT, help="leave a part of the method out, to see what it is good for")


def open_pipeline(arguments: argparse.Namespace, verb: str) -> Pipeline:
    """The pipeline that the command line asks for; `verb` is how the command began."""
    without = getattr(arguments, "without", None)
    plan = PRESETS[arguments.preset]
    plan = plan if without is None else plan.without(without)
    plan = _with_options(plan, arguments)
    command = f"{verb} --preset {arguments.preset} --seed {arguments.seed}"
    command += f" --steps {arguments.steps}" if arguments.steps else ""
    command += f" --without {without}" if without else ""
    return Pipeline(arguments.corpus, arguments.out, plan, arguments.device, command,
                    lambda line: print(line, flush=True) if is_first_process() else None)


def _with_options(plan: Plan, arguments: argparse.Namespace) -> Plan:
    """The plan with what the command line says of every stage."""
    options = {"seed": arguments.seed, "precision": arguments.precision, "tensorboard": arguments.tensorboard,
               "accept_changes": arguments.accept_changes}
    if arguments.steps:
        options["steps"] = arguments.steps
    configs = {field.name: getattr(plan, field.name) for field in fields(plan)}
    changed = {name: replace(config, **options) for name, config in configs.items()
               if isinstance(config, TrainingConfig)}
    return replace(plan, **changed)
