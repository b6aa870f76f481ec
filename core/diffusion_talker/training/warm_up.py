# SPDX-License-Identifier: GPL-3.0-or-later
"""The encoder swap: a small encoder learns to hear as the teacher's large one does, before the first round."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from diffusion_talker.corpus.shards import read_manifest
from diffusion_talker.models import losses
from diffusion_talker.models.teacher import TeacherNetwork, load_teacher
from diffusion_talker.student.torch_network import StudentNetwork
from diffusion_talker.training.checkpoint import checkpoint_path
from diffusion_talker.training.config import WarmUpTrainingConfig
from diffusion_talker.training.ears import features_for
from diffusion_talker.training.loop import accuracy, open_job
from diffusion_talker.training.motion_trainer import HeardPhones, MotionTrainer
from diffusion_talker.training.targets import HeardStyle, Targets


@dataclass(frozen=True)
class WarmUpLosses:
    """Mean losses of one step."""

    total: float
    alignment: float
    phone: float
    library: float
    phone_accuracy: float
    identity_accuracy: float
    emotion_accuracy: float


class WarmUpTrainer(MotionTrainer[WarmUpLosses]):
    """L_ae of 2503.18159 alone, with the encoder's own tasks: phones, and whose voice it is."""

    _network: StudentNetwork
    _config: WarmUpTrainingConfig

    def __init__(self, corpus: Path, folder: Path, config: WarmUpTrainingConfig, teacher: Path,
                 device: str = "cpu", command: str = "") -> None:
        """teacher: its file or the folder of its training."""
        torch.manual_seed(config.seed)
        manifest = read_manifest(corpus)
        guide, _ = load_teacher(teacher)
        cache = features_for(guide.ear_config, corpus, device)
        job = open_job(corpus, folder, config, manifest, device, command, cache)
        network = StudentNetwork(guide.config)
        if not checkpoint_path(folder).is_file():
            start_from_teacher(network, guide)
        super().__init__(network, network.config.as_dict(), config, job, manifest)
        self._teacher = guide.to(self._device).requires_grad_(False)

    def target_losses(self, target: Targets, generator: torch.Generator) -> tuple[Tensor, WarmUpLosses]:
        """Alignment with the teacher's features, articulatory classes, contrast against the libraries."""
        config, network, teacher = self._config, self._network, self._teacher
        features, speaker = network.encoder(target.log_mel)
        mask = target.patch_mask(network.config.patch_frames)
        aim = teacher.encoder.features(target.log_mel, target.ear_features)
        alignment = losses.alignment_loss(features, aim, mask)
        phones = HeardPhones.of(network, features, target)
        heard = HeardStyle.of(network.personalizer, speaker)
        library = heard.contrast(network.personalizer, target).total
        total = (config.alignment_weight * alignment + config.phone_weight * phones.loss
                 + config.library_weight * library)
        return total, WarmUpLosses(
            total=total.item(), alignment=alignment.item(), phone=phones.loss.item(), library=library.item(),
            phone_accuracy=phones.accuracy,
            identity_accuracy=accuracy(heard.identity, target.identity, target.identity_heard),
            emotion_accuracy=accuracy(heard.emotion, target.emotion, target.emotion_heard),
        )


def start_from_teacher(student: StudentNetwork, teacher: TeacherNetwork) -> None:
    """Personalizer and decoder as the teacher has them; only the encoder starts anew."""
    student.personalizer.load_state_dict(teacher.personalizer.state_dict())
    student.decoder.load_state_dict(teacher.decoder.state_dict())
    student.encoder.mel_mean.copy_(teacher.encoder.mel_mean)
    student.encoder.mel_std.copy_(teacher.encoder.mel_std)
