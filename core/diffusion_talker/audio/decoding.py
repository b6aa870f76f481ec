# SPDX-License-Identifier: GPL-3.0-or-later
"""Sound files to mono samples at their own rate, read where they are needed."""

from __future__ import annotations

import os
import wave
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from diffusion_talker.audio.mono import to_mono
from diffusion_talker.errors import AudioEmptyError, AudioMissingError, AudioUnreadableError

if TYPE_CHECKING:
    import soundfile

_RATES_HZ: Final = range(1000, 1_000_001)
#: libsndfile's word for a length that is not known.
_UNKNOWN_LENGTH: Final = 2**63 - 1
_BLOCK_FRAMES: Final = 1 << 18
_KEPT_S: Final = 20  # of sound behind the reading position: more than a window's context


class Decoder(Protocol):
    """Mono samples of a file at its own rate."""

    rate_hz: int
    frame_count: int

    def read(self, start: int, stop: int) -> np.ndarray:
        """(stop - start,) float32; zeros outside the file."""

    def close(self) -> None:
        """Let the file go."""


def open_decoder(path: Path) -> Decoder:
    """Decoder for a sound file: soundfile's where it is installed, else PCM WAV by the standard library.

    Raises AudioMissingError, AudioEmptyError, AudioUnreadableError.
    """
    if os.path.isdir(path):
        raise AudioMissingError(f"'{path}' is a folder. Choose a sound file.")
    if not os.path.exists(path):  # unlike Path.exists, False for a name no system could have
        raise AudioMissingError(f"There is no file '{path}'. Check the path.")
    if not os.access(path, os.R_OK):
        raise AudioUnreadableError(f"'{path}' may not be read by you. Change its permissions or copy it elsewhere.")
    if path.is_file() and path.stat().st_size == 0:
        raise AudioEmptyError(f"'{path}' is an empty file. Choose a recording.")
    decoder = _soundfile_decoder(path) if _has_soundfile() else _WaveDecoder(path)
    if decoder.rate_hz not in _RATES_HZ or decoder.frame_count < 0:  # a header that cannot be true
        decoder.close()
        raise _unreadable(path)
    return decoder


def _has_soundfile() -> bool:
    try:
        import soundfile  # noqa: F401
    except (ImportError, OSError):  # OSError: the package is there without its library
        return False
    return True


def _soundfile_decoder(path: Path) -> Decoder:
    sound = _open_soundfile(path)
    if sound.frames == _UNKNOWN_LENGTH:
        sound.close()
        raise AudioUnreadableError(
            f"'{path}' does not say how long it is, as files written to a pipe do. Convert it to WAV or FLAC again."
        )
    return _SequentialDecoder(path, sound) if sound.format == "MP3" else _SeekingDecoder(path, sound)


