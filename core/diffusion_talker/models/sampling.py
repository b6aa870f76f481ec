# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion from a teacher through the sampler that ships: the same windows, noise, steps and settings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from diffusion_talker import __version__
from diffusion_talker.models.teacher import TEACHER_STEPS, load_teacher
from diffusion_talker.student.bundle import BundleMetadata
from diffusion_talker.student.generate import Student
from diffusion_talker.student.torch_network import TorchNetwork


def open_teacher(path: Path, steps: int = TEACHER_STEPS, device: str = "cpu") -> Student:
    """A teacher that can be asked for motion.

    Args:
        path: its file or the folder of its training.
        steps: denoising steps; fewer than it was made for is the undistilled baseline.

    Raises:
        BundleError: there is no teacher.
    """
    teacher, descriptions = load_teacher(path)
    config = replace(
        teacher.config,
        sampling_steps=steps,
        even_steps=True,
        mouth_first=False,
        vocal_tract_shifts_bands=teacher.ear_config.vocal_tract_shifts_bands,
    )
    metadata = BundleMetadata(__version__, "GPL-3.0-or-later", "", descriptions, f"teacher, {steps} steps")
    return Student(TorchNetwork(teacher, config, device), metadata)
