# SPDX-License-Identifier: GPL-3.0-or-later
"""eSpeak NG through its shared library, whose phoneme events carry the sample position of every phone.

Source of the interface: speak_lib.h of eSpeak NG 1.51. The library keeps one voice and one rate at a time, so every
call sets both.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import html
import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from diffusion_talker.corpus.voices.base import PhoneSpan, Prosody, Utterance, to_16_khz
from diffusion_talker.errors import CorpusError

_AUDIO_OUTPUT_SYNCHRONOUS = 2
_INITIALIZE_PHONEME_EVENTS = 0x0001
_INITIALIZE_PHONEME_IPA = 0x0002
_CHARS_UTF8, _SSML = 1, 0x10
_PARAMETER_RATE, _PARAMETER_VOLUME, _PARAMETER_PITCH, _PARAMETER_RANGE, _PARAMETER_WORDGAP = 1, 2, 3, 4, 7
_EVENT_LIST_TERMINATED, _EVENT_PHONEME = 0, 7
_WORDS_PER_MINUTE = 165
_MIN_RATE_WPM, _MAX_RATE_WPM = 90, 380


class _EventId(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    ]


_SynthCallback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class _Engine:
    """The library with its callback; one per process."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self.library = library
        self.chunks: list[np.ndarray] = []
        self.events: list[tuple[int, str]] = []
        self._callback = _SynthCallback(self._collect)  # kept: the library holds only a bare pointer
        options = _INITIALIZE_PHONEME_EVENTS | _INITIALIZE_PHONEME_IPA
        self.rate_hz = int(library.espeak_Initialize(_AUDIO_OUTPUT_SYNCHRONOUS, 0, None, options))
        if self.rate_hz <= 0:
            raise CorpusError("eSpeak NG could not start. Install its data (package espeak-ng-data) and try again.")
        library.espeak_SetSynthCallback(self._callback)

    def _collect(self, samples, count: int, events) -> int:
        if samples and count > 0:
            self.chunks.append(np.ctypeslib.as_array(samples, shape=(count,)).copy())
        index = 0
        while events[index].type != _EVENT_LIST_TERMINATED:
            if events[index].type == _EVENT_PHONEME:
                # the union's eight bytes are not NUL-terminated when the symbol fills them
                raw = ctypes.string_at(ctypes.addressof(events[index].id), 8).split(b"\0")[0]
                self.events.append((events[index].sample, raw.decode("utf-8", errors="ignore")))
            index += 1
        return 0

    def speak(self, voice: str, text: str, prosody: Prosody, pitch: int) -> tuple[np.ndarray, list[tuple[int, str]]]:
        """Returns (samples int16, [(sample position, symbol)])."""
        if self.library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise CorpusError(f"eSpeak NG has no voice {voice!r}. List its voices with: espeak-ng --voices")
        rate = int(np.clip(_WORDS_PER_MINUTE * prosody.rate, _MIN_RATE_WPM, _MAX_RATE_WPM))
        settings = {
            _PARAMETER_RATE: rate,
            _PARAMETER_VOLUME: 90,
            _PARAMETER_PITCH: int(np.clip(pitch * prosody.pitch**2, 0, 99)),
            _PARAMETER_RANGE: int(np.clip(50 * prosody.pitch_range, 0, 99)),
        }
        for parameter, value in settings.items():
            self.library.espeak_SetParameter(parameter, value, 0)
        self.chunks, self.events = [], []
        data = _markup(text).encode("utf-8") + b"\0"
        status = self.library.espeak_Synth(data, len(data), 0, 1, 0, _CHARS_UTF8 | _SSML, None, None)
        self.library.espeak_Synchronize()
        if status != 0 or not self.chunks:
            raise CorpusError(f"eSpeak NG made no sound for {text!r} with voice {voice!r}.")
        return np.concatenate(self.chunks), self.events


def _markup(text: str) -> str:
    """SSML of a line: *words* between asterisks are said with emphasis."""
    return re.sub(r"\*([^*]+)\*", r'<emphasis level="strong">\1</emphasis>', html.escape(text, quote=False))


@lru_cache(maxsize=1)
def _engine() -> _Engine:
    return _Engine(_library())


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL:
    name = ctypes.util.find_library("espeak-ng") or "libespeak-ng.so.1"
    try:
        return ctypes.CDLL(name)
    except OSError as error:
        raise CorpusError("The library of eSpeak NG is missing. Install it: apt install espeak-ng") from error


def missing_reason() -> str | None:
    """Why eSpeak NG cannot be used here, or None when it can."""
    try:
        _library()
    except CorpusError as error:
        return str(error)
    return None


def version() -> str:
    """The version that the library reports. Raises CorpusError when it is missing."""
    library = _library()
    library.espeak_Info.restype = ctypes.c_char_p
    return library.espeak_Info(None).decode("utf-8", errors="replace")


