# SPDX-License-Identifier: GPL-3.0-or-later
"""The smallest trainer: two linear layers with dropout hear the jaw. A step takes milliseconds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from diffusion_talker.corpus.shards import read_manifest
from diffusion_talker.training.config import TrainingConfig, smoke
from diffusion_talker.training.dataset import Batch
from diffusion_talker.training.loop import CropTrainer, open_job
from tests.core.training.made_corpus import JAW

CONFIG = replace(smoke(TrainingConfig()), held_out_share=0.1, save_every=1000, validate_every=1000)


@dataclass(frozen=True)
class JawLosses:
    """Mean square error of the jaw, and its spread against the truth's."""

    total: float
    amplitude_ratio: float


class JawTrainer(CropTrainer[JawLosses]):
    """Learns the jaw from log-mel, with noise and dropout; as in a diffusion training, the noise is the step's own."""

    def __init__(self, corpus: Path, folder: Path, device: str = "cpu", width: int = 16, **changes: object) -> None:
        config = replace(CONFIG, **changes)
        torch.manual_seed(config.seed)
        network = nn.Sequential(nn.Linear(160, width), nn.Dropout(0.1), nn.ReLU(), nn.Linear(width, 1))
        network.append(nn.Linear(1, 1).requires_grad_(False))
        job = open_job(corpus, folder, config, read_manifest(corpus), device, "train made")
        super().__init__(network, {"width": width}, config, job)

    def losses(self, batch: Batch, generator: torch.Generator) -> tuple[Tensor, JawLosses]:
        mel = torch.from_numpy(batch.log_mel).flatten(-2)
        with torch.no_grad():  # as a first guess of an on-policy training: the same weights without gradient first
            self._network(mel)
        predicted = self._network(mel + 0.1 * torch.randn(mel.shape, generator=generator))[..., 0]
        jaw = torch.from_numpy(batch.motion[..., JAW])
        total = (predicted - jaw).square().mean()
        return total, JawLosses(total.item(), (predicted.detach().float().std() / jaw.std()).item())
