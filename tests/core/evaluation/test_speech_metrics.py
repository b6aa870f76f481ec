# SPDX-License-Identifier: GPL-3.0-or-later
"""Mouths that say it, mouths that do not, mouths that never open: each must get its due."""

from __future__ import annotations

import numpy as np
import pytest

from diffusion_talker.audio import MOTION_RATE_HZ, SAMPLE_RATE_HZ, log_mel_array
from diffusion_talker.channels import MODEL_CHANNELS
from diffusion_talker.evaluation.speech_metrics import (
    SpokenClip,
    audio_beats_s,
    beat_consistency,
    bilabial_score,
    silence_score,
    sync_lag_ms,
)
from tests.core.evaluation.made_clips import PHONE_FRAMES, SPOKEN, face_of, phone_labels

LABELS = phone_labels(SPOKEN * 3)
JAW = MODEL_CHANNELS.index("jawOpen")
NO_BEATS = np.zeros(0)


def _clip(weights: np.ndarray, labels: np.ndarray = LABELS) -> SpokenClip:
    return SpokenClip(weights, labels, NO_BEATS)


def _jaw(values: np.ndarray | float) -> SpokenClip:
    weights = np.zeros((len(LABELS), len(MODEL_CHANNELS)), np.float32)
    weights[:, JAW] = values
    return _clip(weights)


def test_a_mouth_that_says_it_meets_every_closure() -> None:
    score = bilabial_score([_clip(face_of(LABELS))])
    assert (score.bilabials, score.recall, score.false_rate, score.f1) == (9, 1.0, 0.0, 1.0)
    assert score.vowels == 3  # the others stand beside a lip consonant or silence


@pytest.mark.parametrize("opening", [0.0, 0.03, 0.5])
def test_a_mouth_that_does_not_move_closes_nothing(opening: float) -> None:
    score = bilabial_score([_jaw(opening)])
    assert score.recall == 0 and score.f1 == 0


def test_chatter_is_no_articulation() -> None:
    chatter = _jaw(0.3 * (np.arange(len(LABELS)) % 8 < 4))
    score = bilabial_score([chatter])
    assert score.recall == 1 and score.false_rate == 1
    assert score.f1 == pytest.approx(2 / 3)


def test_a_missed_closure_costs_recall() -> None:
    weights = face_of(LABELS)
    weights[:, JAW] = np.maximum(weights[:, JAW], 0.2 * (np.arange(len(LABELS)) < len(LABELS) // 3))
    assert bilabial_score([_clip(weights)]).recall == pytest.approx(6 / 9)


@pytest.mark.parametrize("late_frames", [-6, -1, 0, 3, 9])
def test_lag_is_found_in_milliseconds(late_frames: int) -> None:
    wanted_ms = late_frames * 1000 / MOTION_RATE_HZ
    assert sync_lag_ms([_clip(face_of(LABELS, late_frames))]) == pytest.approx(wanted_ms, abs=5)


def test_a_still_mouth_has_no_lag() -> None:
    assert np.isnan(sync_lag_ms([_jaw(0.2)]))


def test_silence_is_measured_where_nobody_speaks() -> None:
    labels = phone_labels(("a", "sil", "sil", "a"), 30)
    resting = face_of(labels)
    quiet = silence_score([_clip(resting, labels)])
    assert quiet.gap < 0.01 and quiet.motion < 0.05
    assert quiet.seconds == pytest.approx(1.0 - 0.15, abs=0.02)
    assert 0 < quiet.rest_ms < 100
    late = resting.copy()
    late[30:48, JAW] = 0.4
    assert silence_score([_clip(late, labels)]).rest_ms == pytest.approx(300, abs=40)
    chatter = resting.copy()
    chatter[30:90:2, JAW] = 0.3
    noisy = silence_score([_clip(chatter, labels)])
    assert noisy.gap > 0.1 and noisy.motion > 1 and noisy.rest_ms == pytest.approx(1000, abs=60)
    assert np.isnan(silence_score([_clip(face_of(phone_labels(("a",), 30)), phone_labels(("a",), 30))]).gap)


def test_audio_beats_are_where_sound_starts() -> None:
    samples = np.zeros(3 * SAMPLE_RATE_HZ, np.float32)
    starts_s = (0.5, 1.2, 2.1)
    for start_s in starts_s:
        first = int(start_s * SAMPLE_RATE_HZ)
        samples[first : first + 2400] = np.random.default_rng(0).normal(0, 0.1, 2400)
    beats_s = audio_beats_s(log_mel_array(samples))
    assert len(beats_s) == len(starts_s)
    np.testing.assert_allclose(beats_s, starts_s, atol=0.03)


def test_motion_on_the_beat_scores_higher_than_off_it() -> None:
    beats_s = np.arange(1, 6) * 1.0
    times_s = np.arange(6 * MOTION_RATE_HZ) / MOTION_RATE_HZ
    on, off = (np.sin(np.pi * (times_s - shift_s)) ** 2 for shift_s in (0.0, 0.25))
    scores = []
    for curve in (on, off, np.zeros(len(times_s))):
        weights = np.zeros((len(times_s), len(MODEL_CHANNELS)), np.float32)
        weights[:, JAW] = curve
        scores.append(beat_consistency([SpokenClip(weights, np.zeros(len(times_s), np.uint8), beats_s)]))
    assert scores[0] > 0.95 and scores[1] < 0.2 and scores[2] == 0


def test_unknown_phones_are_left_out() -> None:
    labels = LABELS.copy()
    labels[:PHONE_FRAMES * len(SPOKEN)] = 255
    assert bilabial_score([_clip(face_of(LABELS), labels)]).bilabials == 6
    assert sync_lag_ms([_clip(face_of(LABELS), labels)]) == pytest.approx(0, abs=5)
