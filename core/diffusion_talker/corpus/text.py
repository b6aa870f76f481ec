# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines to speak: sentences from patterns, whole lines, numbers, and pseudo-words that cover every syllable start
evenly."""

from __future__ import annotations

import re

import numpy as np

from diffusion_talker.corpus.words import LEXICONS, Lexicon

_SLOTS = {"n": "nouns", "v": "verbs", "a": "adjectives", "d": "adverbs", "p": "places"}
# lips first: half of the onsets are labial, so that rare labial-vowel pairs are heard from every voice
_ONSETS = tuple("p b m f v w p b m f v t d n s z l r k g sh ch j h st br pl fr".split())
_NUCLEI = {
    "de": tuple("a e i o u ä ö ü ei au eu ie".split()),
    "fr": tuple("a é i o u ou eu on an in è".split()),
    "en": tuple("a e i o u ee oo ay ow oy ar or".split()),
}
_PLAIN_NUCLEI = tuple("a e i o u".split())
_CODAS = ("", "", "", "n", "m", "p", "b", "f", "s", "l", "t", "k")


def languages() -> tuple[str, ...]:
    """Two-letter codes of the languages that can be written."""
    return tuple(LEXICONS)


def compose_line(language: str, rng: np.random.Generator) -> str:
    """One line to speak, one to about twenty words. The same generator state gives the same line."""
    lexicon = LEXICONS[language]
    kind = rng.random()
    if kind < 0.58:
        return _sentence(lexicon, rng)
    if kind < 0.70:
        return str(rng.choice(lexicon.lines))
    if kind < 0.76:
        return _number_line(lexicon, rng)
    if kind < 0.92:
        return _pseudo_words(language, rng)
    return _sentence(lexicon, rng) + " " + _sentence(lexicon, rng)


def _sentence(lexicon: Lexicon, rng: np.random.Generator) -> str:
    def fill(match: re.Match[str]) -> str:
        return str(rng.choice(getattr(lexicon, _SLOTS[match.group(1)])))

    line = re.sub(r"\{(\w)\}", fill, str(rng.choice(lexicon.patterns)))
    start = 1 if line[0] in "¿¡" else 0
    return line[:start] + line[start].upper() + line[start + 1 :]


def _number_line(lexicon: Lexicon, rng: np.random.Generator) -> str:
    numbers = [str(int(10 ** rng.uniform(0, 3.8))) for _ in range(int(rng.integers(1, 4)))]
    return ", ".join(numbers) + ", " + str(rng.choice(lexicon.nouns)) + "."


def _pseudo_words(language: str, rng: np.random.Generator) -> str:
    nuclei = _NUCLEI.get(language, _PLAIN_NUCLEI)
    words = []
    for _ in range(int(rng.integers(3, 8))):
        count = int(rng.integers(1, 4))
        syllables = [f"{rng.choice(_ONSETS)}{rng.choice(nuclei)}" for _ in range(count)]
        words.append("".join(syllables) + str(rng.choice(_CODAS)))
    return " ".join(words).capitalize() + "."
