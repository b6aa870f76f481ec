# SPDX-License-Identifier: GPL-3.0-or-later
"""Sound for measurements: no recording has to be at hand, and everybody measures with the same."""

from __future__ import annotations

import numpy as np

from diffusion_talker.audio import SAMPLE_RATE_HZ

_PITCH_HZ = 120.0
_SYLLABLES_HZ = 4.0
_PHRASE_S = 3.0


def speech_like(length_s: float, seed: int = 0) -> np.ndarray:
    """Samples (N,) float32 at 16 kHz with the make-up of speech: buzz and hiss in syllables, and pauses."""
    count = round(length_s * SAMPLE_RATE_HZ)
    time_s = np.arange(count, dtype=np.float32) / SAMPLE_RATE_HZ
    phase = 2 * np.pi * _PITCH_HZ * time_s + np.sin(2 * np.pi * 0.7 * time_s)
    buzz = sum(np.sin(harmonic * phase) / harmonic for harmonic in range(1, 9))
    hiss = np.random.default_rng(seed).standard_normal(count, np.float32)
    syllables = np.maximum(np.sin(2 * np.pi * _SYLLABLES_HZ * time_s), 0) ** 0.5
    speaking = (time_s % _PHRASE_S) < 0.8 * _PHRASE_S
    return (0.1 * syllables * speaking * (buzz + 0.3 * hiss)).astype(np.float32)
