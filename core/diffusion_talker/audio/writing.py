# SPDX-License-Identifier: GPL-3.0-or-later
"""Sound out: 16-bit WAV."""

from __future__ import annotations

import os
import wave

import numpy as np

from diffusion_talker.files import atomic_write


def write_wav(path: str | os.PathLike[str], samples: np.ndarray, rate_hz: int) -> None:
    """Write float samples (N,) or (N, channels) in [-1, 1] as 16-bit PCM WAV, atomically. Raises OutputError."""
    samples = np.asarray(samples, np.float64)
    channels = samples if samples.ndim == 2 else samples[:, None]
    pcm = np.round(np.clip(np.nan_to_num(channels), -1, 1) * 32767).astype("<i2")
    with atomic_write(path) as stream, wave.open(stream, "wb") as writer:
        writer.setnchannels(pcm.shape[1])
        writer.setsampwidth(2)
        writer.setframerate(rate_hz)
        writer.writeframes(pcm.tobytes())
