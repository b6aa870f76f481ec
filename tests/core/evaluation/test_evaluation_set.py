# SPDX-License-Identifier: GPL-3.0-or-later
"""Models are measured on what training has not met, and on the same clips every time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from diffusion_talker.corpus.text_split import is_held_out
from diffusion_talker.errors import CorpusError
from diffusion_talker.evaluation.evaluation_set import SetSizes, load_evaluation_set, spread
from tests.core.evaluation.made_clips import make_clip, recorded, write_corpus

LIBRARY = ("Plain", "Lively", "Calm")
UNSEEN = [text for text in (f"Line {i}." for i in range(400)) if is_held_out(text)]
SEEN = [text for text in (f"Line {i}." for i in range(60)) if not is_held_out(text)]


def _training_corpus(folder: Path, **manifest: object) -> Path:
    clips = [make_clip(i, i % 3, text) for i, text in enumerate(UNSEEN[:6] + SEEN[:6])]
    return write_corpus(folder, clips, LIBRARY, held_out_speakers=("set:two",), **manifest)


def _test_corpus(folder: Path, speaker: str = "set:two", stranger: int = 3) -> Path:
    strangers = [make_clip(100 + i, stranger, f"New {i}.") for i in range(3)]
    voices = [recorded(make_clip(200 + i, i, "Prompt."), speaker) for i in range(3)]
    voices[2] = replace(voices[2], emotion_heard=False)
    return write_corpus(folder, strangers + voices, (*LIBRARY, "Stranger"))


def test_every_set_is_new_to_training(tmp_path: Path) -> None:
    found = load_evaluation_set(_training_corpus(tmp_path / "a"), _test_corpus(tmp_path / "b"), SetSizes())
    assert {item.clip.text for item in found.texts} == set(UNSEEN[:6])
    assert {item.identity for item in found.talkers} == {"Stranger"}
    assert {item.clip.voice for item in found.voices} == {"set:two"}
    assert {item.identity for item in found.voices} <= set(LIBRARY)
    assert len(found.moods) == 2 and all(item.clip.emotion_heard for item in found.moods)
    assert len(found.corpus_sha256) == len(found.test_corpus_sha256) == 64


def test_a_text_with_a_line_of_training_is_not_unseen(tmp_path: Path) -> None:
    shared = next(text for text in (f"Line {i}. / {SEEN[0]}" for i in range(400)) if is_held_out(text))
    clips = [make_clip(0, 0, UNSEEN[0]), make_clip(1, 1, shared), make_clip(2, 2, SEEN[0])]
    corpus = write_corpus(tmp_path / "a", clips, LIBRARY, held_out_speakers=("set:two",))
    found = load_evaluation_set(corpus, _test_corpus(tmp_path / "b"), SetSizes())
    assert {item.clip.text for item in found.texts} == {UNSEEN[0]}
    assert {item.clip.text for item in found.queries} == {UNSEEN[0], shared}


def test_a_test_set_of_people_that_training_met_is_refused(tmp_path: Path) -> None:
    corpus = _training_corpus(tmp_path / "a")
    with pytest.raises(CorpusError, match="Plain"):
        load_evaluation_set(corpus, _test_corpus(tmp_path / "b", stranger=0), SetSizes())
    heard = replace_sources(tmp_path / "c")
    with pytest.raises(CorpusError, match="set:one"):
        load_evaluation_set(heard, _test_corpus(tmp_path / "d", speaker="set:one"), SetSizes())


def replace_sources(folder: Path) -> Path:
    """A training corpus that used recordings."""
    from diffusion_talker.corpus.shards import RecordedSource

    return _training_corpus(folder, recorded_sources=(RecordedSource("set", "CC0", 2, 2, 0, 0, 1, 0.1),))


def test_talkers_take_turns_whatever_the_order_of_clips(tmp_path: Path) -> None:
    found = load_evaluation_set(_training_corpus(tmp_path / "a"), _test_corpus(tmp_path / "b"), SetSizes())
    chosen = spread(found.queries, 3)
    assert sorted(item.identity for item in chosen) == sorted(LIBRARY)
    again = spread(reversed(found.queries), 3)
    assert all(np.array_equal(a.clip.samples, b.clip.samples) for a, b in zip(chosen, again, strict=True))


def test_clips_do_not_hold_on_to_their_shard(tmp_path: Path) -> None:
    found = load_evaluation_set(_training_corpus(tmp_path / "a"), _test_corpus(tmp_path / "b"), SetSizes())
    assert all(item.clip.samples.base is None and item.clip.motion.base is None for item in found.texts)
