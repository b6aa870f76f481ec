# SPDX-License-Identifier: GPL-3.0-or-later
"""One round of iterative distillation: the student learns to do in one step what its teacher does in two.

Rounds follow each other (16 -> 8 -> 4 -> 2 -> 1), each student being the next teacher (2503.18159). In the first
round the student already has the small encoder; the large one is there to align it with.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from diffusion_talker.corpus.shards import read_manifest
from diffusion_talker.models import losses
from diffusion_talker.models.diffusion import (
    alpha_sigma,
    diffuse,
    grid_shares,
    halving_target,
    snr_weight,
    step_times,
)
from diffusion_talker.models.teacher import TeacherNetwork, load_teacher
from diffusion_talker.student.torch_network import StudentNetwork
from diffusion_talker.training.checkpoint import checkpoint_path
from diffusion_talker.training.config import DistillTrainingConfig
from diffusion_talker.training.ears import features_for
from diffusion_talker.training.loop import accuracy, open_job
from diffusion_talker.training.motion_trainer import HeardPhones, MotionTrainer, normalized, read_student
from diffusion_talker.training.targets import HeardStyle, SpokenStyle, Targets


@dataclass(frozen=True)
class DistillLosses:
    """Mean losses of one step; the ratios compare the student's mouth with its teacher's (1 = right)."""

    total: float
    distillation: float
    velocity: float
    enhancer: float
    alignment: float
    phone: float
    phone_accuracy: float
    identity_accuracy: float
    amplitude_ratio: float
    velocity_ratio: float


class DistillTrainer(MotionTrainer[DistillLosses]):
    """L_dis, L_ae and L_pc of 2503.18159; the target of L_dis is that of Salimans and Ho 2202.00512."""

    _network: StudentNetwork
    _config: DistillTrainingConfig

    def __init__(self, corpus: Path, folder: Path, config: DistillTrainingConfig, start: Path,
                 teacher: Path | None = None, device: str = "cpu", command: str = "") -> None:
        """start: the stage whose student this one continues.

        teacher: in the first round the teacher, its file or folder; None in later rounds, when `start` itself is it.
        """
        torch.manual_seed(config.seed)
        manifest = read_manifest(corpus)
        guide: TeacherNetwork | StudentNetwork = read_student(start) if teacher is None else load_teacher(teacher)[0]
        cache = features_for(guide.ear_config, corpus, device) if isinstance(guide, TeacherNetwork) else None
        job = open_job(corpus, folder, config, manifest, device, command, cache)
        network = StudentNetwork(guide.config)
        if not checkpoint_path(folder).is_file():
            network.load_state_dict(read_student(start).state_dict())
        super().__init__(network, network.config.as_dict(), config, job, manifest)
        self._teacher = guide.to(self._device).requires_grad_(False)

    def target_losses(self, target: Targets, generator: torch.Generator) -> tuple[Tensor, DistillLosses]:
        """The student's single step against its teacher's two."""
        config, network = self._config, self._network
        decoder = network.decoder
        features, speaker = network.encoder(target.log_mel)
        heard = HeardStyle.of(network.personalizer, speaker)
        spoken = self._style.draw(target, heard, network.personalizer, generator)
        style = spoken.embed(network.personalizer)

        shares = grid_shares(len(target.motion), config.student_steps, generator).to(self._device)
        times = step_times(shares)
        noisy = diffuse(normalized(target.motion, decoder), self._noise(target, generator), times)
        aim = self._ask_teacher(target, noisy, shares, spoken)
        predicted = decoder(noisy, times, decoder.audio_in(features), style)

        mask = target.mask[..., None].expand_as(predicted)
        distillation = losses.reconstruction_loss(predicted, aim.motion, mask * snr_weight(times)[:, None, None])
        velocity = losses.velocity_loss(predicted, aim.motion, mask)
        enhancer = self._enhance(target, predicted, style, aim, times)
        alignment = self._align(target, features, aim.features)
        phones = HeardPhones.of(network, features, target)
        library = heard.contrast(network.personalizer, target).total
        total = (distillation + config.velocity_weight * velocity + config.enhancer_weight * enhancer
                 + self._alignment_weight() * alignment + config.phone_weight * phones.loss
                 + config.library_weight * library)
        amplitude, speed = self._ratios(predicted, aim.motion)
        return total, DistillLosses(
            total=total.item(), distillation=distillation.item(), velocity=velocity.item(), enhancer=enhancer.item(),
            alignment=alignment.item(), phone=phones.loss.item(), phone_accuracy=phones.accuracy,
            identity_accuracy=accuracy(heard.identity, target.identity, target.identity_heard),
            amplitude_ratio=amplitude, velocity_ratio=speed,
        )

    @torch.no_grad()
    def _ask_teacher(self, target: Targets, noisy: Tensor, shares: Tensor, spoken: SpokenStyle) -> _Aim:
        """Two steps of the teacher, with its own hearing and its own library; shares (B,): see `halving_target`."""
        teacher = self._teacher
        if isinstance(teacher, TeacherNetwork):
            features = teacher.encoder.features(target.log_mel, target.ear_features)
        else:
            features, _ = teacher.encoder(target.log_mel)
        style = spoken.embed(teacher.personalizer)
        prepared = teacher.decoder.audio_in(features)
        motion = halving_target(lambda z, t: teacher.decoder(z, t, prepared, style), noisy, shares,
                                self._config.student_steps)
        return _Aim(motion, style, features)

    def _enhance(self, target: Targets, predicted: Tensor, style: Tensor, aim: _Aim, times: Tensor) -> Tensor:
        """L_pc over the batch; clips at high noise count little."""
        alpha, _ = alpha_sigma(times)
        return losses.personalizer_loss(
            self._summary(style, predicted, target), self._summary(aim.style, aim.motion, target),
            alpha[:, 0, 0].square(), self._config.enhancer_temperature,
        )

    def _align(self, target: Targets, features: Tensor, aim: Tensor) -> Tensor:
        return losses.alignment_loss(features, aim, target.patch_mask(self._network.config.patch_frames))

    def _alignment_weight(self) -> float:
        """Annealed to 0 over the round: features need only agree until predictions can (2507.18352)."""
        return self._config.alignment_weight * max(0.0, 1.0 - self.step / self._config.steps)


@dataclass(frozen=True)
class _Aim:
    """What the teacher says: motion (B, T, C) z-scored, style (B, S), audio features (B, N, D)."""

    motion: Tensor
    style: Tensor
    features: Tensor
