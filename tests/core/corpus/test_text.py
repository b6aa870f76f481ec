# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines are varied, drawn by the generator alone, and cover the phones of their language."""

from __future__ import annotations

import collections

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the corpus needs SciPy")

from diffusion_talker.corpus.phones import resolve_symbol  # noqa: E402
from diffusion_talker.corpus.text import LEXICONS, compose_line, languages  # noqa: E402
from diffusion_talker.corpus.voices import espeak  # noqa: E402
from diffusion_talker.corpus.voices.base import Prosody  # noqa: E402

#: Phones a listener of the language would miss, lips first; eSpeak's pronunciation decides which it says.
INVENTORY = {
    "en": "p b m f v w θ ð t d n l s z ʃ ʒ k ɡ ŋ h ɹ j i ɪ ɛ æ ɑ ʌ ə ɚ ɔ ʊ u",
    "de": "p b m f v t d n l s z ʃ k ɡ ŋ h x ç ʁ j i ɪ y ʏ e ɛ ø œ a ə ɐ ɔ o ʊ u",
    "fr": "p b m f v w t d n l s z ʃ ʒ k ɡ ɲ ʁ j i y e ɛ ø œ a ə ɔ o u",
    "es": "p b m f β t d n l s x θ k ɡ ɲ ɾ w j i e a o u",
    "it": "p b m f v t d n l s z ʃ k ɡ ɲ ɾ j w i e ɛ a ɔ o u",
    "nl": "p b m f v t d n l s z x k h j i ɪ y ɛ e ø œ a ɑ ə ɔ o u",
    "pt": "p b m f v t d n l s z ʃ ʒ k ɡ ɲ ɾ i e ɛ a ɐ ɔ o u",
    "pl": "p b m f v w t d n l s z ʃ ʒ ɕ ʑ k ɡ x ɲ ɾ j i ɨ ɛ a ɔ u",
    "cs": "p b m f v t d n l s z ʃ ʒ k h x ɲ ɾ j i e a o u",
    "fi": "p b m f v t d n l s k h ŋ ɾ j i y e ø æ a o u",
    "ru": "p b m f v t d n l s z ʃ ʒ k ɡ x ɾ j i ɨ e a o u",
    "sv": "p b m f v t d n l s k ɡ h ŋ ɾ j i y ɛ ø œ a ɑ ə o u",
    "tr": "p b m f v t d n l s z ʃ ʒ k ɡ h ɾ j i ɨ ɛ ø œ y a o u",
    "ca": "p b m f v β t d n l s z ɕ ʑ k ɣ ɲ ɾ j w i e ɛ a ə o u",
    "hu": "p b m f v t d n l s z ʃ k ɡ h ɲ ɾ j i y ø e ɛ a o u",
    "hi": "p b m v t d n l s ʃ k ɡ h ɾ j i ɪ e ɛ a ə ɔ o ʊ u",
    "mr": "p b m v t d n l s ʃ k ɡ h ɾ j i ɪ e a ə o ʊ u",
    "te": "p b m v t d n l s k ɡ ɾ i e a o u",
    "cmn": "p m f w t n l s ɕ ʂ k x ŋ j i y e a ɑ ə o u",
}
LETTERS = {"ru": "пбмфв", "hi": "पबमफव", "mr": "पबमफव", "te": "పబమఫవ"}


def _lines(language: str, count: int = 200) -> list[str]:
    return [compose_line(language, np.random.default_rng(seed)) for seed in range(count)]


@pytest.mark.parametrize("language", languages())
def test_text_is_varied_and_drawn_by_the_generator_alone(language: str) -> None:
    lines = _lines(language)
    assert lines == _lines(language)
    assert len(set(lines)) > 150
    assert any(letter in "".join(lines).lower() for letter in LETTERS.get(language, "pbmfv"))
    assert not any("{" in line or "}" in line for line in lines)
    assert all(line.count("*") in (0, 2, 4) for line in lines)


@pytest.mark.parametrize("language", languages())
def test_lines_are_of_many_kinds(language: str) -> None:
    lines = _lines(language)
    lengths = [len(line) for line in lines]
    assert min(lengths) < 12
    assert max(lengths) > 50
    assert any(character.isdigit() for line in lines for character in line)
    assert any(line.count(",") >= 3 for line in lines)
    assert any("*" in line for line in lines)
    assert language in ("hi", "mr", "te") or any("?" in line for line in lines)


def test_patterns_ask_only_for_words_that_are_there() -> None:
    for lexicon in LEXICONS.values():
        assert bool(lexicon.objects) == any("{o}" in pattern for pattern in lexicon.patterns)
        for words in (lexicon.nouns, lexicon.verbs, lexicon.adjectives, lexicon.adverbs, lexicon.places, lexicon.lines):
            assert len(words) >= 6
            assert len(set(words)) == len(words)


@pytest.mark.parametrize("language", INVENTORY)
def test_text_of_each_language_covers_its_phones(language: str) -> None:
    reason = espeak.missing_reason()
    if reason:
        pytest.skip(reason)
    voice = espeak.EspeakVoice("m3", language, espeak.LANGUAGE_FILES[language][0])
    heard: collections.Counter[str] = collections.Counter()
    for line in _lines(language, 160):
        for span in voice.synthesize(line, Prosody(rate=2.0)).phones:
            heard.update(phone.name for phone in resolve_symbol("ipa", span.symbol, language))
    missing = [name for name in INVENTORY[language].split() if heard[name] < 2]
    assert not missing


def test_at_least_twelve_languages_have_an_inventory_and_a_voice() -> None:
    assert set(INVENTORY) == set(languages()) == set(espeak.LANGUAGE_FILES)
    assert len(INVENTORY) >= 12
