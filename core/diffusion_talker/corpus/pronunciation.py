# SPDX-License-Identifier: GPL-3.0-or-later
"""Text to phones, word by word, through eSpeak NG's rules and dictionaries.

The program `espeak-ng` in a process of its own: its library keeps one voice for the whole process, which belongs to
whoever speaks with it.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import Final

from diffusion_talker.corpus.phones import resolve_symbol
from diffusion_talker.errors import CorpusError

_SEPARATOR: Final = "_"
_TIMEOUT_S: Final = 30.0
#: Voices whose name is not the language's code.
_VOICES: Final = {"en": "en-us", "pt": "pt-br", "zh": "cmn"}


@dataclass(frozen=True)
class Pronunciation:
    """phones: names of the inventory, in order; word_starts: index of every word's first phone."""

    phones: tuple[str, ...]
    word_starts: tuple[int, ...]

    @property
    def pauses(self) -> frozenset[int]:
        """Where a speaker may pause: before every word and at the end."""
        return frozenset((*self.word_starts, len(self.phones)))


def pronounce(text: str, language: str) -> Pronunciation:
    """How `text` is said. language: a code that eSpeak NG knows, such as "en" or "de".

    Raises CorpusError when eSpeak NG is missing or knows no such language, when a phone is in no table, and when
    nothing in the text is said.
    """
    phones: list[str] = []
    word_starts: list[int] = []
    for word in _spoken_words(text, language):
        names = _phones_of(word, language)
        if names:
            word_starts.append(len(phones))
            phones.extend(names)
    if not phones:
        raise CorpusError(f"Nothing in the transcript {text[:60]!r} is said. Write words in it, or leave it out.")
    return Pronunciation(tuple(phones), tuple(word_starts))


def _spoken_words(text: str, language: str) -> list[str]:
    """IPA of each word (what eSpeak NG says as one), phones apart by "_"."""
    voice = _VOICES.get(language, language)
    command = ["espeak-ng", "-q", "--ipa", f"--sep={_SEPARATOR}", "-v", voice, "--stdin"]
    try:
        run = subprocess.run(command, input=text, capture_output=True, encoding="utf-8", timeout=_TIMEOUT_S, check=True)
    except FileNotFoundError as error:
        raise CorpusError("Transcripts need eSpeak NG. Install it: apt install espeak-ng") from error
    except subprocess.SubprocessError as error:
        raise CorpusError(
            f"eSpeak NG cannot read language {language!r}. List what it knows with: espeak-ng --voices"
        ) from error
    return run.stdout.split()


def _phones_of(word: str, language: str) -> list[str]:
    """Phones of one word; the marks of a change of language, "(en)", are none."""
    names: list[str] = []
    for symbol in word.split(_SEPARATOR):
        bare = symbol.strip("ˈˌ")
        if bare and not bare.startswith("("):
            names.extend(phone.name for phone in resolve_symbol("ipa", bare, language))
    return names
