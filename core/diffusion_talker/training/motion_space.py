# SPDX-License-Identifier: GPL-3.0-or-later
"""What one value of a motion means to a training: which belong to the mouth, which to the upper face, where lips meet.

The stages of training (teacher, distillation, ground-truth stage) know motion only as (B, T, C) numbers and this
description. Shapes: B clips, T frames, C values per frame.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from diffusion_talker.channels import MOUTH_CHANNELS
from diffusion_talker.corpus.shards import Manifest
from diffusion_talker.models.losses import lip_gap_vector

#: Beginnings of the ARKit names of brows, eyes, cheek squint and nose sneer: what the personalizer enhancer compares.
UPPER_FACE_PREFIXES = ("brow", "eye", "cheekSquint", "noseSneer")

Gap = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class MotionSpace:
    """The values of one frame of motion.

    Attributes:
        size: values per frame, C.
        mouth: (C,) bool, values that must be accurate: jaw, lips, tongue.
        upper: (C,) bool, values that must be lively: brows, lids, eyes, nose.
        gap: (B, T, C) motion in its own units to (B, T) opening between the lips, 0 closed; None where unknown.
    """

    size: int
    mouth: Tensor
    upper: Tensor
    gap: Gap | None


def motion_space(manifest: Manifest, device: torch.device) -> MotionSpace:
    """The motion space of a corpus."""
    return arkit_space(tuple(manifest.channels), device)


def arkit_space(channels: tuple[str, ...], device: torch.device) -> MotionSpace:
    """Blendshape weights and head angles by name."""
    vector = lip_gap_vector(channels).to(device)
    return MotionSpace(
        size=len(channels),
        mouth=torch.tensor([name in MOUTH_CHANNELS for name in channels], device=device),
        upper=torch.tensor([name.startswith(UPPER_FACE_PREFIXES) for name in channels], device=device),
        gap=lambda motion: (motion @ vector).clamp_min(0.0),
    )
