# SPDX-License-Identifier: GPL-3.0-or-later
"""The ground-truth stage: the student's real inference steps, true lips, and the distilled upper face (ours).

Lips want accuracy: they are compared with the truth, on the student's own steps, for diffused truth would tell a
late step where the lips are and it would copy instead of listen. Brows, lids and head want variety: they stay as the
distilled student has them, for the same noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from diffusion_talker.corpus.shards import read_manifest
from diffusion_talker.models import losses
from diffusion_talker.models.diffusion import unroll
from diffusion_talker.student.torch_network import StudentNetwork
from diffusion_talker.training.checkpoint import checkpoint_path
from diffusion_talker.training.config import FinetuneTrainingConfig
from diffusion_talker.training.loop import accuracy, open_job
from diffusion_talker.training.motion_trainer import HeardPhones, MotionTrainer, normalized, read_student
from diffusion_talker.training.targets import HeardStyle, SpokenStyle, Targets


@dataclass(frozen=True)
class FinetuneLosses:
    """Mean losses of one step; the ratios compare the mouth with the truth (1 = right)."""

    total: float
    mouth: float
    velocity: float
    closure: float
    spread: float
    upper: float
    enhancer: float
    phone: float
    phone_accuracy: float
    identity_accuracy: float
    amplitude_ratio: float
    velocity_ratio: float


class FinetuneTrainer(MotionTrainer[FinetuneLosses]):
    """Reconstruction, velocity and closure of the mouth against the truth; L_dis and L_pc above it; spread of all."""

    _network: StudentNetwork
    _config: FinetuneTrainingConfig

    def __init__(self, corpus: Path, folder: Path, config: FinetuneTrainingConfig, start: Path,
                 device: str = "cpu", command: str = "") -> None:
        """start: the stage whose student this one continues, and whose upper face it keeps."""
        torch.manual_seed(config.seed)
        manifest = read_manifest(corpus)
        job = open_job(corpus, folder, config, manifest, device, command)
        before = read_student(start)
        network = StudentNetwork(before.config)
        if not checkpoint_path(folder).is_file():
            network.load_state_dict(before.state_dict())
        super().__init__(network, network.config.as_dict(), config, job, manifest)
        self._before = before.to(self._device).requires_grad_(False)

    def target_losses(self, target: Targets, generator: torch.Generator) -> tuple[Tensor, FinetuneLosses]:
        """Every unrolled step counts: the first decides the mouth, the later ones must not spoil it."""
        config, network = self._config, self._network
        decoder = network.decoder
        features, speaker = network.encoder(target.log_mel)
        heard = HeardStyle.of(network.personalizer, speaker)
        spoken = self._style.draw(target, heard, network.personalizer, generator)
        style = spoken.embed(network.personalizer)
        noise, prepared = self._noise(target, generator), decoder.audio_in(features)
        steps = unroll(lambda z, t: decoder(z, t, prepared, style), noise, config.student_steps)

        clean = normalized(target.motion, decoder)
        mouth = self._mouth_losses(steps, clean, target)
        aim, aim_style = self._ask_before(target, noise, spoken)
        upper = self._keep_upper(steps[-1], aim, target)
        enhancer = self._enhance(steps[-1], style, aim, aim_style, target)
        phones = HeardPhones.of(network, features, target)
        library = heard.contrast(network.personalizer, target).total
        spread = losses.spread_loss(steps[-1], clean, target.mask)
        total = (mouth.reconstruction + config.velocity_weight * mouth.velocity + config.closure_weight * mouth.closure
                 + upper + self._spread_weight() * spread + config.enhancer_weight * enhancer
                 + config.phone_weight * phones.loss + config.library_weight * library)
        amplitude, speed = self._ratios(steps[-1], clean)
        return total, FinetuneLosses(
            total=total.item(), mouth=mouth.reconstruction.item(), velocity=mouth.velocity.item(),
            closure=mouth.closure.item(), spread=spread.item(), upper=upper.item(), enhancer=enhancer.item(),
            phone=phones.loss.item(), phone_accuracy=phones.accuracy,
            identity_accuracy=accuracy(heard.identity, target.identity, target.identity_heard),
            amplitude_ratio=amplitude, velocity_ratio=speed,
        )

    def _spread_weight(self) -> float:
        """Rises from 0 with the cube of what is done: first the lips learn when to move, then how much."""
        return self._config.spread_weight * (self.step / self._config.steps) ** 3

    def _mouth_losses(self, steps: list[Tensor], clean: Tensor, target: Targets) -> _MouthLosses:
        """Mean over the unrolled steps of what separates the mouth from the truth; clean: the truth, z-scored."""
        weights = self._weights.of(target) * self._space.mouth
        return _MouthLosses(
            torch.stack([losses.reconstruction_loss(step, clean, weights) for step in steps]).mean(),
            torch.stack([losses.velocity_loss(step, clean, weights) for step in steps]).mean(),
            torch.stack([self._closure(self._network.decoder, step, target) for step in steps]).mean(),
        )

    @torch.no_grad()
    def _ask_before(self, target: Targets, noise: Tensor, spoken: SpokenStyle) -> tuple[Tensor, Tensor]:
        """Motion and style of the distilled student for the same noise."""
        before = self._before
        features, _ = before.encoder(target.log_mel)
        style, prepared = spoken.embed(before.personalizer), before.decoder.audio_in(features)
        steps = unroll(lambda z, t: before.decoder(z, t, prepared, style), noise, self._config.student_steps)
        return steps[-1], style

    def _keep_upper(self, predicted: Tensor, aim: Tensor, target: Targets) -> Tensor:
        """Position and velocity of all but the mouth against the distilled student's."""
        weights = target.mask[..., None] * ~self._space.mouth
        return (losses.reconstruction_loss(predicted, aim, weights)
                + self._config.velocity_weight * losses.velocity_loss(predicted, aim, weights))

    def _enhance(self, predicted: Tensor, style: Tensor, aim: Tensor, aim_style: Tensor, target: Targets) -> Tensor:
        """L_pc on what inference ends with: no noise is left, every clip counts."""
        return losses.personalizer_loss(
            self._summary(style, predicted, target), self._summary(aim_style, aim, target),
            torch.ones(len(predicted), device=self._device), self._config.enhancer_temperature,
        )


@dataclass(frozen=True)
class _MouthLosses:
    reconstruction: Tensor
    velocity: Tensor
    closure: Tensor
