# SPDX-License-Identifier: GPL-3.0-or-later
"""What every training shares: batches, AdamW on a cosine, averaged weights, a log, resuming to the step."""

from __future__ import annotations

import abc
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from diffusion_talker.corpus.shards import MANIFEST_NAME, Manifest, hash_file
from diffusion_talker.errors import CheckpointError, TrainingError
from diffusion_talker.training.alarms import RatioAlarm
from diffusion_talker.training.augment import Augmenter
from diffusion_talker.training.checkpoint import (
    CheckpointInfo,
    check_resumable,
    checkpoint_path,
    read_info,
    read_tensors,
    restore_optimizer,
    save_checkpoint,
)
from diffusion_talker.training.config import TrainingConfig
from diffusion_talker.training.dataset import Batch, BatchLoader, Split, load_split, make_batch
from diffusion_talker.training.device import autocast, choose_device
from diffusion_talker.training.distributed import (
    average_gradients,
    average_values,
    join_ranks,
    share_weights,
    wait_for_all,
)
from diffusion_talker.training.log import TrainingLog

if TYPE_CHECKING:
    from diffusion_talker.training.feature_cache import FeatureCache

Report = Callable[[str], None]
REPORT_EVERY = 25  # steps
_ALARM_WARMUPS = 2  # learning-rate warm-ups until the alarms listen
_STATISTICS_CLIPS = 64  # crops that estimate mean and deviation of the mel bands
Values = TypeVar("Values")
Material = TypeVar("Material")
Material_co = TypeVar("Material_co", covariant=True)


@dataclass(frozen=True)
class Job:
    """One training: where it lives, what it learns from, and how it was started. device: auto, cpu, cuda or mps."""

    folder: Path
    split: Split
    corpus_manifest_sha256: str
    identity_descriptions: tuple[str, ...] = ()
    device: str = "cpu"
    command: str = ""


def open_job(
    corpus: Path, folder: Path, config: TrainingConfig, manifest: Manifest, device: str, command: str,
    cache: FeatureCache | None = None,
) -> Job:
    """Load a corpus for a training, with what a pretrained ear hears in it if there is one. Raises CorpusError."""
    return Job(
        folder=folder,
        split=load_split(corpus, config.held_out_share, cache),
        corpus_manifest_sha256=hash_file(corpus / MANIFEST_NAME),
        identity_descriptions=tuple(identity.description for identity in manifest.identities),
        device=device,
        command=command,
    )


class Loader(Protocol[Material_co]):
    """Endless batches, and an end to their making."""

    def __iter__(self) -> Iterator[Material_co]: ...

    def close(self) -> None: ...


