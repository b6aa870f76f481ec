# SPDX-License-Identifier: GPL-3.0-or-later
"""Phones: one inventory for all engines, the articulatory class and the pose of each, and the engines' own symbols.

Poses are apex values of a neutral speaker in ARKit weights. Sources: JALI (Edwards et al. 2016) for the split of jaw
and lips, Cohen & Massaro (1993) for dominance per articulator, common ARKit viseme charts for the numbers.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from diffusion_talker.corpus.phone_tables import FESTIVAL_TABLES
from diffusion_talker.errors import CorpusError

SILENCE: Final = "sil"

#: Articulatory classes. Index 0 is silence.
PHONE_CLASSES: Final[tuple[str, ...]] = (
    "silence",
    "bilabial_stop",
    "bilabial_nasal",
    "bilabial_approximant",
    "labiodental",
    "dental",
    "alveolar",
    "lateral",
    "sibilant",
    "postalveolar",
    "dorsal",
    "glottal",
    "rhotic",
    "labiovelar",
    "palatal",
    "close_front",
    "near_close",
    "close_front_rounded",
    "mid_front",
    "mid_front_rounded",
    "open",
    "open_mid",
    "central",
    "rhotic_vowel",
    "mid_back_rounded",
    "close_back_rounded",
)

VOWEL_CLASSES: Final[frozenset[str]] = frozenset(PHONE_CLASSES[PHONE_CLASSES.index("close_front") :])


class UnknownPhoneError(CorpusError):
    """An engine spoke a symbol that no table knows."""


@dataclass(frozen=True)
class Pose:
    """Apex of a phone in ARKit weights; left and right alike. lower/upper: mouthLowerDown/mouthUpperUp; tuck:
    mouthRollLower."""

    jaw: float = 0.0
    funnel: float = 0.0
    pucker: float = 0.0
    smile: float = 0.0
    stretch: float = 0.0
    lower: float = 0.0
    upper: float = 0.0
    tuck: float = 0.0
    tongue: float = 0.0


@dataclass(frozen=True)
class Dominance:
    """How strongly a class claims each articulator group against its neighbours; 0 leaves the group to them."""

    jaw: float
    rounding: float
    corners: float
    lips: float
    tongue: float = 0.3


@dataclass(frozen=True)
class Phone:
    """One phone of the common inventory. contact: "" or what must touch: "seal", "tuck" (lip on teeth), "teeth"."""

    name: str
    phone_class: str
    pose: Pose
    contact: str = ""
    is_stop: bool = False

    @property
    def is_vowel(self) -> bool:
        return self.phone_class in VOWEL_CLASSES

    @property
    def class_index(self) -> int:
        return PHONE_CLASSES.index(self.phone_class)


#: Tongue-only classes own next to nothing of the lips; rounding passes through them (Cohen & Massaro 1993; Oehman
#: 1966).
DOMINANCE: Final[dict[str, Dominance]] = {
    "silence": Dominance(1.0, 0.7, 0.7, 1.0, 1.0),
    "bilabial_stop": Dominance(0.35, 0.06, 0.10, 1.0),
    "bilabial_nasal": Dominance(0.35, 0.06, 0.10, 1.0),
    "bilabial_approximant": Dominance(1.3, 0.05, 0.10, 1.2),
    "labiodental": Dominance(0.5, 0.25, 0.20, 1.2),
    "dental": Dominance(0.5, 0.08, 0.15, 0.6, 1.0),
    "alveolar": Dominance(0.60, 0.05, 0.50, 0.50, 0.6),
    "lateral": Dominance(0.30, 0.05, 0.50, 0.50, 0.8),
    "sibilant": Dominance(0.8, 0.15, 0.50, 0.80, 0.8),
    "postalveolar": Dominance(0.8, 1.10, 0.40, 0.90, 0.8),
    "dorsal": Dominance(0.25, 0.03, 0.50, 0.35),
    "glottal": Dominance(0.06, 0.01, 0.02, 0.05, 0.05),
    "rhotic": Dominance(0.6, 0.60, 0.20, 0.40),
    "labiovelar": Dominance(1.1, 1.80, 0.80, 1.1),
    "palatal": Dominance(0.8, 0.25, 0.60, 0.50),
    "close_front": Dominance(1.0, 0.90, 1.00, 0.9),
    "near_close": Dominance(0.95, 0.75, 1.0, 0.85),
    "close_front_rounded": Dominance(1.0, 1.40, 0.90, 0.9),
    "mid_front": Dominance(1.0, 0.80, 0.90, 0.9),
    "mid_front_rounded": Dominance(1.0, 1.30, 0.80, 0.9),
    "open": Dominance(1.25, 0.75, 0.70, 1.0),
    "open_mid": Dominance(1.0, 0.60, 0.50, 0.8),
    "central": Dominance(0.5, 0.20, 0.20, 0.4),
    "rhotic_vowel": Dominance(0.8, 0.60, 0.30, 0.6),
    "mid_back_rounded": Dominance(1.1, 1.30, 0.80, 1.0),
    "close_back_rounded": Dominance(1.0, 1.50, 0.90, 0.9),
}


def _phones() -> tuple[Phone, ...]:
    seal = Pose(jaw=0.06)
    tuck = Pose(jaw=0.07, tuck=0.6, upper=0.15)
    tongue_tip = Pose(jaw=0.13, lower=0.15, tongue=0.05)
    hiss = Pose(jaw=0.05, lower=0.24, upper=0.06, stretch=0.09)
    hush = Pose(jaw=0.055, funnel=0.45, pucker=0.17, lower=0.20, upper=0.15)
    spread_hush = Pose(jaw=0.05, funnel=0.14, pucker=0.04, lower=0.22, upper=0.09, stretch=0.03)
    curled_hush = Pose(jaw=0.055, funnel=0.24, pucker=0.08, lower=0.20, upper=0.11)
    back = Pose(jaw=0.16, lower=0.08)
    return (
        Phone(SILENCE, "silence", Pose()),
        *(Phone(name, "bilabial_stop", seal, "seal", is_stop=True) for name in ("p", "b")),
        Phone("m", "bilabial_nasal", seal, "seal"),
        Phone("β", "bilabial_approximant", Pose(jaw=0.05)),
        *(Phone(name, "labiodental", tuck, "tuck") for name in ("f", "v")),
        *(Phone(name, "dental", Pose(jaw=0.12, lower=0.15, upper=0.04, tongue=0.28)) for name in ("θ", "ð")),
        *(Phone(name, "alveolar", tongue_tip, is_stop=True) for name in ("t", "d")),
        *(Phone(name, "alveolar", tongue_tip) for name in ("n", "ɾ")),
        Phone("l", "lateral", Pose(jaw=0.17, lower=0.16, tongue=0.07)),
        *(Phone(name, "sibilant", hiss, "teeth") for name in ("s", "z")),
        *(Phone(name, "postalveolar", hush, "teeth") for name in ("ʃ", "ʒ")),
        # Not rounded of themselves: what stands beside them rounds them, as it does [s].
        *(Phone(name, "sibilant", spread_hush, "teeth") for name in ("ɕ", "ʑ")),
        *(Phone(name, "sibilant", curled_hush, "teeth") for name in ("ʂ", "ʐ")),
        *(Phone(name, "dorsal", back, is_stop=True) for name in ("k", "ɡ")),
        *(Phone(name, "dorsal", back) for name in ("ŋ", "x", "ɣ", "ʁ")),
        *(Phone(name, "dorsal", Pose(jaw=0.12, lower=0.12, stretch=0.1)) for name in ("ç", "ɲ")),
        *(Phone(name, "glottal", Pose(jaw=0.16, lower=0.08)) for name in ("h", "ʔ")),
        Phone("ɹ", "rhotic", Pose(jaw=0.11, funnel=0.25, pucker=0.25, lower=0.08)),
        Phone("w", "labiovelar", Pose(jaw=0.05, funnel=0.12, pucker=0.80)),
        Phone("j", "palatal", Pose(jaw=0.09, smile=0.15, stretch=0.2, lower=0.14)),
        Phone("i", "close_front", Pose(jaw=0.07, smile=0.28, stretch=0.30, lower=0.15, upper=0.03)),
        Phone("ɪ", "near_close", Pose(jaw=0.13, smile=0.19, stretch=0.22, lower=0.14, upper=0.03)),
        Phone("ɨ", "near_close", Pose(jaw=0.11, stretch=0.12, lower=0.13, upper=0.03)),
        Phone("y", "close_front_rounded", Pose(jaw=0.07, funnel=0.16, pucker=0.70)),
        Phone("ʏ", "close_front_rounded", Pose(jaw=0.11, funnel=0.20, pucker=0.50, lower=0.03)),
        Phone("e", "mid_front", Pose(jaw=0.17, smile=0.16, stretch=0.24, lower=0.17, upper=0.05)),
        Phone("ɛ", "mid_front", Pose(jaw=0.33, smile=0.06, stretch=0.24, lower=0.28, upper=0.09)),
        Phone("ø", "mid_front_rounded", Pose(jaw=0.16, funnel=0.36, pucker=0.43, lower=0.05)),
        Phone("œ", "mid_front_rounded", Pose(jaw=0.29, funnel=0.42, pucker=0.26, lower=0.10)),
        Phone("æ", "open", Pose(jaw=0.46, stretch=0.24, smile=0.04, lower=0.34, upper=0.15)),
        Phone("a", "open", Pose(jaw=0.50, stretch=0.05, lower=0.33, upper=0.14)),
        Phone("ɑ", "open", Pose(jaw=0.54, lower=0.31, upper=0.12)),
        Phone("ʌ", "open_mid", Pose(jaw=0.34, lower=0.26, upper=0.09)),
        Phone("ɐ", "open_mid", Pose(jaw=0.29, lower=0.20, upper=0.07)),
        Phone("ə", "central", Pose(jaw=0.19, lower=0.15, upper=0.04)),
        Phone("ɚ", "rhotic_vowel", Pose(jaw=0.17, funnel=0.20, pucker=0.18, lower=0.12)),
        Phone("ɔ", "mid_back_rounded", Pose(jaw=0.38, funnel=0.43, pucker=0.20, lower=0.17)),
        Phone("o", "mid_back_rounded", Pose(jaw=0.19, funnel=0.42, pucker=0.38, lower=0.05)),
        Phone("ʊ", "close_back_rounded", Pose(jaw=0.11, funnel=0.20, pucker=0.50, lower=0.02)),
        Phone("u", "close_back_rounded", Pose(jaw=0.07, funnel=0.18, pucker=0.72)),
    )


PHONES: Final[dict[str, Phone]] = {phone.name: phone for phone in _phones()}
#: The inventory in the order of the corpus' phone labels. Index 0 is silence.
PHONE_NAMES: Final[tuple[str, ...]] = tuple(PHONES)
#: Number of the articulatory class of each phone of PHONE_NAMES.
CLASS_OF_PHONE: Final[tuple[int, ...]] = tuple(phone.class_index for phone in PHONES.values())
#: Label of a frame whose phone nobody knows, in recordings without a transcript.
UNKNOWN_PHONE: Final = 255

#: IPA characters that are written otherwise than the inventory's names.
_IPA_ALIASES: Final[dict[str, tuple[str, ...]]] = {
    "g": ("ɡ",), "r": ("ɾ",), "ɜ": ("ɐ",), "ɒ": ("ɔ",), "ᵻ": ("ɪ",), "ɵ": ("ʏ",), "ʋ": ("v",), "c": ("k",),
    "ɟ": ("ɡ",), "ʎ": ("l", "j"), "ʝ": ("j",), "ɫ": ("l",), "ʍ": ("w",), "ɱ": ("m",), "ʀ": ("ʁ",), "χ": ("x",),
    "ɥ": ("y",), "ɘ": ("ə",),
    "ɤ": ("ʌ",), "ɯ": ("ɨ",), "ʉ": ("y",), "ɦ": ("h",), "?": ("ʔ",), "ɸ": ("f",), "ɬ": ("l",), "ɖ": ("d",),
    "ʈ": ("t",), "ɳ": ("n",), "ɭ": ("l",), "ɽ": ("ɾ",), "ɻ": ("ɹ",),
}  # fmt: skip
#: Length, stress, palatalisation, nasality and syllabicity leave the lips alone.
_IPA_MARKS: Final = frozenset(":ːˑˈˌʲʰˠˤ'-.͡‿\"^") | {
    "\u0303",
    "\u0329",
    "\u032f",
    "\u0325",
    "\u031e",
    "\u0361",
    "\u032a",
    "\u033a",
    "\u02de",
}
#: In some languages an engine writes a sound with the letter of another.
_IPA_BY_LANGUAGE: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    ("pt", "y"): ("ɪ",),
    ("en", "ɜː"): ("ɚ",),
    ("en", "ɔɪ"): ("ɔ", "ɪ"),
    ("en", "r"): ("ɹ",),
    ("en", "iə"): ("ɪ", "ə"),
    ("de", "ɔø"): ("ɔ", "ʏ"),
    ("de", "r"): ("ʁ",),
    ("de", "ɾ"): ("ʁ",),
    ("cs", "r\u031d"): ("ʒ",),
    ("cs", "r\u031d\u030a"): ("ʃ",),
    ("ru", "y"): ("ɨ",),
    ("cmn", "i."): ("ɨ",),
    ("cmn", "s."): ("ʂ",),
    ("cmn", "ts."): ("t", "ʂ"),
    ("cmn", "ts.h"): ("t", "ʂ"),
    ("cmn", "tɕh"): ("t", "ɕ"),
    ("cmn", "tsh"): ("t", "s"),
    ("cmn", "o-"): ("ʌ",),
    ("cmn", "ər"): ("ɚ",),
}

#: Narrow sounds for the broad ones that a recogniser hears.
_PALATAL: Final[dict[str, str]] = {"ʃ": "ɕ", "ʒ": "ʑ"}
_RETROFLEX: Final[dict[str, str]] = {"ʃ": "ʂ", "ʒ": "ʐ"}
_BROAD: Final[dict[str, str]] = {narrow: broad for table in (_PALATAL, _RETROFLEX) for broad, narrow in table.items()}
#: What a broad sound is in a language: (before a front vowel or [j], elsewhere). Duanmu 2007 for Mandarin, Vance 2008
#: for Japanese, Gussmann 2007 for Polish, whose hush elsewhere is rounded.
_NARROW: Final[dict[str, tuple[dict[str, str], dict[str, str]]]] = {
    "zh": (_PALATAL, _RETROFLEX), "cmn": (_PALATAL, _RETROFLEX), "ja": (_PALATAL, _PALATAL), "pl": (_PALATAL, {}),
}  # fmt: skip
_FRONT: Final = frozenset("jiɪeɛyʏ")

ARPABET: Final[dict[str, tuple[str, ...]]] = {
    "pau": (SILENCE,), "h#": (SILENCE,), "sil": (SILENCE,), "ssil": (SILENCE,), "brth": (SILENCE,),
    "p": ("p",), "b": ("b",), "m": ("m",), "f": ("f",), "v": ("v",), "th": ("θ",), "dh": ("ð",), "t": ("t",),
    "d": ("d",), "n": ("n",),
    "dx": ("ɾ",), "nx": ("n",), "l": ("l",), "s": ("s",), "z": ("z",), "sh": ("ʃ",), "zh": ("ʒ",), "ch": ("t", "ʃ"),
    "jh": ("d", "ʒ"),
    "k": ("k",), "g": ("ɡ",), "ng": ("ŋ",), "hh": ("h",), "hv": ("h",), "r": ("ɹ",), "w": ("w",), "y": ("j",),
    "em": ("m",), "en": ("n",),
    "el": ("l",), "iy": ("i",), "ih": ("ɪ",), "ix": ("ɪ",), "ey": ("e", "ɪ"), "eh": ("ɛ",), "ae": ("æ",),
    "aa": ("ɑ",), "ao": ("ɔ",),
    "ah": ("ʌ",), "ax": ("ə",), "axr": ("ɚ",), "er": ("ɚ",), "ow": ("o", "ʊ"), "uh": ("ʊ",), "uw": ("u",),
    "ay": ("a", "ɪ"),
    "aw": ("a", "ʊ"), "oy": ("ɔ", "ɪ"),
}  # fmt: skip

#: German SAMPA as hand-labelled recordings use it; capital letters of the labellers' own are voiced or reduced
#: variants.
SAMPA: Final[dict[str, tuple[str, ...]]] = {
    ".": (SILENCE,), "(": (SILENCE,), "<start>": (SILENCE,), "B": ("b",), "p": ("p",), "b": ("b",), "m": ("m",),
    "f": ("f",), "v": ("v",),
    "V": ("v",), "t": ("t",), "d": ("d",), "n": ("n",), "l": ("l",), "L": ("l",), "s": ("s",), "ss": ("s",),
    "z": ("z",), "S": ("ʃ",), "k": ("k",),
    "g": ("ɡ",), "G": ("ɡ",), "N": ("ŋ",), "NN": ("ŋ",), "C": ("ç",), "x": ("x",), "X": ("x",), "R": ("ʁ",),
    "4": ("ɾ",), "j": ("j",), "h": ("h",),
    "H": ("h",), "?": ("ʔ",), "D": ("d",), "(gef": ("ə",), "i": ("i",), "I": ("ɪ",), "I+nas": ("ɪ",), "y": ("y",),
    "Y": ("ʏ",), "e": ("e",),
    "E": ("ɛ",), "2": ("ø",), "9": ("œ",), "a": ("a",), "6": ("ɐ",), "@": ("ə",), "O": ("ɔ",), "o": ("o",),
    "U": ("ʊ",), "u": ("u",),
    "aI": ("a", "ɪ"), "aU": ("a", "ʊ"), "AU": ("a", "ʊ"), "ao": ("a", "ʊ"), "aO": ("a", "ʊ"), "AO": ("a", "ʊ"),
    "OY": ("ɔ", "ʏ"),
    "OU": ("o", "ʊ"), "i6": ("i", "ɐ"), "I6": ("ɪ", "ɐ"), "E6": ("ɛ", "ɐ"), "a6": ("a", "ɐ"), "@6": ("ə", "ɐ"),
    "I@": ("ɪ", "ə"),
    "i@": ("i", "ə"), "@E": ("ə", "ɛ"), "@O": ("ə", "ɔ"), "ia": ("i", "a"), "[+eng": (SILENCE,), "hoe": ("h", "ø"),
}  # fmt: skip


@lru_cache(maxsize=4096)
def resolve_symbol(alphabet: str, symbol: str, language: str = "en") -> tuple[Phone, ...]:
    """Phones of the inventory that an engine's symbol stands for; more than one for diphthongs and affricates.

    alphabet: "ipa" (eSpeak NG), "arpabet" (flite, festival), "sampa", or one of FESTIVAL_TABLES. Raises
    UnknownPhoneError for a symbol no table knows.
    """
    names = (
        _ipa_names(symbol, language)
        if alphabet == "ipa"
        else {"arpabet": ARPABET, "sampa": SAMPA, **FESTIVAL_TABLES}[alphabet].get(symbol)
    )
    if not names:
        raise UnknownPhoneError(
            f"Phone symbol {symbol!r} ({alphabet}, language {language}) is in no table. Add it to corpus/phones.py."
        )
    return tuple(PHONES[name] for name in names)


def broad_phone(name: str) -> str:
    """The phone that a recogniser hears for phone `name`."""
    return _BROAD.get(name, name)


def narrow_phones(names: Sequence[str], language: str) -> tuple[str, ...]:
    """What a speaker of `language` means by the phones that were heard, each by the one after it.

    Speakers of Mandarin, Japanese and Polish hush with spread lips, those of English and German with round ones.
    """
    before_front, elsewhere = _NARROW.get(language, ({}, {}))
    pairs = zip(names, (*names[1:], SILENCE), strict=False)
    return tuple((before_front if following in _FRONT else elsewhere).get(name, name) for name, following in pairs)


def _ipa_names(symbol: str, language: str) -> tuple[str, ...] | None:
    if symbol in ("", "_", SILENCE):
        return (SILENCE,)
    if symbol == "ʲ":
        return ("j",)
    if (language, symbol) in _IPA_BY_LANGUAGE:
        return _IPA_BY_LANGUAGE[language, symbol]
    names: list[str] = []
    for character in unicodedata.normalize("NFD", symbol):
        if character in _IPA_MARKS:
            continue
        if character == "\u0327" and names:  # the cedilla that NFD takes off ç
            names[-1] = "ç"
            continue
        parts = _IPA_BY_LANGUAGE.get((language, character)) or (
            (character,) if character in PHONES else _IPA_ALIASES.get(character)
        )
        if parts is None:
            return None
        names.extend(part for part in parts if not names or names[-1] != part)
    return tuple(names) or None
