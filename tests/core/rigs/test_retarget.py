# SPDX-License-Identifier: GPL-3.0-or-later
"""The solver: within bounds, exact where the keys allow it, smooth in time, and closing what must close."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffusion_talker.channels import ARKIT_52
from diffusion_talker.evaluation.retargeting import made_head, poses_of
from diffusion_talker.motion import select_channels
from diffusion_talker.rigs.retarget import (
    GAP_OPEN,
    FaceBasis,
    Retarget,
    channel_reach,
    combine_basis,
    demo_basis,
    lip_gap,
    lip_urgency,
    make_retarget,
    measure_basis,
    misfit,
    pair_lips,
    relatedness,
    retarget_error,
    retarget_poses,
    solve,
    solve_offsets,
)
from tests.core.rigs.spoken_heads import OCULUS, VRM, spoken_line

seeds = st.integers(0, 10_000)


def made_face(rng: np.random.Generator, keys: int, vertices: int = 40) -> FaceBasis:
    """A lump of vertices with random keys and three pairs of lips."""
    points = rng.normal(size=(vertices, 3)).astype(np.float32)
    offsets = rng.normal(size=(keys, vertices, 3)).astype(np.float32)
    pairs = np.array([[0, 1], [2, 3], [4, 5]])
    return FaceBasis(tuple(f"key{i}" for i in range(keys)), points, offsets, pairs, np.ones(vertices))


def made_problem(seed: int, channels: int = 5, keys: int = 4) -> tuple[Retarget, np.ndarray]:
    """Keys that are mixtures of the channels with some of their own, and weights (6, C) to be shown."""
    rng = np.random.default_rng(seed)
    source = made_face(rng, channels)
    mixture = combine_basis(source, [f"mix{i}" for i in range(keys)], rng.uniform(0, 1, (keys, channels)))
    own = 0.2 * rng.normal(size=mixture.offsets.shape).astype(np.float32)
    return make_retarget(source, replace(mixture, offsets=mixture.offsets + own)), rng.uniform(0, 1, (6, channels))


def arkit(motion) -> np.ndarray:
    return select_channels(motion, ARKIT_52).weights


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_solutions_stay_within_bounds(seed: int) -> None:
    problem, weights = made_problem(seed)
    lower, upper = np.array([0.0, 0.1, -0.5, 0.0]), np.array([1.0, 0.4, 0.5, 0.0])
    solved = solve(replace(problem, lower=lower, upper=upper), 3.0 * weights)
    assert (solved >= lower - 1e-6).all() and (solved <= upper + 1e-6).all()


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_no_small_step_within_the_bounds_is_better(seed: int) -> None:
    problem, weights = made_problem(seed)
    row = weights[:1]
    solved = solve(problem, row).astype(np.float64)
    seal = lip_urgency(problem, row)
    size = np.diag(problem.gram)

    def cost(keys: np.ndarray) -> float:
        moved = misfit(problem, row, keys)[0]
        gap = row @ problem.gap_source_gram @ row.T - 2 * row @ problem.gap_cross @ keys.T
        gap = (gap + keys @ problem.gap_gram @ keys.T).item()
        return moved + (seal[0] - GAP_OPEN) * gap + float((0.006 * size * keys**2).sum())

    best = cost(solved)
    for key in range(solved.shape[1]):
        for step in (-0.1, 0.1):
            tried = solved.copy()
            tried[0, key] = np.clip(tried[0, key] + step, 0.0, 1.0)
            assert cost(tried) >= best - 1e-3 * max(best, 1.0)


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_keys_that_span_the_channels_recover_the_weights(seed: int) -> None:
    rng = np.random.default_rng(seed)
    source = made_face(rng, 5)
    keys = np.array([1, 3, 0, 2, 4])
    target = replace(source, names=tuple("abcde"), offsets=source.offsets[keys])
    weights = rng.uniform(0, 1, (1, 5))
    solved = solve(make_retarget(source, target), weights)
    np.testing.assert_allclose(solved, weights[:, keys], atol=0.02)


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_more_keys_never_fit_worse(seed: int) -> None:
    rng = np.random.default_rng(seed)
    source, target = made_face(rng, 5), made_face(rng, 6)
    weights = rng.uniform(0, 1, (1, 5))
    left = []
    for count in range(1, 7):
        some = target.only(target.names[:count])
        problem = make_retarget(source, some)
        left.append(misfit(problem, weights, solve(problem, weights))[0])
    assert all(later <= earlier * 1.01 + 1e-6 for earlier, later in zip(left, left[1:], strict=False))


def test_every_way_to_start_ends_at_the_same_weights() -> None:
    problem, weights = made_problem(3)
    cold = solve(problem, weights)
    warm = solve(problem, weights, start=np.full((len(weights), 4), 0.9))
    np.testing.assert_allclose(cold, warm, atol=3e-3)


def test_preferred_weights_hold_as_far_as_the_keys_are_loyal() -> None:
    problem, weights = made_problem(7)
    wish = np.full((len(weights), 4), 0.5)
    free, torn, firm = (
        np.abs(solve(problem, weights, wish, np.full(4, loyalty)) - wish).max() for loyalty in (0.0, 3.0, 1000.0)
    )
    assert free > torn > firm and firm < 0.01


def test_the_direct_way_is_kept_where_nothing_is_lacking() -> None:
    line = spoken_line()
    problem = retarget_poses(ARKIT_52, np.eye(52))
    weights = arkit(line.motion)
    np.testing.assert_allclose(solve(problem, weights, weights), weights, atol=0.02)


def test_nothing_to_solve_is_no_error() -> None:
    problem, weights = made_problem(1)
    assert solve(problem, weights[:0]).shape == (0, 4)
    assert solve(retarget_poses([], np.zeros((0, 52))), np.zeros((3, 52))).shape == (3, 0)
    still = solve(retarget_poses(["sil"], np.zeros((1, 52))), np.ones((3, 52)))
    np.testing.assert_array_equal(still, 0.0)


def test_bases_of_two_meshes_are_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="not the same mesh"):
        make_retarget(made_face(rng, 2, 40), made_face(rng, 2, 41))


def test_sparse_shapes_become_a_basis_and_lips_count_most() -> None:
    points = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [9, 9, 9]])
    shapes = {"open": (np.array([1]), np.array([[0.0, 0.0, 2.0]]))}
    basis = measure_basis(points, shapes, np.array([[0, 1], [2, 1]]))
    assert basis.offsets.shape == (1, 4, 3) and basis.offsets[0, 1, 2] == 2.0
    assert basis.importance.argmin() == 3 and basis.importance[3] == pytest.approx(1.0, abs=0.01)
    np.testing.assert_allclose(lip_gap(basis, np.array([[0.0], [1.0]])), [2**0.5, 6**0.5], rtol=1e-5)


def test_lips_are_paired_across_their_gap() -> None:
    points = np.array([[0.0, 1, 0], [0.9, 1, 0], [2, 1, 0], [0.1, 0, 0], [1.9, 0, 0]])
    np.testing.assert_array_equal(pair_lips(points, np.array([0, 1, 2]), np.array([3, 4])), [[0, 3], [1, 3], [2, 4]])


def test_size_of_the_mesh_does_not_matter() -> None:
    line, basis, head = arkit(spoken_line().motion)[:60], demo_basis(), made_head(OCULUS)
    small = [replace(b, vertices=b.vertices * 7.0, offsets=b.offsets * 7.0) for b in (basis, head)]
    np.testing.assert_allclose(
        solve(make_retarget(basis, head), line), solve(make_retarget(*small), line), atol=5e-3
    )  # fmt: skip


@pytest.mark.parametrize("names", [OCULUS, VRM], ids=["visemes only", "five vowels"])
@pytest.mark.parametrize("measured", [True, False], ids=["measured", "by name"])
def test_a_spoken_line_closes_and_opens_on_other_keys(names: tuple[str, ...], measured: bool) -> None:
    line, basis = spoken_line(), demo_basis()
    head = made_head(names)
    weights = arkit(line.motion)
    problem = make_retarget(basis, head) if measured else retarget_poses(names, poses_of(names))
    solved = solve(problem, weights)
    error = retarget_error(basis, head, weights, solved)
    moved_mm = retarget_error(basis, head, weights, np.zeros_like(solved)).mean_mm
    assert solved.min() >= 0.0 and solved.max() <= 1.0
    assert line.closures_mm(error.solved_gap_mm).max() < 0.6, "every bilabial closes"
    assert error.gap_correlation > 0.985
    assert 0.85 < error.solved_gap_mm.std() / error.direct_gap_mm.std() < 1.15, "and vowels open as far"
    assert error.mean_mm < 0.35 * moved_mm


def test_lips_close_without_a_key_for_it() -> None:
    line, basis = spoken_line(), demo_basis()
    names = tuple(name for name in ARKIT_52 if name != "mouthClose")
    weights = arkit(line.motion)
    wish = weights[:, [ARKIT_52.index(name) for name in names]]
    problem = make_retarget(basis, basis.only(names))
    solved = solve(problem, weights, wish, np.ones(51))
    gap_mm = retarget_error(basis, basis.only(names), weights, solved).solved_gap_mm
    unsolved_mm = retarget_error(basis, basis.only(names), weights, wish).solved_gap_mm
    assert line.closures_mm(gap_mm).max() < 0.5 < 1.0 < line.closures_mm(unsolved_mm).max()


def test_vertex_animation_is_solved_onto_the_keys() -> None:
    line, basis = spoken_line(), demo_basis()
    weights = arkit(line.motion)[20:100]
    solved = solve_offsets(make_retarget(basis, basis), basis, np.tensordot(weights, basis.offsets, axes=1))
    error = retarget_error(basis, basis, weights, solved)
    assert error.mean_mm < 0.1 and np.abs(error.solved_gap_mm - error.direct_gap_mm).max() < 0.3
    assert solved.min() >= 0.0 and solved.max() <= 1.0
    head = made_head(OCULUS)
    problem = make_retarget(basis, head)
    by_weights, by_vertices = (
        solve(problem, weights),
        solve_offsets(problem, head, np.tensordot(weights, basis.offsets, axes=1)),
    )
    np.testing.assert_allclose(by_vertices, by_weights, atol=0.01)


def test_curves_do_not_jitter() -> None:
    weights = arkit(spoken_line().motion)
    slow = np.linspace(0, 1, 241)[:, None] * weights[60:61]
    for names in (OCULUS, VRM):
        solved = solve(retarget_poses(names, poses_of(names)), slow)
        steps = np.diff(solved, axis=0)
        assert np.abs(steps).max() < 0.05, "a slow change of the face is a slow change of every key"
        swings = ((np.abs(steps[1:]) > 0.005) & (steps[1:] * steps[:-1] < 0)).sum(axis=0)
        assert swings.max() <= 4, "nothing trembles"


def test_bounds_that_are_reached_leave_no_spikes() -> None:
    line, basis = spoken_line(), demo_basis()
    weights, head = arkit(line.motion), made_head(OCULUS)
    solved = solve(make_retarget(basis, head), weights)
    lips = np.unique(basis.lip_pairs)
    direct, other = (
        np.abs(np.diff(np.tensordot(w, b.offsets[:, lips], axes=1), 3, axis=0)).mean()
        for w, b in ((weights, basis), (solved, head))
    )
    assert other < 2.0 * direct, "the lips' jerk stays in the range of the direct animation's"


def test_a_minute_takes_under_two_seconds() -> None:
    weights = np.tile(arkit(spoken_line().motion), (9, 1))[:3600]
    problem = retarget_poses(OCULUS, poses_of(OCULUS))
    started = time.process_time()
    solve(problem, weights)
    assert time.process_time() - started < 2.0


def test_reach_tells_what_keys_can_show() -> None:
    names = ("jawOpen", "mouthSmile", "eyeBlinkLeft")
    problem = retarget_poses(names, poses_of(names))
    reach = {item.channel: item for item in channel_reach(problem, np.zeros((52, 3)), np.zeros(3))}
    assert reach["jawOpen"].explained > 0.97 and reach["eyeBlinkLeft"].explained > 0.97
    assert 0.3 < reach["mouthSmileLeft"].explained < 0.7, "half of both sides"
    assert reach["browInnerUp"].explained < 0.05
    assert reach["jawOpen"].gains[0] == pytest.approx(1.0, abs=0.05)
    assert reach["mouthClose"].gains[0] < -0.8, "without a key of its own the mouth closes by the jaw"
    alike = relatedness(problem)
    assert alike[ARKIT_52.index("jawOpen"), 0] == pytest.approx(1.0, abs=1e-6)
    assert alike[ARKIT_52.index("mouthClose"), 0] < -0.5


def test_error_of_the_same_animation_is_nothing() -> None:
    weights = arkit(spoken_line().motion)[:40]
    error = retarget_error(demo_basis(), demo_basis(), weights, weights)
    assert error.mean_mm == error.worst_mm == 0.0 and error.gap_correlation == pytest.approx(1.0)
