# SPDX-License-Identifier: GPL-3.0-or-later
"""Direct training of the student: encoder, personalizer and x0 decoder together, on a synthetic corpus."""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from diffusion_talker.channels import MOUTH_CHANNELS
from diffusion_talker.corpus.shards import MANIFEST_NAME, Manifest, hash_file, read_manifest
from diffusion_talker.models import losses
from diffusion_talker.models.diffusion import diffuse, sample_times, snr_weight
from diffusion_talker.student.config import StudentConfig
from diffusion_talker.student.torch_network import StudentNetwork
from diffusion_talker.training.augment import Augmenter
from diffusion_talker.training.checkpoint import (
    CheckpointInfo,
    checkpoint_path,
    read_info,
    read_tensors,
    restore_optimizer,
    save_checkpoint,
)
from diffusion_talker.training.config import StudentTrainingConfig
from diffusion_talker.training.dataset import Batch, BatchLoader, Split, load_split, make_batch

Report = Callable[[str], None]
_STATISTICS_CLIPS = 64  # crops that estimate mean and deviation of the mel bands
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


class StudentTrainer:
    """One resumable training in one folder."""

    def __init__(self, corpus: Path, folder: Path, config: StudentTrainingConfig, student: StudentConfig | None = None,
                 device: str = "cpu", command: str = "") -> None:
        self._config, self._folder, self._device, self._command = config, folder, torch.device(device), command
        torch.manual_seed(config.seed)
        self._manifest = read_manifest(corpus)
        self._manifest_sha256 = hash_file(corpus / MANIFEST_NAME)
        self._split = load_split(corpus, config.held_out_share)
        self._network = StudentNetwork(student or student_config(self._manifest)).to(self._device)
        self._optimizer = torch.optim.AdamW(
            self._network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, betas=(0.9, 0.99)
        )
        self.step = 0
        if checkpoint_path(folder).is_file():
            self._resume()
        else:
            set_statistics(self._network, self._manifest, self._split)
            self._average = {name: tensor.clone() for name, tensor in self._network.state_dict().items()}
        channels = self._network.config.channels
        self._gap = losses.lip_gap_vector(channels).to(self._device)
        self._mouth = torch.tensor([name in MOUTH_CHANNELS for name in channels], device=self._device)
        self._contact = contact_classes(self._manifest.phone_classes).to(self._device)
        self._classes = class_table(self._manifest).to(self._device)

    def _resume(self) -> None:
        self.step = read_info(self._folder).step
        self._network.load_state_dict(read_tensors(self._folder, "network"))
        self._average = {k: v.to(self._device) for k, v in read_tensors(self._folder, "average").items()}
        restore_optimizer(self._optimizer, read_tensors(self._folder, "optimizer"))

    def run(self, report: Report = print, stop_step: int | None = None) -> list[StepLosses]:
        """Train up to `stop_step`, or to the end of the plan; returns the losses of every reported step."""
        stop_step = self._config.steps if stop_step is None else stop_step
        loader = BatchLoader(self._split.train, self._config, self.step)
        history: list[StepLosses] = []
        started_s, first_step = time.monotonic(), self.step
        try:
            for batch in loader:
                if self.step >= stop_step:
                    break
                step_losses = self._train_step(batch)
                if self.step % 25 == 0:
                    rate = (self.step - first_step) / (time.monotonic() - started_s)
                    report(f"step {self.step}/{self._config.steps}  {rate:.2f}/s  {_summary(step_losses)}")
                    history.append(step_losses)
                    self._log("train", step_losses)
                self._housekeeping(report)
        finally:
            loader.close()
        self.save()
        return history

    def _housekeeping(self, report: Report) -> None:
        if self.step % self._config.validate_every == 0:
            validation = self.validate()
            report(f"step {self.step}  held out  {_summary(validation)}")
            self._log("held_out", validation)
        if self.step % self._config.save_every == 0:
            self.save()

    def save(self) -> None:
        """Write the checkpoint."""
        descriptions = tuple(identity.description for identity in self._manifest.identities)
        info = CheckpointInfo(self.step, self._network.config, self._manifest_sha256, descriptions, self._command)
        save_checkpoint(self._folder, info, self._network, self._average, self._optimizer)

    def _train_step(self, batch: Batch) -> StepLosses:
        self._network.train()
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate(self.step, self._config)
        generator = torch.Generator().manual_seed(self._config.seed * 1_000_003 + self.step)
        total, step_losses = self._losses(_Targets.of(batch, self._classes), generator)
        self._optimizer.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(self._network.parameters(), self._config.gradient_clip)
        self._optimizer.step()
        self.step += 1
        self._update_average()
        return step_losses

    @torch.no_grad()
    def _update_average(self) -> None:
        """Exponential moving average, faster at the start so that it does not remember the initialisation."""
        decay = min(self._config.ema_decay, (1 + self.step) / (10 + self.step))
        for name, tensor in self._network.state_dict().items():
            self._average[name].lerp_(tensor, 1 - decay)

    @torch.no_grad()
    def validate(self, batches: int = 4) -> StepLosses:
        """Losses of the averaged network on clips whose texts it has not seen, without augmentation."""
        clips = self._split.held_out or self._split.train
        current = {name: tensor.clone() for name, tensor in self._network.state_dict().items()}
        self._network.load_state_dict(self._average)
        self._network.eval()
        results = []
        for index in range(batches):
            random = np.random.default_rng((self._config.seed, 7, index))
            generator = torch.Generator().manual_seed(index)
            batch = make_batch(clips, self._config, random, None)
            results.append(self._losses(_Targets.of(batch, self._classes), generator)[1])
        self._network.load_state_dict(current)
        return StepLosses(*np.mean([list(vars(result).values()) for result in results], axis=0))

    def _losses(self, target: _Targets, generator: torch.Generator) -> tuple[Tensor, StepLosses]:
        config, network = self._config, self._network
        features, speaker = network.encoder(target.log_mel)
        phone_logits = network.encoder.phone_out(features)
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
        total = (reconstruction + config.velocity_weight * velocity + config.closure_weight * closure
                 + config.phone_weight * phone + config.library_weight * library)
        return total, StepLosses(
            total=total.item(), reconstruction=reconstruction.item(), velocity=velocity.item(), closure=closure.item(),
            phone=phone.item(), phone_accuracy=_accuracy(phone_logits, target.phones, target.mask * (target.phones >= 0)),
            identity_accuracy=_accuracy(identity, target.identity, target.identity_heard),
            emotion_accuracy=_accuracy(emotion, target.emotion, target.emotion_heard),
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

    def _log(self, split: str, values: StepLosses) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / "log.csv"
        row = {"step": self.step, "split": split} | asdict(values)
        is_new = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.DictWriter(file, list(row))
            if is_new:
                writer.writeheader()
            writer.writerow(row)


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
    random = np.random.default_rng(0)
    config = StudentTrainingConfig(batch_clips=_STATISTICS_CLIPS)
    mel = make_batch(split.train, config, random, Augmenter()).log_mel
    network.encoder.mel_mean.copy_(torch.from_numpy(mel.mean(axis=(0, 1, 2))))
    network.encoder.mel_std.copy_(torch.from_numpy(mel.std(axis=(0, 1, 2))).clamp_min(0.1))


def learning_rate(step: int, config: StudentTrainingConfig) -> float:
    """Linear warm-up, then cosine from `learning_rate` to `final_learning_rate`."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    progress = min(1.0, (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps))
    cosine = 0.5 * (1 + math.cos(math.pi * progress))
    return config.final_learning_rate + (config.learning_rate - config.final_learning_rate) * cosine


def _accuracy(logits: Tensor, labels: Tensor, mask: Tensor) -> float:
    hits = (logits.argmax(-1) == labels).float()
    return ((hits * mask).sum() / mask.sum().clamp_min(1)).item()


def _ratio(predicted: Tensor, clean: Tensor) -> float:
    return (predicted.detach().std() / clean.std().clamp_min(1e-6)).item()


def _summary(values: StepLosses) -> str:
    return "  ".join(f"{name} {value:.3g}" for name, value in asdict(values).items())
