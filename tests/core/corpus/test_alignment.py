# SPDX-License-Identifier: GPL-3.0-or-later
"""Phones found again in matrices of log probabilities that were made from them."""

from __future__ import annotations

from itertools import groupby

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the corpus needs SciPy")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from diffusion_talker.corpus.alignment import (  # noqa: E402
    FrameSpan,
    align_phones,
    blend_with_class,
    class_probabilities,
    decode_phones,
    edge_times_s,
    with_confidence,
)
from diffusion_talker.corpus.phones import PHONE_NAMES, PHONES, SILENCE  # noqa: E402
from diffusion_talker.errors import CorpusError  # noqa: E402

Runs = list[tuple[str, int]]
HELLO: Runs = [("sil", 9), ("h", 4), ("ɛ", 6), ("l", 3), ("o", 8), ("sil", 12), ("m", 5), ("a", 7),
               ("p", 4), ("sil", 6)]  # fmt: skip


def heard(runs: Runs, sureness: float = 6.0, noise: float = 0.0, seed: int = 0) -> np.ndarray:
    """(T, P) log probabilities of someone who hears `runs`, each frame disturbed."""
    track = np.concatenate([np.full(frames, PHONE_NAMES.index(name)) for name, frames in runs])
    logits = noise * np.random.default_rng(seed).normal(size=(len(track), len(PHONE_NAMES)))
    logits[np.arange(len(track)), track] += sureness
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def runs_of(spans: tuple[FrameSpan, ...]) -> Runs:
    return [(span.phone, span.frames) for span in spans]


def said(runs: Runs) -> list[str]:
    return [name for name, _ in runs if name != SILENCE]


phone_runs = st.lists(
    st.tuples(st.sampled_from([name for name in PHONE_NAMES if name != SILENCE]), st.integers(4, 12)),
    min_size=1, max_size=20,
).map(lambda runs: [next(group) for _, group in groupby(runs, key=lambda run: run[0])])  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(runs=phone_runs, seed=st.integers(0, 99))
def test_a_known_sequence_is_placed_to_the_frame(runs: Runs, seed: int) -> None:
    alignment = align_phones(heard(runs, noise=0.8, seed=seed), said(runs))
    assert runs_of(alignment.spans) == runs


@settings(max_examples=30, deadline=None)
@given(runs=phone_runs, seed=st.integers(0, 99))
def test_an_unknown_sequence_is_found_to_the_frame(runs: Runs, seed: int) -> None:
    assert runs_of(decode_phones(heard(runs, noise=0.8, seed=seed))) == runs


@settings(max_examples=30, deadline=None)
@given(frames=st.integers(1, 60), seed=st.integers(0, 9999))
def test_decoded_phones_last_as_long_as_phones_do(frames: int, seed: int) -> None:
    logits = 3.0 * np.random.default_rng(seed).normal(size=(frames, len(PHONE_NAMES)))
    spans = decode_phones(logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)))
    assert spans[0].first == 0 and spans[-1].last == frames
    for before, after in zip(spans, spans[1:], strict=False):
        assert before.last == after.first and before.phone != after.phone
    if frames >= 3:
        for span in spans:
            assert span.frames >= (3 if PHONES[span.phone].is_vowel or span.phone == SILENCE else 2)
    assert all(0 <= span.confidence <= 1 for span in spans)


def test_pauses_are_taken_where_there_are_some_and_skipped_elsewhere() -> None:
    words = said(HELLO)
    everywhere = range(len(words) + 1)
    assert runs_of(align_phones(heard(HELLO, noise=0.5), words, everywhere).spans) == HELLO
    closed = [run for run in HELLO if run[0] != SILENCE]
    assert runs_of(align_phones(heard(closed, noise=0.5), words, everywhere).spans) == closed


def test_without_a_pause_allowed_the_neighbours_take_the_silence() -> None:
    spans = align_phones(heard(HELLO), said(HELLO), pauses={0, 7}).spans
    assert [span.phone for span in spans] == ["sil", "h", "ɛ", "l", "o", "m", "a", "p", "sil"]
    assert (spans[4].first, spans[5].last) == (22, 47)


