# SPDX-License-Identifier: GPL-3.0-or-later
"""Diffusion of motion in x0 form: forward process, training times, DDIM steps, and the target of a halving round.

z_t = alpha(t) x0 + sigma(t) eps with alpha = cos(pi t / 2), sigma = sin(pi t / 2): the cosine schedule of
`student.schedule`, here for batches on any device. Shapes: B clips, T frames, C values.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from diffusion_talker.student.schedule import step_time, time_steps

MAX_SNR_WEIGHT = 5.0  # truncation of max(SNR, 1), Salimans and Ho 2202.00512, section 4

Denoiser = Callable[[Tensor, Tensor], Tensor]  # (noisy (B, T, C), time (B,)) -> predicted clean motion (B, T, C)


def alpha_sigma(time: Tensor) -> tuple[Tensor, Tensor]:
    """Scale of signal and noise, (B, 1, 1) each, at times (B,)."""
    angle = (0.5 * math.pi * time)[:, None, None]
    return angle.cos(), angle.sin()


def diffuse(clean: Tensor, noise: Tensor, time: Tensor) -> Tensor:
    """z_t = cos(pi t / 2) x0 + sin(pi t / 2) eps.  (B, T, C), (B, T, C), (B,) -> (B, T, C)."""
    alpha, sigma = alpha_sigma(time)
    return alpha * clean + sigma * noise


def snr_weight(time: Tensor) -> Tensor:
    """(B,) -> (B,): max(SNR, 1) truncated, with SNR = alpha^2 / sigma^2 (2202.00512, eq. 9)."""
    snr = 1.0 / torch.tan(0.5 * math.pi * time.clamp(1e-3, 1.0)).square()
    return snr.clamp(1.0, MAX_SNR_WEIGHT)


def sample_times(count: int, steps: int, generator: torch.Generator) -> Tensor:
    """(count,) training times of the teacher: half on the grid that sampling uses, half anywhere in (0, 1]."""
    grid = step_times(grid_shares(count, steps, generator))
    uniform = 1.0 - torch.rand(count, generator=generator)
    on_grid = torch.rand(count, generator=generator) < 0.5
    return torch.where(on_grid, grid, uniform)


def grid_shares(count: int, steps: int, generator: torch.Generator) -> Tensor:
    """(count,) shares i / steps of the steps still to go, with i ~ U{1 .. steps} (2202.00512, algorithm 2)."""
    return torch.randint(1, steps + 1, (count,), generator=generator) / steps


def step_times(shares: Tensor) -> Tensor:
    """Diffusion times (B,) of shares (B,), see `student.schedule.step_time`."""
    return step_time(shares)


def ddim_step(noisy: Tensor, predicted: Tensor, time: Tensor, next_time: Tensor) -> Tensor:
    """Deterministic step (Song et al. 2010.02502): the noise that explains `noisy`, put back at `next_time`."""
    alpha, sigma = alpha_sigma(time)
    next_alpha, next_sigma = alpha_sigma(next_time)
    return next_alpha * predicted + next_sigma * (noisy - alpha * predicted) / sigma


def halving_target(denoiser: Denoiser, noisy: Tensor, share: Tensor, steps: int) -> Tensor:
    """What one step of the student must predict to land where two steps of its teacher land.

    With n = `steps` of the student, two DDIM steps from share s over s - 1/2n to s - 1/n give z'', and
    x~ = (z'' - (sigma''/sigma) z) / (alpha'' - (sigma''/sigma) alpha)   (Salimans and Ho 2202.00512, algorithm 2).

    Args:
        denoiser: the teacher of this round.
        noisy: (B, T, C) z at the time of `share`.
        share: (B,) of the student's steps still to go.
    """
    time = step_times(share)
    middle_time, end_time = step_times(share - 0.5 / steps), step_times((share - 1.0 / steps).clamp_min(0.0))
    middle = ddim_step(noisy, denoiser(noisy, time), time, middle_time)
    end = ddim_step(middle, denoiser(middle, middle_time), middle_time, end_time)
    alpha, sigma = alpha_sigma(time)
    end_alpha, end_sigma = alpha_sigma(end_time)
    ratio = end_sigma / sigma
    return (end - ratio * noisy) / (end_alpha - ratio * alpha)


def unroll(denoiser: Denoiser, noise: Tensor, steps: int) -> list[Tensor]:
    """What every one of `steps` inference steps predicts, first to last; no gradient flows from step to step."""
    predictions: list[Tensor] = []
    noisy = noise
    for start, stop in time_steps(steps):
        time = torch.full((len(noise),), start, device=noise.device)
        predictions.append(denoiser(noisy, time))
        noisy = ddim_step(noisy, predictions[-1].detach(), time, torch.full_like(time, stop))
    return predictions
