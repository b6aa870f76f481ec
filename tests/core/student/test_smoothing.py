# SPDX-License-Identifier: GPL-3.0-or-later
"""The last low-pass takes tremor out, keeps what is slower, and moves nothing in time."""

from __future__ import annotations

import numpy as np
import pytest

from diffusion_talker.student.smoothing import gaussian_kernels, reach_frames, smooth

RATE_HZ = 60.0


def sine(frequency_hz: float, frames: int = 600) -> np.ndarray:
    return np.sin(2 * np.pi * frequency_hz * np.arange(frames) / RATE_HZ).astype(np.float32)[:, None]


def test_kernels_sum_to_one_and_zero_leaves_a_channel_alone():
    kernels = gaussian_kernels((0.0, 1.0, 4.0))
    np.testing.assert_allclose(kernels.sum(axis=0), 1.0, rtol=1e-5)
    assert len(kernels) == 2 * reach_frames((0.0, 1.0, 4.0)) + 1 == 25
    curves = np.random.default_rng(0).standard_normal((50, 3)).astype(np.float32)
    np.testing.assert_array_equal(smooth(curves, kernels)[:, 0], curves[:, 0])
    np.testing.assert_array_equal(smooth(curves, gaussian_kernels((0.0,) * 3)), curves)


@pytest.mark.parametrize(("sigma", "kept_hz", "removed_hz"), [(1.0, 3.0, 28.0), (4.0, 0.8, 10.0)])
def test_tremor_goes_and_motion_stays(sigma, kept_hz, removed_hz):
    kernels = gaussian_kernels((sigma,))
    middle = slice(60, -60)
    np.testing.assert_allclose(smooth(sine(kept_hz), kernels)[middle], sine(kept_hz)[middle], atol=0.06)
    assert np.abs(smooth(sine(removed_hz), kernels)[middle]).max() < 0.05


def test_nothing_moves_in_time():
    curve = np.zeros((101, 1), np.float32)
    curve[50] = 1.0
    smoothed = smooth(curve, gaussian_kernels((2.5,)))[:, 0]
    assert smoothed.argmax() == 50
    np.testing.assert_allclose(smoothed, smoothed[::-1], atol=1e-7)


def test_ends_are_held_and_short_clips_survive():
    kernels = gaussian_kernels((5.0,))
    for frames in (1, 2, 7):
        np.testing.assert_allclose(smooth(np.full((frames, 1), 0.4, np.float32), kernels), 0.4, rtol=1e-5)
