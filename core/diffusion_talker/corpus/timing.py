# SPDX-License-Identifier: GPL-3.0-or-later
"""Phones placed on their sound: affricates and diphthongs split, bursts of stops found, loudness and prominence
measured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from diffusion_talker.corpus.phones import PHONE_NAMES, PHONES, SILENCE, Phone, resolve_symbol
from diffusion_talker.corpus.voices.base import SAMPLE_RATE_HZ, PhoneSpan

#: Share of a two-part symbol that its first part takes; the glide of a diphthong spans the rest.
_FIRST_SHARE_DIPHTHONG = 0.6
_FIRST_SHARE_AFFRICATE = 0.45
_HOP_S = 0.005
#: What one unit of prominence is: decibels, octaves of length, semitones of pitch above the line's usual vowel.
_PROMINENT_DB, _PROMINENT_OCTAVES, _PROMINENT_SEMITONES = 9.0, 1.5, 6.0
#: Prominence by the engine's stress mark (none, secondary, primary), where it marks stress at all.
_STRESS = (-0.3, 0.1, 0.35)
_REDUCED_VOWEL = -0.35
_PITCH_WINDOW_S, _PITCH_RANGE_HZ, _VOICED = 0.05, (60.0, 420.0), 0.35


@dataclass(frozen=True)
class TimedPhone:
    """A phone of the inventory in time. release_s: when a stop bursts (end_s for all others); gain: loudness, 1 is
    the line's usual; prominence: -1 a reduced vowel, 0 the usual, 1 one that carries the accent; stress: the engine's
    mark, 0-2."""

    phone: Phone
    start_s: float
    end_s: float
    release_s: float
    gain: float = 1.0
    prominence: float = 0.0
    stress: int = 0

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s


def place_phones(
    spans: Iterable[PhoneSpan], alphabet: str, language: str, samples: np.ndarray | None = None
) -> tuple[TimedPhone, ...]:
    """Timed phones of an utterance; samples: (N,) at 16 kHz, or None to guess bursts and take loudness as even.

    Raises UnknownPhoneError for symbols that no table knows.
    """
    phones: list[TimedPhone] = []
    for span in spans:
        if span.end_s - span.start_s <= 1e-4:
            continue
        parts = resolve_symbol(alphabet, span.symbol, language)
        edges = _split(parts, span.start_s, span.end_s)
        phones.extend(
            TimedPhone(part, edges[i], edges[i + 1], edges[i + 1], stress=span.stress) for i, part in enumerate(parts)
        )
    merged = _merge_silence(phones)
    if samples is None:
        return tuple(replace(phone, release_s=_release(phone, None)) for phone in merged)
    level_db = _level_db(samples)
    released = tuple(replace(phone, release_s=_release(phone, level_db)) for phone in merged)
    return _with_prominence(_with_loudness(released, level_db), level_db, samples)


def _split(parts: tuple[Phone, ...], start_s: float, end_s: float) -> np.ndarray:
    if len(parts) == 2:
        share = _FIRST_SHARE_DIPHTHONG if parts[0].is_vowel else _FIRST_SHARE_AFFRICATE
        return np.array([start_s, start_s + share * (end_s - start_s), end_s])
    return np.linspace(start_s, end_s, len(parts) + 1)


def _merge_silence(phones: list[TimedPhone]) -> list[TimedPhone]:
    merged: list[TimedPhone] = []
    for phone in phones:
        if merged and phone.phone.name == SILENCE == merged[-1].phone.name:
            merged[-1] = replace(merged[-1], end_s=phone.end_s, release_s=phone.end_s)
        else:
            merged.append(phone)
    return merged


def _level_db(samples: np.ndarray) -> np.ndarray:
    """Level per 5 ms in dB relative to full scale, floored at -80."""
    hop = int(_HOP_S * SAMPLE_RATE_HZ)
    count = len(samples) // hop
    frames = np.asarray(samples[: count * hop], np.float64).reshape(count, hop)
    return 10 * np.log10(np.maximum((frames**2).mean(axis=1), 1e-8))


def _release(phone: TimedPhone, level_db: np.ndarray | None) -> float:
    """Moment of a stop's burst: the steepest rise of level inside it. The seal lies before it (talker.md; Stevens
    1998, ch. 7)."""
    if not phone.phone.is_stop:
        return phone.end_s
    guess = phone.start_s + 0.68 * phone.duration_s
    if level_db is None:
        return guess
    first = int(round((phone.start_s + 0.25 * phone.duration_s) / _HOP_S))
    last = min(int(round(phone.end_s / _HOP_S)), len(level_db) - 1)
    if last - first < 2:
        return guess
    rise = (
        level_db[first + 1 : last + 1] - level_db[max(first - 1, 0) : last - 1]
        if first > 0
        else np.diff(level_db[first : last + 1])
    )
    best = int(np.argmax(rise))
    return (first + best) * _HOP_S if rise[best] > 5.0 else guess


def _with_loudness(phones: tuple[TimedPhone, ...], level_db: np.ndarray) -> tuple[TimedPhone, ...]:
    """Gain of every phone from the loudness of the vowel it belongs to: louder opens wider (JALI, section 4.3)."""
    peaks = np.array([_peak(level_db, phone) for phone in phones])
    vowels = np.array([phone.phone.is_vowel for phone in phones], bool)
    if not vowels.any():
        return phones
    usual = float(np.median(peaks[vowels]))
    times = np.array([(phone.start_s + phone.end_s) / 2 for phone in phones])
    gains = np.clip(10 ** (0.4 * (peaks[vowels] - usual) / 20), 0.72, 1.3)
    along = np.interp(times, times[vowels], gains)
    return tuple(replace(phone, gain=float(gain)) for phone, gain in zip(phones, along, strict=False))


def _with_prominence(
    phones: tuple[TimedPhone, ...], level_db: np.ndarray, samples: np.ndarray
) -> tuple[TimedPhone, ...]:
    """Prominence of every vowel: louder, longer and higher than the line's usual one, stressed, not reduced (Kochanski
    et al. 2005: loudness and length carry it, pitch helps)."""
    vowels = [i for i, phone in enumerate(phones) if phone.phone.is_vowel]
    if not vowels:
        return phones
    levels = np.array([_peak(level_db, phones[i]) for i in vowels])
    octaves = np.log2([max(phones[i].duration_s, 0.02) for i in vowels])
    semitones = np.array([pitch_semitones(samples, phones[i]) for i in vowels])
    marked = any(phone.stress for phone in phones)
    values = (
        (levels - np.median(levels)) / _PROMINENT_DB
        + (octaves - np.median(octaves)) / _PROMINENT_OCTAVES
        + _above_usual(semitones) / _PROMINENT_SEMITONES
        + np.array([_STRESS[phones[i].stress] if marked else 0.0 for i in vowels])
        + np.array([_REDUCED_VOWEL if phones[i].phone.phone_class == "central" else 0.0 for i in vowels])
    )
    out = list(phones)
    for i, value in zip(vowels, np.clip(values, -1.0, 1.0), strict=True):
        out[i] = replace(phones[i], prominence=float(value))
    return tuple(out)


def _above_usual(semitones: np.ndarray) -> np.ndarray:
    """Semitones above the median, at most 8 either way; 0 where the pitch is not known (NaN)."""
    if not np.isfinite(semitones).any():
        return np.zeros(len(semitones))
    return np.clip(np.nan_to_num(semitones - np.nanmedian(semitones)), -8.0, 8.0)


def pitch_semitones(samples: np.ndarray, phone: TimedPhone) -> float:
    """Pitch in the middle of a phone, semitones above 100 Hz, by autocorrelation; NaN when it is not voiced."""
    middle = int(0.5 * (phone.start_s + phone.end_s) * SAMPLE_RATE_HZ)
    half = int(0.5 * _PITCH_WINDOW_S * SAMPLE_RATE_HZ)
    frame = np.asarray(samples[max(middle - half, 0) : middle + half], np.float64)
    if len(frame) < half:
        return float("nan")
    frame = (frame - frame.mean()) * np.hanning(len(frame))
    correlation = np.fft.irfft(np.abs(np.fft.rfft(frame, 4 * half)) ** 2)
    first, last = (int(SAMPLE_RATE_HZ / hz) for hz in reversed(_PITCH_RANGE_HZ))
    lag = first + int(np.argmax(correlation[first : last + 1]))
    if correlation[lag] < _VOICED * max(float(correlation[0]), 1e-12):
        return float("nan")
    return float(12 * np.log2(SAMPLE_RATE_HZ / lag / 100.0))


def _peak(level_db: np.ndarray, phone: TimedPhone) -> float:
    first = min(int(phone.start_s / _HOP_S), len(level_db) - 1)
    last = max(first + 1, int(phone.end_s / _HOP_S))
    return float(np.percentile(level_db[first:last], 80))


def silence_between(start_s: float, end_s: float) -> TimedPhone:
    """A pause."""
    return TimedPhone(PHONES[SILENCE], start_s, end_s, end_s)


def shift(phones: Iterable[TimedPhone], offset_s: float) -> tuple[TimedPhone, ...]:
    """The same phones `offset_s` later."""
    return tuple(
        replace(p, start_s=p.start_s + offset_s, end_s=p.end_s + offset_s, release_s=p.release_s + offset_s)
        for p in phones
    )


def fill_silence(phones: Iterable[TimedPhone], duration_s: float) -> tuple[TimedPhone, ...]:
    """Phones over [0, duration_s] without holes: gaps become silence, silences that touch become one."""
    filled: list[TimedPhone] = []
    time_s = 0.0
    for phone in phones:
        if phone.start_s > time_s + 1e-4:
            filled.append(silence_between(time_s, phone.start_s))
        filled.append(phone)
        time_s = phone.end_s
    if duration_s > time_s + 1e-4:
        filled.append(silence_between(time_s, duration_s))
    return tuple(_merge_silence(filled))


def phone_track(phones: Iterable[TimedPhone], frame_count: int, rate_hz: float) -> np.ndarray:
    """Index into PHONE_NAMES at every frame time, (frame_count,) uint8."""
    track = np.zeros(frame_count, np.uint8)
    for phone in phones:
        first, last = (int(np.ceil(t * rate_hz - 1e-9)) for t in (phone.start_s, phone.end_s))
        track[max(first, 0) : max(last, 0)] = PHONE_NAMES.index(phone.phone.name)
    return track
