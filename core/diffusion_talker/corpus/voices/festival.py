# SPDX-License-Identifier: GPL-3.0-or-later
"""Festival in one long-lived process per clip: `utt.save.segs` writes every segment with its end time.

Starting Festival and loading a voice costs a fifth of a second, a line a few hundredths; so the process stays and
lines are sent to it.
"""

from __future__ import annotations

import math
import os
import re
import selectors
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from diffusion_talker.corpus.voices.base import PhoneSpan, Prosody, Utterance, plain_text, program_version, to_16_khz
from diffusion_talker.corpus.voices.flite import read_wave
from diffusion_talker.errors import CorpusError


@dataclass(frozen=True)
class _Installed:
    """What must be known of a voice. alphabet: its symbols' table in corpus/phone_tables.py; encoding: of its text.

    engine: "diphone" obeys rate and pitch, "hts" rate alone. package: of Debian. mean_pitch_hz: measured.
    """

    language: str
    alphabet: str
    package: str
    encoding: str = "ascii"
    engine: str = "diphone"
    mean_pitch_hz: float = 110.0


#: Left out: msu_ru_nsh_clunits, whose phone times come 15 ms after its sound.
VOICES: Final[dict[str, _Installed]] = {
    "kal_diphone": _Installed("en", "arpabet", "festvox-kallpc16k"),
    "ked_diphone": _Installed("en", "arpabet", "festvox-kdlpc16k"),
    "cmu_us_slt_arctic_hts": _Installed("en", "arpabet", "festvox-us-slt-hts", engine="hts"),
    "pc_diphone": _Installed("it", "festival-it", "festvox-itapc16k", "latin-1", mean_pitch_hz=119.0),
    "lp_diphone": _Installed("it", "festival-it", "festvox-italp16k", "latin-1", mean_pitch_hz=211.0),
    "czech_dita": _Installed("cs", "festival-cs", "festvox-czech-dita", "iso8859-2", mean_pitch_hz=215.0),
    "czech_krb": _Installed("cs", "festival-cs", "festvox-czech-krb", "iso8859-2", mean_pitch_hz=245.0),
    "czech_machac": _Installed("cs", "festival-cs", "festvox-czech-machac", "iso8859-2", mean_pitch_hz=110.0),
    "czech_ph": _Installed("cs", "festival-cs", "festvox-czech-ph", "iso8859-2", mean_pitch_hz=115.0),
    "suo_fi_lj_diphone": _Installed("fi", "festival-fi", "festvox-suopuhe-lj", "latin-1", mean_pitch_hz=154.0),
    "hy_fi_mv_diphone": _Installed("fi", "festival-fi", "festvox-suopuhe-mv", "latin-1", mean_pitch_hz=90.0),
    "upc_ca_ona_hts": _Installed("ca", "festival-ca", "festvox-ca-ona-hts", "latin-1", "hts"),
    "hindi_NSK_diphone": _Installed("hi", "festival-in", "festvox-hi-nsk festival-hi", "utf-8", mean_pitch_hz=130.0),
    "marathi_NSK_diphone": _Installed("mr", "festival-in", "festvox-mr-nsk festival-mr", "utf-8", mean_pitch_hz=130.0),
    "telugu_NSK_diphone": _Installed("te", "festival-in", "festvox-te-nsk festival-te", "utf-8", mean_pitch_hz=130.0),
}
_DONE = "LINE-DONE"
_TIMEOUT_S = 45.0
_DATA = Path("/usr/share/festival")
#: HTS marks phones early by this, measured against the level of its sound.
_HTS_DELAY_S = 0.0075
#: Pitch targets are moved between analysis and sound, which works whatever model of intonation a voice has.
_SETUP = """
(set! dt_pitch 1.0)
(set! dt_range 1.0)
(define (dt_mean items sum count)
  (if items (dt_mean (cdr items) (+ sum (item.feat (car items) "f0")) (+ count 1)) (/ sum count)))
(define (dt_move_pitch utt)
  (let ((items (if (member_string 'Target (utt.relationnames utt)) (utt.relation.leafs utt 'Target))))
    (if items
      (let ((mean (dt_mean items 0.0 0)))
        (mapcar (lambda (item)
                  (item.set_feat item "f0" (* dt_pitch (+ mean (* dt_range (- (item.feat item "f0") mean))))))
                items))))
  utt)
"""


