# SPDX-License-Identifier: GPL-3.0-or-later
"""From ARKit weights to whatever keys a face has: a bounded least-squares fit of the keys' movement to ARKit's.

On a mesh where both are known, ARKit weights x move the vertices by A x and the face's own keys w move them by B w. Per
frame we look for lower <= w <= upper that minimises

    |A x - B w|^2 + s(x) |gaps(A x) - gaps(B w)|^2 + ridge |w - preferred|^2

The first term weighs vertices by importance. The second compares how far apart the lips are at pairs of contacts; s
rises steeply where ARKit closes the mouth, so that a bilabial closes on the face as far as its keys can. Only Gram
matrices enter, made once. The ridge makes the problem strictly convex, so w depends continuously on x: keys that hit a
bound do not jump. A second pass, started from the first, pulls every frame a little to the mean of those around it.
Frames are solved side by side by projected coordinate descent with Newton steps on the keys that no bound holds
(projected Newton: Bertsekas 1982), which needs no SciPy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import numpy as np

from diffusion_talker.channels import ARKIT_52
from diffusion_talker.rigs.demo_head import HeadMesh, build_demo_head
from diffusion_talker.rigs.shape_keys import ShapeKeys

#: Weight of the lips' gap beside the movement of the skin: at open mouths, and where the lips are sealed.
GAP_OPEN: Final = 0.5
_GAP_SEALED: Final = 100.0
#: Lips this share of a full jaw drop apart are no longer near a closure.
_NEAR_CLOSURE: Final = 0.04
#: Pull of every key to its preferred weight, as a share of its own movement squared.
_RIDGE_FREE: Final = 5e-3
#: The same for keys that hardly move anything, as a share of the mean key.
_RIDGE_LEAST: Final = 1e-5
#: Pull to the mean of the frames around, in the second pass.
_SMOOTH: Final = 5e-2
#: A round that changes no weight by more ends the search.
_TOLERANCE: Final = 1e-5
_MAX_ROUNDS: Final = 60
#: How often a Newton step is taken anew without the keys that it would press against their bounds.
_HOLD_ROUNDS: Final = 4
_CHUNK_NUMBERS: Final = 2_000_000
_CHUNK_FRAMES: Final = 64
#: How much the parts of the demo head count beside the skin, whose lips count more.
_PART_IMPORTANCE: Final[Mapping[str, float]] = {
    "Skin": 1.0, "Eye": 0.3, "Teeth Lower": 0.3, "Tongue": 0.15, "Brow": 0.3,
}  # fmt: skip
_LIP_IMPORTANCE: Final = 4.0
_LIP_REACH: Final = 0.5  # of the mouth's width

SparseShape = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class FaceBasis:
    """Keys measured as movement on one mesh.

    names: K keys. vertices (V, 3) at rest and offsets (K, V, 3) float32, both in the mesh's own unit. lip_pairs (P, 2):
    upper and lower vertex of places where the lips meet, may be empty. importance (V,): how much a vertex counts.
    """

    names: tuple[str, ...]
    vertices: np.ndarray
    offsets: np.ndarray
    lip_pairs: np.ndarray
    importance: np.ndarray

    def only(self, names: Sequence[str]) -> FaceBasis:
        """The same with exactly these keys in this order. Raises ValueError for one it does not have."""
        rows = [self.names.index(name) for name in names]
        return FaceBasis(tuple(names), self.vertices, self.offsets[rows], self.lip_pairs, self.importance)

    def features(self) -> np.ndarray:
        """Movement (K, 3 V) scaled so that a squared length is the weighted mean square over the vertices."""
        share = np.sqrt(self.importance / max(self.importance.sum(), 1e-12)).astype(np.float32)
        return (self.offsets * share[:, None]).reshape(len(self.offsets), -1)

    def gaps(self) -> np.ndarray:
        """What each key adds to the vectors from lower to upper lip, (K, 3 P), squared length = mean square."""
        upper, lower = self.lip_pairs.T
        moved = (self.offsets[:, upper] - self.offsets[:, lower]).reshape(len(self.offsets), -1)
        return moved.astype(np.float64) / np.sqrt(max(len(self.lip_pairs), 1))

    def rest_gaps(self) -> np.ndarray:
        """The same vectors (3 P,) of the face at rest."""
        upper, lower = self.lip_pairs.T
        apart = (self.vertices[upper] - self.vertices[lower]).reshape(-1)
        return apart.astype(np.float64) / np.sqrt(max(len(self.lip_pairs), 1))


def measure_basis(
    vertices: np.ndarray,
    shapes: Mapping[str, SparseShape],
    lip_pairs: np.ndarray | None = None,
    importance: np.ndarray | None = None,
) -> FaceBasis:
    """Basis of keys given as sparse shapes: name -> (vertex indices (N,), offsets (N, 3)).

    Without `importance` every vertex counts 1 and the surroundings of the lip pairs up to 4.
    """
    pairs = np.zeros((0, 2), np.int64) if lip_pairs is None else np.asarray(lip_pairs, np.int64)
    offsets = np.zeros((len(shapes), len(vertices), 3), np.float32)
    for row, (indices, moved) in zip(offsets, shapes.values(), strict=True):
        row[indices] = moved
    if importance is None:
        importance = lip_importance(vertices, pairs)
    return FaceBasis(tuple(shapes), np.asarray(vertices, np.float32), offsets, pairs, np.asarray(importance))


def lip_importance(vertices: np.ndarray, lip_pairs: np.ndarray) -> np.ndarray:
    """Importance (V,): 4 at the lips, falling to 1 within half a mouth's width."""
    if not len(lip_pairs):
        return np.ones(len(vertices))
    lips = np.asarray(vertices, np.float64)[lip_pairs].mean(axis=1)
    reach = _LIP_REACH * max(float(np.ptp(lips, axis=0).max()), 1e-9)
    squared = np.full(len(vertices), np.inf)
    for point in lips:
        np.minimum(squared, ((vertices - point) ** 2).sum(axis=1), out=squared)
    return 1.0 + (_LIP_IMPORTANCE - 1.0) * np.exp(-squared / reach**2)


