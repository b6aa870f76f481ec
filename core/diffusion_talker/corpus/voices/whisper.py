# SPDX-License-Identifier: GPL-3.0-or-later
"""Whispered speech from spoken: the same resonances over noise instead of a voice, every phone where it was.

The spectral envelope is the cepstrum's first 1.3 ms (Oppenheim & Schafer 1968); what a whisper lacks at low
frequencies against a voice follows Ito, Takeda & Itakura (2005).
"""

from __future__ import annotations

import numpy as np
from scipy.fft import irfft, rfft

from diffusion_talker.audio import SAMPLE_RATE_HZ

_WINDOW, _HOP, _FFT = 400, 100, 512
_LIFTER = int(0.0013 * SAMPLE_RATE_HZ)
#: A whisper's spectrum falls less towards high frequencies than a voice's; below this it has next to nothing.
_TILT_POWER, _LOW_HZ = 0.6, 400.0


def whisper(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(N,) float32 at 16 kHz, whispered; the level of every 25 ms follows the original's."""
    window = np.hanning(_WINDOW + 1)[:-1]
    padded = np.pad(np.asarray(samples, np.float64), (_WINDOW, _WINDOW))
    starts = np.arange(0, len(padded) - _WINDOW, _HOP)
    frames = padded[starts[:, None] + np.arange(_WINDOW)] * window
    envelope = _envelope(frames)
    noise = rfft(rng.normal(size=frames.shape) * window, _FFT, axis=1)
    shaped = irfft(noise * envelope * _tilt(), _FFT, axis=1)[:, :_WINDOW] * window
    shaped *= _rms(frames) / np.maximum(_rms(shaped), 1e-9)
    out = np.zeros(len(padded))
    for start, frame in zip(starts, shaped, strict=True):
        out[start : start + _WINDOW] += frame
    return out[_WINDOW : _WINDOW + len(samples)].astype(np.float32) / 1.5  # 1.5: four overlapping squared windows


def _envelope(frames: np.ndarray) -> np.ndarray:
    """(F, _FFT // 2 + 1) magnitudes without the fine structure of a voice."""
    cepstrum = irfft(np.log(np.abs(rfft(frames, _FFT, axis=1)) + 1e-7), axis=1)
    cepstrum[:, _LIFTER : _FFT - _LIFTER + 1] = 0.0
    return np.exp(rfft(cepstrum, axis=1).real)


def _tilt() -> np.ndarray:
    frequency_hz = np.arange(_FFT // 2 + 1) * SAMPLE_RATE_HZ / _FFT
    return (np.maximum(frequency_hz, 20.0) / 1000.0) ** _TILT_POWER / (
        1.0 + (_LOW_HZ / np.maximum(frequency_hz, 20.0)) ** 4
    )


def _rms(frames: np.ndarray) -> np.ndarray:
    return np.sqrt((frames**2).mean(axis=1, keepdims=True))
