# SPDX-License-Identifier: GPL-3.0-or-later
"""Each engine's phone times are right against its own sound."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the corpus needs SciPy")

from diffusion_talker.corpus.clips import change_tract, cut_short  # noqa: E402
from diffusion_talker.corpus.phones import SILENCE, resolve_symbol  # noqa: E402
from diffusion_talker.corpus.voices import espeak, festival, flite  # noqa: E402
from diffusion_talker.corpus.voices.base import PhoneSpan, Prosody, Utterance, plain_text, to_16_khz  # noqa: E402
from diffusion_talker.corpus.voices.borrowed import BorrowedVoice, Stock, stock_of, substitute  # noqa: E402
from diffusion_talker.corpus.voices.whisper import whisper  # noqa: E402

RATE_HZ = 16000
VOICES = {
    "espeak-en": (espeak.EspeakVoice("m3", "en", "gmw/en-US"), espeak.missing_reason),
    "espeak-de": (espeak.EspeakVoice("m3", "de", "gmw/de"), espeak.missing_reason),
    "espeak-echo": (espeak.EspeakVoice("f4", "en", "gmw/en"), espeak.missing_reason),
    **{f"flite-{name}": (flite.FliteVoice(name), flite.missing_reason) for name in flite.VOICES},
    **{
        f"festival-{name}": (festival.FestivalVoice(name), partial(festival.missing_reason, name))
        for name in festival.VOICES
    },
}
TEXT = "Happy people keep a copper cup, a packet and a paper puppet."
TEXTS = {
    "it": "Papà compra pepe, pane e patate, poi porta il cappello a Pippo.",
    "cs": "Pepa kupuje pepř, potom kopá příkop a pije pivo po práci.",
    "fi": "Pappa pakkasi repun, kaappi on täpötäynnä, ja papukaija hyppää.",
    "ca": "El pare compra pa, pebre i patates, i prepara la sopa.",
    "hi": "पापा पानी पीता है और कपडा पकडता है",
    "mr": "पाहुणा पाणी पितो आणि कपडा पाहतो",
    "te": "పాప పాలు పాప పండు పాపం పులి",
}
#: Engines' times lie this close to the level of their sound; half a frame of 60 Hz is 8 ms.
GREATEST_LAG_S = 0.0125


@pytest.fixture(params=VOICES, scope="module")
def spoken(request):
    voice, missing_reason = VOICES[request.param]
    if missing_reason():
        pytest.skip(missing_reason())
    return voice, voice.alphabet, voice.synthesize(TEXTS.get(voice.language, TEXT), Prosody())


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
    assert len(closures) >= 3
    assert np.median(vowels) - np.median(closures) > 15


def test_silence_is_silent(spoken) -> None:
    voice, alphabet, utterance = spoken
    for span in utterance.phones:
        if resolve_symbol(alphabet, span.symbol, voice.language)[0].name == SILENCE and span.duration_s > 0.05:
            middle = (span.start_s + span.end_s) / 2
            assert _level_db(utterance.samples, middle - 0.01, middle + 0.01) < -35


def test_phones_stand_where_the_level_says(spoken) -> None:
    """Vowels loud, closures and pauses quiet: the shift that fits this best is next to none."""
    voice, alphabet, utterance = spoken
    hop = RATE_HZ // 200
    count = len(utterance.samples) // hop
    level_db = 10 * np.log10((utterance.samples[: count * hop].reshape(count, hop) ** 2).mean(axis=1) + 1e-6)
    expected = np.zeros(count)
    for span in utterance.phones:
        phone = resolve_symbol(alphabet, span.symbol, voice.language)[0]
        loudness = 1.0 if phone.is_vowel else -1.0 if phone.name == SILENCE or phone.is_stop else 0.0
        expected[int(round(span.start_s * 200)) : int(round(span.end_s * 200))] = loudness
    inner = slice(20, -20)
    fits = [np.corrcoef(expected[inner], np.roll(level_db, shift)[inner])[0, 1] for shift in range(-10, 11)]
    assert abs(int(np.argmax(fits)) - 10) / 200 <= GREATEST_LAG_S
    assert max(fits) > 0.55


def test_faster_speech_is_shorter(spoken) -> None:
    voice, _, utterance = spoken
    text = TEXTS.get(voice.language, TEXT)
    assert len(voice.synthesize(text, Prosody(rate=1.4)).samples) < 0.85 * len(utterance.samples)


def test_festival_moves_pitch_of_any_intonation_model() -> None:
    reason = festival.missing_reason("kal_diphone")
    if reason:
        pytest.skip(reason)
    voice = festival.FestivalVoice("kal_diphone")
    low, high = (_pitch_hz(voice.synthesize(TEXT, Prosody(pitch=pitch)).samples) for pitch in (0.9, 1.2))
    assert high / low == pytest.approx(1.2 / 0.9, rel=0.08)


def _pitch_hz(samples: np.ndarray) -> float:
    """Median over loud frames of the strongest period between 60 and 300 Hz."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, 800)[::400].astype(np.float64)
    loud = frames[frames.std(axis=1) > 0.5 * samples.std()]
    power = np.abs(np.fft.rfft(loud * np.hanning(800), 2048, axis=1)) ** 2
    correlation = np.fft.irfft(power, axis=1)[:, : RATE_HZ // 60]
    return float(np.median(RATE_HZ / (RATE_HZ // 300 + np.argmax(correlation[:, RATE_HZ // 300 :], axis=1))))


def test_emphasis_is_heard_in_espeak_and_stripped_elsewhere() -> None:
    assert plain_text("a *very* warm day") == "a very warm day"
    reason = espeak.missing_reason()
    if reason:
        pytest.skip(reason)
    voice = espeak.EspeakVoice("m3", "en", "gmw/en-US")
    plain, marked = (voice.synthesize(text, Prosody()) for text in ("I love Bob & Pam.", "I *love* Bob & Pam."))
    assert [span.symbol.strip("ˈˌ") for span in marked.phones if span.symbol] == [
        span.symbol.strip("ˈˌ") for span in plain.phones if span.symbol
    ]
    assert not np.array_equal(plain.samples[:4000], marked.samples[:4000])


def test_a_whisper_keeps_level_and_resonance_and_loses_the_voice() -> None:
    time_s = np.arange(16000) / RATE_HZ
    voiced = (0.2 * np.sign(np.sin(2 * np.pi * 120 * time_s)) * (time_s < 0.5)).astype(np.float32)
    out = whisper(voiced, np.random.default_rng(0))
    assert out.shape == voiced.shape
    assert _level_db(out, 0.1, 0.4) == pytest.approx(_level_db(voiced, 0.1, 0.4), abs=2.0)
    assert _level_db(out, 0.6, 0.9) < -60
    spectrum = np.abs(np.fft.rfft(out[:8000])) ** 2
    harmonics = spectrum[np.arange(120, 4000, 120) // 2]
    between = spectrum[np.arange(180, 4000, 120) // 2]
    assert harmonics.sum() < 2 * between.sum()


def test_a_line_cut_short_ends_inside_a_phone() -> None:
    samples = np.ones(16000, np.float32)
    spans = (PhoneSpan("a", 0.0, 0.4), PhoneSpan("b", 0.4, 0.8), PhoneSpan("c", 0.8, 1.0))
    cut = cut_short(Utterance(samples, spans), 0.6)
    assert len(cut.samples) == 9600
    assert cut.samples[-1] == 0.0
    assert [(span.symbol, span.end_s) for span in cut.phones] == [("a", 0.4), ("b", 0.6)]


def test_a_borrowed_phone_is_the_nearest_that_joins() -> None:
    stock = Stock(
        {"y": ("u", "i"), "b": ("b",), "ɐ": ("a",), "ʒ": ()}, frozenset(("#-u", "#-i", "i-b", "b-a", "a-#")), "#"
    )
    assert substitute(("y", "b", "ɐ"), stock) == ("i", "b", "a")
    assert substitute(("b",), stock) == ("b",)
    assert substitute(("ʒ",), stock) == ("#",)
    assert substitute((), stock) == ()


@pytest.mark.parametrize("name", ["hy_fi_mv_diphone", "czech_dita", "pc_diphone", "kal_diphone", "hindi_NSK_diphone"])
def test_recorded_voices_say_german(name: str) -> None:
    reason = festival.missing_reason(name) or espeak.missing_reason()
    if reason:
        pytest.skip(reason)
    voice = BorrowedVoice(name, "de", "gmw/de")
    utterance = voice.synthesize("Übermorgen pflückt der böse Bäcker fünf Äpfel.", Prosody())
    said = [resolve_symbol(voice.alphabet, span.symbol, "de")[0].name for span in utterance.phones]
    assert [phone for phone in said if phone in "pbmfv"] == list("bmpfbbffpf")
    assert stock_of(name).silence == utterance.phones[0].symbol
    slow = voice.synthesize("Übermorgen pflückt der böse Bäcker fünf Äpfel.", Prosody(rate=0.8))
    assert len(slow.samples) > 1.15 * len(utterance.samples)
    high = voice.synthesize("Übermorgen pflückt der böse Bäcker fünf Äpfel.", Prosody(pitch=1.2))
    assert _pitch_hz(high.samples) / _pitch_hz(utterance.samples) == pytest.approx(1.2, rel=0.1)


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
