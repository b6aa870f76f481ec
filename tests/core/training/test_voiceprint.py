# SPDX-License-Identifier: GPL-3.0-or-later
"""The projection that parts voices: it finds what differs between them and passes over what differs within them."""

from __future__ import annotations

import numpy as np

from diffusion_talker.library.voiceprint import STATISTICS
from diffusion_talker.training.voiceprint import DIMENSIONS, fit_projection


def test_what_varies_within_voices_does_not_count() -> None:
    random = np.random.default_rng(0)
    within = np.where(np.arange(STATISTICS) < 20, 8.0, 0.3)  # the first twenty numbers tell of words, not voices
    middles = random.standard_normal((150, STATISTICS))
    voices = [middle + within * random.standard_normal((4, STATISTICS)) for middle in middles]
    mean, directions = fit_projection(voices[:100])
    assert mean.shape == (STATISTICS,) and directions.shape == (DIMENSIONS, STATISTICS)

    def found(project: np.ndarray) -> float:
        prints = np.array([(voice - mean) @ project.T for voice in voices[100:]])
        prints /= np.linalg.norm(prints, axis=2, keepdims=True)
        return float(np.mean((prints[:, 1] @ prints[:, 0].T).argmax(axis=1) == np.arange(50)))

    assert found(directions) > 0.9 > 0.5 > found(np.eye(STATISTICS))
