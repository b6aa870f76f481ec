# SPDX-License-Identifier: GPL-3.0-or-later
"""From chosen names, shares, sliders and curves to the numbers that a network asks for, window by window."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from diffusion_talker.audio import MOTION_RATE_HZ
from diffusion_talker.student.network import StyleRequest
from diffusion_talker.student.settings import Curve, Value, value_at

Rows = tuple[tuple[np.ndarray, Value], ...]  # mixture weights over the library, each with its share


@dataclass(frozen=True)
class StylePlan:
    """The style of a take, resolved: every name has become weights over the library or a direction.

    Attributes:
        identity: weights (K,) of each part of the identity's mixture, and its share.
        emotion: weights (E,) likewise.
        sliders: direction (D,) of each slider in the space of the personalized embedding, and its value.
    """

    identity: Rows
    emotion: Rows
    intensity: Value = 1.0
    strength: Value = 1.0
    sliders: Rows = ()

    @property
    def changes(self) -> bool:
        """Whether the style is another one at another time."""
        values = (self.intensity, self.strength, *(value for rows in (self.identity, self.emotion, self.sliders)
                                                   for _, value in rows))
        return any(isinstance(value, Curve) for value in values)

    def neutral(self) -> StylePlan:
        """The same talker without emotion."""
        return replace(self, intensity=0.0)

    def request(self, first_frame: int, frame_count: int, patch_frames: int) -> StyleRequest:
        """What to ask the network for the frames of a window: a row for each patch where something changes."""
        patches = np.arange(-(-frame_count // patch_frames))
        middles = first_frame + patches * patch_frames + 0.5 * (patch_frames - 1)
        times_s = middles / MOTION_RATE_HZ
        return StyleRequest(
            identity_weights=_shared(_weighted(self.identity, times_s)),
            emotion_weights=_topped_up(_weighted(self.emotion, times_s)),
            intensity=value_at(self.intensity, times_s),
            strength=value_at(self.strength, times_s),
            offset=_weighted(self.sliders, times_s) if self.sliders else None,
        )


def _weighted(rows: Rows, times_s: np.ndarray) -> np.ndarray:
    """Sum of the rows times their shares: (W,), or (N, W) if a share is a curve."""
    total: np.ndarray | None = None
    for row, value in rows:
        part = np.asarray(value_at(value, times_s), np.float32)[..., None] * row
        total = part if total is None else total + part
    assert total is not None, "a mixture without parts is refused before it comes here"
    return total.astype(np.float32)


def _shared(weights: np.ndarray) -> np.ndarray:
    """Weights that sum to one; where all shares are zero, every entry alike: the middle of the library."""
    total = weights.sum(axis=-1, keepdims=True)
    even = np.full_like(weights, 1.0 / weights.shape[-1])
    return np.where(total > 0, weights / np.where(total > 0, total, 1.0), even).astype(np.float32)


def _topped_up(weights: np.ndarray) -> np.ndarray:
    """Weights of emotions that sum to one: what is missing is neutral, the first; more than one is scaled down."""
    weights = weights / np.maximum(weights.sum(axis=-1, keepdims=True), 1.0)
    weights[..., 0] += 1.0 - weights.sum(axis=-1)
    return weights.astype(np.float32)
