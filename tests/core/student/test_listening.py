# SPDX-License-Identifier: GPL-3.0-or-later
"""Shifted versions of a recording: exact for whole bands, held at the ends."""

from __future__ import annotations

import numpy as np

from diffusion_talker.student.listening import vocal_tracts


def test_shifts_move_bands_and_zero_is_the_recording():
    log_mel = np.random.default_rng(0).standard_normal((5, 2, 80)).astype(np.float32)
    same, up, down, half = vocal_tracts(log_mel, (0.0, 2.0, -3.0, 0.5))
    np.testing.assert_array_equal(same, log_mel)
    np.testing.assert_array_equal(up[..., :78], log_mel[..., 2:])
    np.testing.assert_array_equal(up[..., 78:], log_mel[..., [79, 79]])
    np.testing.assert_array_equal(down[..., 3:], log_mel[..., :77])
    np.testing.assert_allclose(half[..., :79], (log_mel[..., :79] + log_mel[..., 1:]) / 2, atol=1e-6)
