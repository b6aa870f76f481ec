# SPDX-License-Identifier: GPL-3.0-or-later
"""Forward diffusion of motion and the sampling of training times (x0 form, cosine schedule)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

MAX_SNR_WEIGHT = 5.0  # truncation of max(SNR, 1), Salimans and Ho 2202.00512, section 4


def diffuse(clean: Tensor, noise: Tensor, time: Tensor) -> Tensor:
    """z_t = cos(pi t / 2) x0 + sin(pi t / 2) eps.  (B, T, C), (B, T, C), (B,) -> (B, T, C)."""
    angle = (0.5 * math.pi * time)[:, None, None]
    return angle.cos() * clean + angle.sin() * noise


def snr_weight(time: Tensor) -> Tensor:
    """(B,) -> (B,): max(SNR, 1) truncated, with SNR = alpha^2 / sigma^2 (2202.00512, eq. 9)."""
    snr = 1.0 / torch.tan(0.5 * math.pi * time.clamp(1e-3, 1.0)).square()
    return snr.clamp(1.0, MAX_SNR_WEIGHT)


def sample_times(count: int, steps: int, generator: torch.Generator) -> Tensor:
    """(count,) training times: half on the grid that inference uses, half anywhere in (0, 1].

    A student that runs in few steps spends its life at few noise levels; ours, not the paper's.
    """
    grid = torch.randint(1, steps + 1, (count,), generator=generator) / steps
    uniform = 1.0 - torch.rand(count, generator=generator)
    on_grid = torch.rand(count, generator=generator) < 0.5
    return torch.where(on_grid, grid, uniform)
