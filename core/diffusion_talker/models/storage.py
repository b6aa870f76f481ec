# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks as safetensors files small enough to keep: large matrices as int8 rows with a scale each."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from diffusion_talker.files import atomic_write
from diffusion_talker.student.bundle import INT8_MIN_SIZE, dequantize_rows, quantize_rows

#: Everything that a damaged or foreign file makes safetensors, JSON and the networks raise.
UNREADABLE = (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError)
_SCALE = ".row_scale"


def save_compact(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Write tensors with a byte for each number of large matrices and four for the rest. Raises OutputError."""
    stored: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if tensor.ndim < 2 or tensor.numel() < INT8_MIN_SIZE:
            stored[name] = tensor.contiguous()
            continue
        rows, scales = quantize_rows(tensor.cpu().numpy())
        stored |= {name: torch.from_numpy(rows), name + _SCALE: torch.from_numpy(scales)}
    with atomic_write(path) as stream:
        stream.write(save(stored, metadata=metadata))


def load_compact(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors in float32, and the metadata. Raises one of UNREADABLE."""
    with safe_open(path, "pt") as archive:
        stored = {name: archive.get_tensor(name) for name in archive.keys()}
        metadata = dict(archive.metadata() or {})
    tensors: dict[str, Tensor] = {}
    for name, tensor in stored.items():
        if name.endswith(_SCALE):
            continue
        if tensor.dtype == torch.int8:
            tensor = torch.from_numpy(dequantize_rows(tensor.numpy(), stored[name + _SCALE].numpy()))
        tensors[name] = tensor.float()
    return tensors, metadata
