# SPDX-License-Identifier: GPL-3.0-or-later
"""Training of the phone recogniser on the phone labels of a corpus, synthetic and recorded speech mixed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from diffusion_talker.corpus.phones import UNKNOWN_PHONE
from diffusion_talker.corpus.shards import read_manifest
from diffusion_talker.errors import CorpusError
from diffusion_talker.models.recogniser import (
    FILE_NAME,
    Recogniser,
    RecogniserConfig,
    class_log_probabilities,
    class_matrix,
    save_recogniser,
)
from diffusion_talker.training.checkpoint import checkpoint_path
from diffusion_talker.training.config import RecogniserTrainingConfig
from diffusion_talker.training.dataset import Batch
from diffusion_talker.training.loop import CropTrainer, accuracy, mel_statistics, open_job


@dataclass(frozen=True)
class RecogniserLosses:
    """Losses of one step, and shares of frames whose phone and articulatory class are right."""

    total: float
    phone: float
    phone_class: float
    phone_accuracy: float
    class_accuracy: float


class RecogniserTrainer(CropTrainer[RecogniserLosses]):
    """Frame-wise cross-entropy on phones and on their articulatory classes."""

    _network: Recogniser
    _config: RecogniserTrainingConfig

    def __init__(self, corpus: Path, folder: Path, config: RecogniserTrainingConfig,
                 shape: RecogniserConfig | None = None, device: str = "cpu", command: str = "") -> None:
        torch.manual_seed(config.seed)
        manifest = read_manifest(corpus)
        if manifest.vertex_count:
            raise CorpusError(f"'{corpus}' holds no phones, from which a recogniser learns. Use a corpus of "
                              "`corpus build`, or give the recogniser that ships as --ear.")
        shape = shape or RecogniserConfig(manifest.phones, manifest.class_of_phone)
        if manifest.phones != shape.phones:
            raise CorpusError(f"{corpus} has other phones than this recogniser. Train it in an empty folder.")
        job = open_job(corpus, folder, config, manifest, device, command)
        network = Recogniser(shape)
        if not checkpoint_path(folder).is_file():
            mean, std = mel_statistics(job.split)
            network.mel_mean.copy_(mean)
            network.mel_std.copy_(std)
        super().__init__(network, shape.as_dict(), config, job)
        self._matrix = class_matrix(shape.class_of_phone).to(self._device)

    def losses(self, batch: Batch, generator: torch.Generator) -> tuple[Tensor, RecogniserLosses]:
        """Cross-entropy over the frames whose phone is known."""
        phones = torch.from_numpy(batch.phones).to(self._device)
        known = torch.from_numpy(batch.mask).to(self._device) * (phones != UNKNOWN_PHONE)
        phones = phones.where(known > 0, 0)
        classes = self._matrix.argmax(-1)[phones]
        log_phones = self._network(torch.from_numpy(batch.log_mel).to(self._device)).log_softmax(-1)
        log_classes = class_log_probabilities(log_phones, self._matrix)
        phone = masked_cross_entropy(log_phones, phones, known, self._config.label_smoothing)
        phone_class = masked_cross_entropy(log_classes, classes, known, self._config.label_smoothing)
        share = self._config.class_weight
        total = share * phone_class + (1 - share) * phone
        return total, RecogniserLosses(
            total=total.item(), phone=phone.item(), phone_class=phone_class.item(),
            phone_accuracy=accuracy(log_phones, phones, known), class_accuracy=accuracy(log_classes, classes, known),
        )

    def save(self) -> None:
        """Write the checkpoint, and beside it the averaged network as it is used."""
        super().save()
        averaged = Recogniser(self._network.config)
        averaged.load_state_dict(self._average)
        save_recogniser(self._job.folder / FILE_NAME, averaged)


def masked_cross_entropy(log_probabilities: Tensor, labels: Tensor, mask: Tensor, smoothing: float) -> Tensor:
    """Mean over the frames that count; label smoothing absorbs uncertain borders. (B, T, N), (B, T), (B, T) -> ()."""
    right = functional.nll_loss(log_probabilities.transpose(1, 2), labels, reduction="none")
    losses = (1 - smoothing) * right - smoothing * log_probabilities.mean(-1)
    return (losses * mask).sum() / mask.sum().clamp_min(1.0)
