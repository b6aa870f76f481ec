# SPDX-License-Identifier: GPL-3.0-or-later
"""Made sounds, and pickles as Python 2 wrote them."""

from __future__ import annotations

import io
import pickle
import struct
from pathlib import Path

import numpy as np
import soundfile


def made_sound(seconds: float, rate_hz: int, seed: int = 0) -> np.ndarray:
    """(N,) int16: a tone of 300 Hz under a little noise."""
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    noise = np.random.default_rng(seed).standard_normal(len(time_s))
    return ((0.3 * np.sin(2 * np.pi * 300 * time_s) + 0.01 * noise) * 32767).astype(np.int16)


def write_sound(path: Path, seconds: float, rate_hz: int, seed: int = 0) -> None:
    """A WAV file, with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, made_sound(seconds, rate_hz, seed), rate_hz)


class _Python2Pickler(pickle._Pickler):
    """Writes strings and bytes as Python 2's str: opcodes U and T, which say nothing of an encoding."""

    dispatch = dict(pickle._Pickler.dispatch)

    def _save_str(self, value: str | bytes) -> None:
        data = value.encode("latin1") if isinstance(value, str) else value
        if len(data) < 256:
            self.write(pickle.SHORT_BINSTRING + struct.pack("<B", len(data)) + data)
        else:
            self.write(pickle.BINSTRING + struct.pack("<i", len(data)) + data)
        self.memoize(value)

    dispatch[str] = _save_str
    dispatch[bytes] = _save_str


def python2_pickle(value: object) -> bytes:
    """The value as Python 2 with NumPy 1 pickled it in protocol 2."""
    stream = io.BytesIO()
    _Python2Pickler(stream, 2).dump(value)
    return stream.getvalue().replace(b"cnumpy._core.", b"cnumpy.core.")
