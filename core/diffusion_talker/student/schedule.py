# SPDX-License-Identifier: GPL-3.0-or-later
"""Cosine variance-preserving schedule and the deterministic DDIM step in x0 form.

z_t = alpha(t) x0 + sigma(t) eps,  alpha = cos(pi t / 2),  sigma = sin(pi t / 2),  t in [0, 1]
(Nichol and Dhariwal 2102.09672; DDIM: Song et al. 2010.02502; x-space: Salimans and Ho 2202.00512).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from diffusion_talker.student.config import TIME_FEATURES


def alpha_sigma(time: float) -> tuple[float, float]:
    """Signal and noise scale at diffusion time `time` in [0, 1]; their squares sum to one."""
    return math.cos(0.5 * math.pi * time), math.sin(0.5 * math.pi * time)


def time_steps(steps: int) -> Iterator[tuple[float, float]]:
    """Pairs (from, to) from pure noise (1) to data (0), t_k = 1 - (k / steps)^2: close together where noise is high.

    Rare events (a blink, a glance) are decided there; on a uniform grid of 8 steps the student blinks half as
    often as on this one.
    """
    grid = [1.0 - (k / steps) ** 2 for k in range(steps + 1)]
    yield from zip(grid[:-1], grid[1:], strict=True)


def ddim_step(noisy: np.ndarray, predicted_x0: np.ndarray, time: float, next_time: float) -> np.ndarray:
    """One deterministic step (eta = 0): the noise that explains `noisy`, put back at `next_time`."""
    alpha, sigma = alpha_sigma(time)
    next_alpha, next_sigma = alpha_sigma(next_time)
    noise = (noisy - np.float32(alpha) * predicted_x0) / np.float32(sigma)
    return np.float32(next_alpha) * predicted_x0 + np.float32(next_sigma) * noise


def time_features(time: float) -> np.ndarray:
    """(TIME_FEATURES,) float32: sines and cosines of `time`, so that any step count can be asked for."""
    angles = time * 0.5 * math.pi * 2.0 ** np.arange(TIME_FEATURES // 2)
    return np.concatenate([np.sin(angles), np.cos(angles)]).astype(np.float32)
