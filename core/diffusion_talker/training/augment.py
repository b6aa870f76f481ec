# SPDX-License-Identifier: GPL-3.0-or-later
"""Sound augmentation and the log-mel of a batch, so that a few synthetic voices stand for many real ones.

In order of worth: loudness, noise and babble, frequency warp of the mel bands (vocal tract length),
rooms, band limits and equalisers, short frequency masks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
import scipy.signal

from diffusion_talker.audio import FFT_SIZE, MEL_FLOOR, MEL_RATE_HZ, MELS, SAMPLE_RATE_HZ, WINDOW_SAMPLES
from diffusion_talker.audio.features import mel_filterbank

SPECTRUM_BINS = FFT_SIZE // 2 + 1
KEPT_EQUALIZER_SHARE = 0.25


@dataclass(frozen=True)
class Augmenter:
    """Ranges of the augmentations; a share of 0 switches one off."""

    gain_db: tuple[float, float] = (-26.0, 8.0)
    noise_share: float = 0.75
    snr_db: tuple[float, float] = (5.0, 45.0)
    babble_share: float = 0.2  # of the noisy clips
    room_share: float = 0.4
    room_decay_s: tuple[float, float] = (0.08, 0.7)
    warp: float = 0.16  # largest change of the frequency axis
    warp_steps: int = 9
    equalizer_db: float = 4.0  # standard deviation of each of five smooth curves
    band_limit_share: float = 0.25
    mask_share: float = 0.3
    mask_bands: int = 8

    @classmethod
    def off(cls) -> Augmenter:
        """The plain log-mel."""
        return cls((0.0, 0.0), 0.0, (0.0, 0.0), 0.0, 0.0, (0.1, 0.1), 0.0, 1, 0.0, 0.0, 0.0, 0)

    def log_mel(self, waves: np.ndarray, frames: int, context: int, random: np.random.Generator,
                kept: np.ndarray) -> np.ndarray:
        """(B, context + samples + context) float32 to augmented log-mel (B, frames, 2, 80) float32.

        kept: (B,) bool, clips whose voice stays what it is, but for noise and rooms.
        """
        waves = waves * _decibels(random.uniform(*self.gain_db, len(waves)))[:, None]
        waves = self._add_rooms(waves, random)
        waves = self._add_noise(waves, random)
        power = power_spectrum(waves, frames, context)
        power *= self._channel_response(kept, random)[:, None]
        banks = (mel_filterbank() if keeps else self._warped_bank(random) for keeps in kept)
        mel = np.stack([spectrum @ bank for spectrum, bank in zip(power, banks, strict=True)])
        log_mel = np.log(np.maximum(mel, MEL_FLOOR)).reshape(len(waves), frames, 2, MELS)
        return self._mask_bands(log_mel, random).astype(np.float32)

    def _add_rooms(self, waves: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Exponentially decaying noise behind the direct sound, which keeps its time (Lehmann and Johansson 2008)."""
        waves = waves.copy()
        for i in np.flatnonzero(random.random(len(waves)) < self.room_share):
            decay_s = random.uniform(*self.room_decay_s)
            time_s = np.arange(int(decay_s * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
            tail = random.standard_normal(len(time_s)) * np.exp(-6.9 * time_s / decay_s)
            tail *= random.uniform(0.1, 0.7) / np.sqrt((tail ** 2).sum())
            tail[0] += 1.0
            waves[i] = scipy.signal.oaconvolve(waves[i], tail.astype(np.float32))[:waves.shape[1]]
        return waves

    def _add_noise(self, waves: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Coloured noise, or the other clips of the batch as babble, at a drawn signal-to-noise ratio."""
        noisy = waves.copy()
        for i in np.flatnonzero(random.random(len(waves)) < self.noise_share):
            level = np.sqrt((waves[i] ** 2).mean()) + 1e-4
            babble = len(waves) > 3 and random.random() < self.babble_share
            noise = _babble(waves, i, random) if babble else _coloured_noise(waves.shape[1], random)
            scale = level * _decibels(-random.uniform(*self.snr_db)) / (np.sqrt((noise ** 2).mean()) + 1e-9)
            noisy[i] += (scale * noise).astype(np.float32)
        return noisy

    def _channel_response(self, kept: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """(B, SPECTRUM_BINS) power gains: smooth random equaliser and, for some, a telephone-like band.

        The color of a voice is most of what tells whose it is: where it is kept, (B,) bool, the equaliser is weak.
        """
        count = len(kept)
        position = np.linspace(0.0, 1.0, SPECTRUM_BINS) ** 0.5  # finer where speech lives
        curves = np.cos(np.pi * np.arange(1, 6)[:, None] * position)
        strength_db = np.where(kept, KEPT_EQUALIZER_SHARE, 1.0)[:, None] * self.equalizer_db
        response_db = random.standard_normal((count, 5)) * strength_db / np.arange(1, 6) ** 0.5 @ curves
        frequency_hz = np.linspace(0, SAMPLE_RATE_HZ / 2, SPECTRUM_BINS)
        for i in np.flatnonzero((random.random(count) < self.band_limit_share) & ~kept):
            low_hz, high_hz = random.uniform(60, 350), random.uniform(3200, 7500)
            response_db[i] -= 24.0 * np.maximum(0, np.log2(low_hz / np.maximum(frequency_hz, 20.0)))
            response_db[i] -= 60.0 * np.maximum(0, np.log2(np.maximum(frequency_hz, 20.0) / high_hz))
        return (10.0 ** (response_db / 10.0)).astype(np.float32)

    def _warped_bank(self, random: np.random.Generator) -> np.ndarray:
        """(SPECTRUM_BINS, MELS) mel filters read along a stretched frequency axis."""
        steps = np.linspace(1 - self.warp, 1 + self.warp, self.warp_steps)
        factor = steps[random.integers(len(steps))]
        bins = np.arange(SPECTRUM_BINS)
        sources = np.minimum(bins * factor, SPECTRUM_BINS - 1)
        bank = mel_filterbank()
        low = np.floor(sources).astype(int)
        share = (sources - low)[:, None]
        warped = (1 - share) * bank[low] + share * bank[np.minimum(low + 1, SPECTRUM_BINS - 1)]
        return (warped * factor).astype(np.float32)

    def _mask_bands(self, log_mel: np.ndarray, random: np.random.Generator) -> np.ndarray:
        for i in np.flatnonzero(random.random(len(log_mel)) < self.mask_share):
            width = int(random.integers(1, self.mask_bands + 1))
            first = int(random.integers(0, MELS - width))
            log_mel[i, :, :, first:first + width] = log_mel[i].mean()
        return log_mel


def power_spectrum(waves: np.ndarray, frames: int, context: int) -> np.ndarray:
    """(B, samples) to (B, 2 * frames, SPECTRUM_BINS): the windows of `audio.log_mel` for a whole batch."""
    halves = np.arange(2 * frames)
    centres = np.round((halves - 0.5) * SAMPLE_RATE_HZ / MEL_RATE_HZ).astype(int) + context
    index = centres[:, None] + np.arange(-WINDOW_SAMPLES // 2, WINDOW_SAMPLES // 2)
    windowed = waves[:, index] * np.hanning(WINDOW_SAMPLES + 1)[:-1].astype(np.float32)
    spectrum = scipy.fft.rfft(windowed.astype(np.float32), FFT_SIZE, axis=-1)
    return np.square(spectrum.real) + np.square(spectrum.imag)


def _decibels(value: np.ndarray | float) -> np.ndarray:
    return np.asarray(10.0 ** (np.asarray(value) / 20.0), np.float32)


def _babble(waves: np.ndarray, own: int, random: np.random.Generator) -> np.ndarray:
    others = [i for i in range(len(waves)) if i != own]
    voices = random.choice(others, 3, replace=False)
    return waves[voices].sum(axis=0)


def _coloured_noise(count: int, random: np.random.Generator) -> np.ndarray:
    """Noise whose power falls as 1 / f^a, a from 0 (white) to 2 (brown)."""
    size = scipy.fft.next_fast_len(count)
    spectrum = scipy.fft.rfft(random.standard_normal(size).astype(np.float32))
    frequency = np.maximum(np.arange(len(spectrum)), 8.0)
    return scipy.fft.irfft(spectrum * frequency ** (-random.uniform(0.0, 1.0)), size)[:count].astype(np.float32)
