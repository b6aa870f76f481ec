# SPDX-License-Identifier: GPL-3.0-or-later
"""On what a training computes, and with how many bits."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Final

import torch

from diffusion_talker.errors import RuntimeUnavailableError
from diffusion_talker.student.runtime import DEVICES, find_gpu
from diffusion_talker.training.distributed import local_rank

PRECISIONS: Final[tuple[str, ...]] = ("auto", "fp32", "bf16")


def choose_device(name: str) -> torch.device:
    """The device of this process. "auto" takes the GPU if there is one; under torchrun each process has its own.

    Raises RuntimeUnavailableError when there is no such device.
    """
    if name not in DEVICES:
        raise RuntimeUnavailableError(f"There is no device '{name}': choose one of {', '.join(DEVICES)}.")
    found = find_gpu()
    if name == "auto":
        name = found or "cpu"
    if name not in ("cpu", found):
        raise RuntimeUnavailableError(
            f"PyTorch finds no {name.upper()} device on this computer: train with --device auto or --device cpu."
        )
    return _own_gpu() if name == "cuda" else torch.device(name)


def _own_gpu() -> torch.device:
    index, count = local_rank(), torch.cuda.device_count()
    if index >= count:
        raise RuntimeUnavailableError(
            f"Process {index + 1} on this machine has no GPU of its own, there are {count}: "
            f"start torchrun with --nproc-per-node {count}, or train with --device cpu."
        )
    torch.cuda.set_device(index)
    return torch.device("cuda", index)


def autocast(precision: str, device: torch.device) -> AbstractContextManager[object]:
    """Context in which matrix products run in bfloat16 if that was chosen; weights and optimizer stay float32.

    "auto" is bf16 on a GPU that computes with it (CUDA), else fp32: on a CPU bf16 pays only on recent server chips.
    Casts are not cached: a weight first used without gradients would lose them for the rest of the step.
    """
    if precision not in PRECISIONS:
        raise RuntimeUnavailableError(f"There is no precision '{precision}': choose one of {', '.join(PRECISIONS)}.")
    if precision == "auto":
        precision = "bf16" if device.type == "cuda" and torch.cuda.is_bf16_supported() else "fp32"
    if precision == "fp32":
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16, cache_enabled=False)
