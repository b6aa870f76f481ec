# SPDX-License-Identifier: GPL-3.0-or-later
"""Log-mel spectra at the times of motion frames."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Final

import numpy as np

from diffusion_talker.audio.resampling import SAMPLE_RATE_HZ
from diffusion_talker.audio.sources import ArraySource, AudioSource

MOTION_RATE_HZ: Final = 60
MELS: Final = 80
MEL_RATE_HZ: Final = 120
WINDOW_SAMPLES: Final = 400  # 25 ms
FFT_SIZE: Final = 512
#: Power below this is silence to the network.
MEL_FLOOR: Final = 1e-6
_FRAMES_PER_BLOCK: Final = 256  # motion frames of one fixed-shape matrix product

#: (N, FFT_SIZE) float64 to the power (N, FFT_SIZE / 2 + 1) float32 of each row's spectrum.
PowerOfRows = Callable[[np.ndarray], np.ndarray]


def motion_frame_count(sample_count: int) -> int:
    """Motion frames that cover `sample_count` samples at 16 kHz: frame i is at time i / 60 s."""
    return -(-sample_count * MOTION_RATE_HZ // SAMPLE_RATE_HZ)


def power_of_rows(rows: np.ndarray) -> np.ndarray:
    """See `PowerOfRows`."""
    spectrum = np.fft.rfft(rows)
    return (spectrum.real**2 + spectrum.imag**2).astype(np.float32)


def log_mel(
    source: AudioSource, first_frame: int, frame_count: int, power: PowerOfRows = power_of_rows
) -> np.ndarray:
    """Log-mel features (frame_count, 2, 80) float32 of the motion frames [first_frame, first_frame + frame_count).

    Motion frame i has two spectra, k = 0 and 1, centred at sample round((2 i + k - 0.5) * 16000 / 120): Hann window of
    400 samples, 512-point power spectrum, 80 triangular HTK mel bands over 0..8000 Hz, log(max(power, 1e-6)). Sound
    beyond the ends is silence. A frame depends on its own samples only, so any chunking gives bit-equal results.
    power: another Fourier transform of the same precision.
    """
    stop_frame = first_frame + frame_count
    features = np.empty((frame_count, 2, MELS), np.float32)
    blocks = range(first_frame // _FRAMES_PER_BLOCK, -(-stop_frame // _FRAMES_PER_BLOCK)) if frame_count else ()
    for block in blocks:
        block_start = block * _FRAMES_PER_BLOCK
        low, high = max(first_frame, block_start), min(stop_frame, block_start + _FRAMES_PER_BLOCK)
        spectra = np.zeros((_FRAMES_PER_BLOCK, 2, FFT_SIZE // 2 + 1), np.float32)
        spectra[low - block_start : high - block_start] = power(_windows(source, low, high)).reshape(high - low, 2, -1)
        mels = np.log(np.maximum(spectra.reshape(-1, spectra.shape[-1]) @ mel_filterbank(), np.float32(MEL_FLOOR)))
        rows = mels.reshape(_FRAMES_PER_BLOCK, 2, MELS)[low - block_start : high - block_start]
        features[low - first_frame : high - first_frame] = rows
    return features


def log_mel_array(samples: np.ndarray, first_frame: int = 0, frame_count: int | None = None) -> np.ndarray:
    """`log_mel` of samples (N,) at 16 kHz; frame_count None: all frames from first_frame on."""
    source = ArraySource(samples, SAMPLE_RATE_HZ)
    if frame_count is None:
        frame_count = motion_frame_count(source.sample_count) - first_frame
    return log_mel(source, first_frame, frame_count)


def _windows(source: AudioSource, first_frame: int, stop_frame: int) -> np.ndarray:
    """(2 (stop - first), FFT_SIZE) float64: what the motion frames [first_frame, stop_frame) hear, then zeros."""
    index = np.arange(2 * first_frame, 2 * stop_frame, dtype=np.int64)
    # round((index - 1/2) * 400/3) in integers: (2 index - 1) * 200/3 never lies half-way.
    starts = ((2 * index - 1) * 400 + 3) // 6 - WINDOW_SAMPLES // 2
    origin = int(starts[0])
    samples = source.read(origin, int(starts[-1]) + WINDOW_SAMPLES)
    windows = np.empty((len(starts), FFT_SIZE))
    windows[:, WINDOW_SAMPLES:] = 0.0
    heard = np.lib.stride_tricks.sliding_window_view(samples, WINDOW_SAMPLES)[starts - origin]
    np.multiply(heard, _hann(), out=windows[:, :WINDOW_SAMPLES])
    return windows


@lru_cache(maxsize=1)
def _hann() -> np.ndarray:
    """Periodic Hann window, highest at its sample 200. float64: quiet bands beside loud ones need the digits."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW_SAMPLES) / WINDOW_SAMPLES)


@lru_cache(maxsize=1)
def mel_filterbank() -> np.ndarray:
    """(257, 80) float32 triangular filters, each of height 1, equally spaced on the HTK mel scale from 0 to 8000 Hz."""
    def to_mel(frequency_hz: float) -> float:
        return 2595 * math.log10(1 + frequency_hz / 700)

    edges_hz = 700 * (10 ** (np.linspace(0, to_mel(SAMPLE_RATE_HZ / 2), MELS + 2) / 2595) - 1)
    bins_hz = np.arange(FFT_SIZE // 2 + 1)[:, None] * SAMPLE_RATE_HZ / FFT_SIZE
    rising = (bins_hz - edges_hz[:-2]) / (edges_hz[1:-1] - edges_hz[:-2])
    falling = (edges_hz[2:] - bins_hz) / (edges_hz[2:] - edges_hz[1:-1])
    return np.maximum(np.minimum(rising, falling), 0).astype(np.float32)
