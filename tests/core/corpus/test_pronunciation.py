# SPDX-License-Identifier: GPL-3.0-or-later
"""Text becomes the phones that are said, word by word."""

from __future__ import annotations

import shutil

import pytest

pytest.importorskip("scipy", reason="the corpus needs SciPy")

from diffusion_talker.corpus import pronunciation  # noqa: E402
from diffusion_talker.corpus.phones import PHONES  # noqa: E402
from diffusion_talker.corpus.pronunciation import pronounce  # noqa: E402
from diffusion_talker.errors import CorpusError  # noqa: E402

needs_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="eSpeak NG is not installed")


@needs_espeak
@pytest.mark.parametrize(
    "text, language, words",
    [
        ("Pam buys fish.", "en", ["pæm", "baɪz", "fɪʃ"]),
        ("Mama baut.", "de", ["mɑmɑ", "baʊt"]),
        ("Une bonne fleur", "fr", ["yn", "bɔn", "flœʁ"]),
    ],
)
def test_words_are_said_as_their_language_says_them(text: str, language: str, words: list[str]) -> None:
    spoken = pronounce(text, language)
    ends = (*spoken.word_starts[1:], len(spoken.phones))
    assert ["".join(spoken.phones[a:b]) for a, b in zip(spoken.word_starts, ends, strict=True)] == words
    assert spoken.pauses == {*spoken.word_starts, len(spoken.phones)}


@needs_espeak
def test_numbers_and_words_of_another_language_are_said_too() -> None:
    assert pronounce("7 fish", "en").phones == pronounce("seven fish", "en").phones
    assert all(name in PHONES for name in pronounce("Der Computer und das T-Shirt", "de").phones)


@needs_espeak
@pytest.mark.parametrize(
    "text, language, words", [("...", "en", "is said"), ("Hello", "klingon-x", "espeak-ng --voices")]
)
def test_what_cannot_be_said_says_why(text: str, language: str, words: str) -> None:
    with pytest.raises(CorpusError, match=words):
        pronounce(text, language)


def test_without_the_engine_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(CorpusError, match="apt install espeak-ng"):
        pronunciation.pronounce("Hello", "en")
