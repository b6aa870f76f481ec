# SPDX-License-Identifier: GPL-3.0-or-later
"""Blinks, gaze, brows, head and the muscles that move together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the corpus needs SciPy")

from diffusion_talker.channels import MODEL_CHANNELS
from diffusion_talker.corpus.emotions import EMOTIONS
from diffusion_talker.corpus.face import animate, couple_muscles
from diffusion_talker.corpus.performance import (
    Columns,
    Liveliness,
    add_blinks,
    add_performance,
    draw_gaze,
    find_accents,
)
from diffusion_talker.corpus.phones import PHONES
from diffusion_talker.corpus.talkers import TALKERS
from diffusion_talker.corpus.timing import TimedPhone, place_phones
from diffusion_talker.corpus.voices.base import PhoneSpan
from diffusion_talker.motion import true_runs
from tests.core.corpus.corpus_support import column, lip_gap, timed

RATE_HZ = 120.0


def _columns(frame_count: int) -> Columns:
    return {name: np.zeros(frame_count) for name in MODEL_CHANNELS}


def _blinks(seed: int, rate_per_min: float, seconds: float) -> np.ndarray:
    columns = _columns(int(seconds * RATE_HZ))
    columns["eyeWideLeft"] += 0.3
    times_s = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    add_blinks(columns, times_s, [], [], rate_per_min, np.random.default_rng(seed))
    return np.stack([columns["eyeBlinkLeft"], columns["eyeWideLeft"], columns["eyeLookDownLeft"]], axis=1)


def _runs(active: np.ndarray) -> list[slice]:
    return [slice(first, last) for first, last in true_runs(active)]


def test_blinks_close_faster_than_they_open_and_take_the_time_of_real_ones() -> None:
    closing, opening, held = [], [], []
    for seed in range(8):
        lid = _blinks(seed, 18.0, 60.0)[:, 0]
        for run in _runs(lid > 1e-3):
            shape = lid[run] / lid[run].max()
            if (shape > 0.98).sum() and run.stop - run.start < 0.5 * RATE_HZ:
                shut = np.flatnonzero(shape > 0.98)
                closing.append(shut[0] / RATE_HZ)
                held.append((shut[-1] - shut[0]) / RATE_HZ)
                opening.append((len(shape) - shut[-1]) / RATE_HZ)
    assert 0.055 < np.median(closing) < 0.11
    assert 0.015 < np.median(held) < 0.07
    assert 0.14 < np.median(opening) < 0.26


def test_the_blink_rate_is_the_one_asked_for() -> None:
    count, minutes = 0, 0.0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        times_s = np.arange(int(8 * RATE_HZ)) / RATE_HZ
        columns = _columns(len(times_s))
        add_blinks(columns, times_s, [2.5, 5.0, 7.5], draw_gaze(times_s, rng).shifts_s, 17.0, rng)
        count += len(_runs(columns["eyeBlinkLeft"] > 0.3))
        minutes += 8 / 60
    assert 15 < count / minutes < 19


def test_wide_eyes_let_go_and_eyes_dip_in_a_blink() -> None:
    lid, wide, down = _blinks(1, 25.0, 30.0).T
    shut = lid > 0.85
    assert shut.any()
    assert wide[shut].max() < 0.06
    assert down[shut].min() > 0.1


def test_nothing_above_the_mouth_parts_the_lips() -> None:
    columns = _columns(1200)
    phones = tuple(replace(p, prominence=1.0) for p in timed(("sil", 1.0), ("a", 0.3), ("sil", 8.7)))
    add_performance(columns, phones, RATE_HZ, Liveliness(), np.random.default_rng(0))
    weights = np.stack([columns[name] for name in MODEL_CHANNELS], axis=1)
    assert lip_gap(weights).max() == 0.0
    assert not any(columns[name].any() for name in MODEL_CHANNELS if name.startswith(("jaw", "mouth")))
    assert columns["HeadPitch"].std() > 0.002


def test_accents_are_prominent_vowels_apart_from_each_other() -> None:
    phones = timed(("a", 0.2), ("t", 0.1), ("a", 0.2), ("t", 0.4), ("a", 0.2))
    strengths = (0.5, 0.0, 0.9, 0.0, 0.1)
    phones = tuple(replace(p, prominence=s) for p, s in zip(phones, strengths, strict=True))
    assert [round(strength, 2) for _, strength in find_accents(phones)] == [0.9]


def test_louder_longer_higher_vowels_are_prominent() -> None:
    rate_hz, vowel_s = 16000, (0.1, 0.1, 0.2, 0.1, 0.1)
    pitch_hz, level = (110, 110, 165, 110, 110), (0.1, 0.1, 0.3, 0.1, 0.03)
    parts, spans, start_s = [], [], 0.0
    for seconds, hz, loud in zip(vowel_s, pitch_hz, level, strict=True):
        t = np.arange(int(seconds * rate_hz)) / rate_hz
        parts.append(loud * sum(np.sin(2 * np.pi * hz * k * t) / k for k in (1, 2, 3)))
        parts.append(np.zeros(int(0.05 * rate_hz)))
        end_s = start_s + seconds
        spans += [PhoneSpan("a", start_s, end_s), PhoneSpan("t", end_s, end_s + 0.05)]
        start_s = end_s + 0.05
    phones = place_phones(spans, "ipa", "de", np.concatenate(parts).astype(np.float32))
    values = [phone.prominence for phone in phones if phone.phone.is_vowel]
    assert values[2] > 0.8 > 0.3 > abs(values[1])
    assert values[4] < -0.5


def test_stress_marks_count_where_the_engine_gives_them() -> None:
    spans = [PhoneSpan("a", 0.2 * i, 0.2 * i + 0.2, stress) for i, stress in enumerate((0, 2, 1))]
    tone = 0.1 * np.sin(2 * np.pi * 120 * np.arange(9600) / 16000).astype(np.float32)
    weak, strong, middle = (phone.prominence for phone in place_phones(spans, "ipa", "de", tone))
    assert weak < middle < strong


def test_muscles_move_together_as_on_recorded_faces() -> None:
    columns = _columns(2)
    columns["mouthSmileLeft"][1] = 0.6
    columns["jawOpen"][1] = 0.5
    couple_muscles(columns)
    assert columns["cheekSquintLeft"][1] > 0.05
    assert columns["cheekSquintRight"][1] == 0.0
    assert columns["jawForward"][1] > 0.03
    assert not any(column[0] for column in columns.values())


def test_a_resting_face_is_alive_and_its_lips_stay_shut() -> None:
    silence = (TimedPhone(PHONES["sil"], 0.0, 8.0, 8.0),)
    weights = animate(silence, 480, 60.0, TALKERS[0].axes, EMOTIONS[0], 0.0, np.random.default_rng(4))
    assert lip_gap(weights).max() <= 0.005
    for name in ("mouthPressLeft", "mouthShrugLower", "browInnerUp", "eyeSquintLeft", "HeadYaw"):
        assert column(weights, name).std() > 1e-3
