# SPDX-License-Identifier: GPL-3.0-or-later
"""Any sample rate to 16 kHz, block by block."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

import numpy as np

from diffusion_talker.errors import SettingsError

SAMPLE_RATE_HZ: Final = 16000

#: Samples [start, stop) at the original rate, zeros outside the sound.
ReadRaw = Callable[[int, int], np.ndarray]

_ZERO_CROSSINGS: Final = 64  # on each side: a transition band of about 600 Hz below 8 kHz
_KAISER_BETA: Final = 7.86  # 80 dB of stop-band
_MAX_EXACT_PHASES: Final = 640  # above it, phases are interpolated from a table
_TABLE_PHASES: Final = 512
_BLOCK_OUTPUTS: Final = 160  # outputs of one row of the matrix product, at least
_ROWS: Final = 64  # rows of one product
_TABLE_BLOCK: Final = 4096  # outputs of one step of the table method


@dataclass(frozen=True)
class Rate:
    """Exact ratio of 16 kHz to a source's rate: `up` outputs for every `down` inputs."""

    up: int
    down: int

    @staticmethod
    def of(rate_hz: float) -> Rate:
        if not (math.isfinite(rate_hz) and 100 <= rate_hz <= 10_000_000):
            raise SettingsError(f"{rate_hz} Hz is not a sample rate of sound. Use the recording's rate, such as 48000.")
        # Rates are given to a millihertz at most; the ratio is kept exact so that hours do not drift.
        numerator, denominator = SAMPLE_RATE_HZ * 1000, round(rate_hz * 1000)
        divisor = math.gcd(numerator, denominator)
        return Rate(numerator // divisor, denominator // divisor)


class Resampler:
    """Polyphase Kaiser-windowed sinc from any rate to 16 kHz over a reader of the original samples.

    Filter design: Oppenheim and Schafer, Discrete-Time Signal Processing, 7.6 (Kaiser window). The stop-band begins at
    the lower of the two Nyquist frequencies.
    """

    def __init__(self, rate: Rate, raw_count: int, read_raw: ReadRaw) -> None:
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


def _kernel(distance: np.ndarray, rate: Rate) -> np.ndarray:
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
def _banded_matrix(rate: Rate, repeats: int, reach: int) -> np.ndarray:
    """(repeats * down + 2 reach, repeats * up) float32: column n is the filter of output n of a row."""
    position = np.arange(repeats * rate.up) * (rate.down / rate.up) + reach
    taps = np.arange(repeats * rate.down + 2 * reach)
    return _normalized(_kernel(taps[:, None] - position[None, :], rate), axis=0)


@lru_cache(maxsize=4)
def _phase_table(rate: Rate, reach: int) -> np.ndarray:
    """(513, 2 reach + 1) float32: filters for positions 0, 1/512 ... 1 of the way to the next input sample."""
    phases = np.arange(_TABLE_PHASES + 1) / _TABLE_PHASES
    taps = np.arange(-reach, reach + 1)
    return _normalized(_kernel(taps[None, :] - phases[:, None], rate), axis=1)


def _normalized(filters: np.ndarray, axis: int) -> np.ndarray:
    """Filters whose sum is 1, so that a constant passes unchanged whatever the phase."""
    return (filters / filters.sum(axis=axis, keepdims=True)).astype(np.float32)
