# SPDX-License-Identifier: GPL-3.0-or-later
"""Each metric on motion whose answer is known: right must score right, wrong must score wrong."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffusion_talker.channels import ARKIT_52, MODEL_CHANNELS, MOUTH_CHANNELS, UPPER_FACE_CHANNELS
from diffusion_talker.evaluation.free_face import FreeFace, demo_face
from diffusion_talker.evaluation.metrics import (
    GROUPS,
    Pair,
    blendshape_error,
    chance_rate,
    clip_errors,
    columns_of,
    diversity_mm,
    dynamics_deviation_mm,
    dynamics_ratio,
    hit_rate,
    mean_distance_mm,
    pooled,
    vertex_error_mm2,
)
from tests.core.evaluation.made_clips import face_of, phone_labels

REFERENCE = face_of(phone_labels())


def _with(name: str, values: np.ndarray | float, weights: np.ndarray = REFERENCE) -> np.ndarray:
    changed = weights.copy()
    changed[:, MODEL_CHANNELS.index(name)] = values
    return changed


def _two_vertices() -> FreeFace:
    """jawOpen moves vertex 0 by 10 mm down, vertex 1 by 4 mm sideways; browInnerUp moves vertex 2 by 3 mm."""
    basis_mm = np.zeros((len(ARKIT_52), 3, 3), np.float32)
    basis_mm[ARKIT_52.index("jawOpen"), 0] = (0, 0, -10)
    basis_mm[ARKIT_52.index("jawOpen"), 1] = (4, 0, 0)
    basis_mm[ARKIT_52.index("browInnerUp"), 2] = (0, 0, 3)
    return FreeFace(basis_mm, np.array([0, 1]), np.array([2]))


def test_a_perfect_copy_has_no_error_and_the_right_motion() -> None:
    errors = clip_errors(Pair(REFERENCE, REFERENCE), demo_face())
    assert (errors.lve_mm2, errors.eve_mm2, errors.mve_mm, errors.fdd_mm, errors.mbe, errors.lbe) == (0,) * 6
    for channels in GROUPS.values():
        for order in (0, 1, 3):
            assert dynamics_ratio([Pair(REFERENCE, REFERENCE)], channels, order) == pytest.approx(1.0)


def test_vertex_errors_are_squared_and_take_the_worst_vertex_of_each_frame() -> None:
    face, still = _two_vertices(), np.zeros((4, len(MODEL_CHANNELS)), np.float32)
    half_open = _with("jawOpen", np.array([0, 0, 0, 0.5]), still)
    assert vertex_error_mm2(Pair(half_open, still), face, face.lips) == pytest.approx(25.0 / 4)
    assert vertex_error_mm2(Pair(half_open, still), face, face.upper) == 0
    assert mean_distance_mm(half_open, still, face) == pytest.approx((5.0 + 2.0) / 3 / 4)


def test_the_mouth_is_told_from_the_upper_face() -> None:
    open_mouth, raised = _with("jawOpen", 0.8), _with("browInnerUp", 0.8)
    for_mouth, for_brows = (clip_errors(Pair(made, REFERENCE), demo_face()) for made in (open_mouth, raised))
    assert for_mouth.lve_mm2 > 100 and for_mouth.lbe > 0 and for_mouth.eve_mm2 < 1
    assert for_brows.eve_mm2 > 10 and for_brows.lbe == 0 and for_brows.lve_mm2 < 1
    assert for_brows.mbe == pytest.approx(0.8 / len(ARKIT_52), rel=1e-5)


@settings(max_examples=20, deadline=None)
@given(st.floats(0.05, 0.4), st.floats(1.2, 3.0))
def test_a_larger_error_scores_worse(size: float, factor: float) -> None:
    near, far = _with("mouthPucker", size), _with("mouthPucker", min(size * factor, 1.0))
    small, large = (clip_errors(Pair(made, REFERENCE), demo_face()) for made in (near, far))
    assert small.lve_mm2 < large.lve_mm2 and small.mve_mm < large.mve_mm and small.lbe < large.lbe
    assert large.lve_mm2 == pytest.approx(small.lve_mm2 * min(factor, 1 / size) ** 2, rel=1e-3)


def test_fdd_says_too_little_or_too_much() -> None:
    face = _two_vertices()
    wave = np.sin(np.arange(120) / 5.0)
    brows = _with("browInnerUp", 0.5 + 0.4 * wave, np.zeros((120, len(MODEL_CHANNELS)), np.float32))
    still, wild = _with("browInnerUp", 0.5, brows), _with("browInnerUp", 0.5 + 0.5 * wave, brows)
    assert dynamics_deviation_mm(Pair(still, brows), face) == pytest.approx(3 * 0.4 * wave.std(), rel=1e-4)
    assert dynamics_deviation_mm(Pair(wild, brows), face) < 0
    assert dynamics_deviation_mm(Pair(_with("jawOpen", wave, brows), brows), face) == 0


@settings(max_examples=20, deadline=None)
@given(st.floats(0.2, 3.0))
def test_ratios_are_the_amplitude_whatever_the_order(amount: float) -> None:
    scaled = Pair(REFERENCE * np.float32(amount), REFERENCE)
    for order in (0, 1, 3):
        assert dynamics_ratio([scaled], ARKIT_52, order) == pytest.approx(amount, rel=1e-4)


def test_smoothing_and_jitter_show_in_jerk_first() -> None:
    kernel = np.ones(9) / 9
    padded = np.pad(REFERENCE, ((4, 4), (0, 0)), mode="edge")
    smooth = np.apply_along_axis(lambda curve: np.convolve(curve, kernel, "valid"), 0, padded)
    noisy = REFERENCE + np.random.default_rng(0).normal(0, 0.02, REFERENCE.shape).astype(np.float32)
    for pair, sign in ((Pair(smooth, REFERENCE), -1), (Pair(noisy, REFERENCE), 1)):
        std, velocity, jerk = (dynamics_ratio([pair], MOUTH_CHANNELS, order) for order in (0, 1, 3))
        assert sign * (jerk - 1) > sign * (velocity - 1) > sign * (std - 1)
        assert abs(jerk - 1) > 0.15


def test_groups_do_not_leak_and_stillness_has_no_ratio() -> None:
    restless = Pair(_with("browInnerUp", np.random.default_rng(1).random(len(REFERENCE))), REFERENCE)
    assert dynamics_ratio([restless], MOUTH_CHANNELS, 1) == 1 < dynamics_ratio([restless], UPPER_FACE_CHANNELS, 1)
    assert np.isnan(dynamics_ratio([restless], ("cheekPuff",), 1))


def test_long_clips_weigh_more() -> None:
    half = REFERENCE[: len(REFERENCE) // 2]
    wrong, right = Pair(_with("jawOpen", 1.0, half), half), Pair(REFERENCE, REFERENCE)
    errors = [clip_errors(pair, demo_face()) for pair in (wrong, right)]
    assert pooled(errors, "lbe") == pytest.approx(blendshape_error(wrong, MOUTH_CHANNELS) / 3, rel=1e-6)


def test_diversity_counts_differences_alone() -> None:
    face = _two_vertices()
    still, half, full = (np.zeros((5, len(MODEL_CHANNELS)), np.float32) for _ in range(3))
    half, full = _with("jawOpen", 0.5, half), _with("jawOpen", 1.0, full)
    assert diversity_mm([[still, still, still]], face) == 0
    step = mean_distance_mm(still, half, face)
    assert diversity_mm([[still, half, full]], face) == pytest.approx((step + step + 2 * step) / 3)
    assert diversity_mm([[still, full], [still, still]], face) == pytest.approx(step)


def test_retrieval() -> None:
    rankings = [("a", "b", "c"), ("b", "a", "c"), ("c", "b", "a")]
    assert hit_rate(rankings, ["a", "a", "a"], 1) == pytest.approx(1 / 3)
    assert hit_rate(rankings, ["a", "a", "a"], 2) == pytest.approx(2 / 3)
    assert chance_rate(["a", "a", "b"]) == pytest.approx(2 / 3)
    assert np.isnan(hit_rate([], [], 1)) and np.isnan(chance_rate([]))


def test_takes_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="not two takes"):
        Pair(REFERENCE[:-1], REFERENCE)
    assert columns_of(("jawOpen",)) == [MODEL_CHANNELS.index("jawOpen")]
