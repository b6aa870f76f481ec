# SPDX-License-Identifier: GPL-3.0-or-later
"""What every speech engine gives: samples at 16 kHz and the phones in them, with exact times."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.signal import resample_poly

from diffusion_talker.audio import SAMPLE_RATE_HZ


@dataclass(frozen=True)
class PhoneSpan:
    """One phone of an utterance. symbol: the engine's own symbol; stress: 0 none, 1 secondary, 2 primary."""

    symbol: str
    start_s: float
    end_s: float
    stress: int = 0

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s


@dataclass(frozen=True)
class Prosody:
    """How to say it. rate: 1 is the engine's usual pace; pitch: factor on the voice's mean pitch; pitch_range: factor
    on its range."""

    rate: float = 1.0
    pitch: float = 1.0
    pitch_range: float = 1.0


@dataclass(frozen=True)
class Utterance:
    """samples: (N,) float32 in [-1, 1] at 16 kHz; phones: contiguous, in order, silence included."""

    samples: np.ndarray
    phones: tuple[PhoneSpan, ...]


class Voice(Protocol):
    """A voice of one engine.

    engine: "espeak", "flite" or "festival"; language: its code; alphabet: the table of phone symbols, as
    `resolve_symbol` knows it; obeys_pitch: whether it follows a prosody's pitch.
    """

    name: str
    engine: str
    language: str
    alphabet: str
    obeys_pitch: bool

    def synthesize(self, text: str, prosody: Prosody) -> Utterance:
        """Speak one line, *emphatic* words between asterisks. Raises CorpusError when the engine fails on it."""
        ...


def plain_text(text: str) -> str:
    """A line without the marks around *emphatic* words, for engines that know no emphasis."""
    return text.replace("*", "")


def program_version(program: str) -> str:
    """The line with a number in what `program --version` prints; "unknown" when there is none."""
    done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30, check=False)
    numbered = (line.strip() for line in (done.stdout + done.stderr).splitlines() if re.search(r"\d\.\d", line))
    return next(numbered, "unknown")


def to_16_khz(samples: np.ndarray, rate_hz: int) -> np.ndarray:
    """Resample (N,) to 16 kHz with a zero-phase polyphase filter: times in seconds stay where they were."""
    samples = np.asarray(samples, dtype=np.float32)
    if rate_hz == SAMPLE_RATE_HZ:
        return samples
    divisor = int(np.gcd(SAMPLE_RATE_HZ, rate_hz))
    out = resample_poly(samples, SAMPLE_RATE_HZ // divisor, rate_hz // divisor)
    return np.clip(out, -1.0, 1.0).astype(np.float32)
