# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose voice it is, learned at the end from many clips at once: the contrast of the libraries alone (stage is ours).

The other stages teach the libraries too, but from the few crops of a batch whose voice is left as it is, and while the
encoder still moves. Here the encoder stands still, so that every clip is heard once and kept; a step then costs
milliseconds and takes a hundred voices. Only queries and keys change: which style a voice is given, not the styles.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from diffusion_talker.corpus.shards import Clip, read_manifest
from diffusion_talker.errors import CorpusError
from diffusion_talker.student.torch_network import LibraryHead, StudentNetwork
from diffusion_talker.training.augment import Augmenter
from diffusion_talker.training.checkpoint import checkpoint_path
from diffusion_talker.training.config import VoicesTrainingConfig
from diffusion_talker.training.dataset import Batch, crop_batch
from diffusion_talker.training.loop import Trainer, accuracy, open_job, step_seed
from diffusion_talker.training.motion_trainer import read_student
from diffusion_talker.training.targets import HeardStyle

_HEARD_AT_ONCE = 16  # clips
_SHORTEST_SHARE = 0.5  # of what was heard of a clip, in one step


@dataclass(frozen=True)
class HeardVoices:
    """Speaker features of V crops, and whose they are.

    features (V, N, D) float16; mask (V, N) bool, True within the clip; identity, emotion (V,) int64;
    identity_heard, emotion_heard (V,) float32, see `Batch`.
    """

    features: Tensor
    mask: Tensor
    identity: Tensor
    emotion: Tensor
    identity_heard: Tensor
    emotion_heard: Tensor

    def __len__(self) -> int:
        return len(self.identity)

    def at(self, numbers: Tensor) -> HeardVoices:
        """Those with these numbers."""
        return HeardVoices(*(tensor[numbers] for tensor in vars(self).values()))

    def shortened(self, generator: torch.Generator) -> HeardVoices:
        """One random piece of all of them, half as long at least: a voice is known from any part of what it says."""
        patches = self.mask.shape[1]
        share = _SHORTEST_SHARE + (1.0 - _SHORTEST_SHARE) * torch.rand((), generator=generator).item()
        length = max(1, round(share * patches))
        first = int(torch.randint(0, patches - length + 1, (), generator=generator))
        piece = slice(first, first + length)
        mask = self.mask[:, piece]
        speaks = mask.any(1).float()
        return replace(self, features=self.features[:, piece], mask=mask,
                       identity_heard=self.identity_heard * speaks, emotion_heard=self.emotion_heard * speaks)


@dataclass(frozen=True)
class VoicesLosses:
    """Mean losses of one step."""

    total: float
    identity: float
    emotion: float
    identity_accuracy: float
    emotion_accuracy: float


class VoicesTrainer(Trainer[VoicesLosses, HeardVoices]):
    """InfoNCE of voices against both libraries, over a finished encoder."""

    _network: StudentNetwork
    _config: VoicesTrainingConfig

    def __init__(self, corpus: Path, folder: Path, config: VoicesTrainingConfig, start: Path,
                 device: str = "cpu", command: str = "") -> None:
        """start: the stage whose student this one finishes. Raises CorpusError where no voice is a talker's own."""
        torch.manual_seed(config.seed)
        job = open_job(corpus, folder, config, read_manifest(corpus), device, command)
        before = read_student(start)
        network = StudentNetwork(before.config)
        if not checkpoint_path(folder).is_file():
            network.load_state_dict(before.state_dict())
        network.requires_grad_(False)
        for head in (network.personalizer.identity, network.personalizer.emotion):
            _open_ears(head)
        super().__init__(network, network.config.as_dict(), config, job)

    def losses(self, batch: HeardVoices, generator: torch.Generator) -> tuple[Tensor, VoicesLosses]:
        """The contrast of both libraries."""
        personalizer = self._network.personalizer
        heard = HeardStyle.of(personalizer, batch.features.float(), batch.mask)
        contrast = heard.contrast(personalizer, batch)
        return contrast.total, VoicesLosses(
            total=contrast.total.item(), identity=contrast.identity.item(), emotion=contrast.emotion.item(),
            identity_accuracy=accuracy(heard.identity, batch.identity, batch.identity_heard),
            emotion_accuracy=accuracy(heard.emotion, batch.emotion, batch.emotion_heard),
        )

    def _open_loader(self) -> _VoicesLoader:
        heard = self._hear(self._job.split.train, self._config.variants, Augmenter())
        return _VoicesLoader(heard, self._config, self.step, self._ranks.rank)

    def _held_out_batch(self, random: np.random.Generator) -> HeardVoices:
        clips = _known(self._job.split.held_out) or _known(self._job.split.train)
        chosen = random.choice(len(clips), min(_HEARD_AT_ONCE, len(clips)), replace=False)
        return self._hear([clips[number] for number in chosen], 1, Augmenter.off())

    def _hear(self, clips: Sequence[Clip], variants: int, augmenter: Augmenter) -> HeardVoices:
        """What the encoder makes of `variants` augmented crops of every clip whose voice or mood is known."""
        known = _known(clips)
        if not known:
            raise CorpusError("No clip of the corpus says whose voice it is: leave out the stage 'voices'.")
        parts: list[HeardVoices] = []
        for first in range(0, len(known) * variants, _HEARD_AT_ONCE):
            numbers = range(first, min(first + _HEARD_AT_ONCE, len(known) * variants))
            random = np.random.default_rng((self._config.seed, 11, first))
            kept = np.ones(len(numbers), bool)
            chosen = [known[number % len(known)] for number in numbers]
            parts.append(self._hear_crops(crop_batch(chosen, kept, self._config, random, augmenter)))
        return HeardVoices(*(torch.cat(tensors) for tensors in zip(*(vars(part).values() for part in parts),
                                                                   strict=True)))

    @torch.no_grad()
    def _hear_crops(self, crops: Batch) -> HeardVoices:
        _, speaker = self._network.encoder(torch.from_numpy(crops.log_mel).to(self._device))
        patch_frames = self._network.config.patch_frames
        mask = torch.from_numpy(crops.mask[:, ::patch_frames] > 0)
        labels = (crops.identity, crops.emotion, crops.identity_heard, crops.emotion_heard)
        return HeardVoices(speaker.half(), mask.to(self._device),
                           *(torch.from_numpy(label).to(self._device) for label in labels))


class _VoicesLoader:
    """Endless draws from the voices that were heard, each a function of (seed, number, rank) alone."""

    def __init__(self, heard: HeardVoices, config: VoicesTrainingConfig, first_step: int, rank: int) -> None:
        self._heard, self._config, self._step, self._rank = heard, config, first_step, rank

    def __iter__(self) -> Iterator[HeardVoices]:
        while True:
            generator = torch.Generator().manual_seed(step_seed(self._config.seed, self._step, self._rank))
            chosen = torch.randint(0, len(self._heard), (self._config.batch_clips,), generator=generator)
            yield self._heard.at(chosen).shortened(generator)
            self._step += 1

    def close(self) -> None:
        """Nothing is made ahead."""


def _known(clips: Sequence[Clip]) -> list[Clip]:
    """Clips whose voice or mood is known, without their faces, which a mesh would fill the memory with."""
    return [replace(clip, motion=clip.motion[:, :1]) for clip in clips if clip.identity_heard or clip.emotion_heard]


def _open_ears(head: LibraryHead) -> None:
    """Let a library learn what to listen for; the style tokens that the decoder knows stay."""
    head.requires_grad_(True)
    head.tokens.requires_grad_(False)
