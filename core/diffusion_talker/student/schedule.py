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

FIRST_SIGNAL_TO_NOISE = 0.045  # alpha / sigma around which the first step after pure noise lies
LAST_SIGNAL_TO_NOISE = 1.6  # from about here one step reaches the data


def alpha_sigma(time: float) -> tuple[float, float]:
    """Signal and noise scale at diffusion time `time` in [0, 1]; their squares sum to one."""
    return math.cos(0.5 * math.pi * time), math.sin(0.5 * math.pi * time)


def time_steps(steps: int, even: bool) -> Iterator[tuple[float, float]]:
    """Pairs (from, to) of diffusion times from pure noise (t = 1) to data (t = 0).

    even: t = i / steps, on which distilled students are trained. Otherwise even in log signal-to-noise.
    Rare events (a blink, a glance) are decided where noise is high: with 6 steps the student blinks 13 times a
    minute on this grid and 5 times on a quadratic one (even log-SNR spacing: Lu et al. 2206.00927, DPM-Solver).
    """
    if even:
        grid = [i / steps for i in range(steps, -1, -1)]
        yield from zip(grid[:-1], grid[1:], strict=True)
        return
    shares = (np.arange(1, steps) - 0.5) / max(steps - 1, 1)
    ratios = FIRST_SIGNAL_TO_NOISE * (LAST_SIGNAL_TO_NOISE / FIRST_SIGNAL_TO_NOISE) ** shares  # alpha / sigma
    grid = [1.0, *(1.0 - np.arctan(ratios) / (0.5 * math.pi)).tolist(), 0.0]
    yield from zip(grid[:-1], grid[1:], strict=True)


def ddim_step(noisy: np.ndarray, predicted_x0: np.ndarray, time: float, next_time: float) -> np.ndarray:
    """One deterministic step (eta = 0): the noise that explains `noisy`, put back at `next_time`.

    alpha'' x0 + sigma'' (z - alpha x0) / sigma, gathered so that the frames of a mesh are gone through twice only.
    """
    if next_time == 0:
        return predicted_x0
    alpha, sigma = alpha_sigma(time)
    next_alpha, next_sigma = alpha_sigma(next_time)
    ratio = next_sigma / sigma
    stepped = np.float32(next_alpha - ratio * alpha) * predicted_x0
    stepped += np.float32(ratio) * noisy
    return stepped


def time_features(time: float) -> np.ndarray:
    """(TIME_FEATURES,) float32: sines and cosines of `time`, so that any step count can be asked for."""
    angles = time * 0.5 * math.pi * 2.0 ** np.arange(TIME_FEATURES // 2)
    return np.concatenate([np.sin(angles), np.cos(angles)]).astype(np.float32)