@dataclass(frozen=True)
class Segment:
    """A phone that a diphone voice shall say. pitch_hz: at its middle, NaN for none."""

    symbol: str
    duration_s: float
    pitch_hz: float = math.nan


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
        self._voice = ""
        self.run(_SETUP.encode())

    def select(self, voice: str) -> None:
        """Speak with this voice from now on. Voices set their own hooks, ours follows them."""
        if voice != self._voice:
            hook = "(set! after_analysis_hooks (append after_analysis_hooks (list dt_move_pitch)))"
            kept = "(set! dt_hts_params hts_engine_params)"
            self.run(f"(set! after_analysis_hooks nil)\n(voice_{voice})\n{hook}\n{kept}".encode())
            self._voice = voice

    def run(self, commands: bytes) -> None:
        """Send commands and wait until they are done. Raises CorpusError when Festival dies or takes too long."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(commands + f'\n(format t "{_DONE}\\n")\n(fflush nil)\n'.encode())
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
    """One of Festival's installed voices, of VOICES."""

    voice: str
    pitch: float = 1.0
    engine: str = "festival"

    @property
    def name(self) -> str:
        return self.voice

    @property
    def language(self) -> str:
        return VOICES[self.voice].language

    @property
    def alphabet(self) -> str:
        return VOICES[self.voice].alphabet

    @property
    def obeys_pitch(self) -> bool:
        return VOICES[self.voice].engine == "diphone"

    def synthesize(self, text: str, prosody: Prosody) -> Utterance:
        """Speak one line. Raises CorpusError when the engine fails on it; the next line gets a fresh process."""
        quoted = plain_text(text).replace("\\", "").replace('"', "")
        settings = [
            f"(Parameter.set 'Duration_Stretch {1.0 / prosody.rate:.4f})",
            f"(set! dt_pitch {self.pitch * prosody.pitch:.4f})",
            f"(set! dt_range {prosody.pitch_range:.4f})",
        ]
        if VOICES[self.voice].engine == "hts":
            settings.append(f'(set! hts_engine_params (append dt_hts_params (list (list "-r" {prosody.rate:.4f}))))')
        return self._speak("\n".join([*settings, f'(set! line (utt.synth (Utterance Text "{quoted}")))']), quoted)

    def synthesize_segments(self, segments: list[Segment], pitch: float) -> Utterance:
        """Say phones with given durations and pitch times `pitch`. Raises CorpusError; only diphone voices can."""
        said = " ".join(_scheme(segment) for segment in segments)
        settings = f"(set! dt_pitch {self.pitch * pitch:.4f})\n(set! dt_range 1.0)\n"
        return self._speak(f"{settings}(set! line (utt.synth (Utterance Segments ({said}))))", "a line of phones")

    def _speak(self, commands: str, what: str) -> Utterance:
        """Run commands that leave an utterance in `line`, and fetch its sound and segments."""
        with tempfile.TemporaryDirectory(prefix="festival_") as folder:
            segments, sound = Path(folder) / "line.segs", Path(folder) / "line.wav"
            save = f'(utt.save.segs line "{segments}")\n(utt.save.wave line "{sound}" \'riff)'
            try:
                _process().select(self.voice)
                _process().run(f"{commands}\n{save}".encode(VOICES[self.voice].encoding, errors="ignore"))
                samples, rate_hz = read_wave(str(sound))
                delay_s = _HTS_DELAY_S if VOICES[self.voice].engine == "hts" else 0.0
                spans = _spans(segments, len(samples) / rate_hz, delay_s)
            except (CorpusError, OSError) as error:
                _process().close()
                _process.cache_clear()
                raise CorpusError(f"festival could not say {what!r}: {error}") from error
        return Utterance(to_16_khz(samples, rate_hz), spans)


def _scheme(segment: Segment) -> str:
    target = "" if math.isnan(segment.pitch_hz) else f" ({segment.duration_s / 2:.4f} {segment.pitch_hz:.1f})"
    return f"({segment.symbol} {segment.duration_s:.4f}{target})"


def recorded_pairs(voice: str) -> frozenset[str]:
    """Names "a-b" of the phone pairs that a diphone voice holds. Raises CorpusError when its index is not found."""
    indices = (path for root in ("", "lib/") for path in _DATA.glob(f"{root}voices/*/{voice}/group/*.group"))
    for path in sorted(indices):
        head, _, rest = path.read_bytes().partition(b"EST_Header_End\n")
        count = int(re.search(rb"NumEntries (\d+)", head).group(1))
        return frozenset(row.split()[0].decode("latin-1") for row in rest.split(b"\n", count)[:count])
    raise CorpusError(f"The index of Festival's voice {voice} was not found under {_DATA}. Install it again.")


def _spans(path: Path, duration_s: float, delay_s: float) -> tuple[PhoneSpan, ...]:
    spans: list[PhoneSpan] = []
    time_s = 0.0
    for row in path.read_text(encoding="latin-1").splitlines():
        fields = row.split()
        if len(fields) != 3:
            continue
        end_s = min(float(fields[0]) + delay_s, duration_s)
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
        return f"The festival voice {voice} is missing. Install it: apt install {VOICES[voice].package}"
    return None


@lru_cache(maxsize=1)
def _installed() -> tuple[str, ...]:
    query = "(voice.list)"
    done = subprocess.run(
        ["festival", "-b", f'(format t "%l" {query})'], capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
    )
    return tuple(done.stdout.strip("() \n").split())


def version() -> str:
    """The version that the program reports."""
    return program_version("festival")
