# SPDX-License-Identifier: GPL-3.0-or-later
"""What a clip is made of: plans of every kind, lines laid out in time, the pace kept whatever the size of the tract."""

from __future__ import annotations

import collections
from dataclasses import dataclass, replace

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the corpus needs SciPy")

from diffusion_talker.audio import SAMPLE_RATE_HZ  # noqa: E402
from diffusion_talker.corpus.clips import Plan, coloured_noise, plan_clip, speak  # noqa: E402
from diffusion_talker.corpus.talkers import TALKERS  # noqa: E402
from diffusion_talker.corpus.voices import espeak, festival  # noqa: E402
from diffusion_talker.corpus.voices.base import PhoneSpan, Prosody, Utterance  # noqa: E402

ALL_VOICES = {i: talker.voices for i, talker in enumerate(TALKERS)}


@dataclass
class _Tone:
    """A voice that says one second of p-a at rate 1; it notes how it was asked."""

    obeys_pitch: bool = True
    name: str = "tone"
    engine: str = "espeak"
    language: str = "en"
    alphabet: str = "ipa"

    def __post_init__(self) -> None:
        self.asked: list[Prosody] = []

    def synthesize(self, text: str, prosody: Prosody) -> Utterance:
        self.asked.append(prosody)
        half_s = 0.5 / prosody.rate
        time_s = np.arange(int(2 * half_s * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
        samples = np.where(time_s < half_s, 1e-4, 0.3) * np.sin(2 * np.pi * 200 * time_s)
        return Utterance(samples.astype(np.float32), (PhoneSpan("p", 0, half_s), PhoneSpan("a", half_s, 2 * half_s)))


def _plan(voice: _Tone, **changes: object) -> Plan:
    plan = Plan(0, TALKERS[0].voices[0], voice, 0, 0.0, Prosody(), 1.0, False, ("Pa.", "Pa."))
    return replace(plan, **changes)


@pytest.fixture(scope="module")
def plans() -> list[Plan]:
    if espeak.missing_reason():
        pytest.skip(espeak.missing_reason())
    return [plan_clip(np.random.default_rng([1, number]), ALL_VOICES) for number in range(2500)]


def test_every_identity_speaks_in_every_voice_it_has(plans: list[Plan]) -> None:
    drawn = {(plan.identity, plan.spec) for plan in plans}
    assert len(drawn) > 0.97 * sum(map(len, ALL_VOICES.values()))
    counts = collections.Counter(plan.identity for plan in plans)
    assert min(counts.values()) > 0.6 * len(plans) / len(TALKERS)


def test_english_and_german_lead_and_every_language_is_there(plans: list[Plan]) -> None:
    counts = collections.Counter(plan.voice.language for plan in plans)
    assert len(counts) >= 18
    assert counts["en"] > 0.25 * len(plans)
    assert counts["de"] > 0.2 * len(plans)


def test_lines_drawl_and_hurry(plans: list[Plan]) -> None:
    paces = np.array([plan.prosody.rate / TALKERS[plan.identity].pace for plan in plans if plan.emotion == 0])
    assert paces.min() >= 0.75
    assert paces.max() <= 1.5
    assert (paces < 0.85).mean() > 0.05
    assert (paces > 1.25).mean() > 0.05


def test_some_lines_are_whispered_and_borrowed_voices_say_german(plans: list[Plan]) -> None:
    assert 0.015 < np.mean([plan.whispered for plan in plans]) < 0.05
    borrowed = [plan for plan in plans if plan.voice.name.endswith(" in de")]
    assert len(borrowed) > 50
    assert {plan.voice.language for plan in borrowed} == {"de"}
    assert {festival.VOICES[plan.spec.voice].engine for plan in borrowed} == {"diphone"}


def test_phones_follow_their_sound_through_pauses() -> None:
    samples, phones = speak(_plan(_Tone()), np.random.default_rng(4))
    assert phones[0].start_s == 0.0
    assert phones[-1].end_s == pytest.approx(len(samples) / SAMPLE_RATE_HZ, abs=1e-3)
    assert [phone.phone.name for phone in phones].count("a") == 2
    for phone in phones:
        part = samples[int(phone.start_s * SAMPLE_RATE_HZ) + 80 : int(phone.end_s * SAMPLE_RATE_HZ) - 80]
        assert (float(np.abs(part).max()) > 0.1) == (phone.phone.name == "a")


@pytest.mark.parametrize("tract", [0.85, 1.25])
def test_the_size_of_the_tract_leaves_the_pace_alone(tract: float) -> None:
    usual, _ = speak(_plan(_Tone()), np.random.default_rng(4))
    changed, _ = speak(_plan(_Tone(), tract=tract), np.random.default_rng(4))
    assert len(changed) == pytest.approx(len(usual), rel=0.01)


def test_a_voice_that_obeys_no_pitch_changes_its_size_by_half_as_much() -> None:
    voice = _Tone(obeys_pitch=False)
    speak(_plan(voice, prosody=Prosody(pitch=1.21)), np.random.default_rng(4))
    obedient = _Tone()
    speak(_plan(obedient, prosody=Prosody(pitch=1.21)), np.random.default_rng(4))
    assert obedient.asked[0].rate / voice.asked[0].rate == pytest.approx(1.1)


def test_noise_has_unit_deviation_and_falls_towards_high_frequencies() -> None:
    noise = coloured_noise(32000, np.random.default_rng(2))
    power = np.abs(np.fft.rfft(noise)) ** 2
    assert noise.std() == pytest.approx(1.0)
    assert power[200:2000].mean() >= 0.9 * power[8000:].mean()
