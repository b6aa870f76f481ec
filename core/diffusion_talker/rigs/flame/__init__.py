# SPDX-License-Identifier: GPL-3.0-or-later
"""FLAME / VOCA topology: recognised by structure, with landmarks of our own. No part of the FLAME model is here."""

from __future__ import annotations

from diffusion_talker.rigs.flame.landmarks import FLAME_LANDMARKS
from diffusion_talker.rigs.flame.topology import FlameMatch, NearMiss, recognise

__all__ = ["FLAME_LANDMARKS", "FlameMatch", "NearMiss", "recognise"]
