# SPDX-License-Identifier: GPL-3.0-or-later
"""Cosine variance-preserving schedule, the times of its steps, and the deterministic step in x0 form.

z_t = alpha(t) x0 + sigma(t) eps,  alpha = cos(pi t / 2),  sigma = sin(pi t / 2),  t in [0, 1]
(Nichol and Dhariwal 2102.09672; DDIM: Song et al. 2010.02502; x-space: Salimans and Ho 2202.00512).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from diffusion_talker.student.config import TIME_FEATURES

Share = TypeVar("Share", float, Any)  # a number, or a tensor of them


def alpha_sigma(time: float) -> tuple[float, float]:
    """Signal and noise scale at diffusion time `time` in [0, 1]; their squares sum to one."""
    return math.cos(0.5 * math.pi * time), math.sin(0.5 * math.pi * time)


def step_time(share: Share) -> Share:
    """Diffusion time when `share` of the steps, 1 .. 0, are still to go: t = 1 - (1 - share)^2. Elementwise on tensors.

    Steps are short where noise is high: there rare events (a blink, a glance) are decided. With 16 even steps the
    teacher blinks 7.6 times a minute, so 11.2 times, its corpus 16.2 times. Times of n steps are times of 2n as well,
    which halving needs.
    """
    return 1.0 - (1.0 - share) ** 2


def time_steps(steps: int) -> Iterator[tuple[float, float]]:
    """Pairs (from, to) of diffusion times from pure noise (t = 1) to data (t = 0)."""
    times = [step_time(i / steps) for i in range(steps, -1, -1)]
    yield from zip(times[:-1], times[1:], strict=True)


@dataclass(frozen=True)
class Prediction:
    """What the network made of the noisy motion at `time`: clean motion, z-scored."""

    motion: np.ndarray
    time: float


def extrapolate(now: Prediction, before: Prediction | None, next_time: float) -> np.ndarray:
    """The clean motion towards which a step of second order goes, from this prediction and the one before.

    x~ = x_now + (h / 2 h_before) (x_now - x_before) with h the step in lambda = log(alpha / sigma), infinite from pure
    noise (DPM-Solver++ 2M, Lu et al. 2211.01095, algorithm 2). The first step and the last are of first order.
    """
    if before is None or before.time == 1.0 or next_time == 0:
        return now.motion
    step = log_signal_to_noise(next_time) - log_signal_to_noise(now.time)
    step_before = log_signal_to_noise(now.time) - log_signal_to_noise(before.time)
    return now.motion + np.float32(0.5 * step / step_before) * (now.motion - before.motion)


def log_signal_to_noise(time: float) -> float:
    """log(alpha / sigma) at a time strictly between 0 and 1."""
    return -math.log(math.tan(0.5 * math.pi * time))


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
