# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose voice a recording is, in a few numbers that need no network: long-term cepstra and pitch of its speech.

The numbers depend on the sound alone, so voices stay comparable when the student changes. What tells speakers apart
rather than words, moods and microphones is a linear projection (linear discriminant analysis, Fisher 1936) that was
fitted once on speech of many speakers and lies beside this file.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np

from diffusion_talker.audio import (
    MEL_RATE_HZ,
    MELS,
    MOTION_RATE_HZ,
    SAMPLE_RATE_HZ,
    AudioSource,
    log_mel,
    motion_frame_count,
)

CEPSTRA = 24
STATISTICS = 2 * CEPSTRA + 2
_BLOCK_S = 30  # read at a time, so that memory does not grow with the recording
_HEARD_S = 600  # ten minutes tell a voice
_SPEECH_RANGE = 5.0  # natural log units (22 dB) below the loudest frames
_BAND_RANGE = 10.0  # natural log units (43 dB) below the loudest bands: what lies deeper is room and noise
_PITCH_WINDOW, _PITCH_HOP = 640, 320  # samples: 40 ms every 20 ms
_MIN_LAG, _MAX_LAG = 40, 229  # samples: 400 Hz to 70 Hz
_VOICED_PERIODICITY = 0.5
_VOICED_LEVEL = 0.03  # of the loud frames' amplitude
_AUDIBLE = 1e-4  # amplitude below which nothing is speech


@dataclass(frozen=True)
class VoiceStatistics:
    """values (STATISTICS,): means and deviations of cepstra, median and spread of log pitch; voiced_s seconds."""

    values: np.ndarray
    voiced_s: float


def voice_statistics(source: AudioSource, heard_s: float = _HEARD_S) -> VoiceStatistics:
    """Statistics of the speech in the first `heard_s` seconds of a recording; zeros where there is none."""
    mel, rms, periodicity, pitch_hz = _measure(source, heard_s)
    loud = max(float(np.percentile(rms, 95)), _AUDIBLE) if len(rms) else _AUDIBLE
    voiced = (periodicity > _VOICED_PERIODICITY) & (rms > max(_VOICED_LEVEL * loud, _AUDIBLE))
    voiced_s = float(voiced.sum()) * _PITCH_HOP / SAMPLE_RATE_HZ
    level = mel.mean(axis=1)
    speech = mel[level > np.percentile(level, 95) - _SPEECH_RANGE] if len(mel) else mel
    if not voiced.any() or not len(speech):
        return VoiceStatistics(np.zeros(STATISTICS, np.float32), 0.0)
    speech = np.maximum(speech, np.percentile(speech, 99.5) - _BAND_RANGE)  # an absolute floor would tell loudness
    basis = _cosines()
    log_pitch = np.log(pitch_hz[voiced])
    spread = np.subtract(*np.percentile(log_pitch, (75, 25)))
    values = np.concatenate([basis @ speech.mean(axis=0), basis @ speech.std(axis=0), [np.median(log_pitch), spread]])
    return VoiceStatistics(values.astype(np.float32), voiced_s)


def voiceprint(statistics: np.ndarray) -> np.ndarray:
    """Unit vector of a voice: speakers apart, words and moods together. statistics: mean over a voice's recordings."""
    projection = _projection()
    print_ = projection["directions"] @ (statistics - projection["mean"])
    return (print_ / (np.linalg.norm(print_) + 1e-8)).astype(np.float32)


def _measure(source: AudioSource, heard_s: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """log-mel (F, 80); amplitude, periodicity and pitch (Hz) of every 20 ms."""
    frames = min(motion_frame_count(source.sample_count), round(heard_s * MOTION_RATE_HZ))
    block_frames = _BLOCK_S * MOTION_RATE_HZ
    mels, pitches = [np.zeros((0, MELS), np.float32)], [np.zeros((3, 0), np.float32)]
    for first in range(0, frames, block_frames):
        count = min(block_frames, frames - first)
        mels.append(log_mel(source, first, count).reshape(-1, MELS))
        start = first * SAMPLE_RATE_HZ // MOTION_RATE_HZ
        stop = min((first + count) * SAMPLE_RATE_HZ // MOTION_RATE_HZ, source.sample_count)
        pitches.append(_pitch(source.read(start, stop)))
    rms, periodicity, pitch_hz = np.concatenate(pitches, axis=1)
    return np.concatenate(mels), rms, periodicity, pitch_hz


def _pitch(samples: np.ndarray) -> np.ndarray:
    """(3, P): amplitude, height of the autocorrelation's peak relative to its origin, frequency of the peak in Hz.

    The window's own autocorrelation is divided out (Boersma 1993).
    """
    if len(samples) < _PITCH_WINDOW:
        return np.zeros((3, 0), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(samples, _PITCH_WINDOW)[::_PITCH_HOP].astype(np.float32)
    frames = frames - frames.mean(axis=1, keepdims=True)
    rms = np.sqrt((frames**2).mean(axis=1))
    window = np.hanning(_PITCH_WINDOW).astype(np.float32)
    correlation = _autocorrelation(frames * window)[:, _MIN_LAG : _MAX_LAG + 1]
    correlation /= _autocorrelation(window[None])[:, _MIN_LAG : _MAX_LAG + 1]
    best = correlation.argmax(axis=1)
    return np.stack([rms, correlation[np.arange(len(best)), best], SAMPLE_RATE_HZ / (best + _MIN_LAG)])


def _autocorrelation(frames: np.ndarray) -> np.ndarray:
    """Of each row, relative to its own origin."""
    spectrum = np.abs(np.fft.rfft(frames, 2 * _PITCH_WINDOW)) ** 2
    correlation = np.fft.irfft(spectrum)
    return correlation / (correlation[:, :1] + 1e-12)


@cache
def _cosines() -> np.ndarray:
    """(CEPSTRA, 80) orthonormal cosines without the constant one, so that loudness does not count."""
    bands = np.arange(MELS) + 0.5
    return np.sqrt(2.0 / MELS) * np.cos(np.pi * np.arange(1, CEPSTRA + 1)[:, None] * bands / MELS)


@cache
def _projection() -> dict[str, np.ndarray]:
    with resources.files(__package__).joinpath("voiceprint.npz").open("rb") as file, np.load(file) as archive:
        return {name: archive[name] for name in ("mean", "directions")}


def sketch(source: AudioSource, length_s: float) -> np.ndarray:
    """(F, 80) uint8: log-mel of `length_s` seconds from the middle of a recording, enough to hear it again later."""
    total = motion_frame_count(source.sample_count)
    count = min(total, round(length_s * MOTION_RATE_HZ))
    mel = log_mel(source, (total - count) // 2, count).reshape(-1, MELS)
    return np.clip(np.rint((mel - SKETCH_FLOOR) / SKETCH_STEP), 0, 255).astype(np.uint8)


SKETCH_FLOOR = -14.0  # just below the floor of the features, natural log of power
SKETCH_STEP = 0.1


def unfold_sketch(kept: np.ndarray) -> np.ndarray:
    """(T, 2, 80) float32 log-mel of a sketch."""
    per_frame = MEL_RATE_HZ // MOTION_RATE_HZ
    return (SKETCH_FLOOR + SKETCH_STEP * kept.astype(np.float32)).reshape(-1, per_frame, MELS)