class Trainer(abc.ABC, Generic[Values, Material]):
    """One resumable training in one folder.

    Values is the dataclass of a step's losses, all float; Material is what a step learns from.

    Started by torchrun it is one process of several: each draws other batches and noise, the gradients are averaged,
    and the first process alone reports, logs, validates and saves. Batches are then as many times larger.
    """

    def __init__(self, network: nn.Module, shape: dict[str, Any], config: TrainingConfig, job: Job) -> None:
        """shape: plain values from which the network is rebuilt, kept in the checkpoint.

        Raises:
            RuntimeUnavailableError: no such device, precision or log here.
            CheckpointError: the folder holds another training, or a damaged checkpoint.
        """
        self._job, self._config, self._shape = job, config, shape
        self._device = choose_device(job.device)
        autocast(config.precision, self._device)  # a wrong name fails here, not in the first step
        self._ranks = join_ranks(self._device)
        self._network = network.to(self._device)
        self._optimizer = torch.optim.AdamW(
            network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, betas=(0.9, 0.99)
        )
        self.step = 0
        share_weights(self._network, self._ranks)
        self._average = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        if checkpoint_path(job.folder).is_file():
            self._resume()
        self._alarm = RatioAlarm(_ALARM_WARMUPS * config.warmup_steps)
        self._log_file = TrainingLog(job.folder, self.step, config.tensorboard) if self._ranks.is_first else None

    @abc.abstractmethod
    def losses(self, batch: Material, generator: torch.Generator) -> tuple[Tensor, Values]:
        """The loss to descend, and its parts for the log."""

    def _resume(self) -> None:
        folder, info = self._job.folder, read_info(self._job.folder)
        check_resumable(folder, info, self._info(), self._config.accept_changes)
        try:
            self._network.load_state_dict(read_tensors(folder, "network"))
            self._average = {k: v.to(self._device) for k, v in read_tensors(folder, "average").items()}
            restore_optimizer(self._optimizer, read_tensors(folder, "optimizer"))
        except (RuntimeError, ValueError) as error:  # what PyTorch says of tensors with other names or shapes
            raise CheckpointError(
                f"{folder} holds a training of another network ({error}): train in an empty folder (--out)."
            ) from error
        self.step = info.step

    def run(self, report: Report = print, stop_step: int | None = None) -> list[Values]:
        """Train up to `stop_step`, or to the end of the plan; returns the losses of every reported step.

        Raises TrainingError when the loss is no number any more.
        """
        stop_step = self._config.steps if stop_step is None else stop_step
        report = report if self._ranks.is_first else _say_nothing
        loader = self._open_loader()
        history: list[Values] = []
        started_s, first_step = time.monotonic(), self.step
        try:
            for batch in loader:
                if self.step >= stop_step:
                    break
                values = self._train_step(batch)
                if self.step % REPORT_EVERY == 0:
                    rate = (self.step - first_step) / (time.monotonic() - started_s)
                    history.append(self._report_step(values, rate, report))
                self._housekeeping(report)
        finally:
            loader.close()
            if self._log_file is not None:
                self._log_file.close()
        if self._ranks.is_first:
            self.save()
        wait_for_all(self._ranks)
        return history

    @abc.abstractmethod
    def _open_loader(self) -> Loader[Material]:
        """Endless batches from this step on, another series in every process."""

    @abc.abstractmethod
    def _held_out_batch(self, random: np.random.Generator) -> Material:
        """A batch of clips that are held out, their sound as it is."""

    def _report_step(self, values: Values, rate: float, report: Report) -> Values:
        """Tell and log the losses of a step, their means over the processes, and what is alarming about them."""
        values = average_values(values, self._ranks, self._device)
        report(f"step {self.step}/{self._config.steps}  {rate:.2f}/s  {_summary(values)}")
        self._log("train", values)
        for alarm in self._alarm.hear(self.step, values):
            report(alarm)
        return values

    def _housekeeping(self, report: Report) -> None:
        if not self._ranks.is_first:
            return
        if self.step % self._config.validate_every == 0:
            validation = self.validate()
            report(f"step {self.step}  held out  {_summary(validation)}")
            self._log("held_out", validation)
        if self.step % self._config.save_every == 0:
            self.save()

    def save(self) -> None:
        """Write the checkpoint."""
        save_checkpoint(self._job.folder, self._info(), self._network, self._average, self._optimizer)

    def _info(self) -> CheckpointInfo:
        job = self._job
        return CheckpointInfo(self.step, self._shape, job.corpus_manifest_sha256, job.identity_descriptions,
                              job.command, asdict(self._config))

    def _train_step(self, batch: Material) -> Values:
        self._network.train()
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate(self.step, self._config)
        seed = step_seed(self._config.seed, self.step, self._ranks.rank)
        torch.manual_seed(seed)  # dropout too is a function of the step, so that resuming changes nothing
        with autocast(self._config.precision, self._device):
            total, values = self.losses(batch, torch.Generator().manual_seed(seed))
        self._optimizer.zero_grad(set_to_none=True)
        total.backward()
        average_gradients(self._network.parameters(), self._ranks)
        norm = torch.nn.utils.clip_grad_norm_(self._network.parameters(), self._config.gradient_clip)
        if not torch.isfinite(norm):
            raise TrainingError(_not_a_number(self.step, self._job.folder, values))
        self._optimizer.step()
        self.step += 1
        self._update_average()
        return values

    @torch.no_grad()
    def _update_average(self) -> None:
        """Exponential moving average, faster at the start so that it does not remember the initialisation."""
        decay = min(self._config.ema_decay, (1 + self.step) / (10 + self.step))
        for name, tensor in self._network.state_dict().items():
            self._average[name].lerp_(tensor, 1 - decay)

    @torch.no_grad()
    def validate(self, batches: int = 4) -> Values:
        """Losses of the averaged network on clips whose texts it has not seen, without augmentation, in fp32."""
        current = {name: tensor.clone() for name, tensor in self._network.state_dict().items()}
        self._network.load_state_dict(self._average)
        self._network.eval()
        results: list[Values] = []
        for index in range(batches):
            batch = self._held_out_batch(np.random.default_rng((self._config.seed, 7, index)))
            results.append(self.losses(batch, torch.Generator().manual_seed(index))[1])
        self._network.load_state_dict(current)
        means = np.mean([list(vars(result).values()) for result in results], axis=0)
        return type(results[0])(**{f.name: float(mean) for f, mean in zip(fields(results[0]), means, strict=True)})

    def _log(self, split: str, values: Values) -> None:
        if self._log_file is not None:
            self._log_file.write(self.step, split, values)


