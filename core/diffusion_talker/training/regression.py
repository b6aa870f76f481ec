# SPDX-License-Identifier: GPL-3.0-or-later
"""The baseline without diffusion: the student's network learns the mean motion for a sound and a style, at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from diffusion_talker.corpus.shards import read_manifest
from diffusion_talker.models import losses
from diffusion_talker.student.config import StudentConfig
from diffusion_talker.student.torch_network import StudentNetwork
from diffusion_talker.training.checkpoint import checkpoint_path
from diffusion_talker.training.config import RegressionTrainingConfig
from diffusion_talker.training.loop import accuracy, mel_statistics, open_job
from diffusion_talker.training.motion_trainer import (
    HeardPhones,
    MotionTrainer,
    normalized,
    set_motion_statistics,
)
from diffusion_talker.training.targets import HeardStyle, Targets


@dataclass(frozen=True)
class RegressionLosses:
    """Mean losses of one step; the ratios warn of a mouth gone static or jittery (1 = right)."""

    total: float
    reconstruction: float
    velocity: float
    closure: float
    phone: float
    phone_accuracy: float
    identity_accuracy: float
    amplitude_ratio: float
    velocity_ratio: float


class RegressionTrainer(MotionTrainer[RegressionLosses]):
    """Reconstruction, velocity and closure of every channel; the noise is nought."""

    _network: StudentNetwork
    _config: RegressionTrainingConfig

    def __init__(self, corpus: Path, folder: Path, config: RegressionTrainingConfig,
                 student: StudentConfig, device: str = "cpu", command: str = "") -> None:
        torch.manual_seed(config.seed)
        manifest = read_manifest(corpus)
        job = open_job(corpus, folder, config, manifest, device, command)
        network = StudentNetwork(student)
        if not checkpoint_path(folder).is_file():
            set_motion_statistics(network.decoder, manifest, corpus, job.split)
            mean, std = mel_statistics(job.split)
            network.encoder.mel_mean.copy_(mean)
            network.encoder.mel_std.copy_(std)
        super().__init__(network, network.config.as_dict(), config, job, manifest)

    def target_losses(self, target: Targets, generator: torch.Generator) -> tuple[Tensor, RegressionLosses]:
        """One step from nought to the motion."""
        config, network = self._config, self._network
        decoder = network.decoder
        features, speaker = network.encoder(target.log_mel)
        heard = HeardStyle.of(network.personalizer, speaker)
        style = self._style.draw(target, heard, network.personalizer, generator).embed(network.personalizer)
        clean = normalized(target.motion, decoder)
        start = torch.ones(len(clean), device=self._device)
        predicted = decoder(torch.zeros_like(clean), start, decoder.audio_in(features), style)

        weights = self._weights.of(target)
        reconstruction = losses.reconstruction_loss(predicted, clean, weights)
        velocity = losses.velocity_loss(predicted, clean, weights)
        closure = self._closure(decoder, predicted, target)
        phones = HeardPhones.of(network, features, target)
        library = heard.contrast(network.personalizer, target).total
        total = (reconstruction + config.velocity_weight * velocity + config.closure_weight * closure
                 + config.phone_weight * phones.loss + config.library_weight * library)
        amplitude, speed = self._ratios(predicted, clean)
        return total, RegressionLosses(
            total=total.item(), reconstruction=reconstruction.item(), velocity=velocity.item(),
            closure=closure.item(), phone=phones.loss.item(), phone_accuracy=phones.accuracy,
            identity_accuracy=accuracy(heard.identity, target.identity, target.identity_heard),
            amplitude_ratio=amplitude, velocity_ratio=speed,
        )
