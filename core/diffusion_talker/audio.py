# SPDX-License-Identifier: GPL-3.0-or-later
"""Sound in: any rate, channel count and length to mono 16 kHz, and the log-mel features the network hears.

Every result is a function of absolute position alone: reading a sound in pieces of any size gives, bit for bit, what
reading it whole gives. To that end matrix products run over blocks that start at fixed positions and have fixed shapes.
"""

from __future__ import annotations

import math
import os
import wave
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Final, Protocol

import numpy as np

from diffusion_talker.errors import AudioEmptyError, AudioMissingError, AudioUnreadableError, SettingsError
from diffusion_talker.files import atomic_write

SAMPLE_RATE_HZ: Final = 16000
MOTION_RATE_HZ: Final = 60
MELS: Final = 80
MEL_RATE_HZ: Final = 120
WINDOW_SAMPLES: Final = 400  # 25 ms
FFT_SIZE: Final = 512

#: Power below this is silence to the network.
MEL_FLOOR: Final = 1e-6
_FRAMES_PER_BLOCK: Final = 256  # motion frames of one fixed-shape block of features

ReadRaw = Callable[[int, int], np.ndarray]


class AudioSource(Protocol):
    """Mono sound at 16 kHz that can be read piece by piece."""

    @property
    def sample_count(self) -> int:
        """Length in samples."""

    def read(self, start: int, stop: int) -> np.ndarray:
        """Samples [start, stop) as float32 (stop - start,); zeros outside [0, sample_count)."""


