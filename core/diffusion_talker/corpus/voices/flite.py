# SPDX-License-Identifier: GPL-3.0-or-later
"""Flite on its command line: `-psdur` prints every segment with its end time."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import wave
from dataclasses import dataclass

import numpy as np

from diffusion_talker.corpus.voices.base import PhoneSpan, Prosody, Utterance, plain_text, program_version, to_16_khz
from diffusion_talker.errors import CorpusError

VOICES = ("slt", "rms", "awb", "kal16")
_MEAN_PITCH_HZ = {"slt": 170.0, "rms": 100.0, "awb": 120.0, "kal16": 95.0}
_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class FliteVoice:
    """One of flite's four voices built from real speakers."""

    voice: str
    pitch: float = 1.0
    language: str = "en"
    engine: str = "flite"
    alphabet: str = "arpabet"
    obeys_pitch: bool = True

    @property
    def name(self) -> str:
        return self.voice

    def synthesize(self, text: str, prosody: Prosody) -> Utterance:
        """Speak one line. Raises CorpusError when the engine fails on it."""
        handle, path = tempfile.mkstemp(suffix=".wav")
        os.close(handle)
        try:
            printed = _run(self._command(text, prosody, path))
            samples, rate_hz = read_wave(path)
        finally:
            os.unlink(path)
        return Utterance(to_16_khz(samples, rate_hz), _spans(printed, len(samples) / rate_hz))

    def _command(self, text: str, prosody: Prosody, path: str) -> list[str]:
        settings = {
            "duration_stretch": 1.0 / prosody.rate,
            "int_f0_target_mean": _MEAN_PITCH_HZ.get(self.voice, 110.0) * self.pitch * prosody.pitch,
            "int_f0_target_stddev": 14.0 * prosody.pitch_range,
        }
        command = ["flite", "-voice", self.voice, "-psdur", "-o", path, "-t", plain_text(text)]
        for key, value in settings.items():
            command += ["--setf", f"{key}={value:.4f}"]
        return command


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise CorpusError(f"flite failed: {error}. Install it (apt install flite) or leave it out.") from error
    return done.stdout


def _spans(printed: str, duration_s: float) -> tuple[PhoneSpan, ...]:
    spans: list[PhoneSpan] = []
    time_s = 0.0
    for token in printed.split():
        symbol, _, end = token.rpartition(":")
        end_s = min(float(end), duration_s)
        if end_s < time_s - 1e-3:  # a second utterance of the same text starts its clock anew
            raise CorpusError("flite split the line into several utterances; give it one sentence.")
        spans.append(PhoneSpan(symbol, time_s, max(end_s, time_s)))
        time_s = max(end_s, time_s)
    if not spans:
        raise CorpusError("flite printed no segments.")
    return tuple(spans)


def read_wave(path: str) -> tuple[np.ndarray, int]:
    """(samples float32 in [-1, 1], rate in Hz) of a 16-bit mono file. Raises CorpusError when it is none."""
    try:
        with wave.open(path, "rb") as file:
            data = np.frombuffer(file.readframes(file.getnframes()), "<i2")
            return data.astype(np.float32) / 32768.0, file.getframerate()
    except (OSError, EOFError, wave.Error) as error:
        raise CorpusError(f"The speech engine wrote no readable sound: {error}. Try another line.") from error


def missing_reason() -> str | None:
    """Why flite cannot be used here, or None when it can."""
    return None if shutil.which("flite") else "The program flite is missing. Install it: apt install flite"


def version() -> str:
    """The version that the program reports."""
    return program_version("flite")
