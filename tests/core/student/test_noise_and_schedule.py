# SPDX-License-Identifier: GPL-3.0-or-later
"""Noise is a function of (seed, frame, channel); the schedule keeps variance and inverts its own noising."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffusion_talker.student.noise import gaussian_noise
from diffusion_talker.student.schedule import alpha_sigma, ddim_step, time_steps


def test_noise_is_standard_normal_and_uncorrelated():
    noise = gaussian_noise(7, 0, 20000, 55)
    assert abs(noise.mean()) < 0.005 and noise.std() == pytest.approx(1.0, abs=0.005)
    assert abs((noise ** 3).mean()) < 0.02 and (noise ** 4).mean() == pytest.approx(3.0, abs=0.05)
    correlations = np.corrcoef(noise.T) - np.eye(55)
    assert np.abs(correlations).max() < 0.04
    assert abs((noise[1:] * noise[:-1]).mean()) < 0.005
    assert abs((noise * gaussian_noise(8, 0, 20000, 55)).mean()) < 0.005


@given(st.integers(-(2 ** 63), 2 ** 63), st.integers(0, 500_000), st.integers(1, 40), st.integers(0, 30))
def test_any_window_is_a_view_of_one_array(seed, first, count, offset):
    whole = gaussian_noise(seed, first, offset + count, 5)
    np.testing.assert_array_equal(gaussian_noise(seed, first + offset, count, 5), whole[offset:])
    assert np.isfinite(whole).all()


def test_noise_golden_values():
    """Takes of earlier versions must be made again bit for bit: these numbers may never change."""
    np.testing.assert_allclose(gaussian_noise(0, 0, 1, 3)[0], [-0.79350489, -0.09095158, -0.8961333], atol=1e-6)
    np.testing.assert_allclose(gaussian_noise(12, 1000, 1, 3)[0], [-1.90187180, -0.31523567, -1.07760608], atol=1e-6)


def test_schedule_keeps_variance_and_ends_in_pure_noise_and_pure_data():
    for time in np.linspace(0, 1, 11):
        alpha, sigma = alpha_sigma(float(time))
        assert alpha ** 2 + sigma ** 2 == pytest.approx(1.0)
    assert alpha_sigma(0.0) == (1.0, 0.0)
    assert alpha_sigma(1.0)[0] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("steps", [1, 2, 6])
def test_time_runs_from_noise_to_data_and_lingers_at_noise(steps):
    pairs = list(time_steps(steps, even=False))
    assert pairs[0][0] == 1.0 and pairs[-1][1] == 0.0 and len(pairs) == steps
    assert all(first[1] == second[0] for first, second in zip(pairs, pairs[1:], strict=False))
    assert all(start > stop for start, stop in pairs)
    ratios = [np.log(np.divide(*alpha_sigma(stop))) for _, stop in pairs[:-1]]  # log of alpha / sigma
    np.testing.assert_allclose(np.diff(ratios, n=2), 0.0, atol=1e-9)  # evenly spaced


def test_even_steps_halve_into_each_other():
    assert list(time_steps(2, even=True)) == [(1.0, 0.5), (0.5, 0.0)]
    assert {start for start, _ in time_steps(4, even=True)} > {start for start, _ in time_steps(2, even=True)}


@pytest.mark.parametrize("even", [True, False])
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_perfect_prediction_reaches_the_data(steps, even):
    random = np.random.default_rng(0)
    clean = random.standard_normal((6, 4)).astype(np.float32)
    motion = random.standard_normal((6, 4)).astype(np.float32)
    for time, next_time in time_steps(steps, even):
        motion = ddim_step(motion, clean, time, next_time)
    np.testing.assert_allclose(motion, clean, atol=1e-5)
