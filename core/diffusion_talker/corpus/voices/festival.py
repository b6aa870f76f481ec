# SPDX-License-Identifier: GPL-3.0-or-later
"""Festival in one long-lived process per worker: `utt.save.segs` writes every segment with its end time.

Starting Festival and loading a voice costs a second, a line a few hundredths; so the process stays and lines are sent
to it.
"""

from __future__ import annotations

import os
import selectors
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from diffusion_talker.corpus.voices.base import PhoneSpan, Prosody, Utterance, to_16_khz
from diffusion_talker.corpus.voices.flite import read_wave
from diffusion_talker.errors import CorpusError

VOICES = ("kal_diphone", "ked_diphone", "cmu_us_slt_arctic_hts")
_MEAN_PITCH_HZ = {"kal_diphone": 105.0, "ked_diphone": 110.0}
_DONE = "LINE-DONE"
_TIMEOUT_S = 45.0


class _Process:
    """A running Festival that takes commands."""

    def __init__(self) -> None:
        try:
            self._process = subprocess.Popen(
                ["festival", "--pipe"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        except OSError as error:
            raise CorpusError(
                f"festival failed: {error}. Install it (apt install festival) or leave it out."
            ) from error
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._process.stdout, selectors.EVENT_READ)

    def run(self, commands: str) -> None:
        """Send commands and wait until they are done. Raises CorpusError when Festival dies or takes too long."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(f'{commands}\n(format t "{_DONE}\\n")\n(fflush nil)\n'.encode())
            self._process.stdin.flush()
        except OSError as error:
            raise CorpusError("festival stopped while it was given a line.") from error
        seen = b""
        while _DONE.encode() not in seen:
            if not self._selector.select(_TIMEOUT_S):
                raise CorpusError("festival did not answer in time.")
            chunk = os.read(self._process.stdout.fileno(), 65536)
            if not chunk:
                raise CorpusError("festival stopped in the middle of a line.")
            seen += chunk

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


@lru_cache(maxsize=1)
def _process() -> _Process:
    return _Process()


@dataclass(frozen=True)
class FestivalVoice:
    """One of Festival's installed voices."""

    voice: str
    pitch: float = 1.0
    language: str = "en"
    engine: str = "festival"

    @property
    def name(self) -> str:
        return self.voice

    def synthesize(self, text: str, prosody: Prosody) -> Utterance:
        """Speak one line. Raises CorpusError when the engine fails on it; the next line gets a fresh process."""
        with tempfile.TemporaryDirectory(prefix="festival_") as folder:
            segments, sound = Path(folder) / "line.segs", Path(folder) / "line.wav"
            try:
                _process().run(self._commands(text, prosody, segments, sound))
                samples, rate_hz = read_wave(str(sound))
                spans = _spans(segments, len(samples) / rate_hz)
            except (CorpusError, OSError) as error:
                _process().close()
                _process.cache_clear()
                raise CorpusError(f"festival could not say {text!r}: {error}") from error
        return Utterance(to_16_khz(samples, rate_hz), spans)

    def _commands(self, text: str, prosody: Prosody, segments: Path, sound: Path) -> str:
        quoted = text.replace("\\", "").replace('"', "")
        lines = [f"(voice_{self.voice})", f"(Parameter.set 'Duration_Stretch {1.0 / prosody.rate:.4f})"]
        if self.voice in _MEAN_PITCH_HZ:
            mean_hz = _MEAN_PITCH_HZ[self.voice] * self.pitch * prosody.pitch
            model = "(model_f0_mean 170) (model_f0_std 34)"
            target = f"(target_f0_mean {mean_hz:.1f}) (target_f0_std {14 * prosody.pitch_range:.1f})"
            lines.append(f"(set! int_lr_params '({target} {model}))")
        lines.append(f'(set! line (utt.synth (Utterance Text "{quoted}")))')
        lines.append(f'(utt.save.segs line "{segments}")')
        lines.append(f'(utt.save.wave line "{sound}" \'riff)')
        return "\n".join(lines)


def _spans(path: Path, duration_s: float) -> tuple[PhoneSpan, ...]:
    spans: list[PhoneSpan] = []
    time_s = 0.0
    for row in path.read_text().splitlines():
        fields = row.split()
        if len(fields) != 3:
            continue
        end_s = min(float(fields[0]), duration_s)
        spans.append(PhoneSpan(fields[2], time_s, max(end_s, time_s)))
        time_s = max(end_s, time_s)
    if not spans:
        raise CorpusError("festival wrote no segments.")
    return tuple(spans)


def missing_reason(voice: str) -> str | None:
    """Why this Festival voice cannot be used here, or None when it can."""
    if shutil.which("festival") is None:
        return "The program festival is missing. Install it: apt install festival"
    if voice not in _installed():
        packages = "festvox-kallpc16k festvox-kdlpc16k festvox-us-slt-hts"
        return f"The festival voice {voice} is missing. Install it: apt install {packages}"
    return None


@lru_cache(maxsize=1)
def _installed() -> tuple[str, ...]:
    query = "(voice.list)"
    done = subprocess.run(
        ["festival", "-b", f'(format t "%l" {query})'], capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
    )
    return tuple(done.stdout.strip("() \n").split())