def test_the_same_phone_twice_is_two_phones() -> None:
    spans = align_phones(heard([("n", 12), ("a", 6)]), ["n", "n", "a"], pauses=()).spans
    assert [span.phone for span in spans] == ["n", "n", "a"]
    assert spans[0].frames + spans[1].frames == 12


def test_a_phone_that_was_swallowed_still_gets_its_two_frames() -> None:
    spans = align_phones(heard([("a", 10), ("i", 10)], sureness=9.0), ["a", "t", "i"], pauses=()).spans
    assert [span.phone for span in spans] == ["a", "t", "i"]
    assert spans[1].frames == 2
    assert spans[1].confidence < 0.1 < 0.8 < spans[0].confidence


def test_the_score_tells_the_right_words_from_the_wrong_ones() -> None:
    sound = heard(HELLO, noise=0.5)
    right = align_phones(sound, said(HELLO))
    wrong = align_phones(sound, ["s", "u", "k", "e", "f", "i"])
    assert right.score > wrong.score + 1


def test_priors_give_a_rare_phone_its_chance() -> None:
    log_probabilities = np.full((12, len(PHONE_NAMES)), -9.0)
    columns = [PHONE_NAMES.index("a"), PHONE_NAMES.index("ə")]
    log_probabilities[:, columns] = np.log([[0.55, 0.45]] * 6 + [[0.65, 0.35]] * 6)
    log_priors = np.full(len(PHONE_NAMES), np.log(0.1))
    log_priors[PHONE_NAMES.index("a")] = np.log(0.16)
    with_priors = align_phones(log_probabilities, ["ə", "a"], (), log_priors).spans
    assert with_priors[0].frames == 6
    assert align_phones(log_probabilities, ["ə", "a"], ()).spans[0].frames == 2


@pytest.mark.parametrize("phones, frames, words", [([], 9, "transcript"), (["a"] * 9, 12, "fit"), (["a"], 0, "fit")])
def test_what_cannot_be_aligned_says_why(phones: list[str], frames: int, words: str) -> None:
    with pytest.raises(CorpusError, match=words):
        align_phones(np.zeros((frames, len(PHONE_NAMES))), phones)


def test_a_recogniser_of_other_phones_is_refused() -> None:
    with pytest.raises(CorpusError, match="Train the recogniser again"):
        decode_phones(np.zeros((5, 7)))


def test_confidence_is_about_the_class_not_the_phone() -> None:
    sound = np.full((8, len(PHONE_NAMES)), -12.0)
    sound[:, [PHONE_NAMES.index("p"), PHONE_NAMES.index("b")]] = np.log(0.5)
    bilabial, other = with_confidence([FrameSpan("p", 0, 8), FrameSpan("s", 0, 8)], sound)
    assert bilabial.confidence > 0.9 > 0.1 > other.confidence
    assert class_probabilities(sound)[:, PHONES["b"].class_index] == pytest.approx(1.0, abs=1e-3)
    assert class_probabilities(sound).sum(axis=1) == pytest.approx(1.0)


def test_another_vowel_of_the_class_still_aligns() -> None:
    runs: Runs = [("t", 6), ("ɑ", 10), ("t", 6)]
    words = ["t", "a", "t"]
    strict = heard(runs, sureness=9.0)
    assert runs_of(align_phones(blend_with_class(strict, 0.5), words, ()).spans)[1] == ("a", 10)


def test_edges_lie_between_frames_where_the_phones_cross() -> None:
    sound = np.full((10, len(PHONE_NAMES)), -20.0)
    first, second = PHONE_NAMES.index("a"), PHONE_NAMES.index("s")
    sound[:5, first], sound[5:, second] = -0.01, -0.01
    sound[4, [first, second]] = -0.6, -0.8
    sound[5, [first, second]] = -3.2, -0.1
    edges = edge_times_s((FrameSpan("a", 0, 5), FrameSpan("s", 5, 10)), sound)
    assert edges[0] == 0 and edges[2] == pytest.approx(10 / 60)
    assert 4 / 60 < edges[1] < 4.2 / 60