def motion_frame_count(sample_count: int) -> int:
    """Motion frames that cover `sample_count` samples at 16 kHz: frame i is at time i / 60 s."""
    return -(-sample_count * MOTION_RATE_HZ // SAMPLE_RATE_HZ)


class ArraySource:
    """Sound that is in memory already.

    samples: (N,) or (N, channels), float in [-1, 1] or integer PCM. Channels are averaged, NaN and infinity become 0.
    Raises AudioEmptyError without samples, AudioUnreadableError for another shape, SettingsError for a wrong rate.
    """

    def __init__(self, samples: np.ndarray, rate_hz: float) -> None:
        mono = _to_mono(np.asarray(samples))
        if len(mono) == 0:
            raise AudioEmptyError("The sound has no samples. Choose a recording that is longer than zero seconds.")
        resampler = _Resampler(_Rate.of(rate_hz), len(mono), lambda start, stop: _slice_padded(mono, start, stop))
        self._samples = resampler.read(0, resampler.sample_count)

    @property
    def sample_count(self) -> int:
        return len(self._samples)

    def read(self, start: int, stop: int) -> np.ndarray:
        return _slice_padded(self._samples, start, stop)


class FileSource:
    """Sound file read as it is needed, in memory that does not grow with its length.

    start_s, end_s: the range to use, in seconds of the file (end_s None: to its end). Decoding is soundfile's where it
    is installed (WAV, FLAC, OGG, MP3, AIFF and more); without it PCM WAV is read.
    Raises AudioMissingError, AudioUnreadableError, AudioEmptyError; SettingsError for a range that is none.
    """

    def __init__(self, path: str | os.PathLike[str], start_s: float = 0.0, end_s: float | None = None) -> None:
        self.path = Path(path)
        _check_range(start_s, end_s)
        self._decoder = _open_decoder(self.path)
        rate_hz, available = self._decoder.rate_hz, self._decoder.frame_count
        self._raw_start = min(round(start_s * rate_hz), available)
        raw_stop = available if end_s is None else min(round(end_s * rate_hz), available)
        raw_count = raw_stop - self._raw_start
        if available == 0:
            raise AudioEmptyError(f"'{self.path}' holds no sound. Choose a recording that is longer than zero seconds.")
        if raw_count <= 0:
            end = "its end" if end_s is None else f"{end_s:g} s"
            raise AudioEmptyError(f"'{self.path}' has no sound between {start_s:g} s and {end}: "
                                  f"it is {available / rate_hz:.2f} s long. Choose a range inside it.")
        self._resampler = _Resampler(_Rate.of(rate_hz), raw_count, self._read_raw)

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
        return _to_mono(self._decoder.read(self._raw_start + start, self._raw_start + stop))


def load_audio(path: str | os.PathLike[str]) -> ArraySource:
    """Whole sound file in memory. Raises AudioMissingError, AudioUnreadableError or AudioEmptyError."""
    with FileSource(path) as source:
        return ArraySource(source.read(0, source.sample_count), SAMPLE_RATE_HZ)


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


# ---------------------------------------------------------------------------------------------------------- features


def log_mel(source: AudioSource, first_frame: int, frame_count: int) -> np.ndarray:
    """Log-mel features (frame_count, 2, 80) float32 of the motion frames [first_frame, first_frame + frame_count).

    Motion frame i has two spectra, k = 0 and 1, centred at sample round((2 i + k - 0.5) * 16000 / 120): Hann window of
    400 samples, 512-point power spectrum, 80 triangular HTK mel bands over 0..8000 Hz, log(max(power, 1e-6)). Sound
    beyond the ends is silence. A frame depends on its own samples only, so any chunking gives bit-equal results.
    """
    stop_frame = first_frame + frame_count
    features = np.empty((frame_count, 2, MELS), np.float32)
    blocks = range(first_frame // _FRAMES_PER_BLOCK, -(-stop_frame // _FRAMES_PER_BLOCK)) if frame_count else ()
    for block in blocks:
        block_start = block * _FRAMES_PER_BLOCK
        low, high = max(first_frame, block_start), min(stop_frame, block_start + _FRAMES_PER_BLOCK)
        spectra = np.zeros((_FRAMES_PER_BLOCK, 2, FFT_SIZE // 2 + 1), np.float32)
        spectra[low - block_start : high - block_start] = _power_spectra(source, low, high)
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


def _power_spectra(source: AudioSource, first_frame: int, stop_frame: int) -> np.ndarray:
    """(stop - first, 2, 257) float32 power spectra of the motion frames [first_frame, stop_frame)."""
    index = np.arange(2 * first_frame, 2 * stop_frame, dtype=np.int64)
    # round((index - 1/2) * 400/3) in integers: (2 index - 1) * 200/3 never lies half-way.
    starts = ((2 * index - 1) * 400 + 3) // 6 - WINDOW_SAMPLES // 2
    origin = int(starts[0])
    samples = source.read(origin, int(starts[-1]) + WINDOW_SAMPLES)
    windows = np.lib.stride_tricks.sliding_window_view(samples, WINDOW_SAMPLES)[starts - origin]
    spectrum = np.fft.rfft(windows * _hann(), FFT_SIZE)
    power = spectrum.real**2 + spectrum.imag**2
    return power.astype(np.float32).reshape(stop_frame - first_frame, 2, -1)


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


# -------------------------------------------------------------------------------------------------------- resampling

_ZERO_CROSSINGS: Final = 64  # on each side: a transition band of about 600 Hz below 8 kHz
_KAISER_BETA: Final = 7.86  # 80 dB of stop-band
_MAX_EXACT_PHASES: Final = 640  # above it, phases are interpolated from a table
_TABLE_PHASES: Final = 512
_BLOCK_OUTPUTS: Final = 160  # outputs of one row of the matrix product, at least
_ROWS: Final = 64  # rows of one product
_TABLE_BLOCK: Final = 4096  # outputs of one step of the table method


@dataclass(frozen=True)
class _Rate:
    """Exact ratio of 16 kHz to a source's rate: `up` outputs for every `down` inputs."""

    up: int
    down: int

    @staticmethod
    def of(rate_hz: float) -> _Rate:
        if not (math.isfinite(rate_hz) and 100 <= rate_hz <= 10_000_000):
            raise SettingsError(f"{rate_hz} Hz is not a sample rate of sound. Use the recording's rate, such as 48000.")
        # Rates are given to a millihertz at most; the ratio is kept exact so that hours do not drift.
        numerator, denominator = SAMPLE_RATE_HZ * 1000, round(rate_hz * 1000)
        divisor = math.gcd(numerator, denominator)
        return _Rate(numerator // divisor, denominator // divisor)


class _Resampler:
    """Polyphase Kaiser-windowed sinc from any rate to 16 kHz over a reader of the original samples.

    Filter design: Oppenheim and Schafer, Discrete-Time Signal Processing, 7.6 (Kaiser window). The stop-band begins at
    the lower of the two Nyquist frequencies.
    """

    def __init__(self, rate: _Rate, raw_count: int, read_raw: ReadRaw) -> None:
        self._rate = rate
        self._read_raw = read_raw
        self.sample_count = -(-raw_count * rate.up // rate.down)
        self._cached_block = -1
        self._cached: np.ndarray | None = None

    def read(self, start: int, stop: int) -> np.ndarray:
        """Samples [start, stop) float32; zeros outside [0, sample_count)."""
        output = np.zeros(max(stop - start, 0), np.float32)
        low, high = max(start, 0), min(stop, self.sample_count)
        if self._rate.up == self._rate.down:
            if low < high:
                output[low - start : high - start] = self._read_raw(low, high)
            return output
        for block in range(low // self._block_size, -(-high // self._block_size) if low < high else 0):
            origin = block * self._block_size
            first, last = max(low, origin), min(high, origin + self._block_size)
            output[first - start : last - start] = self._block(block)[first - origin : last - origin]
        return output

    def _block(self, block: int) -> np.ndarray:
        """One block of outputs at its fixed place; the last one is kept, since reads usually follow one another."""
        if block != self._cached_block or self._cached is None:
            self._cached = self._convolve(block * self._block_size)
            self._cached_block = block
        return self._cached

    @cached_property
    def _exact(self) -> bool:
        return self._rate.up <= _MAX_EXACT_PHASES

    @cached_property
    def _repeats(self) -> int:
        """Periods of the ratio in one row of the product, so that a row has work enough."""
        return -(-_BLOCK_OUTPUTS // self._rate.up)

    @cached_property
    def _block_size(self) -> int:
        return _ROWS * self._repeats * self._rate.up if self._exact else _TABLE_BLOCK

    @cached_property
    def _reach(self) -> int:
        """Input samples that the filter sees on each side."""
        return math.ceil(_ZERO_CROSSINGS * max(1.0, self._rate.down / self._rate.up)) + 1

    def _convolve(self, start: int) -> np.ndarray:
        return self._convolve_exact(start) if self._exact else self._convolve_table(start)

    def _convolve_exact(self, start: int) -> np.ndarray:
        """Outputs [start, start + block): rows of overlapping input times one banded matrix."""
        step = self._repeats * self._rate.down
        width = step + 2 * self._reach
        origin = start // self._rate.up * self._rate.down - self._reach
        raw = self._read_raw(origin, origin + (_ROWS - 1) * step + width)
        rows = np.ascontiguousarray(np.lib.stride_tricks.sliding_window_view(raw, width)[::step])
        return (rows @ _banded_matrix(self._rate, self._repeats, self._reach)).reshape(-1)

    def _convolve_table(self, start: int) -> np.ndarray:
        """The same for ratios with too many phases: filters interpolated between those of a table."""
        position = np.arange(start, start + _TABLE_BLOCK, dtype=np.int64) * self._rate.down
        base = position // self._rate.up
        phase = (position - base * self._rate.up) * (_TABLE_PHASES / self._rate.up)
        lower = np.minimum(phase.astype(np.int64), _TABLE_PHASES - 1)
        fraction = (phase - lower).astype(np.float32)[:, None]
        table = _phase_table(self._rate, self._reach)
        origin = int(base[0]) - self._reach
        raw = self._read_raw(origin, int(base[-1]) + self._reach + 1)
        windows = np.lib.stride_tricks.sliding_window_view(raw, 2 * self._reach + 1)[base - base[0]]
        filters = table[lower] * (1 - fraction) + table[lower + 1] * fraction
        return np.einsum("nt,nt->n", windows, filters)


def _kernel(distance: np.ndarray, rate: _Rate) -> np.ndarray:
    """Low-pass impulse response at `distance` input samples from its centre."""
    scale = min(1.0, rate.up / rate.down)  # Nyquist of the output in units of the input's
    half_width = _ZERO_CROSSINGS / scale
    # Kaiser's transition width for this attenuation and length, so that the stop-band begins at Nyquist.
    transition = (80 - 8) / (2.285 * 2 * math.pi * _ZERO_CROSSINGS)
    cutoff = scale * (1 - transition / 2)
    inside = np.clip(1 - (distance / half_width) ** 2, 0, None)
    window = np.where(np.abs(distance) <= half_width, np.i0(_KAISER_BETA * np.sqrt(inside)), 0) / np.i0(_KAISER_BETA)
    return cutoff * np.sinc(cutoff * distance) * window


@lru_cache(maxsize=4)
def _banded_matrix(rate: _Rate, repeats: int, reach: int) -> np.ndarray:
    """(repeats * down + 2 reach, repeats * up) float32: column n is the filter of output n of a row."""
    position = np.arange(repeats * rate.up) * (rate.down / rate.up) + reach
    taps = np.arange(repeats * rate.down + 2 * reach)
    return _normalized(_kernel(taps[:, None] - position[None, :], rate), axis=0)


@lru_cache(maxsize=4)
def _phase_table(rate: _Rate, reach: int) -> np.ndarray:
    """(513, 2 reach + 1) float32: filters for positions 0, 1/512 ... 1 of the way to the next input sample."""
    phases = np.arange(_TABLE_PHASES + 1) / _TABLE_PHASES
    taps = np.arange(-reach, reach + 1)
    return _normalized(_kernel(taps[None, :] - phases[:, None], rate), axis=1)


def _normalized(filters: np.ndarray, axis: int) -> np.ndarray:
    """Filters whose sum is 1, so that a constant passes unchanged whatever the phase."""
    return (filters / filters.sum(axis=axis, keepdims=True)).astype(np.float32)


# ---------------------------------------------------------------------------------------------------------- decoding


class _Decoder(Protocol):
    """Random access to the samples of a file at its own rate."""

    rate_hz: int
    frame_count: int

    def read(self, start: int, stop: int) -> np.ndarray:
        """(stop - start, channels) float32; zeros outside the file."""

    def close(self) -> None:
        """Let the file go."""


def _open_decoder(path: Path) -> _Decoder:
    if os.path.isdir(path):
        raise AudioMissingError(f"'{path}' is a folder. Choose a sound file.")
    if not os.path.exists(path):  # unlike Path.exists, False for a name no system could have
        raise AudioMissingError(f"There is no file '{path}'. Check the path.")
    if path.is_file() and path.stat().st_size == 0:
        raise AudioEmptyError(f"'{path}' is an empty file. Choose a recording.")
    try:
        import soundfile
    except (ImportError, OSError):  # OSError: the package is there without its library
        return _WaveDecoder(path)
    return _SoundFileDecoder(path, soundfile)


class _SoundFileDecoder:
    """libsndfile behind the decoder's face."""

    def __init__(self, path: Path, soundfile) -> None:
        self._path = path
        self._failures = (soundfile.LibsndfileError, OSError, RuntimeError)
        try:
            self._file = soundfile.SoundFile(str(path))
        except self._failures as error:
            raise _unreadable(path) from error
        self.rate_hz = int(self._file.samplerate)
        self.frame_count = int(self._file.frames)

    def read(self, start: int, stop: int) -> np.ndarray:
        low, high = max(start, 0), min(stop, self.frame_count)
        output = np.zeros((stop - start, self._file.channels), np.float32)
        if low >= high:
            return output
        try:
            if self._file.tell() != low:
                self._file.seek(low)
            block = self._file.read(high - low, dtype="float32", always_2d=True)
        except self._failures as error:
            raise _unreadable(self._path) from error
        output[low - start : low - start + len(block)] = block
        return output

    def close(self) -> None:
        self._file.close()


class _WaveDecoder:
    """PCM WAV by the standard library, for a Python without soundfile."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = wave.open(str(path), "rb")
        except (wave.Error, EOFError, OSError) as error:
            raise AudioUnreadableError(
                f"'{path}' is not PCM WAV, the one format that can be read without the soundfile package. "
                "Convert it to 16-bit WAV, or install 'diffusion-talker[audio]'."
            ) from error
        self.rate_hz = self._file.getframerate()
        self._channels = self._file.getnchannels()
        self._width = self._file.getsampwidth()
        present = path.stat().st_size // (self._channels * self._width)  # a cut file promises more than it has
        self.frame_count = min(self._file.getnframes(), present)

    def read(self, start: int, stop: int) -> np.ndarray:
        low, high = max(start, 0), min(stop, self.frame_count)
        output = np.zeros((stop - start, self._channels), np.float32)
        if low >= high:
            return output
        self._file.setpos(low)
        block = _decode_pcm(self._file.readframes(high - low), self._width).reshape(-1, self._channels)
        output[low - start : low - start + len(block)] = block
        return output

    def close(self) -> None:
        self._file.close()


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


def _check_range(start_s: float, end_s: float | None) -> None:
    if not (math.isfinite(start_s) and start_s >= 0):
        raise SettingsError(f"The start must be 0 seconds or later, not {start_s}.")
    if end_s is not None and not (math.isfinite(end_s) and end_s > start_s):
        raise SettingsError(f"The end ({end_s:g} s) must lie after the start ({start_s:g} s).")


def _to_mono(samples: np.ndarray) -> np.ndarray:
    """Average of the channels as finite float32; integer PCM is scaled to [-1, 1]."""
    if samples.ndim not in (1, 2):
        raise AudioUnreadableError(f"An array {samples.shape} is not sound. Give (samples,) or (samples, channels).")
    if samples.dtype == np.uint8:
        samples = (samples.astype(np.float32) - 128) / 128
    elif np.issubdtype(samples.dtype, np.integer):
        samples = samples.astype(np.float32) / -float(np.iinfo(samples.dtype).min)
    finite = np.nan_to_num(samples.astype(np.float32, copy=False), nan=0.0, posinf=0.0, neginf=0.0)
    return finite if finite.ndim == 1 else finite.mean(axis=1, dtype=np.float32)


def _slice_padded(samples: np.ndarray, start: int, stop: int) -> np.ndarray:
    """samples[start:stop] with zeros where the range leaves the array."""
    if 0 <= start <= stop <= len(samples):
        return samples[start:stop]
    output = np.zeros(max(stop - start, 0), np.float32)
    low, high = max(start, 0), min(stop, len(samples))
    if low < high:
        output[low - start : high - start] = samples[low:high]
    return output
