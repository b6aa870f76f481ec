# SPDX-License-Identifier: GPL-3.0-or-later
"""Recordings are cut where people pause, and what nobody is sure of is not taught."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the corpus needs SciPy")

from diffusion_talker.audio import MOTION_RATE_HZ, SAMPLE_RATE_HZ, motion_frame_count  # noqa: E402
from diffusion_talker.corpus.phones import PHONE_NAMES  # noqa: E402
from diffusion_talker.corpus.recordings import pieces  # noqa: E402
from diffusion_talker.corpus.recordings.pieces import HeardPhone, Piece, find_pieces, load_samples  # noqa: E402
from diffusion_talker.corpus.recordings.sources import Recording, find_sources  # noqa: E402
from diffusion_talker.corpus.timing import fill_silence, phone_track, place_phones  # noqa: E402
from diffusion_talker.corpus.voices import espeak  # noqa: E402
from diffusion_talker.corpus.voices.base import PhoneSpan, Prosody  # noqa: E402
from diffusion_talker.errors import CorpusError  # noqa: E402
from tests.core.corpus.recordings.recordings_support import (  # noqa: E402
    LINE,
    Line,
    labels_of,
    listen,
    listen_unsurely,
    make_own,
    sing,
)


def recording(line: Line, labelled: bool = False, text: str = "", language: str = "en") -> Recording:
    labels = tuple(PhoneSpan(name, start_s, end_s) for start_s, end_s, name in labels_of(line)) if labelled else None
    return Recording("mine", "one", Path("one.wav"), "mine:own", language, "one", text, labels=labels)


def said(piece: Piece) -> list[str]:
    return [phone.name for phone in piece.phones if phone.name != "sil"]


def edges_ms(phones: tuple[HeardPhone, ...]) -> np.ndarray:
    return np.array([phone.start_s for phone in phones if phone.name != "sil"]) * 1000


def test_what_is_heard_lies_where_it_is_said() -> None:
    (piece,) = find_pieces(recording(LINE), sing(LINE), listen)
    assert said(piece) == [name for name, _ in LINE if name != "sil"]
    assert piece.confidence == 1.0 and piece.is_sure
    truth = np.array([start_s for start_s, _, _ in labels_of(LINE)]) * 1000
    assert np.abs(edges_ms(piece.phones) - truth).max() < 17
    assert (piece.start_s, piece.end_s) == pytest.approx((0.15, 2.42), abs=0.02)


def test_a_hush_is_heard_as_the_language_says_it() -> None:
    line: Line = [("sil", 0.3), ("ʃ", 0.2), ("i", 0.3), ("ʃ", 0.2), ("a", 0.3), ("sil", 0.3)]
    heard = {code: said(find_pieces(recording(line, language=code), sing(line), listen)[0]) for code in ("en", "zh")}
    assert heard == {"en": ["ʃ", "i", "ʃ", "a"], "zh": ["ɕ", "i", "ʂ", "a"]}


def test_labels_by_hand_are_taken_as_they_are() -> None:
    (piece,) = find_pieces(recording(LINE, labelled=True), sing(LINE), None)
    assert edges_ms(piece.phones) == pytest.approx([start_s * 1000 for start_s, _, _ in labels_of(LINE)])
    assert piece.confidence == 1.0
    for before, after in zip(piece.phones, piece.phones[1:], strict=False):
        assert before.end_s == pytest.approx(after.start_s)


def test_what_is_heard_unsurely_is_marked_and_dropped() -> None:
    (piece,) = find_pieces(recording(LINE), sing(LINE), listen_unsurely)
    assert said(piece) == [name for name, _ in LINE if name != "sil"]
    assert not any(phone.is_sure for phone in piece.phones if phone.name != "sil")
    assert piece.confidence == 0.0 and not piece.is_sure


def test_a_transcript_is_aligned_where_it_fits_and_left_where_it_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    class Spoken:
        phones = ("m", "a", "b", "u", "s", "i", "b", "o")
        pauses = frozenset({0, 4, 8})

    monkeypatch.setattr(pieces, "pronounce", lambda text, language: Spoken)
    (piece,) = find_pieces(recording(LINE, text="mapu sibo"), sing(LINE), listen)
    assert said(piece) == list(Spoken.phones)  # "b" where "p" was heard: the words are known
    (piece,) = find_pieces(recording(LINE, text="mapu sibo"), sing(LINE), listen_unsurely)
    assert piece.confidence == 1.0  # a doubt that would drop a guess does not matter where the words are known
    Spoken.phones, Spoken.pauses = ("k", "e", "f", "ø"), frozenset({0, 4})
    (piece,) = find_pieces(recording(LINE, text="keffö"), sing(LINE), listen)
    assert said(piece) == [name for name, _ in LINE if name != "sil"]


def test_long_recordings_are_cut_in_pauses() -> None:
    sentence: Line = [("m", 0.3), ("a", 1.5), ("sil", 0.2), ("s", 0.4), ("o", 1.6), ("sil", 0.5)]
    line: Line = [("sil", 1.0), *(sentence * 7), ("sil", 1.0)]
    found = find_pieces(recording(line, labelled=True), sing(line), None)
    assert all(3.0 <= piece.duration_s <= 12.0 for piece in found[:-1])
    assert [name for piece in found for name in said(piece)] == [name for name, _ in line if name != "sil"]
    for piece in found:
        inside = [phone for phone in piece.phones if phone.name != "sil"]
        assert inside[0].start_s - piece.start_s <= 0.2501 and piece.end_s - inside[-1].end_s <= 0.2501
    assert all(said(piece)[0] == "m" for piece in found)  # the longer pauses end sentences


def test_somebody_who_never_pauses_is_cut_between_phones() -> None:
    line: Line = [("m", 0.5), ("a", 0.5)] * 15
    found = find_pieces(recording(line, labelled=True), sing(line), None)
    assert [round(piece.duration_s, 3) for piece in found] == [12.0, 3.0]


def test_silence_alone_gives_nothing() -> None:
    assert find_pieces(recording([("sil", 4.0)]), sing([("sil", 4.0)]), listen) == ()


def test_no_labels_and_no_recogniser_say_what_is_needed() -> None:
    with pytest.raises(CorpusError, match="recogniser"):
        find_pieces(recording(LINE), sing(LINE), None)


def test_samples_are_read_at_16_khz(tmp_path: Path) -> None:
    make_own(tmp_path, {"one": LINE})
    samples = load_samples(find_sources(tmp_path)[0].recordings[0])
    assert len(samples) == pytest.approx(sum(seconds for _, seconds in LINE) * SAMPLE_RATE_HZ, abs=2)
    assert samples.dtype == np.float32


@pytest.mark.skipif(espeak.missing_reason() is not None, reason="eSpeak NG is not installed")
@pytest.mark.parametrize(
    "language, file, text",
    [
        ("en", "gmw/en-US", "Peter may have bought five very warm muffins, but my father phoned Pam before."),
        ("de", "gmw/de", "Fünf Bauern pflügen im Mai, und mein Bruder prüft oben am Fenster viele Bücher."),
    ],
)
def test_the_words_of_a_synthetic_sentence_are_placed_where_it_says_them(language: str, file: str, text: str) -> None:
    """One who hears every phone of the engine at its time, blurred, finds the words of the transcript there."""
    utterance = espeak.EspeakVoice("m3", language, file).synthesize(text, Prosody())
    truth = fill_silence(place_phones(utterance.phones, "ipa", language), len(utterance.samples) / SAMPLE_RATE_HZ)

    def listen_to_the_engine(samples: np.ndarray) -> np.ndarray:
        heard = np.full((motion_frame_count(len(samples)), len(PHONE_NAMES)), 0.01)
        heard[np.arange(len(heard)), phone_track(truth, len(heard), MOTION_RATE_HZ)] = 1.0
        blurred = (np.roll(heard, 1, axis=0) + 2 * heard + np.roll(heard, -1, axis=0)) / 4
        return np.log(blurred / blurred.sum(axis=1, keepdims=True))

    spoken = Recording("mine", "one", Path("one.wav"), "mine:own", language, "one", text)
    (piece,) = find_pieces(spoken, utterance.samples, listen_to_the_engine)
    assert piece.confidence > 0.9
    edges_s = np.array([phone.start_s for phone in truth])
    lips = [phone for phone in piece.phones if phone.name in "pbmfv"]
    errors_s = [float(np.abs(edges_s - phone.start_s).min()) for phone in lips]
    assert len(lips) >= 10
    assert np.median(errors_s) < 0.010 and np.percentile(errors_s, 85) < 0.017