def pair_lips(vertices: np.ndarray, upper_line: np.ndarray, lower_line: np.ndarray) -> np.ndarray:
    """Lip pairs (P, 2) from the vertices where the upper and the lower lip end: each of the upper with its nearest."""
    upper, lower = np.asarray(upper_line), np.asarray(lower_line)
    apart = np.linalg.norm(vertices[upper][:, None] - vertices[lower][None], axis=2)
    return np.stack([upper, lower[apart.argmin(axis=1)]], axis=1).astype(np.int64)


def generated_basis(vertices: np.ndarray, keys: ShapeKeys) -> FaceBasis:
    """ARKit's shapes as generated for a head, on its neutral (V, 3): what a face's own keys are compared with."""
    shapes = dict(zip(keys.names, zip(keys.indices, keys.offsets, strict=True), strict=True))
    return measure_basis(vertices, shapes, pair_lips(vertices, keys.upper_line, keys.lower_line))


def combine_basis(basis: FaceBasis, names: Sequence[str], poses: np.ndarray) -> FaceBasis:
    """Keys that are linear combinations of a basis' keys: poses (N, K) -> a basis of N keys on the same mesh."""
    offsets = np.tensordot(poses.astype(np.float32), basis.offsets, axes=1)
    return FaceBasis(tuple(names), basis.vertices, offsets, basis.lip_pairs, basis.importance)


