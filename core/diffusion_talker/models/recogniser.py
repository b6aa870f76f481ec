# SPDX-License-Identifier: GPL-3.0-or-later
"""The phone recogniser: sound to a phone for every frame. It labels recordings, and its features drive the teacher.

A wider and deeper relative of the student's encoder, trained on phones alone (all of it ours; the papers take a large
pretrained speech model in this place). It thinks in patches of two frames: half the work at the same width, and a
phone is longer than two frames. Shapes: B clips, T frames at 60 Hz, N patches, P phones, Q articulatory classes,
D width.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from diffusion_talker.audio import log_mel_array
from diffusion_talker.errors import BundleError
from diffusion_talker.models.storage import UNREADABLE, load_compact, save_compact
from diffusion_talker.student.config import MEL_BANDS, MEL_FRAMES_PER_MOTION_FRAME
from diffusion_talker.student.listening import vocal_tracts
from diffusion_talker.student.torch_network import DilatedBlock, from_patches, normalize_layer, to_patches

FILE_NAME = "recogniser.safetensors"


@dataclass(frozen=True)
class RecogniserConfig:
    """Shape of the recogniser.

    Attributes:
        phones: names of the outputs.
        class_of_phone: number of the articulatory class of each.
        width, dilations: residual blocks of dilated convolutions over five patches, one for each dilation.
        patch_frames: motion frames in one patch.
        dropout: share of features hidden in training.
        vocal_tract_shifts_bands: versions of a recording that are heard and averaged, mel bands.
    """

    phones: tuple[str, ...]
    class_of_phone: tuple[int, ...]
    width: int = 384
    dilations: tuple[int, ...] = (1, 2, 4, 1, 2, 4, 1, 2, 4)
    patch_frames: int = 2
    dropout: float = 0.1
    vocal_tract_shifts_bands: tuple[float, ...] = (-2.0, 0.0, 2.0)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> RecogniserConfig:
        """The inverse of `as_dict`. Raises TypeError on a foreign dictionary."""
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})


class Recogniser(nn.Module):
    """Log-mel to frame features and phone logits; hears about a second before and after each frame."""

    mel_mean: Tensor
    mel_std: Tensor

    def __init__(self, config: RecogniserConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("mel_mean", torch.zeros(MEL_BANDS))
        self.register_buffer("mel_std", torch.ones(MEL_BANDS))
        self.mel_in = nn.Linear(config.patch_frames * MEL_FRAMES_PER_MOTION_FRAME * MEL_BANDS, config.width)
        self.blocks = nn.ModuleList(DilatedBlock(config.width, dilation) for dilation in config.dilations)
        self.dropout = nn.Dropout(config.dropout)
        self.phone_out = nn.Linear(config.width, config.patch_frames * len(config.phones))

    @property
    def phones(self) -> tuple[str, ...]:
        """Names of the outputs."""
        return self.config.phones

    def features(self, log_mel: Tensor) -> Tensor:
        """(B, T, 2, 80) -> (B, N, D), N = T / patch_frames, rounded up."""
        mel = (log_mel - self.mel_mean) / self.mel_std
        hidden = self.mel_in(to_patches(mel.flatten(-2), self.config.patch_frames))
        for block in self.blocks:
            hidden = hidden + self.dropout(block(normalize_layer(hidden)))
        return normalize_layer(hidden)

    def forward(self, log_mel: Tensor) -> Tensor:
        """(B, T, 2, 80) -> phone logits (B, T, P)."""
        return from_patches(self.phone_out(self.features(log_mel)), self.config.patch_frames, log_mel.shape[1])


def class_matrix(class_of_phone: tuple[int, ...]) -> Tensor:
    """(P, Q) one where a phone belongs to an articulatory class, for the classes that the phones have, in order."""
    matrix = functional.one_hot(torch.tensor(class_of_phone)).float()
    return matrix[:, matrix.any(dim=0)]


def class_log_probabilities(phone_log_probabilities: Tensor, matrix: Tensor) -> Tensor:
    """(..., P), (P, Q) -> (..., Q): the probabilities of a class' phones add up."""
    return (phone_log_probabilities.exp() @ matrix).clamp_min(1e-8).log()


def save_recogniser(path: Path, recogniser: Recogniser) -> None:
    """Write it as one file of small weights with its shape. Raises OutputError."""
    save_compact(path, recogniser.state_dict(), {"config": json.dumps(recogniser.config.as_dict())})


def load_recogniser(path: Path) -> Recogniser:
    """Read a recogniser, from its file or the folder of its training. Raises BundleError."""
    path = path / FILE_NAME if path.is_dir() else path
    try:
        tensors, metadata = load_compact(path)
        recogniser = Recogniser(RecogniserConfig.from_dict(json.loads(metadata["config"])))
        recogniser.load_state_dict(tensors)
    except UNREADABLE as error:
        raise BundleError(
            f"{path} is no phone recogniser ({error}). Train one: python -m diffusion_talker train recogniser"
        ) from error
    return recogniser.eval()


@torch.no_grad()
def phone_log_probabilities(recogniser: Recogniser, samples: np.ndarray) -> np.ndarray:
    """Log-probability of every phone at every frame of a recording.

    samples: (N,) float32 at 16 kHz. Returns (T, P) float32 at 60 Hz, T = motion_frame_count(N). The recording is heard
    with several vocal tract lengths and the probabilities are averaged.
    """
    shifts = recogniser.config.vocal_tract_shifts_bands
    versions = torch.from_numpy(vocal_tracts(log_mel_array(samples), shifts))
    probabilities = recogniser(versions).softmax(-1).mean(0)
    return probabilities.clamp_min(1e-8).log().numpy()
