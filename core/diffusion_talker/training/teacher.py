# SPDX-License-Identifier: GPL-3.0-or-later
"""Training of the teacher: contrastive personalizer and x0 decoder over the features of a frozen ear."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from diffusion_talker.corpus.shards import read_manifest
from diffusion_talker.models import losses
from diffusion_talker.models.diffusion import diffuse, sample_times, snr_weight
from diffusion_talker.models.recogniser import Recogniser
from diffusion_talker.models.teacher import FILE_NAME, TEACHER_STEPS, TeacherNetwork, save_teacher
from diffusion_talker.student.config import StudentConfig
from diffusion_talker.training.checkpoint import checkpoint_path
from diffusion_talker.training.config import TeacherTrainingConfig
from diffusion_talker.training.ears import open_ear
from diffusion_talker.training.loop import accuracy, mel_statistics, open_job
from diffusion_talker.training.motion_trainer import (
    MotionTrainer,
    normalized,
    set_motion_statistics,
)
from diffusion_talker.training.targets import HeardStyle, Targets


@dataclass(frozen=True)
class TeacherLosses:
    """Mean losses of one step; the ratios warn of a mouth gone static or jittery (1 = right)."""

    total: float
    reconstruction: float
    velocity: float
    closure: float
    library: float
    identity_accuracy: float
    emotion_accuracy: float
    amplitude_ratio: float
    velocity_ratio: float


class TeacherTrainer(MotionTrainer[TeacherLosses]):
    """x0 diffusion at every noise level, and InfoNCE of the voice against both libraries."""

    _network: TeacherNetwork
    _config: TeacherTrainingConfig

    def __init__(self, corpus: Path, folder: Path, config: TeacherTrainingConfig, ear: Path,
                 student: StudentConfig, device: str = "cpu", command: str = "") -> None:
        """ear: a recogniser (its file or the folder of its training), or a folder or hub name of a speech model.

        student: shapes of personalizer and decoder.
        """
        torch.manual_seed(config.seed)
        manifest = read_manifest(corpus)
        opened = open_ear(ear, config.ear_layer, student.patch_frames, corpus, device)
        job = open_job(corpus, folder, config, manifest, device, command, opened.cache)
        network = TeacherNetwork(student, opened.config)
        if not checkpoint_path(folder).is_file():
            if isinstance(opened.ear, Recogniser):
                network.encoder.ear.load_state_dict(opened.ear.state_dict())
            set_motion_statistics(network.decoder, manifest, corpus, job.split)
            mean, std = mel_statistics(job.split)
            network.encoder.mel_mean.copy_(mean)
            network.encoder.mel_std.copy_(std)
        super().__init__(network, network.shape(), config, job, manifest)

    def target_losses(self, target: Targets, generator: torch.Generator) -> tuple[Tensor, TeacherLosses]:
        """L_simple of 2311.16565 with velocity and closure terms, and the personalizer's contrast."""
        config, network = self._config, self._network
        personalizer, decoder = network.personalizer, network.decoder
        features, speaker = network.encoder(target.log_mel, target.ear_features)
        heard = HeardStyle.of(personalizer, speaker)
        style = self._style.draw(target, heard, personalizer, generator).embed(personalizer)

        clean = normalized(target.motion, decoder)
        times = sample_times(len(clean), TEACHER_STEPS, generator).to(self._device)
        noisy = diffuse(clean, self._noise(target, generator), times)
        predicted = decoder(noisy, times, decoder.audio_in(features), style)

        weights = self._weights.of(target)
        reconstruction = losses.reconstruction_loss(predicted, clean, weights * snr_weight(times)[:, None, None])
        velocity = losses.velocity_loss(predicted, clean, weights)
        closure = self._closure(decoder, predicted, target)
        library = heard.contrast(personalizer, target).total
        total = (reconstruction + config.velocity_weight * velocity + config.closure_weight * closure
                 + config.library_weight * library)
        amplitude, speed = self._ratios(predicted, clean)
        return total, TeacherLosses(
            total=total.item(), reconstruction=reconstruction.item(), velocity=velocity.item(),
            closure=closure.item(), library=library.item(),
            identity_accuracy=accuracy(heard.identity, target.identity, target.identity_heard),
            emotion_accuracy=accuracy(heard.emotion, target.emotion, target.emotion_heard),
            amplitude_ratio=amplitude, velocity_ratio=speed,
        )

    def save(self) -> None:
        """Write the checkpoint, and beside it the averaged teacher as it is used."""
        super().save()
        averaged = TeacherNetwork(self._network.config, self._network.ear_config)
        averaged.load_state_dict(self._average)
        save_teacher(self._job.folder / FILE_NAME, averaged, self._job.identity_descriptions)
