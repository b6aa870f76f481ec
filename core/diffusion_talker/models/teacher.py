# SPDX-License-Identifier: GPL-3.0-or-later
"""The teacher: a large frozen ear, the student's personalizer and decoder, and many denoising steps.

Published (2503.18159, "method"): a large audio encoder, a contrastive personalizer, a decoder that predicts x0. Ours:
the ear is our phone recogniser, frozen (or a speech model of others, frozen too, which stays outside of this network);
a linear layer reads it, and a small tower of its own listens to the voice, which a recogniser is trained to forget.
Personalizer and decoder have the student's shapes, so that distillation can start from them.
Shapes: B clips, T frames at 60 Hz, N patches, D encoder width, W width of the ear.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn

from diffusion_talker.errors import BundleError
from diffusion_talker.files import atomic_write
from diffusion_talker.models.pretrained import PretrainedEarConfig
from diffusion_talker.models.recogniser import Recogniser, RecogniserConfig
from diffusion_talker.models.storage import UNREADABLE
from diffusion_talker.student.config import MEL_BANDS, MEL_FRAMES_PER_MOTION_FRAME, StudentConfig
from diffusion_talker.student.torch_network import (
    DilatedBlock,
    MotionDecoder,
    Personalizer,
    normalize_layer,
    to_patches,
)

FILE_NAME = "teacher.safetensors"
TEACHER_STEPS = 16  # 2503.18159 starts its distillation from 16
VOICE_DILATIONS = (1, 2, 4)
EarConfig = RecogniserConfig | PretrainedEarConfig


class TeacherEncoder(nn.Module):
    """What is said, through the frozen ear; who says it, through a tower of its own."""

    mel_mean: Tensor
    mel_std: Tensor

    def __init__(self, config: StudentConfig, ear: EarConfig) -> None:
        super().__init__()
        width = config.encoder_width
        self.patch_frames = config.patch_frames
        self.ear = Recogniser(ear).requires_grad_(False) if isinstance(ear, RecogniserConfig) else None
        self.ear_out = nn.Linear(ear.width, width)
        self.register_buffer("mel_mean", torch.zeros(MEL_BANDS))
        self.register_buffer("mel_std", torch.ones(MEL_BANDS))
        self.voice_in = nn.Linear(config.patch_frames * MEL_FRAMES_PER_MOTION_FRAME * MEL_BANDS, width)
        self.voice_blocks = nn.ModuleList(DilatedBlock(width, dilation) for dilation in VOICE_DILATIONS)

    def train(self, mode: bool = True) -> TeacherEncoder:
        """Training mode for all but the ear, whose dropout stays off."""
        super().train(mode)
        if self.ear is not None:
            self.ear.eval()
        return self

    def forward(self, log_mel: Tensor, ear_features: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(B, T, 2, 80) -> features (B, N, D), speaker features (B, N, D).

        ear_features: (B, N, W), what a pretrained ear hears; None if the ear is a recogniser.
        """
        return self.features(log_mel, ear_features), self.voice(log_mel)

    def features(self, log_mel: Tensor, ear_features: Tensor | None = None) -> Tensor:
        """What is said alone, (B, N, D), for who does not ask who speaks; arguments as in `forward`."""
        return self.read(self.hear(log_mel, ear_features))

    @torch.no_grad()
    def hear(self, log_mel: Tensor, ear_features: Tensor | None = None) -> Tensor:
        """(B, T, 2, 80) -> the ear's features (B, N, W). Those of a pretrained ear are handed through."""
        if self.ear is not None:
            return self.ear.features(log_mel)
        if ear_features is None:
            raise ValueError("a teacher with a pretrained ear needs what that ear hears")
        return ear_features

    def read(self, heard: Tensor) -> Tensor:
        """(B, N, W) -> features as the decoder knows them (B, N, D)."""
        return normalize_layer(self.ear_out(heard))

    def voice(self, log_mel: Tensor) -> Tensor:
        """(B, T, 2, 80) -> speaker features (B, N, D)."""
        mel = (log_mel - self.mel_mean) / self.mel_std
        hidden = self.voice_in(to_patches(mel.flatten(-2), self.patch_frames))
        for block in self.voice_blocks:
            hidden = hidden + block(normalize_layer(hidden))
        return normalize_layer(hidden)


class TeacherNetwork(nn.Module):
    """Encoder, personalizer and decoder under the same names as in `StudentNetwork`."""

    def __init__(self, config: StudentConfig, ear: EarConfig) -> None:
        super().__init__()
        self.config, self.ear_config = config, ear
        self.encoder = TeacherEncoder(config, ear)
        self.personalizer = Personalizer(config)
        self.decoder = MotionDecoder(config)

    def shape(self) -> dict[str, Any]:
        """Plain values from which `from_shape` rebuilds the network."""
        return {"student": self.config.as_dict(), "ear": self.ear_config.as_dict()}

    @classmethod
    def from_shape(cls, shape: dict[str, Any]) -> TeacherNetwork:
        """The inverse of `shape`. Raises KeyError / TypeError on a foreign dictionary."""
        ear = shape["ear"]
        kind = PretrainedEarConfig if "source" in ear else RecogniserConfig
        return cls(StudentConfig.from_dict(shape["student"]), kind.from_dict(ear))


def save_teacher(path: Path, teacher: TeacherNetwork, descriptions: tuple[str, ...]) -> None:
    """Write a teacher as one file of single-precision weights. descriptions: a line for each identity.

    Raises OutputError.
    """
    tensors = {name: tensor.contiguous() for name, tensor in teacher.state_dict().items()}
    metadata = {"shape": json.dumps(teacher.shape()), "identity_descriptions": json.dumps(list(descriptions))}
    with atomic_write(path) as stream:
        stream.write(save(tensors, metadata=metadata))


def load_teacher(path: Path) -> tuple[TeacherNetwork, tuple[str, ...]]:
    """Read a teacher and its identities' descriptions, from its file or the folder of its training.

    Raises BundleError.
    """
    path = path / FILE_NAME if path.is_dir() else path
    try:
        with safe_open(path, "pt") as archive:
            metadata = archive.metadata()
            teacher = TeacherNetwork.from_shape(json.loads(metadata["shape"]))
            teacher.load_state_dict({name: archive.get_tensor(name) for name in archive.keys()})
            descriptions = tuple(json.loads(metadata["identity_descriptions"]))
    except UNREADABLE as error:
        raise BundleError(
            f"{path} is no teacher ({error}). Train one: python -m diffusion_talker train teacher"
        ) from error
    return teacher.eval(), descriptions
