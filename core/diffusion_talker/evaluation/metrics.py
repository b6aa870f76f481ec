# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a face is from the face it should be, and whether it moves as much: errors, dynamics, diversity, retrieval.

All functions take weights (T, C) in MODEL_CHANNELS order at 60 Hz. Vertex figures are taken on a `FreeFace` in the
head's own frame: head rotation plays no part in them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from diffusion_talker.channels import ARKIT_52, HEAD_CHANNELS, MODEL_CHANNELS, MOUTH_CHANNELS, UPPER_FACE_CHANNELS
from diffusion_talker.evaluation.free_face import FreeFace

_FRAMES_AT_ONCE: Final = 512  # of vertex positions in memory
#: Groups of channels whose dynamics are compared.
GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "all": ARKIT_52, "mouth": MOUTH_CHANNELS, "upper": UPPER_FACE_CHANNELS, "head": HEAD_CHANNELS,
}


@dataclass(frozen=True)
class Pair:
    """A clip as a model made it and as it should be: predicted, reference (T, C) in MODEL_CHANNELS order."""

    predicted: np.ndarray
    reference: np.ndarray

    def __post_init__(self) -> None:
        if self.predicted.shape != self.reference.shape or self.predicted.shape[1] != len(MODEL_CHANNELS):
            raise ValueError(f"{self.predicted.shape} and {self.reference.shape} are not two takes of one clip")

    @property
    def frame_count(self) -> int:
        return len(self.reference)


@dataclass(frozen=True)
class ClipErrors:
    """Errors of one clip. lve_mm2, eve_mm2, mve_mm, mbe, lbe: means over its frames; fdd_mm: signed, of the clip."""

    frames: int
    lve_mm2: float
    eve_mm2: float
    mve_mm: float
    fdd_mm: float
    mbe: float
    lbe: float


def clip_errors(pair: Pair, face: FreeFace) -> ClipErrors:
    """All errors of one clip."""
    return ClipErrors(
        frames=pair.frame_count,
        lve_mm2=vertex_error_mm2(pair, face, face.lips),
        eve_mm2=vertex_error_mm2(pair, face, face.upper),
        mve_mm=mean_vertex_error_mm(pair, face),
        fdd_mm=dynamics_deviation_mm(pair, face),
        mbe=blendshape_error(pair, ARKIT_52),
        lbe=blendshape_error(pair, MOUTH_CHANNELS),
    )


def pooled(clips: Sequence[ClipErrors], name: str) -> float:
    """Mean of a figure over all frames of all clips."""
    return float(np.average([getattr(clip, name) for clip in clips], weights=[clip.frames for clip in clips]))


def vertex_error_mm2(pair: Pair, face: FreeFace, vertices: np.ndarray) -> float:
    """LVE on the lips L, EVE on the upper face U: mean over frames of max over v of ||vhat_v - v_v||^2, in mm^2.

    Squared, largest vertex of each frame (CodeTalker, Xing et al. 2023; EVE: EmoTalk, Peng et al. 2023).
    """
    squares = _per_frame(_difference(pair), face.basis_mm[:, vertices], lambda at: (at**2).sum(axis=2).max(axis=1))
    return float(squares.mean())


def mean_vertex_error_mm(pair: Pair, face: FreeFace) -> float:
    """MVE: mean over frames and all vertices of ||vhat_v - v_v||, in mm. Not squared."""
    return mean_distance_mm(pair.predicted, pair.reference, face)


def mean_distance_mm(first: np.ndarray, second: np.ndarray, face: FreeFace) -> float:
    """Mean over frames and all vertices of the distance between two takes of a clip, in mm."""
    distances = _per_frame(
        _face(first) - _face(second), face.basis_mm, lambda at: np.linalg.norm(at, axis=2).mean(axis=1)
    )
    return float(distances.mean())


def dynamics_deviation_mm(pair: Pair, face: FreeFace) -> float:
    """FDD of a clip, signed: mean over U of std_t ||m_v|| of the reference, less the same of the prediction, in mm.

    m_v: displacement of vertex v from the face at rest; its length is not squared. Above 0: the prediction moves too
    little. A set of clips is told by the mean over clips (signed) and by the mean of absolute values (CodeTalker,
    Xing et al. 2023, prints the signed one).
    """
    return upper_face_liveliness_mm(pair.reference, face) - upper_face_liveliness_mm(pair.predicted, face)


