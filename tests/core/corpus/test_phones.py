# SPDX-License-Identifier: GPL-3.0-or-later
"""Every symbol an engine can say has a place in the inventory; an unknown one is an error, never a guess."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the corpus needs SciPy")

from diffusion_talker.corpus.phones import (  # noqa: E402
    ARPABET,
    DOMINANCE,
    PHONE_CLASSES,
    PHONES,
    SAMPA,
    UnknownPhoneError,
    broad_phone,
    narrow_phones,
    resolve_symbol,
)
from diffusion_talker.corpus.text import compose_line, languages  # noqa: E402
from diffusion_talker.corpus.timing import place_phones  # noqa: E402
from diffusion_talker.corpus.voices import espeak  # noqa: E402
from diffusion_talker.corpus.voices.base import PhoneSpan, Prosody  # noqa: E402


def test_every_phone_has_a_class_and_every_class_a_phone_and_a_dominance() -> None:
    assert {phone.phone_class for phone in PHONES.values()} == set(PHONE_CLASSES)
    assert set(DOMINANCE) == set(PHONE_CLASSES)
    assert PHONE_CLASSES[0] == "silence"


def test_tables_name_only_phones_of_the_inventory() -> None:
    for table in (ARPABET, SAMPA):
        for names in table.values():
            assert set(names) <= set(PHONES)


def test_contacts_are_where_articulation_needs_them() -> None:
    assert {name for name, phone in PHONES.items() if phone.contact == "seal"} == {"p", "b", "m"}
    assert {name for name, phone in PHONES.items() if phone.contact == "tuck"} == {"f", "v"}
    assert {name for name, phone in PHONES.items() if phone.contact == "teeth"} == set("szʃʒɕʑʂʐ")


@pytest.mark.parametrize(
    ("alphabet", "symbol", "language", "names"),
    [
        ("ipa", "øː", "de", ("ø",)),
        ("ipa", "ʏ", "de", ("ʏ",)),
        ("ipa", "œ", "fr", ("œ",)),
        ("ipa", "ç", "de", ("ç",)),
        ("ipa", "pf", "de", ("p", "f")),
        ("ipa", "ts", "de", ("t", "s")),
        ("ipa", "ɔø", "de", ("ɔ", "ʏ")),
        ("ipa", "ɑ̃", "fr", ("ɑ",)),
        ("ipa", "tʃ", "en", ("t", "ʃ")),
        ("ipa", "n̩", "en", ("n",)),
        ("ipa", "ɔːɹ", "en", ("ɔ", "ɹ")),
        ("ipa", "ʲ", "pl", ("j",)),
        ("ipa", "y", "pt", ("ɪ",)),
        ("ipa", "dʑ", "pl", ("d", "ʑ")),
        ("ipa", "ɕ", "cmn", ("ɕ",)),
        ("ipa", "ts.h", "cmn", ("t", "ʂ")),
        ("ipa", "", "en", ("sil",)),
        ("arpabet", "ch", "en", ("t", "ʃ")),
        ("arpabet", "pau", "en", ("sil",)),
        ("sampa", "OY", "de", ("ɔ", "ʏ")),
    ],
)
def test_symbols_resolve(alphabet: str, symbol: str, language: str, names: tuple[str, ...]) -> None:
    assert tuple(phone.name for phone in resolve_symbol(alphabet, symbol, language)) == names


@pytest.mark.parametrize("alphabet", ["ipa", "arpabet", "sampa"])
def test_an_unknown_symbol_is_an_error_that_says_where_to_add_it(alphabet: str) -> None:
    with pytest.raises(UnknownPhoneError, match="corpus/phones.py"):
        resolve_symbol(alphabet, "☃")


@pytest.mark.parametrize("language", languages())
def test_espeak_speaks_only_known_symbols(language: str) -> None:
    if espeak.missing_reason():
        pytest.skip(espeak.missing_reason())
    rng = np.random.default_rng(7)
    for language_file in espeak.LANGUAGE_FILES[language]:
        for _ in range(12):
            utterance = espeak.EspeakVoice("m3", language, language_file).synthesize(
                compose_line(language, rng), Prosody()
            )
            for span in utterance.phones:
                resolve_symbol("ipa", span.symbol, language)


def test_hand_labels_of_real_speech_are_all_known(shared_dir) -> None:
    labels = json.loads((shared_dir / "speech" / "emodb" / "phones.json").read_text(encoding="utf-8"))
    unknown = {symbol for spans in labels.values() for *_, symbol in spans if symbol not in SAMPA}
    assert not unknown


def test_a_diphthong_glides_and_an_affricate_closes_first() -> None:
    phones = place_phones([PhoneSpan("aɪ", 0.0, 0.2), PhoneSpan("pf", 0.2, 0.3)], "ipa", "de")
    assert [phone.phone.name for phone in phones] == ["a", "ɪ", "p", "f"]
    assert 0.08 < phones[0].end_s < 0.16
    assert phones[2].start_s == pytest.approx(0.2)
    assert phones[3].end_s == pytest.approx(0.3)
    assert phones[2].start_s < phones[2].release_s <= phones[2].end_s


@pytest.mark.parametrize(
    ("language", "heard", "meant"),
    [
        ("zh", "ʃiʒjʃaʃ", "ɕiʑjʂaʂ"),
        ("cmn", "sisa", "sisa"),
        ("ja", "ʃoʒi", "ɕoʑi"),
        ("pl", "ʃiʃk", "ɕiʃk"),
        ("en", "ʃiʒaʃ", "ʃiʒaʃ"),
        ("zh", "", ""),
    ],
)
def test_a_hush_is_what_the_language_has_there(language: str, heard: str, meant: str) -> None:
    assert "".join(narrow_phones(tuple(heard), language)) == meant
    assert "".join(broad_phone(name) for name in meant) == heard
