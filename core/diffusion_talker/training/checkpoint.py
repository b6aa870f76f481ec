# SPDX-License-Identifier: GPL-3.0-or-later
"""Checkpoints that a killed training resumes from to the step: safetensors for arrays, JSON for the rest."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from diffusion_talker.errors import CorpusError


@dataclass(frozen=True)
class CheckpointInfo:
    """What a checkpoint says about itself.

    Attributes:
        step: optimizer steps done.
        shape: plain values from which the network is rebuilt.
        corpus_manifest_sha256: corpus it was trained on.
        identity_descriptions: one line for each identity.
        command: how the training was started.
    """

    step: int
    shape: dict[str, Any]
    corpus_manifest_sha256: str
    identity_descriptions: tuple[str, ...]
    command: str


def save_checkpoint(folder: Path, info: CheckpointInfo, network: nn.Module, average: dict[str, Tensor],
                    optimizer: torch.optim.Optimizer) -> None:
    """Write the state after `info.step` steps; the newest complete checkpoint is always the one that is read."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {f"network/{name}": tensor.contiguous() for name, tensor in network.state_dict().items()}
    tensors |= {f"average/{name}": tensor.contiguous() for name, tensor in average.items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{index}/{key}": torch.as_tensor(value) for key, value in state.items()}
    partial = folder / "checkpoint.partial"
    save_file(tensors, partial, metadata={"info": json.dumps(asdict(info))})
    os.replace(partial, checkpoint_path(folder))


def checkpoint_path(folder: Path) -> Path:
    """The one checkpoint of a training folder."""
    return folder / "checkpoint.safetensors"


def read_info(folder: Path) -> CheckpointInfo:
    """The description of a folder's checkpoint.

    Raises:
        CorpusError: there is no checkpoint.
    """
    from safetensors import safe_open

    path = checkpoint_path(folder)
    if not path.is_file():
        raise CorpusError(f"There is no checkpoint in {folder}: run the train command with --out {folder} first.")
    with safe_open(path, "pt") as archive:
        values = json.loads(archive.metadata()["info"])
    return CheckpointInfo(**{**values, "identity_descriptions": tuple(values["identity_descriptions"])})


def read_tensors(folder: Path, group: str) -> dict[str, Tensor]:
    """All tensors of one group: "network", "average" or "optimizer"."""
    prefix = f"{group}/"
    tensors = load_file(checkpoint_path(folder))
    return {name[len(prefix):]: tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Put saved moments back into a freshly made optimizer of the same parameters."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        index, key = name.split("/")
        state.setdefault(int(index), {})[key] = tensor
    values = optimizer.state_dict()
    values["state"] = state
    optimizer.load_state_dict(values)
