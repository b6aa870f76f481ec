# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines to speak: sentences from patterns, whole lines, numbers, and pseudo-words that cover every syllable start
evenly. *Emphatic* words stand between asterisks."""

from __future__ import annotations

import re
from typing import Final

import numpy as np

from diffusion_talker.corpus import words, words_asia, words_europe
from diffusion_talker.corpus.words import Lexicon

LEXICONS: Final[dict[str, Lexicon]] = {**words.LEXICONS, **words_europe.LEXICONS, **words_asia.LEXICONS}
_SLOTS = {"n": "nouns", "v": "verbs", "a": "adjectives", "d": "adverbs", "p": "places", "o": "objects"}
_EMPHATIC_SHARE = 0.15
# lips first: half of the onsets are labial, so that rare labial-vowel pairs are heard from every voice
_ONSETS = tuple("p b m f v w p b m f v t d n s z l r k g sh ch j h st br pl fr".split())
_NUCLEI = {
    "de": tuple("a e i o u ä ö ü ei au eu ie".split()),
    "fr": tuple("a é i o u ou eu on an in è".split()),
    "en": tuple("a e i o u ee oo ay ow oy ar or".split()),
}
_PLAIN_NUCLEI = tuple("a e i o u".split())
#: Languages whose letters are others; None: their syllables are not made of single letters.
_SCRIPTS: dict[str, dict[int, str] | None] = {
    "ru": str.maketrans("abcdefghijklmnoprstuvwz", "абкдефгхижклмнопрстувуз"),
    **dict.fromkeys(words_asia.LEXICONS),
}
_CODAS = ("", "", "", "n", "m", "p", "b", "f", "s", "l", "t", "k")


def languages() -> tuple[str, ...]:
    """Codes of the languages that can be written."""
    return tuple(LEXICONS)


def compose_line(language: str, rng: np.random.Generator) -> str:
    """One line to speak, one to about twenty words. The same generator state gives the same line."""
    lexicon = LEXICONS[language]
    kind = rng.random()
    if kind < 0.50:
        return _sentence(lexicon, rng)
    if kind < 0.66:
        return str(rng.choice(lexicon.lines))
    if kind < 0.72:
        return _number_line(lexicon, rng)
    if kind < 0.77:
        return _list_line(lexicon, rng)
    if kind < 0.92 and _SCRIPTS.get(language, {}) is not None:
        return _pseudo_words(language, rng)
    return _sentence(lexicon, rng) + " " + _sentence(lexicon, rng)


def _sentence(lexicon: Lexicon, rng: np.random.Generator) -> str:
    pattern = str(rng.choice(lexicon.patterns))
    slots = pattern.count("{")
    emphatic = int(rng.integers(slots)) if slots and rng.random() < _EMPHATIC_SHARE else -1
    filled = 0

    def fill(match: re.Match[str]) -> str:
        nonlocal filled
        phrase = str(rng.choice(getattr(lexicon, _SLOTS[match.group(1)])))
        filled += 1
        return f"*{phrase}*" if filled - 1 == emphatic else phrase

    return _capitalise(re.sub(r"\{(\w)\}", fill, pattern))


def _capitalise(line: str) -> str:
    start = next((i for i, character in enumerate(line) if character not in "*¿¡"), 0)
    return line[:start] + line[start].upper() + line[start + 1 :]


def _number_line(lexicon: Lexicon, rng: np.random.Generator) -> str:
    numbers = [str(int(10 ** rng.uniform(0, 3.8))) for _ in range(int(rng.integers(1, 4)))]
    return ", ".join(numbers) + ", " + str(rng.choice(lexicon.nouns)) + "."


def _list_line(lexicon: Lexicon, rng: np.random.Generator) -> str:
    """Three to six things, each with the list's rise before its pause."""
    items = rng.choice([*lexicon.nouns, *lexicon.adjectives, *lexicon.places], int(rng.integers(3, 7)), replace=False)
    return _capitalise(", ".join(str(item) for item in items) + ".")


def _pseudo_words(language: str, rng: np.random.Generator) -> str:
    nuclei = _NUCLEI.get(language, _PLAIN_NUCLEI)
    made = []
    for _ in range(int(rng.integers(3, 8))):
        count = int(rng.integers(1, 4))
        syllables = [f"{rng.choice(_ONSETS)}{rng.choice(nuclei)}" for _ in range(count)]
        made.append("".join(syllables) + str(rng.choice(_CODAS)))
    return " ".join(made).translate(_SCRIPTS.get(language) or {}).capitalize() + "."