def upper_face_liveliness_mm(weights: np.ndarray, face: FreeFace) -> float:
    """Mean over U of std_t ||m_v|| of a clip, in mm."""
    lengths = _per_frame(_face(weights), face.basis_mm[:, face.upper], lambda at: np.linalg.norm(at, axis=2))
    return float(lengths.std(axis=0).mean())


def blendshape_error(pair: Pair, channels: Sequence[str]) -> float:
    """MBE over ARKIT_52, LBE over MOUTH_CHANNELS: mean over frames and channels of |what - w|. Not squared."""
    columns = columns_of(channels)
    return float(np.abs(pair.predicted[:, columns] - pair.reference[:, columns]).mean())


def dynamics_ratio(pairs: Sequence[Pair], channels: Sequence[str], order: int) -> float:
    """Motion of the predictions over motion of the references: 1 is right, below it too smooth, above it restless.

    order 0: root of the mean variance over time within clips; 1: RMS of first differences (velocity); 3: RMS of third
    differences (jerk). Pooled over all frames of all clips and over the channels, in channel units, so channels that
    move much count for most. NaN when the references do not move.
    """
    columns = columns_of(channels)
    predicted = sum(_motion_square(pair.predicted[:, columns], order) for pair in pairs)
    reference = sum(_motion_square(pair.reference[:, columns], order) for pair in pairs)
    return float(np.sqrt(predicted / reference)) if reference > 0 else float("nan")


def _motion_square(weights: np.ndarray, order: int) -> float:
    """Sum over frames and channels of squared differences of that order; order 0: of deviations from the mean."""
    weights = weights.astype(np.float64)
    moved = np.diff(weights, n=order, axis=0) if order else weights - weights.mean(axis=0)
    return float((moved**2).sum())


def diversity_mm(takes_by_clip: Sequence[Sequence[np.ndarray]], face: FreeFace) -> float:
    """Mean over clips and over pairs of takes of the mean vertex distance between two takes of one clip, in mm.

    takes_by_clip: for each clip the same sound under several identities, or under several seeds. 0: all the same.
    """
    distances = [
        mean_distance_mm(first, second, face)
        for takes in takes_by_clip
        for first, second in itertools.combinations(takes, 2)
    ]
    return float(np.mean(distances)) if distances else float("nan")


def hit_rate(rankings: Sequence[Sequence[str]], right: Sequence[str], within: int) -> float:
    """Top-k accuracy: share of recordings whose right name is among the first `within` of its ranking."""
    hits = [name in ranking[:within] for ranking, name in zip(rankings, right, strict=True)]
    return float(np.mean(hits)) if hits else float("nan")


def chance_rate(right: Sequence[str]) -> float:
    """Accuracy of always giving the commonest answer."""
    return max(right.count(name) for name in set(right)) / len(right) if right else float("nan")


def columns_of(channels: Sequence[str]) -> list[int]:
    """Columns of channels in MODEL_CHANNELS."""
    return [MODEL_CHANNELS.index(name) for name in channels]


def _face(weights: np.ndarray) -> np.ndarray:
    return weights[:, : len(ARKIT_52)].astype(np.float32)


def _difference(pair: Pair) -> np.ndarray:
    return _face(pair.predicted) - _face(pair.reference)


def _per_frame(
    weights: np.ndarray, basis_mm: np.ndarray, reduce: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """`reduce` of the displacements (t, V, 3) of stretches of frames, joined along time."""
    return np.concatenate([reduce(displaced) for displaced in _displacements(weights, basis_mm)])


def _displacements(weights: np.ndarray, basis_mm: np.ndarray) -> Iterator[np.ndarray]:
    flat = np.ascontiguousarray(basis_mm.reshape(len(basis_mm), -1))
    for first in range(0, len(weights), _FRAMES_AT_ONCE):
        yield (weights[first : first + _FRAMES_AT_ONCE] @ flat).reshape(-1, *basis_mm.shape[1:])