def head_basis(head: HeadMesh) -> FaceBasis:
    """ARKit's 52 shapes on the demo head, in metres; hair, clothes, lashes and ears do not count."""
    shapes = {name: (head.shape_deltas[name].indices, head.shape_deltas[name].offsets) for name in ARKIT_52}
    near_lips = lip_importance(head.vertices, head.lip_contacts)
    importance = np.zeros(len(head.vertices))
    for part in head.parts:
        span = slice(part.vertex_start, part.vertex_stop)
        weight = max((w for start, w in _PART_IMPORTANCE.items() if part.name.startswith(start)), default=0.0)
        importance[span] = weight * (near_lips[span] if part.name == "Skin" else 1.0)
    return measure_basis(head.vertices, shapes, head.lip_contacts, importance)


@lru_cache(maxsize=1)
def demo_basis() -> FaceBasis:
    """The stand-in for a face whose mesh is not known: ARKit on the demo head, built once (half a second)."""
    return head_basis(build_demo_head())


# ---------------------------------------------------------------- the problem


@dataclass(frozen=True)
class Retarget:
    """Everything the solver needs, for C channels and K keys.

    channels, keys: names. source_gram (C, C), cross (C, K), gram (K, K): inner products of movements; gap_*: of the
    lips' gaps. channel_gaps (C, 3 P), rest_gaps (3 P,): how far ARKit opens the lips. near: mean gap below which a
    closure begins. lower, upper (K,): bounds of the keys.
    """

    channels: tuple[str, ...]
    keys: tuple[str, ...]
    source_gram: np.ndarray
    cross: np.ndarray
    gram: np.ndarray
    gap_source_gram: np.ndarray
    gap_cross: np.ndarray
    gap_gram: np.ndarray
    channel_gaps: np.ndarray
    rest_gaps: np.ndarray
    near: float
    lower: np.ndarray
    upper: np.ndarray


def make_retarget(
    source: FaceBasis, target: FaceBasis, lower: np.ndarray | None = None, upper: np.ndarray | None = None
) -> Retarget:
    """Problem for two bases measured on the same mesh. Bounds default to [0, 1]. Raises ValueError on two meshes."""
    if source.offsets.shape[1] != target.offsets.shape[1]:
        raise ValueError(f"{source.offsets.shape[1]} and {target.offsets.shape[1]} vertices: not the same mesh")
    ours, theirs = source.features(), target.features()
    our_gaps, their_gaps = source.gaps(), target.gaps()
    return Retarget(
        channels=source.names,
        keys=target.names,
        source_gram=_inner(ours, ours),
        cross=_inner(ours, theirs),
        gram=_inner(theirs, theirs),
        gap_source_gram=our_gaps @ our_gaps.T,
        gap_cross=our_gaps @ their_gaps.T,
        gap_gram=their_gaps @ their_gaps.T,
        channel_gaps=our_gaps,
        rest_gaps=source.rest_gaps(),
        near=_near_closure(source),
        lower=np.zeros(len(target.names)) if lower is None else np.asarray(lower, np.float64),
        upper=np.ones(len(target.names)) if upper is None else np.asarray(upper, np.float64),
    )


def retarget_poses(
    keys: Sequence[str], poses: np.ndarray, lower: np.ndarray | None = None, upper: np.ndarray | None = None
) -> Retarget:
    """Problem for keys known only as poses (K, 52) in ARKit weights; movement is measured on the demo head."""
    base = _demo_problem()
    return Retarget(
        channels=base.channels,
        keys=tuple(keys),
        source_gram=base.source_gram,
        cross=base.source_gram @ poses.T,
        gram=poses @ base.source_gram @ poses.T,
        gap_source_gram=base.gap_source_gram,
        gap_cross=base.gap_source_gram @ poses.T,
        gap_gram=poses @ base.gap_source_gram @ poses.T,
        channel_gaps=base.channel_gaps,
        rest_gaps=base.rest_gaps,
        near=base.near,
        lower=np.zeros(len(keys)) if lower is None else np.asarray(lower, np.float64),
        upper=np.ones(len(keys)) if upper is None else np.asarray(upper, np.float64),
    )