def _open_soundfile(path: Path) -> soundfile.SoundFile:
    import soundfile

    try:
        return soundfile.SoundFile(str(path))
    except (soundfile.SoundFileError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise _unreadable(path) from error


def _decode(path: Path, sound: soundfile.SoundFile, count: int) -> np.ndarray:
    """The next `count` frames, or as many as there are, averaged over the channels."""
    try:
        return to_mono(sound.read(count, dtype="float32", always_2d=True))
    except (OSError, RuntimeError) as error:  # soundfile's own errors are RuntimeErrors
        raise _unreadable(path) from error


class _SeekingDecoder:
    """Formats in which libsndfile finds any frame exactly."""

    def __init__(self, path: Path, sound: soundfile.SoundFile) -> None:
        self._path = path
        self._sound = sound
        self.rate_hz = int(sound.samplerate)
        self.frame_count = int(sound.frames)

    def read(self, start: int, stop: int) -> np.ndarray:
        output = np.zeros(stop - start, np.float32)
        low, high = max(start, 0), min(stop, self.frame_count)
        if low < high:
            block = self._read_at(low, high - low)
            output[low - start : low - start + len(block)] = block
        return output

    def close(self) -> None:
        self._sound.close()

    def _read_at(self, position: int, count: int) -> np.ndarray:
        try:
            if self._sound.tell() != position:
                self._sound.seek(position)
        except (OSError, RuntimeError) as error:
            raise _unreadable(self._path) from error
        return _decode(self._path, self._sound, count)


class _SequentialDecoder:
    """MP3, which decodes differently after a seek: reads forward, keeps the last seconds, else starts again."""

    def __init__(self, path: Path, sound: soundfile.SoundFile) -> None:
        self._path = path
        self._sound = sound
        self.rate_hz = int(sound.samplerate)
        self._kept: deque[tuple[int, np.ndarray]] = deque()  # (first frame, samples), one after the other
        self._position = 0
        self.frame_count = int(sound.frames)

    def read(self, start: int, stop: int) -> np.ndarray:
        low, high = max(start, 0), min(stop, self.frame_count)
        if low < (self._kept[0][0] if self._kept else self._position):
            self._restart()
        while self._position < high and self._decode_next(keep_from=low):
            pass
        output = np.zeros(stop - start, np.float32)
        for first, samples in self._kept:
            begin, end = max(low, first), min(high, first + len(samples))
            if begin < end:
                output[begin - start : end - start] = samples[begin - first : end - first]
        return output

    def close(self) -> None:
        self._sound.close()

    def _decode_next(self, keep_from: int) -> bool:
        """Decode one block and forget what lies far behind; False at the end of the sound."""
        samples = _decode(self._path, self._sound, _BLOCK_FRAMES)
        self._kept.append((self._position, samples))
        self._position += len(samples)
        oldest = min(keep_from, self._position - _KEPT_S * self.rate_hz)
        while self._kept and self._kept[0][0] + len(self._kept[0][1]) <= oldest:
            self._kept.popleft()
        return len(samples) > 0

    def _restart(self) -> None:
        self._sound.close()
        self._sound = _open_soundfile(self._path)
        self._kept.clear()
        self._position = 0


class _WaveDecoder:
    """PCM WAV by the standard library, for a Python without soundfile."""

    def __init__(self, path: Path) -> None:
        self._stream = open(path, "rb")
        try:
            self._wave = wave.open(self._stream)
            if self._wave.getsampwidth() > 4:
                raise wave.Error("no PCM has more than 32 bits a sample")
        except (wave.Error, EOFError, OSError, ValueError, RuntimeError) as error:
            self._stream.close()
            raise AudioUnreadableError(
                f"'{path}' is not PCM WAV, the one format that can be read without the soundfile package. "
                "Convert it to 16-bit WAV, or install 'diffusion-talker[audio]'."
            ) from error
        self.rate_hz = self._wave.getframerate()
        self._width = self._wave.getsampwidth()
        self._channels = self._wave.getnchannels()
        self._data_start = self._stream.tell()
        # A cut file promises more than it has, and so does one written to a pipe.
        present = (path.stat().st_size - self._data_start) // (self._width * self._channels)
        self.frame_count = min(self._wave.getnframes(), present)

    def read(self, start: int, stop: int) -> np.ndarray:
        output = np.zeros(stop - start, np.float32)
        low, high = max(start, 0), min(stop, self.frame_count)
        if low < high:
            frame_size = self._width * self._channels
            self._stream.seek(self._data_start + low * frame_size)
            samples = _decode_pcm(self._stream.read((high - low) * frame_size), self._width)
            block = to_mono(samples[: len(samples) // self._channels * self._channels].reshape(-1, self._channels))
            output[low - start : low - start + len(block)] = block
        return output

    def close(self) -> None:
        self._stream.close()


def _decode_pcm(data: bytes, width: int) -> np.ndarray:
    """Little-endian PCM of 1 to 4 bytes a sample to float32 in [-1, 1). 8-bit WAV is unsigned."""
    data = data[: len(data) // width * width]
    if width == 1:
        return (np.frombuffer(data, np.uint8).astype(np.float32) - 128) / 128
    wide = np.zeros((len(data) // width, 4), np.uint8)
    wide[:, 4 - width :] = np.frombuffer(data, np.uint8).reshape(-1, width)
    return (wide.view("<i4")[:, 0] / 2**31).astype(np.float32)


def _unreadable(path: Path) -> AudioUnreadableError:
    return AudioUnreadableError(
        f"'{path}' could not be read as sound: it is damaged or in a format this machine cannot decode. "
        "Convert it to WAV or FLAC and try again."
    )
