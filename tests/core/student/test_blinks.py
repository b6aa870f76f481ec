# SPDX-License-Identifier: GPL-3.0-or-later
"""Lids close or stay open: no half blinks, no harm to whole ones, to drooping lids or to anything else on the face."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffusion_talker.channels import MODEL_CHANNELS
from diffusion_talker.student.blinks import COMPLETED_FROM, SHUT, TWITCH, settle_blinks

RATE_HZ = 60.0
LEFT, RIGHT = (MODEL_CHANNELS.index(f"eyeBlink{side}") for side in ("Left", "Right"))


def face(*blinks: tuple[float, float], droop: float = 0.03, seconds: float = 4.0, right: float = 1.0) -> np.ndarray:
    """(T, C) curves that blink at each (time_s, deepest), lids resting at `droop`; `right`: share of the right lid."""
    times_s = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    weights = np.full((len(times_s), len(MODEL_CHANNELS)), 0.2, np.float32)
    lids = np.full(len(times_s), droop)
    for at_s, deepest in blinks:
        lids += (deepest - droop) * np.exp(-(((times_s - at_s) / 0.06) ** 2))
    weights[:, LEFT], weights[:, RIGHT] = lids, droop + right * (lids - droop)
    return weights


def settled(weights: np.ndarray) -> np.ndarray:
    return settle_blinks(weights, MODEL_CHANNELS, RATE_HZ)


@pytest.mark.parametrize("droop", [0.0, 0.03, 0.25])
@pytest.mark.parametrize("deepest", [COMPLETED_FROM + 0.01, 0.65, 0.75])
def test_a_lid_that_comes_half_way_closes_at_the_same_time(deepest: float, droop: float) -> None:
    after = settled(face((2.0, deepest), droop=droop))[:, LEFT]
    assert after.max() == pytest.approx(SHUT, abs=0.01)
    assert abs(int(after.argmax()) - 120) <= 1
    assert np.abs(np.diff(after)).max() < 0.3


@pytest.mark.parametrize("droop", [0.0, 0.03, 0.2])
@pytest.mark.parametrize("deepest", [TWITCH + 0.05, 0.35, COMPLETED_FROM - 0.01])
def test_a_lid_that_only_twitches_stays_open(deepest: float, droop: float) -> None:
    after = settled(face((2.0, deepest), droop=droop))[:, LEFT]
    assert after.max() < max(TWITCH, droop + 0.06)
    assert after.min() == pytest.approx(droop, abs=1e-3)


def test_whole_blinks_drooping_lids_and_the_rest_of_the_face_stay_as_they_are() -> None:
    for weights in (face((1.0, 0.95), (3.0, 0.82)), face(droop=0.3), face((2.0, 0.95), droop=0.2), face((2.0, 0.15))):
        np.testing.assert_array_equal(settled(weights), weights)
    half = face((2.0, 0.6))
    others = [i for i in range(len(MODEL_CHANNELS)) if i not in (LEFT, RIGHT)]
    np.testing.assert_array_equal(settled(half)[:, others], half[:, others])


def test_each_blink_is_settled_by_itself_and_both_lids_together() -> None:
    after = settled(face((1.0, 0.6), (2.0, 0.35), (3.0, 0.95), right=0.9))
    deepest = [after[int((at - 0.3) * 60) : int((at + 0.3) * 60)].max(axis=0) for at in (1.0, 2.0, 3.0)]
    assert deepest[0][LEFT] > 0.75 and deepest[0][RIGHT] > 0.7
    assert deepest[1][LEFT] < 0.2 and deepest[1][RIGHT] < 0.2
    assert deepest[2][LEFT] == pytest.approx(0.95, abs=0.01)


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=90), st.floats(0.0, 1.0))
def test_whatever_the_lids_do_they_stay_in_range(values: list[float], right: float) -> None:
    weights = np.zeros((len(values), len(MODEL_CHANNELS)), np.float32)
    weights[:, LEFT] = values
    weights[:, RIGHT] = np.float32(right) * weights[:, LEFT]
    after = settled(weights)
    assert after.min() >= 0.0 and after.max() <= 1.0 and after.dtype == weights.dtype


def test_a_bundle_without_lids_and_a_take_without_frames_pass() -> None:
    weights = face((2.0, 0.6))
    np.testing.assert_array_equal(settle_blinks(weights[:, :3], ("a", "b", "c"), RATE_HZ), weights[:, :3])
    assert settled(weights[:0]).shape == (0, len(MODEL_CHANNELS))
