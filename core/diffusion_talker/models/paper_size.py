# SPDX-License-Identifier: GPL-3.0-or-later
"""A model of the paper's size with random weights: good for measuring time and storage, and for nothing else.

Published (2503.18159): the undistilled model has 16 steps and 334 MB, trainable parameters times four bytes; its audio
encoder is a large pretrained speech model. Peers who publish code (FaceDiffuser, FaceXHuBERT) train HuBERT-base but for
its convolutional stem and first two layers. Ours is what nobody published: the encoder has exactly HuBERT-base's shape,
the stem and two layers count as frozen, and personalizer and decoder are of our kind, so wide that what is trainable
comes to the published size. Like all of ours, and unlike FaceDiffuser, it encodes the sound once and not in every step,
and decodes 30 patches a second for 60 frames: both make it faster than the paper's may have been.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch

from diffusion_talker.errors import RuntimeUnavailableError
from diffusion_talker.models.pretrained import PretrainedEarConfig, load_ear
from diffusion_talker.models.teacher import FILE_NAME, TeacherNetwork, save_teacher
from diffusion_talker.student.config import StudentConfig

PUBLISHED_TRAINABLE_BYTES: Final = 334e6
FROZEN_LAYERS: Final = 2
EAR_FOLDER: Final = "ear"
#: Sizes of the rest, chosen so that the trainable parameters come to the published number.
REST: Final[dict[str, Any]] = {
    "patch_frames": 2, "encoder_width": 384, "decoder_width": 384, "decoder_dilations": (1, 2, 4), "style_width": 64,
    "sampling_steps": 16, "second_order": True,
}


@dataclass(frozen=True)
class PaperSize:
    """A saved model. parameters: all; trainable: without what is frozen; file_bytes: of all its files."""

    folder: Path
    parameters: int
    trainable: int
    file_bytes: int


def save_paper_size(folder: Path, encoder: dict[str, Any] | None = None, rest: dict[str, Any] | None = None
                    ) -> PaperSize:
    """Write one to an empty folder, as `models.sampling.open_teacher` opens it.

    Args:
        encoder: fields of `transformers.HubertConfig`; None for HuBERT-base.
        rest: fields of `StudentConfig`; None for `REST`.

    Raises RuntimeUnavailableError: `transformers` is not installed.
    """
    try:
        from transformers import HubertConfig, HubertModel
    except ImportError as error:
        raise RuntimeUnavailableError("A model of the paper's size needs HuBERT: pip install transformers.") from error
    torch.manual_seed(0)
    hubert = HubertModel(HubertConfig(**(encoder or {})))
    hubert.save_pretrained(folder / EAR_FOLDER)
    frozen = sum(p.numel() for p in hubert.feature_extractor.parameters())
    frozen += sum(p.numel() for layer in hubert.encoder.layers[:FROZEN_LAYERS] for p in layer.parameters())
    ear = load_ear(PretrainedEarConfig((folder / EAR_FOLDER).as_posix())).config
    teacher = TeacherNetwork(_student_shape(rest or REST), ear).eval()
    save_teacher(folder / FILE_NAME, teacher, ("random weights",) * len(teacher.config.identities))
    parameters = ear.parameters + sum(p.numel() for p in teacher.parameters())
    files = [path for path in folder.rglob("*") if path.is_file()]
    return PaperSize(folder, parameters, parameters - frozen, sum(path.stat().st_size for path in files))


def _student_shape(rest: dict[str, Any]) -> StudentConfig:
    """A library with as many speakers and emotions as BEAT has."""
    return StudentConfig(
        identities=tuple(f"speaker {number}" for number in range(30)),
        emotions=tuple(f"emotion {number}" for number in range(8)),
        phone_classes=(),
        **rest,
    )
