# SPDX-License-Identifier: GPL-3.0-or-later
"""Direct training of the student: encoder, personalizer and x0 decoder together, on a synthetic corpus."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from diffusion_talker.channels import MOUTH_CHANNELS
from diffusion_talker.corpus.shards import Manifest, read_manifest
from diffusion_talker.models import losses
from diffusion_talker.models.diffusion import diffuse, sample_times, snr_weight
from diffusion_talker.student.config import StudentConfig
from diffusion_talker.student.torch_network import StudentNetwork
from diffusion_talker.training.checkpoint import checkpoint_path
from diffusion_talker.training.config import StudentTrainingConfig
from diffusion_talker.training.dataset import Batch, Split
from diffusion_talker.training.loop import Trainer, accuracy, mel_statistics, open_job

UNKNOWN_CLASS = -100  # what PyTorch's cross-entropy passes over
CONTACT_CLASSES = ("bilabial_stop", "bilabial_nasal", "labiodental")


@dataclass(frozen=True)
class StepLosses:
    """Mean losses of one step, and the two ratios that warn of a mouth gone static or jittery (1 = right)."""

    total: float
    reconstruction: float
    velocity: float
    closure: float
    phone: float
    phone_accuracy: float
    identity_accuracy: float
    emotion_accuracy: float
    amplitude_ratio: float
    velocity_ratio: float


@dataclass(frozen=True)
class _Targets:
    """A batch as tensors. Shapes as in `dataset.Batch`; phones are classes, UNKNOWN_CLASS where nobody knows."""

    log_mel: Tensor
    motion: Tensor
    phones: Tensor
    mask: Tensor
    identity: Tensor
    emotion: Tensor
    intensity: Tensor
    identity_heard: Tensor
    emotion_heard: Tensor

    @classmethod
    def of(cls, batch: Batch, classes: Tensor) -> _Targets:
        """classes: (256,) phone class of each label, on the device to train on."""
        tensors = {name: torch.from_numpy(array).to(classes.device) for name, array in vars(batch).items()}
        return cls(**{**tensors, "phones": classes[tensors["phones"]]})


class StudentTrainer(Trainer[StepLosses]):
    """Encoder, personalizer and decoder of a student, trained together."""

    _network: StudentNetwork
    _config: StudentTrainingConfig

    def __init__(self, corpus: Path, folder: Path, config: StudentTrainingConfig, student: StudentConfig | None = None,
                 device: str = "cpu", command: str = "") -> None:
        torch.manual_seed(config.seed)
        manifest = read_manifest(corpus)
        job = open_job(corpus, folder, config, manifest, device, command)
        network = StudentNetwork(student or student_config(manifest))
        if not checkpoint_path(folder).is_file():
            set_statistics(network, manifest, job.split)
        super().__init__(network, network.config.as_dict(), config, job)
        channels = network.config.channels
        self._gap = losses.lip_gap_vector(channels).to(self._device)
        self._mouth = torch.tensor([name in MOUTH_CHANNELS for name in channels], device=self._device)
        self._contact = contact_classes(manifest.phone_classes).to(self._device)
        self._classes = class_table(manifest).to(self._device)

    def losses(self, batch: Batch, generator: torch.Generator) -> tuple[Tensor, StepLosses]:
        """All losses of the student on one batch."""
        return self._losses(_Targets.of(batch, self._classes), generator)

    def _losses(self, target: _Targets, generator: torch.Generator) -> tuple[Tensor, StepLosses]:
        config, network = self._config, self._network
        features, speaker = network.encoder(target.log_mel)
        phone_logits = network.encoder.phone_logits(features)[:, : target.log_mel.shape[1]]
        identity = network.personalizer.identity.similarity(speaker)
        emotion = network.personalizer.emotion.similarity(speaker)
        style = self._style(target, identity, emotion, generator)

        decoder = network.decoder
        clean = (target.motion - decoder.motion_mean) / decoder.motion_std
        times = sample_times(len(clean), network.config.sampling_steps, generator).to(self._device)
        noise = torch.randn(clean.shape, generator=generator).to(self._device)
        prepared = decoder.audio_in(features)
        own = self._on_policy(len(clean), generator)
        guess = self._first_guess(noise, prepared, style)
        noisy = diffuse(torch.where(own, guess, clean), noise, times)
        predicted = decoder(noisy, times, prepared, style)

        weights = self._frame_weights(target)
        step_weights = torch.where(own, 1.0, snr_weight(times)[:, None, None])
        reconstruction = losses.reconstruction_loss(predicted, clean, weights * step_weights)
        velocity = losses.velocity_loss(predicted, clean, weights)
        restored = predicted * decoder.motion_std + decoder.motion_mean
        closure = losses.closure_loss(restored, target.motion, self._gap, target.mask)
        phone = losses.phone_loss(phone_logits, target.phones, target.mask)
        library = losses.library_loss(
            identity, target.identity, network.personalizer.identity.log_scale, target.identity_heard
        ) + losses.library_loss(emotion, target.emotion, network.personalizer.emotion.log_scale, target.emotion_heard)
        known = target.mask * (target.phones >= 0)
        total = (reconstruction + config.velocity_weight * velocity + config.closure_weight * closure
                 + config.phone_weight * phone + config.library_weight * library)
        return total, StepLosses(
            total=total.item(), reconstruction=reconstruction.item(), velocity=velocity.item(), closure=closure.item(),
            phone=phone.item(), phone_accuracy=accuracy(phone_logits, target.phones, known),
            identity_accuracy=accuracy(identity, target.identity, target.identity_heard),
            emotion_accuracy=accuracy(emotion, target.emotion, target.emotion_heard),
            amplitude_ratio=_ratio(predicted[..., self._mouth], clean[..., self._mouth]),
            velocity_ratio=_ratio(predicted[..., self._mouth].diff(dim=1), clean[..., self._mouth].diff(dim=1)),
        )

    def _on_policy(self, clips: int, generator: torch.Generator) -> Tensor:
        """(B, 1, C) bool: mouth channels of the clips that start from the student's own guess.

        Diffused truth tells a late step what the lips do, so it learns to copy instead of to listen, and at
        inference it sharpens the errors of the first step. Lips want accuracy: they train on what inference
        will see. Brows, lids and head want variety and keep the diffused truth (our ground-truth stage).
        """
        chosen = torch.rand(clips, generator=generator).to(self._device) < self._config.on_policy_share
        return chosen[:, None, None] & self._mouth

    @torch.no_grad()
    def _first_guess(self, noise: Tensor, prepared: Tensor, style: Tensor) -> Tensor:
        """(B, T, C): what the first inference step, from pure noise, predicts."""
        return self._network.decoder(noise, torch.ones(len(noise), device=noise.device), prepared, style)

    def _style(self, target: _Targets, identity: Tensor, emotion: Tensor, generator: torch.Generator) -> Tensor:
        """The labelled style, for some clips the style the voice suggests, for some the null embedding."""
        personalizer, config = self._network.personalizer, self._config
        count = len(target.identity)
        draw = torch.rand(count, generator=generator).to(self._device)
        heard = (target.identity_heard * target.emotion_heard).bool()  # a stranger's voice says nothing of the style
        predicted = ((draw < config.predicted_style_share) & heard)[:, None]
        identity_weights = torch.where(
            predicted, (identity * personalizer.identity.log_scale.exp()).softmax(-1).detach(),
            torch.nn.functional.one_hot(target.identity, identity.shape[1]).float(),
        )
        emotion_weights = torch.where(
            predicted, (emotion * personalizer.emotion.log_scale.exp()).softmax(-1).detach(),
            torch.nn.functional.one_hot(target.emotion, emotion.shape[1]).float(),
        )
        embedding = personalizer(identity_weights, emotion_weights, target.intensity)
        dropped = (draw > 1 - config.style_dropout)[:, None]
        return torch.where(dropped, personalizer.null.expand_as(embedding), embedding)

    def _frame_weights(self, target: _Targets) -> Tensor:
        """(B, T, C): zero beyond the clip, more on the mouth while lips must touch."""
        contact = self._contact[target.phones.clamp_min(0)].float()[..., None] * self._mouth
        return target.mask[..., None] * (1.0 + (self._config.contact_stress - 1.0) * contact)


def student_config(manifest: Manifest) -> StudentConfig:
    """The default student for the library and classes of a corpus."""
    return StudentConfig(
        identities=tuple(identity.name for identity in manifest.identities),
        emotions=tuple(manifest.emotions),
        phone_classes=tuple(manifest.phone_classes),
        channels=tuple(manifest.channels),
    )


def contact_classes(phone_classes: tuple[str, ...]) -> Tensor:
    """(P,) bool: classes in which the lips must meet each other or the teeth."""
    return torch.tensor([name in CONTACT_CLASSES for name in phone_classes])


def class_table(manifest: Manifest) -> Tensor:
    """(256,) phone class of every label of a corpus; UNKNOWN_CLASS for labels that stand for no phone."""
    table = torch.full((256,), UNKNOWN_CLASS)
    table[: len(manifest.phones)] = torch.tensor(manifest.class_of_phone)
    return table


def set_statistics(network: StudentNetwork, manifest: Manifest, split: Split) -> None:
    """Fixed corpus statistics: z-score of the channels, mean and deviation of each mel band."""
    network.decoder.motion_mean.copy_(torch.tensor(manifest.mean))
    network.decoder.motion_std.copy_(torch.tensor(manifest.std).clamp_min(0.01))
    mean, std = mel_statistics(split)
    network.encoder.mel_mean.copy_(mean)
    network.encoder.mel_std.copy_(std)


def _ratio(predicted: Tensor, clean: Tensor) -> float:
    return (predicted.detach().std() / clean.std().clamp_min(1e-6)).item()