class CropTrainer(Trainer[Values, Batch]):
    """A training that learns from crops of clips."""

    def _open_loader(self) -> BatchLoader:
        return BatchLoader(self._job.split.train, self._config, self.step, self._ranks.rank)

    def _held_out_batch(self, random: np.random.Generator) -> Batch:
        return make_batch(self._job.split.held_out or self._job.split.train, self._config, random, None)


def step_seed(seed: int, step: int, rank: int) -> int:
    """Seed of the noise and dropout of one step in one process; that of the first does not know of the others."""
    return seed * 1_000_003 + step + (rank << 40)


def learning_rate(step: int, config: TrainingConfig) -> float:
    """Linear warm-up, then cosine from `learning_rate` to `final_learning_rate`."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    progress = min(1.0, (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps))
    cosine = 0.5 * (1 + math.cos(math.pi * progress))
    return config.final_learning_rate + (config.learning_rate - config.final_learning_rate) * cosine


def mel_statistics(split: Split) -> tuple[Tensor, Tensor]:
    """Mean and deviation of each mel band over augmented crops, both (80,)."""
    config = TrainingConfig(batch_clips=_STATISTICS_CLIPS)
    sounds = [replace(clip, motion=clip.motion[:, :1]) for clip in split.train]  # so many meshes would fill the memory
    mel = make_batch(sounds, config, np.random.default_rng(0), Augmenter()).log_mel
    mean, std = mel.mean(axis=(0, 1, 2)), mel.std(axis=(0, 1, 2))
    return torch.from_numpy(mean), torch.from_numpy(std).clamp_min(0.1)


def accuracy(logits: Tensor, labels: Tensor, mask: Tensor) -> float:
    """Share of hits among the places that count. (..., N), (...,), (...,) -> [0, 1]."""
    hits = (logits.argmax(-1) == labels).float()
    return ((hits * mask).sum() / mask.sum().clamp_min(1)).item()


def _not_a_number(step: int, folder: Path, values: Any) -> str:
    return (
        f"Step {step} has no finite gradient ({_summary(values)}). Nothing of it was kept. Resume from the checkpoint "
        f"in {folder} with --precision fp32, or train again in an empty folder with a smaller learning rate."
    )


def _say_nothing(line: str) -> None:
    """Report of the processes that do not report."""


def _summary(values: Any) -> str:
    return "  ".join(f"{name} {value:.3g}" for name, value in asdict(values).items())
