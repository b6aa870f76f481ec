# SPDX-License-Identifier: GPL-3.0-or-later
"""Opening whatever can be measured: a student bundle, or a trained teacher."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

from diffusion_talker.corpus.shards import hash_file
from diffusion_talker.evaluation.rows import TEACHER_STEPS, ModelInfo
from diffusion_talker.student import Student, load_student
from diffusion_talker.student.bundle import load_bundle, read_metadata
from diffusion_talker.student.network import Network
from diffusion_talker.student.runtime import open_network

#: Statistics of the corpus that a bundle carries beside what it learned.
_STATISTICS: Final = ("mel_mean", "mel_std", "motion_mean", "motion_std")


def is_teacher(path: Path) -> bool:
    """Whether `path` is a teacher (its file, or the folder of its training) and no bundle."""
    return path.is_dir() or path.suffix == ".safetensors"


class Regression:
    """A network trained without diffusion, seen as one with: it answers to nought, whatever noise the sampler draws."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def __getattr__(self, name: str) -> Any:
        return getattr(self._network, name)

    def denoise(self, noisy: np.ndarray, time: float, prepared: Any, style: Any) -> np.ndarray:
        """The mean motion (T, C), z-scored; `noisy` tells its shape alone, and `time` nothing."""
        return self._network.denoise(np.zeros_like(noisy), 1.0, prepared, style)


def open_model(path: Path, runtime: str, steps: int, is_regression: bool = False) -> Student:
    """The model at `path`, ready to generate on the processor. A teacher needs PyTorch, whatever `runtime` says.

    is_regression: the bundle was trained without diffusion. Raises BundleError, RuntimeUnavailableError.
    """
    if is_regression:
        bundle = load_bundle(path)
        return Student(Regression(open_network(bundle, runtime, "cpu")), bundle.metadata)
    if is_teacher(path):
        from diffusion_talker.models.sampling import open_teacher

        return open_teacher(path, steps)
    return load_student(path, runtime, "cpu")


def own_steps(path: Path) -> int:
    """Denoising steps that the model was made for. Raises BundleError."""
    return TEACHER_STEPS if is_teacher(path) else read_metadata(path)[0].sampling_steps


def describe_model(path: Path) -> ModelInfo:
    """Hash, size and parameters. Raises BundleError."""
    if is_teacher(path):
        return _describe_teacher(path)
    bundle = load_bundle(path)
    learned = sum(array.size for name, array in bundle.weights.items() if not name.endswith(_STATISTICS))
    origin = bundle.metadata
    size = path.stat().st_size
    return ModelInfo(hash_file(path), size, learned, learned, origin.training_manifest_sha256, origin.notes)


def _describe_teacher(path: Path) -> ModelInfo:
    from diffusion_talker.models.teacher import FILE_NAME, load_teacher

    network, _ = load_teacher(path)
    file = path / FILE_NAME if path.is_dir() else path
    outside = getattr(network.ear_config, "parameters", 0)  # of a pretrained ear, which has files of its own
    every = outside + sum(weights.numel() for weights in network.parameters())
    trainable = sum(weights.numel() for weights in network.parameters() if weights.requires_grad)
    return ModelInfo(hash_file(file), file.stat().st_size, every, trainable)
