# SPDX-License-Identifier: GPL-3.0-or-later
"""One training in several processes that torchrun started: gradients are averaged, only the first process writes.

The gradients of a step travel as one vector when all of them are there. That is all: the losses call parts of a
network by themselves, which a wrapper around the network as a whole would not see, and our networks are small.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Final, TypeVar

import torch
from torch import Tensor, distributed, nn

Values = TypeVar("Values")
#: One process may wait for another that computes an ear's features. torchrun itself ends all when one dies.
_PATIENCE: Final = timedelta(days=1)


@dataclass(frozen=True)
class Ranks:
    """Which of how many processes this one is."""

    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process reports, logs, validates and saves."""
        return self.rank == 0


def local_rank() -> int:
    """Number of this process on its machine, which is also the number of its GPU."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def is_first_process() -> bool:
    """Whether this process speaks and writes for all that torchrun started; True without torchrun."""
    return os.environ.get("RANK", "0") == "0"


def join_ranks(device: torch.device) -> Ranks:
    """Meet the other processes that torchrun started; without torchrun there are none and nothing is set up."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Ranks()
    if not distributed.is_initialized():
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=_PATIENCE)
        atexit.register(distributed.destroy_process_group)
    return Ranks(distributed.get_rank(), distributed.get_world_size())


@torch.no_grad()
def share_weights(network: nn.Module, ranks: Ranks) -> None:
    """Give every process the weights and buffers of the first."""
    if ranks.count > 1:
        for tensor in network.state_dict().values():
            distributed.broadcast(tensor, src=0)


@torch.no_grad()
def average_gradients(parameters: Iterable[nn.Parameter], ranks: Ranks) -> None:
    """Replace each gradient by its mean over the processes; one that no process has stays None."""
    if ranks.count == 1:
        return
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    reached = torch.tensor([parameter.grad is not None for parameter in trained], dtype=torch.float32)
    parts = [_gradient(parameter).flatten() for parameter in trained]
    vector = torch.cat([*parts, reached.to(parts[0])])
    distributed.all_reduce(vector)
    vector /= ranks.count
    *means, reached = vector.split([*(part.numel() for part in parts), len(trained)])
    for parameter, mean, is_reached in zip(trained, means, reached.tolist(), strict=True):
        parameter.grad = mean.view_as(parameter) if is_reached else None


def _gradient(parameter: nn.Parameter) -> Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad


def average_values(values: Values, ranks: Ranks, device: torch.device) -> Values:
    """Mean over the processes of a dataclass of floats."""
    if ranks.count == 1:
        return values
    names = [field.name for field in fields(values)]  # type: ignore[arg-type]
    numbers = torch.tensor([getattr(values, name) for name in names], dtype=torch.float32, device=device)
    distributed.all_reduce(numbers)
    return type(values)(**dict(zip(names, (numbers / ranks.count).tolist(), strict=True)))


def wait_for_all(ranks: Ranks) -> None:
    """Return when every process has come here: what the first has written can then be read."""
    if ranks.count > 1:
        distributed.barrier()
