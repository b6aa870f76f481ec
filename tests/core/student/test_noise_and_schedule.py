# SPDX-License-Identifier: GPL-3.0-or-later
"""Noise is a function of (seed, frame, channel); the schedule keeps variance and inverts its own noising."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffusion_talker.student.noise import gaussian_noise
from diffusion_talker.student.schedule import Prediction, alpha_sigma, ddim_step, extrapolate, time_steps


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
    pairs = list(time_steps(steps))
    assert pairs[0][0] == 1.0 and pairs[-1][1] == 0.0 and len(pairs) == steps
    assert all(first[1] == second[0] for first, second in zip(pairs, pairs[1:], strict=False))
    assert all(start > stop for start, stop in pairs)
    lengths = [start - stop for start, stop in pairs]
    assert lengths == sorted(lengths) and len(set(lengths)) == steps  # every step is longer than the one before


def test_steps_halve_into_each_other():
    assert list(time_steps(2)) == [(1.0, 0.75), (0.75, 0.0)]
    assert {start for start, _ in time_steps(16)} > {start for start, _ in time_steps(8)} > {1.0, 0.75}


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_perfect_prediction_reaches_the_data(steps):
    random = np.random.default_rng(0)
    clean = random.standard_normal((6, 4)).astype(np.float32)
    motion = random.standard_normal((6, 4)).astype(np.float32)
    for time, next_time in time_steps(steps):
        motion = ddim_step(motion, clean, time, next_time)
    np.testing.assert_allclose(motion, clean, atol=1e-5)


def sample_normal(steps: int, is_second_order: bool) -> float:
    """Where the sampler takes noise 1 when data are normal with deviation 0.5: its best prediction is known."""
    motion, before = np.ones(1), None
    for time, next_time in time_steps(steps):
        alpha, sigma = alpha_sigma(time)
        now = Prediction(motion * alpha * 0.25 / (0.25 * alpha ** 2 + sigma ** 2), time)
        aim = extrapolate(now, before, next_time) if is_second_order else now.motion
        motion, before = ddim_step(motion, aim, time, next_time), now
    return float(motion[0])


def test_steps_of_second_order_keep_more_of_the_spread():
    """Exact is 0.5; steps of first order shrink what they make, as those of a teacher shrink blinks."""
    first, second = sample_normal(16, False), sample_normal(16, True)
    assert first < 0.45 < 0.465 < second < 0.5
    assert sample_normal(2000, False) == pytest.approx(0.5, abs=1e-3)


def test_first_and_last_step_are_of_first_order():
    now, before = Prediction(np.ones(2), 0.9), Prediction(np.zeros(2), 1.0)
    np.testing.assert_array_equal(extrapolate(now, None, 0.5), now.motion)
    np.testing.assert_array_equal(extrapolate(now, before, 0.5), now.motion)
    np.testing.assert_array_equal(extrapolate(now, Prediction(np.zeros(2), 0.95), 0.0), now.motion)
    assert (extrapolate(now, Prediction(np.zeros(2), 0.95), 0.5) > now.motion).all()
