# SPDX-License-Identifier: GPL-3.0-or-later
"""What one value of a motion means to a training: which belong to the mouth, which to the upper face, where lips meet.

The stages of training (teacher, distillation, ground-truth stage) know motion only as (B, T, C) numbers and this
description. Shapes: B clips, T frames, C values per frame, V vertices.

Vertices in FLAME's order have the regions of `rigs.flame.regions`, which follow from our landmarks on the neutral face.
Of any other mesh nothing is known but how far its vertices move: in speech the mouth moves most.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from diffusion_talker.channels import MOUTH_CHANNELS
from diffusion_talker.errors import SettingsError
from diffusion_talker.models.losses import lip_gap_vector
from diffusion_talker.rigs.flame.regions import LIP_PAIRS, FaceRegions, face_regions
from diffusion_talker.rigs.flame.topology import VERTICES as FLAME_VERTICES
from diffusion_talker.student.config import StudentConfig
from diffusion_talker.student.torch_network import MotionDecoder

#: Beginnings of the ARKit names of brows, eyes, cheek squint and nose sneer: what the personalizer enhancer compares.
UPPER_FACE_PREFIXES = ("brow", "eye", "cheekSquint", "noseSneer")

#: What a fully open jaw parts the lips of our demo head: the unit in which the gap of every motion space is told.
OPEN_MOUTH_M = 0.0317
#: A vertex of an unknown mesh that moves at least this share of what the liveliest move belongs to the mouth.
MOUTH_SHARE = 0.3
_LIVELIEST = 0.99  # quantile

Gap = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class MotionSpace:
    """The values of one frame of motion.

    Attributes:
        size: values per frame, C.
        mouth: (C,) bool, values that must be accurate: jaw, lips, tongue.
        upper: (C,) bool, values that must be lively: brows, lids, eyes, nose.
        gap: (B, T, C) motion in its own units to (B, T) opening between the lips, 0 closed, about 1 with the jaw fully
            open; None where unknown.
    """

    size: int
    mouth: Tensor
    upper: Tensor
    gap: Gap | None


def motion_space(config: StudentConfig, decoder: MotionDecoder) -> MotionSpace:
    """The motion space of a network whose statistics are set, on its device."""
    if config.vertex_count:
        return vertex_space(decoder.neutral_face, decoder.motion_std)
    return arkit_space(tuple(config.channels), decoder.motion_std.device)


def arkit_space(channels: tuple[str, ...], device: torch.device) -> MotionSpace:
    """Blendshape weights and head angles by name."""
    vector = lip_gap_vector(channels).to(device)
    return MotionSpace(
        size=len(channels),
        mouth=torch.tensor([name in MOUTH_CHANNELS for name in channels], device=device),
        upper=torch.tensor([name.startswith(UPPER_FACE_PREFIXES) for name in channels], device=device),
        gap=lambda motion: (motion @ vector).clamp_min(0.0),
    )


def vertex_space(neutral_face: Tensor, std: Tensor) -> MotionSpace:
    """Offsets in metres of the vertices of a mesh, three values each.

    Args:
        neutral_face: (V, 3) metres.
        std: (3 V,) metres, how far each value moves in the corpus.
    """
    regions = _flame_regions(neutral_face)
    if regions is None:
        mouth = std >= MOUTH_SHARE * std.quantile(_LIVELIEST)
        return MotionSpace(size=len(std), mouth=mouth, upper=~mouth, gap=None)

    def values(vertices: np.ndarray) -> Tensor:
        return torch.from_numpy(np.repeat(vertices, 3)).to(std.device)

    vector = _lip_gap_of_vertices(len(neutral_face), regions.up).to(std.device)
    return MotionSpace(
        size=len(std),
        mouth=values(regions.mouth),
        upper=values(regions.upper),
        gap=lambda motion: (motion @ vector).clamp_min(0.0),
    )


def _flame_regions(neutral_face: Tensor) -> FaceRegions | None:
    """Regions of a face in FLAME's order; None for another mesh, also for one that only has as many vertices."""
    if len(neutral_face) != FLAME_VERTICES:
        return None
    try:
        return face_regions(neutral_face.cpu().double().numpy())
    except SettingsError:
        return None


def _lip_gap_of_vertices(vertex_count: int, up: np.ndarray) -> Tensor:
    """(3 V,) with which offsets are multiplied to give how much higher the upper lip stands above the lower one than
    in the neutral face: the mean over pairs of vertices in the middle of the mouth, in open mouths."""
    vector = np.zeros((vertex_count, 3))
    for upper, lower in LIP_PAIRS:
        vector[upper] += up
        vector[lower] -= up
    return torch.from_numpy(vector.reshape(-1) / (len(LIP_PAIRS) * OPEN_MOUTH_M)).float()
