# SPDX-License-Identifier: GPL-3.0-or-later
"""Raw samples of any kind to finite mono float32."""

from __future__ import annotations

import numpy as np

from diffusion_talker.errors import AudioUnreadableError


def to_mono(samples: np.ndarray) -> np.ndarray:
    """Average of the channels as finite float32; integer PCM is scaled to [-1, 1]."""
    if samples.ndim not in (1, 2):
        raise AudioUnreadableError(f"An array {samples.shape} is not sound. Give (samples,) or (samples, channels).")
    if samples.dtype == np.uint8:
        samples = (samples.astype(np.float32) - 128) / 128
    elif np.issubdtype(samples.dtype, np.integer):
        samples = samples.astype(np.float32) / -float(np.iinfo(samples.dtype).min)
    finite = np.nan_to_num(samples.astype(np.float32, copy=False), nan=0.0, posinf=0.0, neginf=0.0)
    return finite if finite.ndim == 1 else finite.mean(axis=1, dtype=np.float32)


def slice_padded(samples: np.ndarray, start: int, stop: int) -> np.ndarray:
    """samples[start:stop] with zeros where the range leaves the array."""
    if 0 <= start <= stop <= len(samples):
        return samples[start:stop]
    output = np.zeros(max(stop - start, 0), np.float32)
    low, high = max(start, 0), min(stop, len(samples))
    if low < high:
        output[low - start : high - start] = samples[low:high]
    return output
