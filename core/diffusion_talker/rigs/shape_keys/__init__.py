# SPDX-License-Identifier: GPL-3.0-or-later
"""ARKit shape keys made from a head's neutral: landmarks in, 52 sparse keys out."""

from __future__ import annotations

from diffusion_talker.rigs.shape_keys.closing import closing_offsets
from diffusion_talker.rigs.shape_keys.generate import ShapeKeys, generate_shape_keys
from diffusion_talker.rigs.shape_keys.landmarks import HeadLandmarks
from diffusion_talker.rigs.shape_keys.settle import settle_landmarks

__all__ = ["HeadLandmarks", "ShapeKeys", "closing_offsets", "generate_shape_keys", "settle_landmarks"]
