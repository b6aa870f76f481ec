# SPDX-License-Identifier: GPL-3.0-or-later
"""Halving rounds: a student that predicts the target lands in one step where its teacher lands in two."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: the models cannot be tested")

from diffusion_talker.models.diffusion import (  # noqa: E402
    alpha_sigma,
    ddim_step,
    diffuse,
    grid_shares,
    halving_target,
    step_times,
    unroll,
)
from diffusion_talker.student.schedule import time_steps  # noqa: E402


def denoiser(noisy: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
    """Some smooth function of noise and time that is no perfect denoiser."""
    return torch.tanh(noisy) * (1.0 - 0.5 * time[:, None, None]) + 0.1


@pytest.mark.parametrize("steps", [1, 2, 4, 8])
def test_one_step_towards_the_target_lands_where_two_steps_land(steps: int) -> None:
    shares = grid_shares(16, steps, torch.Generator().manual_seed(0))
    times, middle_times = step_times(shares), step_times(shares - 0.5 / steps)
    end_times = step_times((shares - 1 / steps).clamp_min(0))
    noisy = diffuse(torch.randn(16, 5, 3), torch.randn(16, 5, 3), times)
    target = halving_target(denoiser, noisy, shares, steps)
    landed = ddim_step(noisy, target, times, end_times)
    middle = ddim_step(noisy, denoiser(noisy, times), times, middle_times)
    expected = ddim_step(middle, denoiser(middle, middle_times), middle_times, end_times)
    torch.testing.assert_close(landed, expected, atol=1e-4, rtol=1e-4)


def test_a_perfect_teacher_is_its_own_target() -> None:
    clean = torch.randn(4, 5, 3)
    shares = torch.tensor([0.25, 0.5, 0.75, 1.0])
    noisy = diffuse(clean, torch.randn(4, 5, 3), step_times(shares))
    torch.testing.assert_close(halving_target(lambda z, t: clean, noisy, shares, 4), clean, atol=1e-4, rtol=1e-4)


def test_grid_holds_only_the_steps_of_inference() -> None:
    times = step_times(grid_shares(200, 4, torch.Generator().manual_seed(0)))
    assert set(times.tolist()) == {start for start, _ in time_steps(4)}


def test_unrolling_predicts_once_a_step_and_lets_no_gradient_cross() -> None:
    scale = torch.tensor(0.5, requires_grad=True)
    noise = torch.randn(2, 6, 3)
    asked: list[float] = []

    def predict(noisy: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        asked.append(time[0].item())
        return scale * noisy

    first, second = unroll(predict, noise, 2)
    assert asked == [1.0, 0.75]
    torch.testing.assert_close(first, 0.5 * noise)
    (gradient,) = torch.autograd.grad(second.sum(), scale)
    alpha, sigma = alpha_sigma(torch.tensor([0.75]))
    middle = (alpha * 0.5 * noise + sigma * noise).detach()  # at t = 1 the noise explains everything
    torch.testing.assert_close(gradient, middle.sum(), atol=1e-4, rtol=1e-4)
