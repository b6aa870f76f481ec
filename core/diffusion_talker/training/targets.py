# SPDX-License-Identifier: GPL-3.0-or-later
"""What a batch asks of a network: targets as tensors, who speaks and how, how much each frame counts.

Shapes: B clips, T frames, C values per frame, K identities, E emotions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from diffusion_talker.corpus.shards import Manifest
from diffusion_talker.models import losses
from diffusion_talker.student.torch_network import Personalizer
from diffusion_talker.training.dataset import Batch
from diffusion_talker.training.motion_space import MotionSpace

UNKNOWN_CLASS = -100  # what PyTorch's cross-entropy passes over
CONTACT_CLASSES = ("bilabial_stop", "bilabial_nasal", "labiodental")


@dataclass(frozen=True)
class Targets:
    """A batch on the device. Shapes as in `dataset.Batch`; phones are classes, UNKNOWN_CLASS where nobody knows."""

    log_mel: Tensor
    motion: Tensor
    phones: Tensor
    mask: Tensor
    identity: Tensor
    emotion: Tensor
    intensity: Tensor
    identity_heard: Tensor
    emotion_heard: Tensor
    ear_features: Tensor | None = None

    @classmethod
    def of(cls, batch: Batch, class_of_phone: Tensor) -> Targets:
        """class_of_phone: see `class_table`; its device is where the targets go."""
        values = vars(batch)
        tensors = {name: torch.from_numpy(values[name]).to(class_of_phone.device)
                   for name in cls.__annotations__ if values[name] is not None}
        return cls(**{**tensors, "phones": class_of_phone[tensors["phones"]]})

    def patch_mask(self, patch_frames: int) -> Tensor:
        """(B, N) one for patches that begin inside the clip."""
        return self.mask[:, ::patch_frames]


def class_table(manifest: Manifest) -> Tensor:
    """(256,) phone class of every label of a corpus; UNKNOWN_CLASS for labels that stand for no phone."""
    table = torch.full((256,), UNKNOWN_CLASS)
    table[: len(manifest.phones)] = torch.tensor(manifest.class_of_phone)
    return table


def contact_classes(phone_classes: tuple[str, ...]) -> Tensor:
    """(P,) bool: classes in which the lips must meet each other or the teeth."""
    return torch.tensor([name in CONTACT_CLASSES for name in phone_classes])


@dataclass(frozen=True)
class SpokenStyle:
    """Who speaks in each clip and how, as weights over the library: teacher and student are asked for the same.

    identity (B, K) and emotion (B, E) sum to one; dropped (B, 1) bool marks clips with the null embedding.
    """

    identity: Tensor
    emotion: Tensor
    intensity: Tensor
    dropped: Tensor

    def embed(self, personalizer: Personalizer) -> Tensor:
        """Personalized embeddings (B, S)."""
        embedding = personalizer(self.identity, self.emotion, self.intensity)
        return torch.where(self.dropped, personalizer.null.expand_as(embedding), embedding)


class Labels(Protocol):
    """What `Targets` and voices alike know: whose voice each clip is and in which mood, see `dataset.Batch`."""

    @property
    def identity(self) -> Tensor: ...
    @property
    def emotion(self) -> Tensor: ...
    @property
    def identity_heard(self) -> Tensor: ...
    @property
    def emotion_heard(self) -> Tensor: ...


@dataclass(frozen=True)
class Contrast:
    """Contrastive losses of the two libraries."""

    identity: Tensor
    emotion: Tensor

    @property
    def total(self) -> Tensor:
        """Both."""
        return self.identity + self.emotion


@dataclass(frozen=True)
class HeardStyle:
    """What the voice of each clip resembles: cosines (B, K) and (B, E) with the library's entries."""

    identity: Tensor
    emotion: Tensor

    @classmethod
    def of(cls, personalizer: Personalizer, speaker: Tensor, mask: Tensor | None = None) -> HeardStyle:
        """speaker: (B, N, D) speaker features; mask: (B, N) bool, True where they count, everywhere by default."""
        identity, emotion = personalizer.identity, personalizer.emotion
        return cls(identity.similarity(speaker, mask), emotion.similarity(speaker, mask))

    def contrast(self, personalizer: Personalizer, labels: Labels) -> Contrast:
        """The contrastive losses of both libraries."""
        identity, emotion = personalizer.identity, personalizer.emotion
        return Contrast(
            losses.library_loss(self.identity, labels.identity, identity.log_scale, labels.identity_heard),
            losses.library_loss(self.emotion, labels.emotion, emotion.log_scale, labels.emotion_heard),
        )


@dataclass(frozen=True)
class StyleShares:
    """predicted: share of clips whose style comes from the voice, as under "auto"; dropped: share without a style."""

    predicted: float
    dropped: float

    def draw(self, target: Targets, heard: HeardStyle, personalizer: Personalizer,
             generator: torch.Generator) -> SpokenStyle:
        """The labelled style, for some clips the style the voice suggests, for some none."""
        draw = torch.rand(len(target.identity), generator=generator).to(target.identity.device)
        own_voice = (target.identity_heard * target.emotion_heard).bool()  # a stranger's voice tells no style
        suggested = ((draw < self.predicted) & own_voice)[:, None]
        return SpokenStyle(
            identity=torch.where(
                suggested, _mixture(heard.identity, personalizer.identity.log_scale),
                functional.one_hot(target.identity, heard.identity.shape[1]).float(),
            ),
            emotion=torch.where(
                suggested, _mixture(heard.emotion, personalizer.emotion.log_scale),
                functional.one_hot(target.emotion, heard.emotion.shape[1]).float(),
            ),
            intensity=target.intensity,
            dropped=(draw > 1 - self.dropped)[:, None],
        )


def _mixture(similarity: Tensor, log_scale: Tensor) -> Tensor:
    return (similarity * log_scale.exp()).softmax(-1).detach()


@dataclass(frozen=True)
class FrameWeights:
    """How much the frames of a motion count.

    Attributes:
        space: which values belong to the mouth.
        contact: (P,) bool, see `contact_classes`.
        contact_stress: weight of the mouth while lips must touch.
        unknown_share: weight of frames whose phone nobody knows: their faces are guesses.
    """

    space: MotionSpace
    contact: Tensor
    contact_stress: float
    unknown_share: float

    def of(self, target: Targets) -> Tensor:
        """(B, T, C): zero beyond the clip."""
        contact = self.contact[target.phones.clamp_min(0)] & (target.phones >= 0)
        stress = 1.0 + (self.contact_stress - 1.0) * contact.float()[..., None] * self.space.mouth
        unknown = (target.phones == UNKNOWN_CLASS).float()
        return (target.mask * (1.0 - (1.0 - self.unknown_share) * unknown))[..., None] * stress


def deviation_ratio(predicted: Tensor, clean: Tensor) -> float:
    """Deviation of what is predicted over deviation of the truth: 1 right, 0 static."""
    return (predicted.detach().std() / clean.std().clamp_min(1e-6)).item()