#: Language code -> eSpeak voice files, each a variety of that language.
LANGUAGE_FILES: dict[str, tuple[str, ...]] = {
    "en": ("gmw/en-US", "gmw/en", "gmw/en-GB-scotland", "gmw/en-GB-x-rp"),
    "de": ("gmw/de",),
    "fr": ("roa/fr", "roa/fr-BE", "roa/fr-CH"),
    "es": ("roa/es", "roa/es-419"),
    "it": ("roa/it",),
    "nl": ("gmw/nl",),
    "pt": ("roa/pt-BR", "roa/pt"),
    "pl": ("zlw/pl",),
    "cs": ("zlw/cs",),
    "fi": ("urj/fi",),
    "ru": ("zle/ru",),
    "sv": ("gmq/sv",),
    "tr": ("trk/tr",),
    "ca": ("roa/ca",),
    "hu": ("urj/hu",),
    "hi": ("inc/hi",),
    "mr": ("inc/mr",),
    "te": ("dra/te",),
    "cmn": ("sit/cmn-Latn-pinyin",),
}
_SILENT_DB_FS = -62.0
_QUIET_DB_FS = -38.0
_CLOSURE_DROP_DB = 22.0
_LONGEST_CLOSURE_S = 0.14
_SHORTEST_PAUSE_S = 0.06
_LEAST_CLOSURE_S = 0.04
_VOICELESS_STARTS = frozenset("ptkc")
_STOP_STARTS = frozenset("pbtdkɡgc")


@dataclass(frozen=True)
class EspeakVoice:
    """A variant (formants, voice quality) speaking one language file."""

    variant: str
    language: str
    language_file: str
    pitch: int = 50
    engine: str = "espeak"
    alphabet: str = "ipa"
    obeys_pitch: bool = True

    @property
    def name(self) -> str:
        return f"{self.language_file}+{self.variant}"

    def synthesize(self, text: str, prosody: Prosody) -> Utterance:
        """Speak one line. Raises CorpusError when the engine fails on it."""
        engine = _engine()
        samples, events = engine.speak(self.name, text, prosody, self.pitch)
        spans = _spans(events, len(samples), engine.rate_hz)
        levels = samples.astype(np.float32) / 32768.0
        spans = give_stops_their_closure(spans, levels, engine.rate_hz)
        return Utterance(to_16_khz(levels, engine.rate_hz), tuple(spans))


def _spans(events: list[tuple[int, str]], sample_count: int, rate_hz: int) -> list[PhoneSpan]:
    """Contiguous spans from onset events; language switches like "(en)" are no phones."""
    kept = [(position, symbol) for position, symbol in events if not symbol.startswith("(")]
    positions = [position for position, _ in kept] + [sample_count]
    spans = [
        PhoneSpan(symbol, start / rate_hz, end / rate_hz)
        for (start, symbol), end in zip(kept, positions[1:], strict=False)
        if end > start
    ]
    if spans and spans[0].start_s > 0:
        spans.insert(0, PhoneSpan("", 0.0, spans[0].start_s))
    return spans


def give_stops_their_closure(spans: list[PhoneSpan], levels: np.ndarray, rate_hz: int) -> list[PhoneSpan]:
    """Move the silence before a stop into the stop.

    eSpeak NG marks a stop at its burst and leaves the silent closure to the phone before; measured on its output,
    voiceless stops have a digitally silent run right before their event. A silent tail before any other phone becomes
    a pause if it is long.
    """
    out: list[PhoneSpan] = []
    for span in spans:
        previous = out[-1] if out else None
        if previous is None:
            out.append(span)
            continue
        quiet_s = _silent_tail_s(levels, previous, rate_hz)
        if span.symbol[:1] in _VOICELESS_STARTS and quiet_s < _LEAST_CLOSURE_S and previous.symbol:
            quiet_s = min(
                _LEAST_CLOSURE_S, 0.45 * previous.duration_s
            )  # an echo fills the closure: it is there all the same
        if span.symbol[:1] in _STOP_STARTS and quiet_s > 0.004:
            taken_s = min(quiet_s, _LONGEST_CLOSURE_S)
            out[-1:] = _shorten(previous, span.start_s - taken_s, rate_hz, levels)
            out.append(PhoneSpan(span.symbol, span.start_s - taken_s, span.end_s, span.stress))
        elif previous.symbol and quiet_s > _SHORTEST_PAUSE_S:
            out[-1:] = [
                PhoneSpan(previous.symbol, previous.start_s, span.start_s - quiet_s),
                PhoneSpan("", span.start_s - quiet_s, span.start_s),
                span,
            ]
        else:
            out.append(span)
    return [span for span in out if span.end_s > span.start_s]


def _shorten(span: PhoneSpan, end_s: float, rate_hz: int, levels: np.ndarray) -> list[PhoneSpan]:
    """`span` cut at end_s; silence that it still ends in is split off when it is long enough for a pause."""
    cut = PhoneSpan(span.symbol, span.start_s, max(end_s, span.start_s), span.stress)
    quiet_s = _silent_tail_s(levels, cut, rate_hz)
    if not span.symbol or quiet_s < _SHORTEST_PAUSE_S:
        return [cut]
    return [
        PhoneSpan(cut.symbol, cut.start_s, cut.end_s - quiet_s, cut.stress),
        PhoneSpan("", cut.end_s - quiet_s, cut.end_s),
    ]


def _silent_tail_s(levels: np.ndarray, span: PhoneSpan, rate_hz: int) -> float:
    """Length of the near-silent run that ends a span, in steps of 4 ms; variants with echo never reach digital
    silence."""
    hop = int(0.004 * rate_hz)
    first, last = int(round(span.start_s * rate_hz)), int(round(span.end_s * rate_hz))
    count = (last - first) // hop
    if count < 2:
        return 0.0
    frames = levels[last - count * hop : last].reshape(count, hop)
    level_db = 10 * np.log10((frames**2).mean(axis=1) + 1e-10)
    quiet = level_db < max(_SILENT_DB_FS, min(_QUIET_DB_FS, float(level_db.max()) - _CLOSURE_DROP_DB))
    loud = np.flatnonzero(~quiet)
    return (count - (int(loud[-1]) + 1 if len(loud) else 0)) * hop / rate_hz
