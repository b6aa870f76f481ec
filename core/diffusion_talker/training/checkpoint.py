# SPDX-License-Identifier: GPL-3.0-or-later
"""Checkpoints that a killed training resumes from to the step: safetensors for arrays, JSON for the rest."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from diffusion_talker.errors import CheckpointError, CorpusError

#: What may change from one run of a training to the next: how long and where it runs, not what it learns.
FREE_FIELDS: Final = frozenset(
    {"steps", "save_every", "validate_every", "precision", "tensorboard", "accept_changes"}
)


@dataclass(frozen=True)
class CheckpointInfo:
    """What a checkpoint says about itself.

    Attributes:
        step: optimizer steps done.
        shape: plain values from which the network is rebuilt.
        corpus_manifest_sha256: corpus it was trained on.
        identity_descriptions: one line for each identity.
        command: how the training was started.
        config: the stage's configuration, plain values; empty in checkpoints that are older than this field.
    """

    step: int
    shape: dict[str, Any]
    corpus_manifest_sha256: str
    identity_descriptions: tuple[str, ...]
    command: str
    config: dict[str, Any] = field(default_factory=dict)


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
        CorpusError: there is no checkpoint.  CheckpointError: it is damaged.
    """
    path = checkpoint_path(folder)
    if not path.is_file():
        raise CorpusError(f"There is no checkpoint in {folder}: run the train command with --out {folder} first.")
    with _readable(path), safe_open(path, "pt") as archive:
        values = json.loads(archive.metadata()["info"])
        return CheckpointInfo(**{**values, "identity_descriptions": tuple(values["identity_descriptions"])})


def read_tensors(folder: Path, group: str) -> dict[str, Tensor]:
    """All tensors of one group: "network", "average" or "optimizer". Raises CheckpointError when it is damaged."""
    prefix, path = f"{group}/", checkpoint_path(folder)
    with _readable(path):
        tensors = load_file(path)
    return {name[len(prefix):]: tensor for name, tensor in tensors.items() if name.startswith(prefix)}


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{path} is no readable checkpoint ({error}). Delete it and train again, or put a copy of it back."
        ) from error


def check_resumable(folder: Path, found: CheckpointInfo, asked: CheckpointInfo, accept_changes: bool) -> None:
    """Make sure that a training which goes on in `folder` is the one that began there.

    Another network is refused always. Another corpus or configuration is refused unless `accept_changes`; the fields
    of FREE_FIELDS may differ.

    Raises:
        CheckpointError: it is another training; the message names what differs.
    """
    elsewhere = "train in an empty folder (--out)"
    changed = _differences(_plain(found.shape), _plain(asked.shape))
    if changed:
        raise CheckpointError(f"{folder} holds a training of another network ({changed}): {elsewhere}.")
    before, now = _plain(found.config), _plain(asked.config)
    if not before or accept_changes:
        return
    changed = _differences(*({name: value for name, value in values.items() if name not in FREE_FIELDS}
                             for values in (before, now)))
    if found.corpus_manifest_sha256 != asked.corpus_manifest_sha256:
        changed = ", ".join(part for part in ("another corpus", changed) if part)
    if changed:
        raise CheckpointError(
            f"{folder} holds a training that began differently ({changed}). Repeat its command ({found.command}), "
            f"{elsewhere}, or go on with the new settings on purpose: --accept-changes."
        )


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """As JSON gives them back, so that a tuple equals its list."""
    return _flat(json.loads(json.dumps(values)))


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested dictionaries under dotted names."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return flat


def _differences(before: dict[str, Any], now: dict[str, Any]) -> str:
    """Text of the first values that differ, empty if none do. A value that only one version of the program knows
    is passed over."""
    names = [name for name in sorted(before.keys() & now.keys()) if before[name] != now[name]]
    texts = [f"{name}: {_short(before[name])} then, {_short(now[name])} now" for name in names[:4]]
    return ", ".join([*texts, "and more"] if len(names) > 4 else texts)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Put saved moments back into a freshly made optimizer of the same parameters."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        index, key = name.split("/")
        state.setdefault(int(index), {})[key] = tensor
    values = optimizer.state_dict()
    values["state"] = state
    optimizer.load_state_dict(values)
