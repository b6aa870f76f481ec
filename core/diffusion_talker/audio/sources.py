# SPDX-License-Identifier: GPL-3.0-or-later
"""Sound that can be read piece by piece as mono 16 kHz samples: from memory or from a file of any length."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Protocol

import numpy as np

from diffusion_talker.audio.decoding import Decoder, open_decoder
from diffusion_talker.audio.mono import slice_padded, to_mono
from diffusion_talker.audio.resampling import SAMPLE_RATE_HZ, Rate, Resampler
from diffusion_talker.errors import AudioEmptyError, SettingsError


class AudioSource(Protocol):
    """Mono sound at 16 kHz that can be read piece by piece."""

    @property
    def sample_count(self) -> int:
        """Length in samples."""

    def read(self, start: int, stop: int) -> np.ndarray:
        """Samples [start, stop) as float32 (stop - start,); zeros outside [0, sample_count)."""


class ArraySource:
    """Sound that is in memory already.

    samples: (N,) or (N, channels), float in [-1, 1] or integer PCM. Channels are averaged, NaN and infinity become 0.
    Raises AudioEmptyError without samples, AudioUnreadableError for another shape, SettingsError for a wrong rate.
    """

    def __init__(self, samples: np.ndarray, rate_hz: float) -> None:
        mono = to_mono(np.asarray(samples))
        if len(mono) == 0:
            raise AudioEmptyError("The sound has no samples. Choose a recording that is longer than zero seconds.")
        resampler = Resampler(Rate.of(rate_hz), len(mono), lambda start, stop: slice_padded(mono, start, stop))
        self._samples = resampler.read(0, resampler.sample_count)

    @property
    def sample_count(self) -> int:
        return len(self._samples)

    def read(self, start: int, stop: int) -> np.ndarray:
        return slice_padded(self._samples, start, stop)


class FileSource:
    """Sound file read as it is needed, in memory that does not grow with its length.

    start_s, end_s: the range to use, in seconds of the file (end_s None: to its end). Decoding is soundfile's where it
    is installed (WAV, FLAC, OGG, MP3, AIFF and more); without it PCM WAV is read.
    Raises AudioMissingError, AudioUnreadableError, AudioEmptyError; SettingsError for a range that is none.
    """

    def __init__(self, path: str | os.PathLike[str], start_s: float = 0.0, end_s: float | None = None) -> None:
        self.path = Path(path)
        _check_range(start_s, end_s)
        self._decoder = open_decoder(self.path)
        try:
            self._raw_start, raw_stop = _raw_range(self.path, self._decoder, start_s, end_s)
        except AudioEmptyError:
            self._decoder.close()
            raise
        self._resampler = Resampler(Rate.of(self._decoder.rate_hz), raw_stop - self._raw_start, self._read_raw)

    @property
    def sample_count(self) -> int:
        return self._resampler.sample_count

    @property
    def duration_s(self) -> float:
        return self.sample_count / SAMPLE_RATE_HZ

    def read(self, start: int, stop: int) -> np.ndarray:
        return self._resampler.read(start, stop)

    def close(self) -> None:
        self._decoder.close()

    def __enter__(self) -> FileSource:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read_raw(self, start: int, stop: int) -> np.ndarray:
        return self._decoder.read(self._raw_start + start, self._raw_start + stop)


def load_audio(path: str | os.PathLike[str]) -> ArraySource:
    """Whole sound file in memory. Raises AudioMissingError, AudioUnreadableError or AudioEmptyError."""
    with FileSource(path) as source:
        return ArraySource(source.read(0, source.sample_count), SAMPLE_RATE_HZ)


def _raw_range(path: Path, decoder: Decoder, start_s: float, end_s: float | None) -> tuple[int, int]:
    """First and one past the last of the file's own samples in the range. Raises AudioEmptyError if there are none."""
    rate_hz, available = decoder.rate_hz, decoder.frame_count
    if available == 0:
        raise AudioEmptyError(f"'{path}' holds no sound. Choose a recording that is longer than zero seconds.")
    start = min(round(start_s * rate_hz), available)
    stop = available if end_s is None else min(round(end_s * rate_hz), available)
    if start >= stop:
        end = "its end" if end_s is None else f"{end_s:g} s"
        raise AudioEmptyError(f"'{path}' has no sound between {start_s:g} s and {end}: "
                              f"it is {available / rate_hz:.2f} s long. Choose a range inside it.")
    return start, stop


def _check_range(start_s: float, end_s: float | None) -> None:
    if not (math.isfinite(start_s) and start_s >= 0):
        raise SettingsError(f"The start must be 0 seconds or later, not {start_s}.")
    if end_s is not None and not (math.isfinite(end_s) and end_s > start_s):
        raise SettingsError(f"The end ({end_s:g} s) must lie after the start ({start_s:g} s).")
