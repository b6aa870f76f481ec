# SPDX-License-Identifier: GPL-3.0-or-later
"""What the trainings of faces share: a batch becomes targets, a style is drawn, what counts is weighted."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from diffusion_talker.corpus.shards import Manifest
from diffusion_talker.models import losses
from diffusion_talker.student.config import StudentConfig
from diffusion_talker.student.torch_network import MotionDecoder, StudentNetwork
from diffusion_talker.training.checkpoint import read_info, read_tensors
from diffusion_talker.training.config import MotionTrainingConfig
from diffusion_talker.training.dataset import Batch, Split
from diffusion_talker.training.loop import CropTrainer, Job, Values, accuracy
from diffusion_talker.training.motion_space import motion_space
from diffusion_talker.training.targets import (
    FrameWeights,
    StyleShares,
    Targets,
    class_table,
    contact_classes,
    deviation_ratio,
)
from diffusion_talker.training.vertices import bounded_batches, neutral_face, vertex_statistics


class MotionTrainer(CropTrainer[Values]):
    """A training whose batches are faces that speak."""

    _config: MotionTrainingConfig

    def __init__(self, network: nn.Module, shape: dict[str, Any], config: MotionTrainingConfig, job: Job,
                 manifest: Manifest) -> None:
        super().__init__(network, shape, bounded_batches(config, network.config.values_per_frame), job)
        self._space = motion_space(network.config, network.decoder)
        self._classes = class_table(manifest).to(self._device)
        contact = contact_classes(tuple(manifest.phone_classes)).to(self._device)
        self._weights = FrameWeights(self._space, contact, config.contact_stress, config.unknown_share)
        self._style = StyleShares(config.predicted_style_share, config.style_dropout)

    def losses(self, batch: Batch, generator: torch.Generator) -> tuple[Tensor, Values]:
        """All losses on one batch."""
        return self.target_losses(Targets.of(batch, self._classes), generator)

    @abc.abstractmethod
    def target_losses(self, target: Targets, generator: torch.Generator) -> tuple[Tensor, Values]:
        """All losses on the targets of one batch."""

    def _noise(self, target: Targets, generator: torch.Generator) -> Tensor:
        noise = torch.randn(target.motion.shape, generator=generator).to(self._device)
        return noise * self._network.config.noise_scale

    def _closure(self, decoder: MotionDecoder, predicted: Tensor, target: Targets) -> Tensor:
        """Closure loss of z-scored motion; zero where a motion space knows no lips."""
        if self._space.gap is None:
            return predicted.new_zeros(())
        motion = predicted * decoder.motion_std + decoder.motion_mean
        return losses.closure_loss(self._space.gap(motion), self._space.gap(target.motion), target.mask)

    def _summary(self, style: Tensor, motion: Tensor, target: Targets) -> Tensor:
        """What the personalizer enhancer compares of each clip: its style (B, S) and its upper face."""
        return losses.upper_face_summary(style, motion[..., self._space.upper], target.mask)

    def _ratios(self, predicted: Tensor, clean: Tensor) -> tuple[float, float]:
        """Amplitude and velocity of the mouth over those of the truth."""
        mouth, truth = predicted[..., self._space.mouth], clean[..., self._space.mouth]
        return deviation_ratio(mouth, truth), deviation_ratio(mouth.diff(dim=1), truth.diff(dim=1))


def normalized(motion: Tensor, decoder: MotionDecoder) -> Tensor:
    """z-scored motion."""
    return (motion - decoder.motion_mean) / decoder.motion_std


@dataclass(frozen=True)
class HeardPhones:
    """What the student's encoder makes of the sound, frame by frame."""

    loss: Tensor
    accuracy: float

    @classmethod
    def of(cls, network: StudentNetwork, features: Tensor, target: Targets) -> HeardPhones:
        """Cross-entropy and accuracy of the articulatory classes."""
        logits = network.encoder.phone_logits(features)[:, : target.phones.shape[1]]
        known = target.mask * (target.phones >= 0)
        return cls(losses.phone_loss(logits, target.phones, target.mask), accuracy(logits, target.phones, known))


def set_motion_statistics(decoder: MotionDecoder, manifest: Manifest, corpus: Path, split: Split) -> None:
    """Fixed corpus statistics: the z-score of every channel or vertex, and where vertices rest. Raises CorpusError."""
    if manifest.vertex_count:
        statistics = vertex_statistics(split.train)
        decoder.motion_mean.copy_(torch.from_numpy(statistics.mean))
        decoder.motion_std.copy_(torch.from_numpy(statistics.std))
        decoder.neutral_face.copy_(torch.from_numpy(neutral_face(corpus, manifest)))
        return
    decoder.motion_mean.copy_(torch.tensor(manifest.mean))
    decoder.motion_std.copy_(torch.tensor(manifest.std).clamp_min(0.01))


def read_student(folder: Path) -> StudentNetwork:
    """The averaged student of a stage's checkpoint, in evaluation mode. Raises CorpusError, CheckpointError."""
    network = StudentNetwork(StudentConfig.from_dict(read_info(folder).shape))
    network.load_state_dict(read_tensors(folder, "average"))
    return network.eval()


