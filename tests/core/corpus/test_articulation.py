# SPDX-License-Identifier: GPL-3.0-or-later
"""Lips do what phones need, at every frame rate, in every style and emotion."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the corpus needs SciPy")

from diffusion_talker.channels import MODEL_CHANNELS
from diffusion_talker.corpus.articulation import SPEED_LIMIT_PER_S, Manner, articulate, contact_intervals
from diffusion_talker.corpus.emotions import EMOTIONS
from diffusion_talker.corpus.face import animate, mouth_curves
from diffusion_talker.corpus.talkers import TALKERS
from diffusion_talker.corpus.timing import fill_silence
from diffusion_talker.motion import Motion, resample_motion
from tests.core.corpus.corpus_support import aperture, column, lip_gap, timed

RATE_HZ = 60.0
WORDS = (
    (("sil", 0.4), ("m", 0.07), ("a", 0.09), ("m", 0.06), ("a", 0.12), ("sil", 0.4)),
    (("sil", 0.3), ("p", 0.05), ("a", 0.06), ("p", 0.05), ("a", 0.06), ("b", 0.04), ("ə", 0.05), ("sil", 0.4)),
    (
        ("sil", 0.35),
        ("u", 0.11),
        ("p", 0.09),
        ("f", 0.08),
        ("ɑ", 0.2),
        ("v", 0.07),
        ("ɔ", 0.1),
        ("b", 0.07),
        ("w", 0.06),
        ("i", 0.1),
        ("sil", 0.3),
    ),
    (
        ("sil", 0.3),
        ("æ", 0.15),
        ("m", 0.05),
        ("p", 0.05),
        ("l", 0.06),
        ("ɪ", 0.07),
        ("s", 0.1),
        ("ɑ", 0.12),
        ("ʃ", 0.1),
        ("b", 0.05),
        ("a", 0.1),
        ("sil", 0.3),
    ),
)


NEUTRAL = Manner()


def _say(parts, manner=NEUTRAL):
    phones = timed(*parts)
    frame_count = int(np.ceil(phones[-1].end_s * RATE_HZ))
    return phones, mouth_curves(phones, frame_count, RATE_HZ, manner)


@pytest.mark.parametrize("rate_hz", [24.0, 25.0, 30.0, 60.0])
@pytest.mark.parametrize("word", range(len(WORDS)))
def test_every_bilabial_seals_at_every_frame_rate(word: int, rate_hz: float) -> None:
    phones, weights = _say(WORDS[word])
    sampled = resample_motion(Motion(weights, MODEL_CHANNELS, RATE_HZ), rate_hz).weights
    times_s = np.arange(len(sampled)) / rate_hz
    for start_s, end_s in contact_intervals(phones, "seal"):
        near = (times_s > start_s - 1 / rate_hz) & (times_s < end_s + 1 / rate_hz)
        assert lip_gap(sampled)[near].min() <= 0.02
        assert aperture(sampled)[near].min() <= 0.005


@pytest.mark.parametrize("phase", [0.0, 0.25, 0.5, 0.75])
@pytest.mark.parametrize("rate_hz", [24.0, 25.0, 30.0])
def test_seals_survive_plain_sampling(rate_hz: float, phase: float) -> None:
    phones, weights = _say(WORDS[1])
    native_s = np.arange(len(weights)) / RATE_HZ
    times_s = np.arange(phase / rate_hz, native_s[-1], 1 / rate_hz)
    gap = np.interp(times_s, native_s, lip_gap(weights))
    for start_s, end_s in contact_intervals(phones, "seal"):
        near = (times_s > start_s - 0.03) & (times_s < end_s + 0.03)
        assert gap[near].min() <= 0.02


def test_vowels_between_bilabials_still_open() -> None:
    phones, weights = _say(WORDS[1])
    for phone in phones:
        if phone.phone.name == "a":
            frames = slice(int(phone.start_s * RATE_HZ), int(np.ceil(phone.end_s * RATE_HZ)) + 1)
            assert aperture(weights)[frames].max() > 0.12


def test_the_seal_lies_before_the_burst() -> None:
    phones, weights = _say((("sil", 0.4), ("ɑ", 0.15), ("p", 0.12), ("ɑ", 0.15), ("sil", 0.4)))
    stop = phones[2]
    shut_s = np.flatnonzero(aperture(weights) < 0.005) / RATE_HZ
    shut_s = shut_s[(shut_s > 0.5) & (shut_s < 0.75)]
    assert shut_s.min() <= stop.start_s + 0.02
    assert stop.release_s - 0.03 <= shut_s.max() <= stop.release_s + 0.01
    opening = aperture(weights)[int((stop.release_s + 0.06) * RATE_HZ)]
    assert opening > 0.1


@pytest.mark.parametrize("name", ["f", "v"])
def test_labiodentals_tuck_and_never_seal(name: str) -> None:
    phones, weights = _say((("sil", 0.3), ("ɑ", 0.15), (name, 0.09), ("i", 0.15), ("sil", 0.3)))
    middle = int((phones[2].start_s + phones[2].end_s) / 2 * RATE_HZ)
    assert column(weights, "mouthRollLower")[middle] > 0.4
    assert column(weights, "mouthUpperUpLeft")[middle] > 0.08
    assert lip_gap(weights)[middle] > 0.02


@pytest.mark.parametrize("name", list("szʃʒɕʑʂʐ"))
def test_sibilants_keep_the_teeth_together(name: str) -> None:
    phones, weights = _say((("sil", 0.3), ("ɑ", 0.2), (name, 0.1), ("ɑ", 0.2), ("sil", 0.3)))
    middle = int((phones[2].start_s + phones[2].end_s) / 2 * RATE_HZ)
    assert column(weights, "jawOpen")[middle] <= 0.08


def _rounding_at(name: str, vowel: str) -> float:
    phones, weights = _say((("sil", 0.3), (vowel, 0.2), (name, 0.1), (vowel, 0.2), ("sil", 0.3)))
    middle = int((phones[2].start_s + phones[2].end_s) / 2 * RATE_HZ)
    return float(column(weights, "mouthPucker")[middle] + column(weights, "mouthFunnel")[middle])


@pytest.mark.parametrize("name", list("ɕʑʂʐ"))
def test_an_unrounded_hush_takes_its_rounding_from_its_neighbours(name: str) -> None:
    assert _rounding_at(name, "i") < 0.5 * _rounding_at("ʃ", "i")
    assert _rounding_at(name, "y") > 3 * _rounding_at(name, "i")


def test_rounding_starts_early_and_passes_through_consonants() -> None:
    phones, weights = _say((("sil", 0.4), ("s", 0.08), ("t", 0.07), ("u", 0.2), ("sil", 0.4)))
    rounding = column(weights, "mouthPucker") + column(weights, "mouthFunnel")
    assert rounding[int((phones[3].start_s - 0.06) * RATE_HZ)] > 0.25 * rounding.max()


def test_rest_in_silence() -> None:
    phones = fill_silence((), 2.0)
    assert not mouth_curves(phones, 120, RATE_HZ, Manner()).any()


@pytest.mark.parametrize("emotion", EMOTIONS, ids=lambda emotion: emotion.name)
def test_lips_stay_shut_in_silence_under_every_emotion(emotion) -> None:
    phones = timed(("sil", 1.0), ("ɑ", 0.2), ("sil", 1.5))
    weights = animate(phones, 162, RATE_HZ, TALKERS[0].axes, emotion, 1.0, np.random.default_rng(0))
    resting = np.r_[0:24, 100:162]
    assert np.median(lip_gap(weights)[resting]) <= 0.01
    assert lip_gap(weights)[resting].max() <= 0.06


@pytest.mark.parametrize("emotion", EMOTIONS, ids=lambda emotion: emotion.name)
@pytest.mark.parametrize("talker", TALKERS, ids=lambda talker: talker.name)
def test_no_style_and_no_emotion_opens_a_seal(talker, emotion) -> None:
    for parts in WORDS:
        phones = timed(*parts)
        weights = animate(
            phones,
            int(np.ceil(phones[-1].end_s * RATE_HZ)),
            RATE_HZ,
            talker.axes,
            emotion,
            1.0,
            np.random.default_rng(5),
        )
        times_s = np.arange(len(weights)) / RATE_HZ
        for start_s, end_s in contact_intervals(phones, "seal"):
            held = (times_s >= start_s - 0.02) & (times_s <= end_s + 0.02)
            assert lip_gap(weights)[held].min() <= 0.005
            assert aperture(weights)[held].min() <= 0.005


def test_weights_stay_in_range_and_finite() -> None:
    for i, talker in enumerate(TALKERS):
        phones = timed(*WORDS[i % len(WORDS)])
        weights = animate(phones, 80, RATE_HZ, talker.axes, EMOTIONS[i % len(EMOTIONS)], 1.0, np.random.default_rng(i))
        face = weights[:, : len(MODEL_CHANNELS) - 3]
        assert np.isfinite(weights).all()
        assert face.min() >= 0.0
        assert face.max() <= 1.0
        assert np.abs(weights[:, -3:]).max() < 0.6


def test_dials_keep_their_speed_limits() -> None:
    phones = timed(*((name, 0.05) for name in ["sil", "ɑ", "s", "ɑ", "u", "ɑ", "ʃ", "æ", "w", "ɑ", "i", "sil"]))
    mouth = articulate(phones, 60, RATE_HZ, Manner(jaw_range=2.0, lip_range=2.0, rounding=2.0))
    fastest = np.abs(np.diff(mouth.dials, axis=0)).max(axis=0) * RATE_HZ
    assert (fastest <= np.array(list(SPEED_LIMIT_PER_S.values())) * 1.001).all()
    assert fastest.max() > 1.0


def test_asymmetry_moves_the_named_side_more_and_zero_is_even() -> None:
    phones = timed(*WORDS[3])
    by_name = {talker.name: talker.axes for talker in TALKERS}
    lopsided = animate(phones, 80, RATE_HZ, by_name["Teenager"], EMOTIONS[0], 0.0, np.random.default_rng(1))
    even = animate(phones, 80, RATE_HZ, by_name["Coach"], EMOTIONS[0], 0.0, np.random.default_rng(1))
    assert column(lopsided, "mouthLowerDownLeft").sum() > 1.1 * column(lopsided, "mouthLowerDownRight").sum()
    np.testing.assert_array_equal(column(even, "mouthLowerDownLeft"), column(even, "mouthLowerDownRight"))


def test_jaw_and_lips_are_separate_dials() -> None:
    _, neutral = _say(WORDS[0])
    _, jaw = _say(WORDS[0], Manner(jaw_range=1.5))
    _, lips = _say(WORDS[0], Manner(lip_range=1.5))
    assert column(jaw, "jawOpen").max() > 1.3 * column(neutral, "jawOpen").max()
    np.testing.assert_allclose(column(jaw, "mouthLowerDownLeft"), column(neutral, "mouthLowerDownLeft"))
    assert column(lips, "mouthLowerDownLeft").max() > 1.2 * column(neutral, "mouthLowerDownLeft").max()
    np.testing.assert_allclose(column(lips, "jawOpen"), column(neutral, "jawOpen"))


def test_the_same_seed_gives_the_same_face_and_another_rate_the_same_motion() -> None:
    phones = timed(*WORDS[2])
    at_60 = animate(phones, 120, 60.0, TALKERS[1].axes, EMOTIONS[1], 0.7, np.random.default_rng(3))
    again = animate(phones, 120, 60.0, TALKERS[1].axes, EMOTIONS[1], 0.7, np.random.default_rng(3))
    at_120 = animate(phones, 240, 120.0, TALKERS[1].axes, EMOTIONS[1], 0.7, np.random.default_rng(3))
    np.testing.assert_array_equal(at_60, again)
    assert np.abs(at_120[::2] - at_60).mean() < 0.01


@pytest.mark.parametrize("emotion", EMOTIONS[:3], ids=lambda emotion: emotion.name)
def test_the_jaw_keeps_its_speed_limit_after_contact(emotion) -> None:
    coach = next(talker.axes for talker in TALKERS if talker.name == "Coach")
    for parts in WORDS:
        weights = animate(timed(*parts), 80, RATE_HZ, coach, emotion, 1.0, np.random.default_rng(2))
        assert np.abs(np.diff(column(weights, "jawOpen"))).max() * RATE_HZ <= 8.1


@pytest.mark.parametrize(("vowel", "seconds", "least"), [("a", 0.09, 0.30), ("a", 0.06, 0.15), ("ə", 0.05, 0.04)])
def test_a_short_vowel_between_bilabials_opens_visibly(vowel: str, seconds: float, least: float) -> None:
    phones, weights = _say((("sil", 0.4), ("b", 0.07), (vowel, seconds), ("m", 0.06), ("a", 0.1), ("sil", 0.4)))
    during = slice(int(phones[2].start_s * RATE_HZ), int(np.ceil(phones[2].end_s * RATE_HZ)) + 1)
    assert aperture(weights)[during].max() > least


def test_open_and_close_vowels_stay_apart_beside_lips() -> None:
    heights = []
    for vowel in ("a", "i"):
        phones, weights = _say((("sil", 0.4), ("f", 0.08), (vowel, 0.07), ("m", 0.06), ("sil", 0.4)))
        during = slice(int(phones[2].start_s * RATE_HZ), int(phones[2].end_s * RATE_HZ) + 1)
        heights.append(aperture(weights)[during].max())
    assert heights[0] > 1.8 * heights[1]


def test_prominent_vowels_reach_further_and_longer_and_close_ones_stay_close() -> None:
    def opening(vowel: str, prominence: float) -> np.ndarray:
        phones = timed(("sil", 0.4), ("t", 0.07), (vowel, 0.12), ("t", 0.07), ("sil", 0.4))
        phones = tuple(replace(p, prominence=prominence) if p.phone.is_vowel else p for p in phones)
        return column(mouth_curves(phones, 64, RATE_HZ, NEUTRAL), "jawOpen")

    strong, usual, weak = (opening("a", value) for value in (1.0, 0.0, -1.0))
    assert strong.max() > 1.05 * usual.max() > 1.1 * weak.max()
    assert (strong > 0.3).sum() > (weak > 0.3).sum()
    assert abs(opening("i", 1.0).max() - opening("i", -1.0).max()) < 0.02


def test_cheeks_puff_behind_a_stop_and_not_behind_a_nasal() -> None:
    for name, puffs in (("p", True), ("m", False)):
        phones, weights = _say((("sil", 0.4), ("a", 0.1), (name, 0.12), ("a", 0.1), ("sil", 0.4)))
        puff = column(weights, "cheekPuff")
        assert (puff.max() > 0.05) == puffs
        assert puff[int((phones[2].end_s + 0.06) * RATE_HZ) :].max() < 0.01


def test_the_last_vowel_of_a_phrase_is_held() -> None:
    def held(*after: tuple[str, float]) -> float:
        phones, weights = _say((("sil", 0.4), ("t", 0.07), ("a", 0.2), *after))
        return float(column(weights, "jawOpen")[int((phones[2].end_s - 0.03) * RATE_HZ)])

    assert held(("sil", 0.5)) > 0.8 * held(("h", 0.08), ("a", 0.2), ("sil", 0.3))


def test_the_lower_lip_rolls_no_faster_than_it_can() -> None:
    _, weights = _say((("sil", 0.3), ("ɑ", 0.06), ("f", 0.05), ("a", 0.06), ("v", 0.05), ("i", 0.08), ("sil", 0.3)))
    assert np.abs(np.diff(column(weights, "mouthRollLower"))).max() * RATE_HZ < 8.5


@pytest.mark.parametrize("pair", [("v", "m"), ("p", "f")])
@pytest.mark.parametrize("seconds", [0.02, 0.06])
def test_neighbouring_lip_contacts_are_both_made(pair: tuple[str, str], seconds: float) -> None:
    phones, weights = _say((("sil", 0.4), ("e", 0.1), (pair[0], seconds), (pair[1], 0.05), ("a", 0.1), ("sil", 0.4)))
    near = {p.phone.contact: slice(int(p.start_s * RATE_HZ) - 1, int(p.end_s * RATE_HZ) + 2) for p in phones[2:4]}
    assert column(weights, "mouthRollLower")[near["tuck"]].max() > 0.3
    assert lip_gap(weights)[near["seal"]].min() <= 0.005
