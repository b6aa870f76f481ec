# SPDX-License-Identifier: GPL-3.0-or-later
"""Each engine's phone times are right against its own sound."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the corpus needs SciPy")

from diffusion_talker.corpus.clips import change_tract  # noqa: E402
from diffusion_talker.corpus.phones import SILENCE, resolve_symbol  # noqa: E402
from diffusion_talker.corpus.text import compose_line, languages  # noqa: E402
from diffusion_talker.corpus.voices import espeak, festival, flite  # noqa: E402
from diffusion_talker.corpus.voices.base import PhoneSpan, Prosody, Utterance, to_16_khz  # noqa: E402

RATE_HZ = 16000
VOICES = {
    "espeak-en": (espeak.EspeakVoice("m3", "en", "gmw/en-US"), "ipa", espeak.missing_reason),
    "espeak-de": (espeak.EspeakVoice("m3", "de", "gmw/de"), "ipa", espeak.missing_reason),
    "espeak-echo": (espeak.EspeakVoice("f4", "en", "gmw/en"), "ipa", espeak.missing_reason),
    "flite-slt": (flite.FliteVoice("slt"), "arpabet", flite.missing_reason),
    "festival-kal": (festival.FestivalVoice("kal_diphone"), "arpabet", lambda: festival.missing_reason("kal_diphone")),
}
TEXT = "Happy people keep a copper cup, a packet and a paper puppet."


@pytest.fixture(params=VOICES)
def spoken(request):
    voice, alphabet, missing_reason = VOICES[request.param]
    if missing_reason():
        pytest.skip(missing_reason())
    return voice, alphabet, voice.synthesize(TEXT, Prosody())


def _level_db(samples: np.ndarray, start_s: float, end_s: float) -> float:
    part = samples[int(start_s * RATE_HZ) : max(int(end_s * RATE_HZ), int(start_s * RATE_HZ) + 16)]
    return float(10 * np.log10(np.mean(part.astype(np.float64) ** 2) + 1e-10))


def test_spans_are_ordered_without_holes_and_within_the_sound(spoken) -> None:
    _, _, utterance = spoken
    assert utterance.samples.dtype == np.float32
    assert utterance.phones[0].start_s == pytest.approx(0.0, abs=0.02)
    for left, right in zip(utterance.phones, utterance.phones[1:], strict=False):
        assert left.end_s == pytest.approx(right.start_s, abs=1e-6)
    assert utterance.phones[-1].end_s <= len(utterance.samples) / RATE_HZ + 1e-3


def test_closures_are_quiet_and_vowels_loud(spoken) -> None:
    voice, alphabet, utterance = spoken
    closures, vowels = [], []
    for span in utterance.phones:
        phones = resolve_symbol(alphabet, span.symbol, voice.language)
        if phones[0].name == "p" and span.start_s > 0.1:
            closures.append(_level_db(utterance.samples, span.start_s + 0.025, span.start_s + 0.04))
        elif phones[0].is_vowel:
            vowels.append(_level_db(utterance.samples, span.start_s, span.end_s))
    assert len(closures) >= 4
    assert np.median(vowels) - np.median(closures) > 15


def test_silence_is_silent(spoken) -> None:
    voice, alphabet, utterance = spoken
    for span in utterance.phones:
        if resolve_symbol(alphabet, span.symbol, voice.language)[0].name == SILENCE and span.duration_s > 0.05:
            middle = (span.start_s + span.end_s) / 2
            assert _level_db(utterance.samples, middle - 0.01, middle + 0.01) < -35


def test_faster_speech_is_shorter(spoken) -> None:
    voice, _, utterance = spoken
    assert len(voice.synthesize(TEXT, Prosody(rate=1.4)).samples) < 0.85 * len(utterance.samples)


def test_resampling_keeps_times() -> None:
    click = np.zeros(22050, np.float32)
    click[11025] = 1.0
    assert int(np.argmax(np.abs(to_16_khz(click, 22050)))) == pytest.approx(8000, abs=1)


def test_a_smaller_speaker_is_shorter_and_its_phones_move_along() -> None:
    samples = np.zeros(16000, np.float32)
    samples[8000] = 1.0
    changed = change_tract(Utterance(samples, (PhoneSpan("a", 0.0, 0.5), PhoneSpan("b", 0.5, 1.0))), 1.1)
    peak_s = np.argmax(np.abs(changed.samples)) / RATE_HZ
    assert peak_s == pytest.approx(0.5 / 1.1, abs=1e-3)
    assert changed.phones[0].end_s == pytest.approx(peak_s, abs=1e-3)


@pytest.mark.parametrize("language", languages())
def test_text_is_varied_and_drawn_by_the_generator_alone(language: str) -> None:
    lines = [compose_line(language, np.random.default_rng(seed)) for seed in range(200)]
    assert lines == [compose_line(language, np.random.default_rng(seed)) for seed in range(200)]
    assert len(set(lines)) > 150
    assert any(letter in "".join(lines).lower() for letter in "pbmfv")
    assert not any("{" in line for line in lines)
