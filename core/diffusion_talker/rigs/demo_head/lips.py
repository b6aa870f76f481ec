# SPDX-License-Identifier: GPL-3.0-or-later
"""Lips and the inside of the mouth: loops around the line where the lips meet.

Upper and lower lip share the contact line at rest: position i and its counterpart n - i of the contact loop coincide.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from diffusion_talker.rigs.demo_head import layout
from diffusion_talker.rigs.demo_head.anatomy import MOUTH_HALF_WIDTH_CM, MOUTH_Z_CM
from diffusion_talker.rigs.demo_head.field import Field, front_depth

# Per loop from the inner lip to the skin: forward of the face, share of the lip's height, way out at the corner.
_FORWARD_CM: Final = (-0.34, -0.02, 0.27, 0.36, 0.10, 0.0)
_UPPER_SHARE: Final = (0.22, 0.0, 0.22, 0.58, 1.0, 1.42)
_LOWER_SHARE: Final = (0.22, 0.0, 0.22, 0.58, 1.0, 1.40)
_CORNER_CM: Final = (-0.10, 0.0, 0.06, 0.11, 0.18, 0.31)
_UPPER_HEIGHT_CM: Final = 0.70
_LOWER_HEIGHT_CM: Final = 0.90

# The bag behind the lips: half width, half height above and below, depth of each loop from the throat forward.
_BAG_WIDTH_CM: Final = (1.3, 2.5, 2.9, 2.95, 2.75)
_BAG_UP_CM: Final = (0.0, 1.5, 1.9, 1.8, 1.2)
_BAG_DOWN_CM: Final = (0.0, 1.3, 1.6, 1.5, 1.1)
_BAG_BACK_CM: Final = (6.2, 5.2, 3.2, 1.6, 0.75)


def lip_parameter(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Place of each ring position along the mouth: s (count,), 1 left corner to -1 right, and side +1 upper, -1, 0."""
    half = count // 2
    s = np.linspace(1.0, -1.0, half + 1)
    s = 0.6 * s + 0.4 * np.sin(s * np.pi / 2.0)
    side = np.concatenate([[0.0], np.ones(half - 1), [0.0], -np.ones(half - 1)])
    return np.concatenate([s, s[-2:0:-1]]), side


def contact_height(s: np.ndarray) -> np.ndarray:
    """Z of the contact line: the upper lip's tubercle dips in the middle, the corners rise a little."""
    tubercle = -0.07 * np.exp(-((s / 0.16) ** 2)) + 0.05 * np.exp(-(((np.abs(s) - 0.36) / 0.2) ** 2))
    return MOUTH_Z_CM + tubercle + 0.17 * s**2


def lip_height(s: np.ndarray, side: np.ndarray) -> np.ndarray:
    """Height (cm) of the red of the lip, signed: cupid's bow above, a full round lip below, nothing at the corners."""
    fade = np.clip(1.0 - np.abs(s) ** 2.2, 0.0, None)
    bow = 1.0 - 0.16 * np.exp(-((s / 0.13) ** 2)) + 0.05 * np.exp(-(((np.abs(s) - 0.22) / 0.12) ** 2))
    upper = _UPPER_HEIGHT_CM * fade * bow
    lower = -_LOWER_HEIGHT_CM * np.clip(1.0 - np.abs(s) ** 2.6, 0.0, None)
    return np.where(side > 0, upper, np.where(side < 0, lower, 0.0))


def _lip_loop(field: Field, loop: int, s: np.ndarray, side: np.ndarray) -> np.ndarray:
    index = loop - layout.LIP_INNER
    share = np.where(side > 0, _UPPER_SHARE[index], _LOWER_SHARE[index])
    x = MOUTH_HALF_WIDTH_CM * s + _CORNER_CM[index] * np.sign(s) * np.abs(s) ** 7
    z = contact_height(s) + share * lip_height(s, side)
    fullness = np.clip(1.0 - np.abs(s) ** 2.5, 0.0, None)
    lower_share = np.where((side < 0) & (loop > layout.LIP_CONTACT), 0.92, 1.0)
    forward = _FORWARD_CM[index] * (0.12 + 0.88 * fullness) * lower_share
    return np.stack([x, front_depth(field, x, z) - forward, z], axis=1)


def _bag_loop(loop: int, s: np.ndarray, side: np.ndarray, contact: np.ndarray) -> np.ndarray:
    bow = np.sqrt(np.clip(1.0 - s**2, 0.0, None))
    rise = np.where(side > 0, _BAG_UP_CM[loop], np.where(side < 0, -_BAG_DOWN_CM[loop], 0.0)) * bow
    front = contact[:, 1] + _BAG_BACK_CM[loop]
    return np.stack([_BAG_WIDTH_CM[loop] * s, front, MOUTH_Z_CM + rise], axis=1)


def rest_loops(field: Field, count: int) -> np.ndarray:
    """All explicit loops (LIP_SKIN + 1, count, 3), from the throat to the skin around the lips, at rest."""
    s, side = lip_parameter(count)
    lip = [_lip_loop(field, loop, s, side) for loop in range(layout.LIP_INNER, layout.LIP_SKIN + 1)]
    contact = lip[1]
    bag = [_bag_loop(loop, s, side, contact) for loop in range(layout.BAG_LOOPS)]
    return np.stack(bag + lip)