@lru_cache(maxsize=1)
def _demo_problem() -> Retarget:
    return make_retarget(demo_basis(), demo_basis())


def _inner(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return (left @ right.T).astype(np.float64)


def _near_closure(source: FaceBasis) -> float:
    """Mean gap below which the lips count as nearly closed; 0 (never) where the basis cannot open them."""
    if "jawOpen" not in source.names or not len(source.lip_pairs):
        return 0.0
    return _NEAR_CLOSURE * float(np.linalg.norm(source.gaps()[source.names.index("jawOpen")]))


# ---------------------------------------------------------------- the solver


def solve(
    problem: Retarget,
    weights: np.ndarray,
    preferred: np.ndarray | None = None,
    loyalty: np.ndarray | None = None,
    start: np.ndarray | None = None,
) -> np.ndarray:
    """Weights (T, K) float32 of the keys for ARKit weights (T, C).

    preferred (T, K): where the keys would rather be (default 0). loyalty (K,): how dear that is to them beside the
    movement they make; at 1 they leave it for a closure only, at 1000 never. start: first guess (T, K), e.g. the frame
    before, solved.
    """
    x = np.asarray(weights, np.float64)
    wish = np.zeros((len(x), len(problem.keys))) if preferred is None else np.asarray(preferred, np.float64)
    dear = np.zeros(len(problem.keys)) if loyalty is None else np.asarray(loyalty, np.float64)
    return _fit(problem, x @ problem.cross, x @ problem.gap_cross, lip_urgency(problem, x), wish, dear, start)


def solve_offsets(problem: Retarget, target: FaceBasis, offsets: np.ndarray) -> np.ndarray:
    """Weights (T, K) float32 of the keys for vertex animation: offsets (T, V, 3) from the neutral, on the mesh and in
    the unit of `target`, whose keys `problem` was made for."""
    keys, key_gaps = target.features(), target.gaps()
    moved = np.zeros((len(offsets), len(target.names)))
    gaps = np.zeros((len(offsets), key_gaps.shape[1]))
    for first in range(0, len(offsets), _CHUNK_FRAMES):
        span = slice(first, first + _CHUNK_FRAMES)
        shown = replace(target, names=(), offsets=np.asarray(offsets[span], np.float32))
        moved[span] = _inner(shown.features(), keys)
        gaps[span] = shown.gaps()
    parted = gaps @ key_gaps.T
    still, free = np.zeros_like(moved), np.zeros(len(target.names))
    return _fit(problem, moved, parted, _urgency(problem, gaps), still, free, None)


def _fit(
    problem: Retarget,
    moved: np.ndarray,
    parted: np.ndarray,
    seal: np.ndarray,
    preferred: np.ndarray,
    loyalty: np.ndarray,
    start: np.ndarray | None,
) -> np.ndarray:
    """Two passes of the solver. moved, parted (T, K): inner products of what is to be shown with every key, as
    movement and as gap of the lips; seal (T,): weight of the latter."""
    if not preferred.size:
        return np.zeros(preferred.shape, np.float32)
    wish = np.clip(preferred, problem.lower, problem.upper)
    size = np.diag(problem.gram)
    pull = (_RIDGE_FREE + loyalty) * size + _RIDGE_LEAST * size.mean() + 1e-12
    goal = moved + seal[:, None] * parted + pull * wish
    solved = wish if start is None else np.clip(np.asarray(start, np.float64), problem.lower, problem.upper)
    solved = _minimize(problem, pull, goal, seal, solved)
    hold = _SMOOTH * size
    return _minimize(problem, pull + hold, goal + hold * _smoothed(solved), seal, solved).astype(np.float32)


def lip_urgency(problem: Retarget, weights: np.ndarray) -> np.ndarray:
    """Weight (T,) of the lips' gap in every frame: small at open mouths, large where ARKit closes them."""
    return _urgency(problem, weights @ problem.channel_gaps)


def _urgency(problem: Retarget, parted: np.ndarray) -> np.ndarray:
    """The same for changes (T, 3 P) of the gaps' vectors."""
    if problem.near <= 0:
        return np.full(len(parted), GAP_OPEN)
    # Lips that are together in the neutral may still be measured apart, on both sides of their line of contact.
    gap = np.minimum(np.linalg.norm(problem.rest_gaps + parted, axis=1), np.linalg.norm(parted, axis=1))
    nearness = np.clip(1.0 - gap / problem.near, 0.0, 1.0)
    return GAP_OPEN * (_GAP_SEALED / GAP_OPEN) ** (nearness * nearness * (3.0 - 2.0 * nearness))


def _smoothed(curves: np.ndarray) -> np.ndarray:
    """Curves (T, K) averaged with the frames before and after, without delay."""
    padded = np.concatenate([curves[:1], curves, curves[-1:]])
    return (padded[:-2] + 2.0 * padded[1:-1] + padded[2:]) / 4.0


def _minimize(problem: Retarget, pull: np.ndarray, goal: np.ndarray, seal: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Minimiser (T, K) of w H w / 2 - goal w within the bounds, H = gram + seal * gap_gram + pull in each frame."""
    solved = np.array(start)
    chunk = max(_CHUNK_NUMBERS // len(pull) ** 2, 1)
    for first in range(0, len(goal), chunk):
        span = slice(first, first + chunk)
        curve = problem.gram + seal[span, None, None] * problem.gap_gram
        curve[:, np.arange(len(pull)), np.arange(len(pull))] += pull
        solved[span] = _BoxedFrames(curve, goal[span], problem.lower, problem.upper).descend(solved[span])
    return solved


@dataclass(frozen=True)
class _BoxedFrames:
    """Independent strictly convex problems: curve (N, K, K), goal (N, K), and bounds (K,) that they share."""

    curve: np.ndarray
    goal: np.ndarray
    lower: np.ndarray
    upper: np.ndarray

    def descend(self, solved: np.ndarray) -> np.ndarray:
        """Sweeps of projected coordinate descent, which find the keys that rest on a bound, with Newton steps on the
        others in between, as far as they help; frames leave when neither moves them any more."""
        solved = np.array(solved)
        moving = np.arange(len(solved))
        frames = self
        for _ in range(_MAX_ROUNDS):
            before = solved[moving]
            solved[moving] = frames._newton(frames._sweep(before))
            still = np.abs(solved[moving] - before).max(axis=1) > _TOLERANCE
            if not still.any():
                break
            if not still.all():
                moving, frames = moving[still], frames._only(still)
        return solved

    def _only(self, chosen: np.ndarray) -> _BoxedFrames:
        return _BoxedFrames(self.curve[chosen], self.goal[chosen], self.lower, self.upper)

    def _sweep(self, solved: np.ndarray) -> np.ndarray:
        """One pass over the keys, each set to its best with the others as they are."""
        swept = np.array(solved)
        for key in range(swept.shape[1]):
            row = self.curve[:, key]
            slope = np.einsum("nk,nk->n", row, swept) - self.goal[:, key]
            swept[:, key] = np.clip(swept[:, key] - slope / row[:, key], self.lower[key], self.upper[key])
        return swept

    def _newton(self, solved: np.ndarray) -> np.ndarray:
        """Exact minimum over the keys that no bound holds, projected, or a part of the way to it: the best that is."""
        step = self._free_step(solved)
        best, lowest = solved, self._value(solved)
        for share in (1.0, 0.3, self._to_first_bound(solved, step)[:, None]):
            tried = np.clip(solved - share * step, self.lower, self.upper)
            value = self._value(tried)
            better = value < lowest
            best, lowest = np.where(better[:, None], tried, best), np.where(better, value, lowest)
        return best

    def _free_step(self, solved: np.ndarray) -> np.ndarray:
        """Newton step (N, K), to be subtracted. Keys on a bound stay out of it if their slope presses them against it,
        or if the step itself would."""
        slope = self._slope(solved)
        at_lower, at_upper = solved <= self.lower + 1e-9, solved >= self.upper - 1e-9
        held = (at_lower & (slope > 0)) | (at_upper & (slope < 0))
        diagonal = np.arange(solved.shape[1])
        for _ in range(_HOLD_ROUNDS):
            free = ~held
            system = self.curve * (free[:, :, None] & free[:, None, :])
            system[:, diagonal, diagonal] += held
            step = np.linalg.solve(system, (slope * free)[:, :, None])[:, :, 0]
            pressed = (at_lower & (step > 0)) | (at_upper & (step < 0))
            if not pressed.any():
                break
            held |= pressed
        return np.where(pressed, 0.0, step)

    def _to_first_bound(self, solved: np.ndarray, step: np.ndarray) -> np.ndarray:
        """Share (N,) of the step that can be gone before a key meets its bound; so far it always is an improvement."""
        room = np.where(step > 0, solved - self.lower, self.upper - solved)
        share = np.where(np.abs(step) > 1e-12, room / np.maximum(np.abs(step), 1e-12), 1.0)
        return np.minimum(share.min(axis=1), 1.0)

    def _slope(self, solved: np.ndarray) -> np.ndarray:
        return np.einsum("nij,nj->ni", self.curve, solved) - self.goal

    def _value(self, solved: np.ndarray) -> np.ndarray:
        return ((self._slope(solved) - self.goal) * solved).sum(axis=1) / 2.0


# ---------------------------------------------------------------- how well it went


@dataclass(frozen=True)
class Reach:
    """What the keys make of one ARKit channel. explained: 1 all of its movement, 0 none of it. gains (K,): how far each
    key moves for a unit of it."""

    channel: str
    explained: float
    gains: np.ndarray


#: Strength at which a channel is tried, so that its keys stay within their bounds.
_TRIED: Final = 0.4


def channel_reach(problem: Retarget, direct: np.ndarray, loyalty: np.ndarray) -> tuple[Reach, ...]:
    """How much of every channel the keys can show, each on its own; mouthClose on an open jaw, as it is meant.

    direct (C, K): what channels with their own keys ask of them. loyalty (K,): see `solve`.
    """
    count = len(problem.channels)
    alone, without = _TRIED * np.eye(count), np.zeros((count, count))
    if {"jawOpen", "mouthClose"} <= set(problem.channels):
        close, jaw = problem.channels.index("mouthClose"), problem.channels.index("jawOpen")
        alone[close, jaw] = without[close, jaw] = _TRIED
    both = np.concatenate([alone, without])
    apart = np.repeat(both, 3, axis=0)  # every pose is its own neighbour in time
    solved = solve(problem, apart, apart @ direct, loyalty)[1::3]
    left, whole = misfit(problem, alone, solved[:count]), misfit(problem, alone, solved[count:])
    shares = np.clip(1.0 - left / np.maximum(whole, 1e-30), 0.0, 1.0)
    gains = (solved[:count] - solved[count:]) / _TRIED
    return tuple(
        Reach(name, float(share), row) for name, share, row in zip(problem.channels, shares, gains, strict=True)
    )


def relatedness(problem: Retarget) -> np.ndarray:
    """Likeness (C, K) of channels and keys as movements: 1 the same direction, -1 the opposite, 0 nothing in common."""
    ours = np.sqrt(np.diag(problem.source_gram) + GAP_OPEN * np.diag(problem.gap_source_gram))
    theirs = np.sqrt(np.diag(problem.gram) + GAP_OPEN * np.diag(problem.gap_gram))
    both = problem.cross + GAP_OPEN * problem.gap_cross
    return both / np.maximum(np.outer(ours, theirs), 1e-30)


def misfit(problem: Retarget, weights: np.ndarray, solved: np.ndarray) -> np.ndarray:
    """Weighted mean squared distance (T,) between the face under ARKit weights and under the keys, gaps included."""

    def distance(ours: np.ndarray, mixed: np.ndarray, theirs: np.ndarray) -> np.ndarray:
        quadratic = ((weights @ ours) * weights).sum(axis=1) + ((solved @ theirs) * solved).sum(axis=1)
        return quadratic - 2.0 * ((weights @ mixed) * solved).sum(axis=1)

    moved = distance(problem.source_gram, problem.cross, problem.gram)
    parted = distance(problem.gap_source_gram, problem.gap_cross, problem.gap_gram)
    return np.maximum(moved + GAP_OPEN * parted, 0.0)


@dataclass(frozen=True)
class RetargetError:
    """Distance between direct and retargeted animation on one mesh, in millimetres.

    mean_mm: over frames and the vertices that ARKit moves. lips_mm: at the lip pairs. worst_mm: any vertex, any frame.
    direct_gap_mm, solved_gap_mm (T,): widest gap between the lips.
    """

    mean_mm: float
    lips_mm: float
    worst_mm: float
    direct_gap_mm: np.ndarray
    solved_gap_mm: np.ndarray

    @property
    def gap_correlation(self) -> float:
        """Correlation of the two gaps over time; 1 where neither moves."""
        if np.ptp(self.direct_gap_mm) == 0 or np.ptp(self.solved_gap_mm) == 0:
            return float(np.ptp(self.direct_gap_mm) == np.ptp(self.solved_gap_mm))
        return float(np.corrcoef(self.direct_gap_mm, self.solved_gap_mm)[0, 1])


def retarget_error(
    source: FaceBasis, target: FaceBasis, weights: np.ndarray, solved: np.ndarray, unit_m: float = 1.0
) -> RetargetError:
    """Compare ARKit weights (T, C) on `source` with key weights (T, K) on `target`, bases on one mesh whose unit is
    `unit_m` metres. Vertices without importance do not count."""
    counted = np.flatnonzero((source.importance > 0) & (np.abs(source.offsets).max(axis=(0, 2)) > 0))
    lips = np.unique(source.lip_pairs)
    ours = source.offsets[:, counted].reshape(len(source.names), -1)
    theirs = target.offsets[:, counted].reshape(len(target.names), -1)
    total, lip_total, worst = 0.0, 0.0, 0.0
    for first in range(0, len(weights), _CHUNK_FRAMES):
        span = slice(first, first + _CHUNK_FRAMES)
        apart = weights[span].astype(np.float32) @ ours - solved[span].astype(np.float32) @ theirs
        distance = np.linalg.norm(apart.reshape(len(apart), -1, 3), axis=2)
        total += float(distance.mean(axis=1).sum())
        lip_total += float(distance[:, np.isin(counted, lips)].mean(axis=1).sum()) if len(lips) else 0.0
        worst = max(worst, float(distance.max(initial=0.0)))
    to_mm = 1000.0 * unit_m
    frames = max(len(weights), 1)
    gaps = (lip_gap(source, weights) * to_mm, lip_gap(target, solved) * to_mm)
    return RetargetError(total / frames * to_mm, lip_total / frames * to_mm, worst * to_mm, *gaps)


def lip_gap(basis: FaceBasis, weights: np.ndarray) -> np.ndarray:
    """Widest gap (T,) between upper and lower lip at the lip pairs, in the mesh's unit; 0 without pairs."""
    if not len(basis.lip_pairs):
        return np.zeros(len(weights))
    vectors = basis.rest_gaps() + weights @ basis.gaps()
    apart = np.linalg.norm(vectors.reshape(len(weights), -1, 3), axis=2)
    return apart.max(axis=1) * np.sqrt(len(basis.lip_pairs))
