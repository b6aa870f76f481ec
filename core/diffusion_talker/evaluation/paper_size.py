# SPDX-License-Identifier: GPL-3.0-or-later
"""Speed and storage of a model of the paper's size, as a row of the table. It has random weights: timing only."""

from __future__ import annotations

import tempfile
from pathlib import Path

from diffusion_talker import __version__
from diffusion_talker.evaluation.machine import describe_machine
from diffusion_talker.evaluation.model_speed import measure_speed
from diffusion_talker.evaluation.rows import TEACHER_STEPS, ModelInfo, Row

ROLE = "paper-size"
_NOTES = (
    "HuBERT-base and a decoder with random weights; the stem and two layers count as frozen. Published: 16 steps and "
    "334 MB of trainable parameters. Ours: everything else, see models/paper_size.py. The sound is encoded once."
)


def measure_paper_size(threads: int, steps: int = TEACHER_STEPS) -> Row:
    """Make such a model, measure it in a process of its own, and forget it.

    Raises RuntimeUnavailableError (no PyTorch or no `transformers`) and DiffusionTalkerError (the measurement failed).
    """
    from diffusion_talker.models.paper_size import save_paper_size  # needs PyTorch

    with tempfile.TemporaryDirectory() as folder:
        made = save_paper_size(Path(folder))
        speed = measure_speed(made.folder, "torch", steps, threads)
    model = ModelInfo("", made.file_bytes, made.parameters, made.trainable, notes=_NOTES)
    command = f"evaluate paper-size --steps {steps} --threads {threads}"
    return Row(ROLE, steps, model, command, __version__, describe_machine(), speed=(speed,))
