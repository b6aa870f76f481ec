# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m diffusion_talker train`: corpus to checkpoint, resumable."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from diffusion_talker.training.config import RecogniserTrainingConfig, StudentTrainingConfig, TrainingConfig, smoke
from diffusion_talker.training.loop import Trainer
from diffusion_talker.training.recogniser import RecogniserTrainer
from diffusion_talker.training.train import StudentTrainer

CONFIGS: dict[str, TrainingConfig] = {"recogniser": RecogniserTrainingConfig(), "student": StudentTrainingConfig()}
TRAINERS: dict[str, type[Trainer]] = {"recogniser": RecogniserTrainer, "student": StudentTrainer}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    steps = ", ".join(f"{stage}: {config.steps}" for stage, config in CONFIGS.items())
    parser.add_argument("stage", choices=tuple(CONFIGS), help="recogniser: sound to phones; student: sound to faces")
    parser.add_argument("--corpus", type=Path, required=True, help="folder written by the corpus command")
    parser.add_argument("--out", type=Path, required=True, help="folder of checkpoint and log; resumes if it has one")
    parser.add_argument("--preset", choices=("cpu", "smoke"), default="cpu", help="size of the training")
    parser.add_argument("--steps", type=int, help=f"optimizer steps in all (cpu: {steps})")
    parser.add_argument("--seed", type=int, default=TrainingConfig.seed)
    parser.add_argument("--device", default="cpu", help="cpu, cuda or mps")


def run(arguments: argparse.Namespace) -> int:
    """Train until the asked number of steps is done."""
    config = CONFIGS[arguments.stage]
    config = smoke(config) if arguments.preset == "smoke" else config
    config = replace(config, seed=arguments.seed, steps=arguments.steps or config.steps)
    command = f"train {arguments.stage} --preset {arguments.preset} --steps {config.steps} --seed {config.seed}"
    trainer = TRAINERS[arguments.stage](
        arguments.corpus, arguments.out, config, device=arguments.device, command=command
    )
    trainer.run(lambda line: print(line, flush=True))
    return 0
