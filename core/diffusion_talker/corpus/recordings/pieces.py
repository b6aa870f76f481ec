# SPDX-License-Identifier: GPL-3.0-or-later
"""Pieces: stretches of a recording between pauses, with phones and how sure they are.

Phones come from labels by hand, else from a transcript aligned with what a recogniser hears, else from what it hears
alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from diffusion_talker.audio import SAMPLE_RATE_HZ, FileSource
from diffusion_talker.corpus.alignment import (
    FrameSpan,
    align_phones,
    blend_with_class,
    decode_phones,
    edge_times_s,
    with_confidence,
)
from diffusion_talker.corpus.phones import SILENCE, broad_phone, narrow_phones
from diffusion_talker.corpus.pronunciation import pronounce
from diffusion_talker.corpus.recordings.sources import Recording
from diffusion_talker.corpus.timing import place_phones
from diffusion_talker.errors import CorpusError

#: (N,) float32 at 16 kHz -> (T, P) log probabilities over PHONE_NAMES at the motion rate.
Listener = Callable[[np.ndarray], np.ndarray]

#: Spans below are unsure: labelled unknown. Tuned on speakers that are not held out.
CONFIDENT: Final = 0.6
#: The same where the words are known: only what the recogniser contradicts is unsure.
CONFIDENT_OF_WORDS: Final = 0.2
#: How far a transcript's log probability may lie under that of the likeliest phones, per frame. Sentences read aloud
#: lie 0.5 to 0.8 under it, those of another recording 2.0 and more.
_FURTHEST_SCORE: Final = -1.4
#: Pieces with less of their speech in sure spans are dropped.
LEAST_CONFIDENT_SHARE: Final = 0.5
LEAST_PIECE_S: Final = 3.0
LONGEST_PIECE_S: Final = 12.0
_CLASS_SHARE: Final = 0.3
_CUT_PAUSE_S: Final = 0.15
_KEPT_PAUSE_S: Final = 0.25
_LEAST_SPEECH_S: Final = 0.5


@dataclass(frozen=True)
class HeardPhone:
    """A phone of the inventory in seconds of its recording. is_sure: may be learned as a label."""

    name: str
    start_s: float
    end_s: float
    is_sure: bool = True


@dataclass(frozen=True)
class Piece:
    """[start_s, end_s) of a recording. phones: inside it, without holes, in seconds of the recording; confidence: share
    of its speech whose phones are sure."""

    start_s: float
    end_s: float
    phones: tuple[HeardPhone, ...]
    confidence: float

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s

    @property
    def is_sure(self) -> bool:
        return self.confidence >= LEAST_CONFIDENT_SHARE


def load_samples(recording: Recording) -> np.ndarray:
    """(N,) float32 at 16 kHz. Raises AudioError."""
    with FileSource(recording.path) as source:
        return source.read(0, source.sample_count)


def find_pieces(recording: Recording, samples: np.ndarray, listener: Listener | None) -> tuple[Piece, ...]:
    """All pieces of a recording in which something is said, sure or not.

    Raises CorpusError without labels and without listener, and for labels that no table knows.
    """
    duration_s = len(samples) / SAMPLE_RATE_HZ
    if recording.labels is not None:
        phones = _labelled(recording, duration_s)
    elif listener is not None:
        phones = _heard(recording, samples, listener)
    else:
        raise CorpusError(f"'{recording.path}' has no phones by hand. Give a recogniser to find them.")
    if not phones:
        return ()
    times_s = _cut_times_s(phones)
    found = (_piece(phones, start_s, end_s) for start_s, end_s in zip(times_s, times_s[1:], strict=False))
    return tuple(piece for piece in found if piece is not None)


def _labelled(recording: Recording, duration_s: float) -> tuple[HeardPhone, ...]:
    spans = place_phones(recording.labels or (), recording.alphabet, recording.language)
    phones: list[HeardPhone] = []
    time_s = 0.0
    for span in spans:
        if span.start_s > time_s + 1e-3:
            phones.append(HeardPhone(SILENCE, time_s, float(span.start_s)))
        time_s = min(float(span.end_s), duration_s)
        if time_s > span.start_s:
            phones.append(HeardPhone(span.phone.name, float(span.start_s), time_s))
    if duration_s > time_s + 1e-3:
        phones.append(HeardPhone(SILENCE, time_s, duration_s))
    return tuple(phones)


def _heard(recording: Recording, samples: np.ndarray, listener: Listener) -> tuple[HeardPhone, ...]:
    log_probabilities = listener(samples)
    aligned = _aligned(recording, log_probabilities)
    spans = aligned or decode_phones(log_probabilities)
    threshold = CONFIDENT_OF_WORDS if aligned else CONFIDENT
    edges = edge_times_s(spans, log_probabilities)
    names = narrow_phones([span.phone for span in spans], recording.language)
    return tuple(
        HeardPhone(names[i], edges[i], min(edges[i + 1], len(samples) / SAMPLE_RATE_HZ), span.confidence >= threshold)
        for i, span in enumerate(spans)
    )


def _aligned(recording: Recording, log_probabilities: np.ndarray) -> tuple[FrameSpan, ...] | None:
    """Spans of the transcript, where there is one that belongs to the sound."""
    if not recording.text:
        return None
    blended = blend_with_class(log_probabilities, _CLASS_SHARE)
    try:
        spoken = pronounce(recording.text, recording.language)
        alignment = align_phones(blended, [broad_phone(name) for name in spoken.phones], spoken.pauses)
    except CorpusError:
        return None
    score = alignment.score - float(blended.max(axis=1).mean())
    return with_confidence(alignment.spans, log_probabilities) if score >= _FURTHEST_SCORE else None


def _cut_times_s(phones: Sequence[HeardPhone]) -> list[float]:
    """Where to cut, ends included: pieces of LEAST_PIECE_S..LONGEST_PIECE_S, each ended by its longest pause.

    Somebody who speaks on for longer without one is cut at the edge of a phone.
    """
    end_s = phones[-1].end_s
    pauses = {(p.start_s + p.end_s) / 2: p.end_s - p.start_s for p in phones if p.name == SILENCE}
    pauses = {time_s: length_s for time_s, length_s in pauses.items() if length_s >= _CUT_PAUSE_S}
    pauses[end_s] = np.inf
    times_s = [phones[0].start_s]
    while times_s[-1] < end_s:
        start_s = times_s[-1]
        near = [time_s for time_s in pauses if start_s < time_s <= start_s + LONGEST_PIECE_S]
        long_enough = [time_s for time_s in near if time_s >= start_s + LEAST_PIECE_S]
        edges = [p.end_s for p in phones if start_s < p.end_s <= start_s + LONGEST_PIECE_S]
        if long_enough:
            times_s.append(max(long_enough, key=pauses.__getitem__))
        else:
            times_s.append(max(near or edges or [end_s]))
    return times_s


def _piece(phones: Sequence[HeardPhone], start_s: float, end_s: float) -> Piece | None:
    """The phones in [start_s, end_s) without long silence at the ends; None where nothing is said."""
    inside = [p for p in phones if p.end_s > start_s + 1e-6 and p.start_s < end_s - 1e-6]
    speech = [p for p in inside if p.name != SILENCE]
    speech_s = sum(p.end_s - p.start_s for p in speech)
    if speech_s < _LEAST_SPEECH_S:
        return None
    first_s = max(start_s, speech[0].start_s - _KEPT_PAUSE_S)
    last_s = min(end_s, speech[-1].end_s + _KEPT_PAUSE_S)
    kept = tuple(
        HeardPhone(p.name, max(p.start_s, first_s), min(p.end_s, last_s), p.is_sure)
        for p in inside
        if p.end_s > first_s and p.start_s < last_s
    )
    sure_s = sum(p.end_s - p.start_s for p in speech if p.is_sure)
    return Piece(first_s, last_s, kept, sure_s / speech_s)
