# SPDX-License-Identifier: GPL-3.0-or-later
"""Phones placed on recorded speech by what a recogniser hears: a known sequence aligned, an unknown one decoded.

Both are Viterbi searches (Rabiner 1989, section III.B) over phone log probabilities at the motion rate, vectorised over
states: O(T S) time and memory. A phone is a chain of as many states as it must last frames, the last of which loops.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from diffusion_talker.audio import MOTION_RATE_HZ
from diffusion_talker.corpus.phones import CLASS_OF_PHONE, PHONE_CLASSES, PHONE_NAMES, PHONES, SILENCE
from diffusion_talker.errors import CorpusError

#: Shortest phone of an aligned sequence, in frames of the motion rate.
LEAST_ALIGNED_FRAMES: Final = 2
#: Log probability of leaving a phone for another, in free decoding; below 0 phones are longer and fewer. The least
#: lengths of phones are enough against flicker: at 0 there are 0.98 as many as people label, at -2 only 0.83.
SWITCH_LOG_PROBABILITY: Final = 0.0
_LEAST_VOWEL_FRAMES = 3
_LEAST_SILENCE_FRAMES = 3
_LEAST_CONSONANT_FRAMES = 2
_FLOOR = -30.0  # of a log probability: no single frame may forbid a path
_NEVER = -np.inf


@dataclass(frozen=True)
class FrameSpan:
    """A phone over the frames [first, last). confidence: how sure the recogniser is of its articulatory class, 0-1."""

    phone: str
    first: int
    last: int
    confidence: float = 1.0

    @property
    def frames(self) -> int:
        return self.last - self.first


@dataclass(frozen=True)
class Alignment:
    """Spans without holes over all frames. score: mean log probability of a frame along them (0 is perfect)."""

    spans: tuple[FrameSpan, ...]
    score: float


def align_phones(
    log_probabilities: np.ndarray,
    phone_names: Sequence[str],
    pauses: Collection[int] | None = None,
    log_priors: np.ndarray | None = None,
    least_frames: int = LEAST_ALIGNED_FRAMES,
) -> Alignment:
    """Place a known sequence of phones. log_probabilities: (T, P) over PHONE_NAMES at the motion rate.

    pauses: positions in 0..len(phone_names) before which silence may stand or not (None: only at both ends).
    log_priors: (P,) of the phones in the recogniser's training; taken off, posteriors become scaled likelihoods.
    Raises CorpusError for a sequence that is empty or does not fit into T frames.
    """
    if not phone_names:
        raise CorpusError("There are no phones to align. Give the recording a transcript with words in it.")
    emissions = _emissions(log_probabilities, log_priors)
    places = {0, len(phone_names)} if pauses is None else set(pauses)
    chain = _chain(phone_names, places, least_frames)
    path, total = _follow_chain(emissions, chain)
    if path is None:
        raise CorpusError(
            f"{len(phone_names)} phones do not fit into {len(emissions) / MOTION_RATE_HZ:.2f} s. "
            "Check that the transcript belongs to this recording."
        )
    spans = _spans(chain.item[path], chain.column[path])
    return Alignment(with_confidence(spans, log_probabilities), total / len(emissions))


def decode_phones(
    log_probabilities: np.ndarray, switch_log_probability: float = SWITCH_LOG_PROBABILITY
) -> tuple[FrameSpan, ...]:
    """The likeliest phones when nobody knows what was said. log_probabilities: (T, P) over PHONE_NAMES.

    Every phone lasts at least two frames, vowels and silence three. Any phone may follow any other: the recogniser
    hears a second around each frame; what follows what in a language added less than a hundredth of right frames.
    """
    emissions = _emissions(log_probabilities, None)
    if len(emissions) == 0:
        return ()
    least = np.array([_least_frames(name) for name in PHONE_NAMES])
    phone_of_state = np.repeat(np.arange(len(PHONE_NAMES)), least)
    switches = np.full((len(PHONE_NAMES),) * 2, float(switch_log_probability))
    np.fill_diagonal(switches, _NEVER)
    path = _follow_loop(emissions[:, phone_of_state], least, switches)
    phone = phone_of_state[path]
    entries = np.concatenate([[0], np.cumsum(least)[:-1]])
    item = np.cumsum(np.isin(path, entries) & (np.diff(path, prepend=-1) != 0))
    return with_confidence(_spans(item, phone), log_probabilities)


def class_probabilities(log_probabilities: np.ndarray) -> np.ndarray:
    """(T, len(PHONE_CLASSES)) probability of each articulatory class."""
    logits = np.asarray(log_probabilities, np.float64)
    phones = np.exp(logits - logits.max(axis=1, keepdims=True))
    phones /= phones.sum(axis=1, keepdims=True)
    classes = np.zeros((len(phones), len(PHONE_CLASSES)))
    np.add.at(classes.T, np.array(CLASS_OF_PHONE), phones.T)
    return classes


def blend_with_class(log_probabilities: np.ndarray, share: float) -> np.ndarray:
    """(T, P) log of each phone's probability, `share` of it replaced by that of its whole class: an accent that says
    another vowel of the class still aligns."""
    phones = np.exp(np.asarray(log_probabilities, np.float64))
    classes = class_probabilities(log_probabilities)[:, np.array(CLASS_OF_PHONE)]
    return np.log(np.maximum((1 - share) * phones + share * classes, np.exp(_FLOOR)))


def with_confidence(spans: Iterable[FrameSpan], log_probabilities: np.ndarray) -> tuple[FrameSpan, ...]:
    """Spans with the mean probability of their class; the frames at the edges of longer spans, which two
    phones share, do not count."""
    classes = class_probabilities(log_probabilities)
    out: list[FrameSpan] = []
    for span in spans:
        edge = 1 if span.frames > 3 else 0
        heard = classes[span.first + edge : span.last - edge, PHONES[span.phone].class_index]
        out.append(FrameSpan(span.phone, span.first, span.last, float(heard.mean())))
    return tuple(out)


def edge_times_s(spans: Sequence[FrameSpan], log_probabilities: np.ndarray) -> tuple[float, ...]:
    """Start of every span and end of the last, seconds. Between two frames, an edge lies where the two phones' log
    probabilities cross, else in the middle."""
    if not spans:
        return ()
    inner = [_crossing_s(before, after, log_probabilities) for before, after in zip(spans, spans[1:], strict=False)]
    return (spans[0].first / MOTION_RATE_HZ, *inner, spans[-1].last / MOTION_RATE_HZ)


def _crossing_s(before: FrameSpan, after: FrameSpan, log_probabilities: np.ndarray) -> float:
    columns = PHONE_NAMES.index(before.phone), PHONE_NAMES.index(after.phone)
    pair = np.maximum(log_probabilities[after.first - 1 : after.first + 1][:, columns], _FLOOR)
    left, right = (float(frame[0] - frame[1]) for frame in pair)
    share = left / (left - right) if left > 0 > right else 0.5
    return (after.first - 1 + share) / MOTION_RATE_HZ


def _emissions(log_probabilities: np.ndarray, log_priors: np.ndarray | None) -> np.ndarray:
    """(T, P) float64, floored; raises CorpusError for another shape."""
    found = np.asarray(log_probabilities, np.float64)
    if found.ndim != 2 or found.shape[1] != len(PHONE_NAMES):
        raise CorpusError(
            f"The recogniser gives {found.shape} log probabilities, the program knows {len(PHONE_NAMES)} phones. "
            "Train the recogniser again with this version."
        )
    return np.maximum(found if log_priors is None else found - log_priors, _FLOOR)


def _least_frames(name: str) -> int:
    if name == SILENCE:
        return _LEAST_SILENCE_FRAMES
    return _LEAST_VOWEL_FRAMES if PHONES[name].is_vowel else _LEAST_CONSONANT_FRAMES


@dataclass(frozen=True)
class _Chain:
    """States of a known sequence, (S,) each. column: phone; item: place in the sequence, pauses included.

    loops: the last state of its item. skip_from: the state to come from when the pause before is left out, else -1.
    """

    column: np.ndarray
    item: np.ndarray
    loops: np.ndarray
    skip_from: np.ndarray
    starts: np.ndarray
    ends: np.ndarray


def _chain(phone_names: Sequence[str], pauses: Collection[int], least_frames: int) -> _Chain:
    """Lay out phones and the pauses between them."""
    names, optional = _with_pauses(phone_names, pauses)
    item = np.repeat(np.arange(len(names)), least_frames)
    first = np.arange(len(names)) * least_frames
    last = first + least_frames - 1
    skip_from = np.full(len(item), -1)
    after_pause = np.flatnonzero(optional[:-1]) + 1
    inner = after_pause[after_pause >= 2]
    skip_from[first[inner]] = last[inner - 2]
    starts, ends, loops = (np.zeros(len(item), bool) for _ in range(3))
    loops[last] = True
    starts[first[: 1 + optional[0]]] = True
    ends[last[len(names) - 1 - optional[-1] :]] = True
    column = np.array([PHONE_NAMES.index(name) for name in names])[item]
    return _Chain(column, item, loops, skip_from, starts, ends)


def _with_pauses(phone_names: Sequence[str], pauses: Collection[int]) -> tuple[list[str], np.ndarray]:
    """(names with silence at every pause, which of them may be left out)."""
    names: list[str] = []
    optional: list[bool] = []
    for i, name in enumerate([*phone_names, None]):
        if i in pauses:
            names.append(SILENCE)
            optional.append(True)
        if name is not None:
            names.append(name)
            optional.append(False)
    return names, np.array(optional)


def _follow_chain(emissions: np.ndarray, chain: _Chain) -> tuple[np.ndarray | None, float]:
    """Best path through a chain, (T,) states, and its log probability; no path where the frames are too few."""
    if len(emissions) == 0:
        return None, _NEVER
    states = np.arange(len(chain.item))
    origins = np.stack([states, states - 1, chain.skip_from])  # stay, step, skip the pause
    allowed = np.stack([chain.loops, states > 0, chain.skip_from >= 0])
    back = np.empty((len(emissions), len(states)), np.int32)
    score = np.where(chain.starts, emissions[0, chain.column], _NEVER)
    for t in range(1, len(emissions)):
        choices = np.where(allowed, score[origins], _NEVER)
        best = choices.argmax(axis=0)
        back[t] = origins[best, states]
        score = choices[best, states] + emissions[t, chain.column]
    score = np.where(chain.ends, score, _NEVER)
    end = int(score.argmax())
    return (None if score[end] == _NEVER else _trace(back, end)), float(score[end])


def _follow_loop(emissions: np.ndarray, least: np.ndarray, switches: np.ndarray) -> np.ndarray:
    """Best path (T,) through all phones' chains side by side: emissions (T, S), least (P,) states of each phone,
    switches (P, P) log probability of going from the end of one to the start of another."""
    states = np.arange(emissions.shape[1])
    exits = np.cumsum(least) - 1
    entries = exits - least + 1
    inner, loops = np.setdiff1d(states, entries), np.isin(states, exits)
    back = np.empty(emissions.shape, np.int32)
    score = np.full(len(states), _NEVER)
    score[entries] = emissions[0, entries]
    for t in range(1, len(emissions)):
        best = np.where(loops, score, _NEVER)
        back[t] = states
        stepped = inner[score[inner - 1] > best[inner]]
        best[stepped], back[t, stepped] = score[stepped - 1], stepped - 1
        arrivals = score[exits][:, None] + switches
        source = arrivals.argmax(axis=0)
        arrived = arrivals[source, np.arange(len(least))]
        better = arrived > best[entries]
        best[entries[better]], back[t, entries[better]] = arrived[better], exits[source[better]]
        score = best + emissions[t]
    whole = np.where(loops, score, _NEVER)
    return _trace(back, int((whole if np.isfinite(whole).any() else score).argmax()))


def _trace(back: np.ndarray, end: int) -> np.ndarray:
    """States (T,) that lead to `end`."""
    path = np.empty(len(back), np.intp)
    path[-1] = end
    for t in range(len(back) - 1, 0, -1):
        path[t - 1] = back[t, path[t]]
    return path


def _spans(item: np.ndarray, phone: np.ndarray) -> list[FrameSpan]:
    """Runs of frames of the same item, with the phone that each is."""
    edges = [0, *(np.flatnonzero(np.diff(item)) + 1), len(item)]
    return [
        FrameSpan(PHONE_NAMES[phone[first]], int(first), int(last))
        for first, last in zip(edges, edges[1:], strict=False)
    ]
