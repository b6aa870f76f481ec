# SPDX-License-Identifier: GPL-3.0-or-later
"""A language said by the recorded voice of another: eSpeak NG gives phones, durations and melody, Festival the person.

German has no recorded voice in free packages. A diphone voice holds every pair of its own language's phones, so each
German phone is replaced by the nearest one the voice has, chosen so that every pair exists; where none does, a very
short pause stands between. Labels are of the phones that are really said: an accent, not a mistake.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from diffusion_talker.audio import SAMPLE_RATE_HZ
from diffusion_talker.corpus.phone_tables import FESTIVAL_TABLES
from diffusion_talker.corpus.phones import ARPABET, PHONE_NAMES, SILENCE
from diffusion_talker.corpus.timing import TimedPhone, place_phones
from diffusion_talker.corpus.voices import festival
from diffusion_talker.corpus.voices.base import Prosody, Utterance
from diffusion_talker.corpus.voices.espeak import EspeakVoice

#: Nearest relatives of a phone, best first; relatives of these are not tried. Rounding is kept where it can be.
_RELATIVES: Final[dict[str, str]] = {
    "y": "ui", "ʏ": "yʊɪi", "ø": "oeɛ", "œ": "øɔɛe", "x": "hk", "ç": "ʃh", "ʁ": "ɾɹ", "ɾ": "ɹ", "ɹ": "ɾ", "ə": "ɛeʌ",
    "ɐ": "aʌɑ", "a": "ɑ", "ɑ": "a", "ʌ": "aɑ", "ɪ": "i", "i": "ɪ", "ʊ": "u", "u": "ʊ", "e": "ɛ", "ɛ": "e", "o": "ɔ",
    "ɔ": "o", "ŋ": "n", "z": "s", "ʒ": "ʃz", "ʃ": "s", "θ": "s", "ð": "d", "β": "bv", "w": "vu", "æ": "ɛa", "ɨ": "ɪi",
    "h": "x", "j": "i", "ɡ": "k", "ɣ": "ɡ", "ɲ": "n", "ɚ": "əɛe", "v": "w",
    "ɕ": "ʃ", "ʑ": "ʒʃ", "ʂ": "ʃ", "ʐ": "ʒʃ",
}  # fmt: skip
_MODEL = "m3"
#: A glottal stop at a vowel's start is no pair of any of these voices.
_UNSAID = frozenset("ʔ")
_SHORTEST_S, _BRIDGE_S, _EDGE_S = 0.03, 0.03, 0.1
_MISSING_COST, _RELATIVE_COST = 1.0, 0.02


@dataclass(frozen=True)
class BorrowedVoice:
    """A diphone voice of Festival that says a language of eSpeak NG."""

    voice: str
    language: str
    language_file: str
    pitch: float = 1.0
    engine: str = "festival"
    obeys_pitch: bool = True

    @property
    def name(self) -> str:
        return f"{self.voice} in {self.language}"

    @property
    def alphabet(self) -> str:
        return festival.VOICES[self.voice].alphabet

    def synthesize(self, text: str, prosody: Prosody) -> Utterance:
        """Speak one line, *emphatic* words between asterisks. Raises CorpusError when an engine fails on it."""
        model = EspeakVoice(_MODEL, self.language, self.language_file)
        spoken = model.synthesize(text, Prosody(prosody.rate, 1.0, prosody.pitch_range))
        phones = [p for p in place_phones(spoken.phones, "ipa", self.language) if p.phone.name not in _UNSAID]
        stock = stock_of(self.voice)
        symbols = substitute(tuple(p.phone.name for p in phones), stock)
        pitch_hz = _melody(phones, spoken.samples) * self.pitch * festival.VOICES[self.voice].mean_pitch_hz
        segments = _segments(phones, symbols, pitch_hz, stock)
        return festival.FestivalVoice(self.voice).synthesize_segments(segments, prosody.pitch)


@dataclass(frozen=True)
class Stock:
    """What a voice holds. symbols: name of the inventory -> the voice's symbols for it or its relatives, best first;
    pairs: "a-b" for every pair that was recorded; silence: its symbol."""

    symbols: dict[str, tuple[str, ...]]
    pairs: frozenset[str]
    silence: str


@lru_cache(maxsize=8)
def stock_of(voice: str) -> Stock:
    """The stock of an installed diphone voice. Raises CorpusError when its index cannot be read."""
    pairs = festival.recorded_pairs(voice)
    known = {half for pair in pairs for half in pair.split("-", 1)}
    own: dict[str, tuple[str, ...]] = {}
    for symbol, names in {"arpabet": ARPABET, **FESTIVAL_TABLES}[festival.VOICES[voice].alphabet].items():
        if len(names) == 1 and symbol in known:
            own[names[0]] = (*own.get(names[0], ()), symbol)
    symbols = {
        name: tuple(symbol for near in (name, *_RELATIVES.get(name, "")) for symbol in own.get(near, ()))
        for name in PHONE_NAMES
    }
    return Stock(symbols, pairs, own[SILENCE][0])


def substitute(names: tuple[str, ...], stock: Stock) -> tuple[str, ...]:
    """The voice's symbols for phones of the inventory, as many as names; silence where it has nothing near.

    The cheapest way through all candidates, a missing pair counting fifty times a second choice (Viterbi 1967).
    """
    cost = {stock.silence: 0.0}
    came_from: list[dict[str, str]] = []
    for name in names:
        reached: dict[str, tuple[float, str]] = {}
        for rank, symbol in enumerate(stock.symbols[name] or (stock.silence,)):
            reached[symbol] = min((cost[last] + _join_cost(last, symbol, stock), last) for last in cost)
            reached[symbol] = (reached[symbol][0] + _RELATIVE_COST * rank, reached[symbol][1])
        came_from.append({symbol: last for symbol, (_, last) in reached.items()})
        cost = {symbol: total for symbol, (total, _) in reached.items()}
    path = [min(cost, key=cost.__getitem__)]
    for choices in reversed(came_from):
        path.append(choices[path[-1]])
    return tuple(reversed(path[:-1]))


def _join_cost(last: str, symbol: str, stock: Stock) -> float:
    return 0.0 if f"{last}-{symbol}" in stock.pairs else _MISSING_COST


def _segments(
    phones: list[TimedPhone], symbols: tuple[str, ...], pitch_hz: np.ndarray, stock: Stock
) -> list[festival.Segment]:
    """What Festival shall say: silence around, a very short one between phones that it cannot join."""
    segments = [festival.Segment(stock.silence, _EDGE_S)]
    for phone, symbol, hertz in zip(phones, symbols, pitch_hz, strict=True):
        if f"{segments[-1].symbol}-{symbol}" not in stock.pairs:
            segments.append(festival.Segment(stock.silence, _BRIDGE_S))
        segments.append(festival.Segment(symbol, max(phone.duration_s, _SHORTEST_S), float(hertz)))
    return [*segments, festival.Segment(stock.silence, _EDGE_S)]


def _melody(phones: list[TimedPhone], samples: np.ndarray) -> np.ndarray:
    """Pitch of every vowel relative to the line's median, (P,); NaN for other phones."""
    pitch = np.array([_pitch_hz(samples, p) if p.phone.is_vowel else np.nan for p in phones])
    known = pitch[np.isfinite(pitch)]
    return np.clip(pitch / np.median(known), 0.6, 1.7) if len(known) else pitch


def _pitch_hz(samples: np.ndarray, phone: TimedPhone) -> float:
    """Strongest period between 60 and 250 Hz in 40 ms around a phone's middle (autocorrelation)."""
    middle = int((phone.start_s + phone.end_s) / 2 * SAMPLE_RATE_HZ)
    frame = samples[max(middle - 320, 0) : middle + 320].astype(np.float64)
    if len(frame) < 640 or not frame.any():
        return float("nan")
    power = np.abs(np.fft.rfft(frame * np.hanning(640), 2048)) ** 2
    correlation = np.fft.irfft(power)[64:267]
    return SAMPLE_RATE_HZ / (64 + int(np.argmax(correlation)))
