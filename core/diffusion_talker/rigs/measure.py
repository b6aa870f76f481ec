# SPDX-License-Identifier: GPL-3.0-or-later
"""How good generated keys are, in numbers: lips that seal, lids that meet, flesh that keeps its volume, sculpted truth.

All lengths are millimetres of an adult face (`FaceFrame`), so that heads of any scale compare.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np

from diffusion_talker.channels import ARKIT_52, MIRROR_PAIRS, canonical_channel
from diffusion_talker.rigs.mesh_files import Mesh, triangulated
from diffusion_talker.rigs.shape_keys import HeadLandmarks, ShapeKeys, generate_shape_keys
from diffusion_talker.rigs.shape_keys.eyes import Eye, find_eye
from diffusion_talker.rigs.shape_keys.face import Face, make_face
from diffusion_talker.rigs.shape_keys.mouth import Lips, find_lips

OPENINGS: Final = (0.1, 0.25, 0.5, 1.0)
_BINS: Final = 24
_STEPS_ON_EDGE: Final = 6
_MIRROR_MM: Final = 3.0
_MOVED_MM: Final = 0.05


@dataclass(frozen=True)
class SealMeasure:
    """jawOpen = mouthClose = opening: the largest gap between the lips, and how much deeper they overlap than in the
    neutral."""

    opening: float
    gap_mm: float
    crossing_mm: float


@dataclass(frozen=True)
class BlinkMeasure:
    """One eye under eyeBlink: the largest gap between the lids at 1, and how deep lids cut into the ball at 1 and
    half."""

    side: str
    gap_mm: float
    in_ball_mm: float
    in_ball_halfway_mm: float


@dataclass(frozen=True)
class KeyMeasure:
    """One key at 1: largest movement, lip gap and crossing against the neutral's, change of the skin's volume, change
    of edge lengths (99th percentile and largest, in shares of the length), and how far the mirrored partner differs
    (share of the movement); None where there is no partner."""

    name: str
    largest_mm: float
    lip_gap_mm: float
    lip_crossing_mm: float
    volume_change: float
    edge_change_99: float
    edge_change_most: float
    asymmetry: float | None


@dataclass(frozen=True)
class TruthMeasure:
    """One generated key against the sculpted one: cosine of the two movements, ratio of their lengths (generated over
    sculpted), mean error where either moves."""

    name: str
    cosine: float
    magnitude_ratio: float
    mean_error_mm: float


@dataclass(frozen=True)
class RigReport:
    """Everything measured on one head; notes are the generator's own."""

    vertex_count: int
    seconds: float
    rest_gap_mm: float
    rest_overlap_mm: float
    seals: tuple[SealMeasure, ...]
    blinks: tuple[BlinkMeasure, ...]
    keys: tuple[KeyMeasure, ...]
    truth: tuple[TruthMeasure, ...]
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """Plain numbers for JSON."""
        return asdict(self)


def measure_head(mesh: Mesh, landmarks: HeadLandmarks) -> tuple[RigReport, ShapeKeys]:
    """Generate keys for a head and measure them; sculpted shapes of the mesh serve as truth where their names are
    ARKit's."""
    triangles = triangulated(mesh.polygons)
    start = time.perf_counter()
    keys = generate_shape_keys(mesh.vertices, triangles, landmarks)
    seconds = time.perf_counter() - start
    face = make_face(mesh.vertices, triangles, landmarks)
    lips, eyes = find_lips(face), (find_eye(face, 1), find_eye(face, -1))
    rest = lip_opening(face, lips, face.points)
    report = RigReport(
        vertex_count=len(mesh.vertices),
        seconds=seconds,
        rest_gap_mm=float(max(rest.max(), 0.0)),
        rest_overlap_mm=float(max(-rest.min(), 0.0)),
        seals=tuple(_seal(face, lips, keys, opening, rest) for opening in OPENINGS),
        blinks=tuple(_blink(face, eye, keys) for eye in eyes),
        keys=_key_measures(face, lips, keys, rest),
        truth=compare_with_sculpted(keys, mesh.shapes, face.skin),
        notes=keys.notes,
    )
    return report, keys


def dense_mm(keys: ShapeKeys, name: str, vertex_count: int) -> np.ndarray:
    """Offsets (V, 3) of one key in mm."""
    number = keys.names.index(name)
    offsets = np.zeros((vertex_count, 3))
    offsets[keys.indices[number]] = keys.offsets[number] @ keys.frame.axes.T * keys.frame.mm_per_unit
    return offsets


def lip_opening(face: Face, lips: Lips, points: np.ndarray) -> np.ndarray:
    """Height (K,) of the upper lip's lowest point above the lower lip's highest one, in slices across the mouth; below
    0 the lips overlap as seen from the front. Slices next to the corners are left out."""
    near = lips.distance_mm < 0.2 * face.mouth_half_width
    uppers = _edge_points(face, near & (lips.upper > 0.85), points)
    lowers = _edge_points(face, near & (lips.upper < 0.15), points)
    left = max(uppers[:, 0].max(), lowers[:, 0].max())
    right = min(uppers[:, 0].min(), lowers[:, 0].min())
    slices = np.linspace(right, left, _BINS + 1)
    lowest = _extreme(uppers, slices, np.minimum, np.inf)
    highest = _extreme(lowers, slices, np.maximum, -np.inf)
    opening = (lowest - highest)[1:-1]
    return opening[np.isfinite(opening)]


def _edge_points(face: Face, chosen: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points (N, 3) spread over the edges between chosen vertices, so that coarse meshes fill every slice."""
    edges = face.surface.edges[chosen[face.surface.edges].all(axis=1)]
    start, stop = points[edges[:, 0]], points[edges[:, 1]]
    return np.concatenate([start + step * (stop - start) for step in np.linspace(0.0, 1.0, _STEPS_ON_EDGE)])


def _extreme(points: np.ndarray, slices: np.ndarray, choose: np.ufunc, start: float) -> np.ndarray:
    found = np.full(len(slices) - 1, start)
    place = np.clip(np.searchsorted(slices, points[:, 0]) - 1, 0, len(found) - 1)
    choose.at(found, place, points[:, 1])
    return found


def _seal(face: Face, lips: Lips, keys: ShapeKeys, opening: float, rest: np.ndarray) -> SealMeasure:
    offsets = sum(dense_mm(keys, name, len(face.points)) for name in ("jawOpen", "mouthClose"))
    gaps = lip_opening(face, lips, face.points + opening * offsets)
    return SealMeasure(opening, float(max(gaps.max(), 0.0)), float(max(min(rest.min(), 0.0) - gaps.min(), 0.0)))


def _blink(face: Face, eye: Eye, keys: ShapeKeys) -> BlinkMeasure:
    side = "left" if eye.side > 0 else "right"
    offsets = dense_mm(keys, f"eyeBlink{side.title()}", len(face.points))
    return BlinkMeasure(
        side,
        float(max(lid_opening(face, eye, face.points + offsets).max(), 0.0)),
        _depth_in_ball(face, eye, offsets, 1.0),
        _depth_in_ball(face, eye, offsets, 0.5),
    )


def lid_opening(face: Face, eye: Eye, points: np.ndarray) -> np.ndarray:
    """Height (K,) of the upper lid's lowest point above the lower lid's highest one, in slices across the eye."""
    near = eye.margin_mm < 2.0
    uppers, lowers = (_edge_points(face, near & side, points) for side in (eye.upper, ~eye.upper))
    slices = np.linspace(max(uppers[:, 0].min(), lowers[:, 0].min()), min(uppers[:, 0].max(), lowers[:, 0].max()), 17)
    opening = (_extreme(uppers, slices, np.minimum, np.inf) - _extreme(lowers, slices, np.maximum, -np.inf))[1:-1]
    return opening[np.isfinite(opening)]


def _depth_in_ball(face: Face, eye: Eye, offsets: np.ndarray, weight: float) -> float:
    """How deep (mm) skin that lies outside the ball in the neutral is inside it; the ball's own movement counts."""
    if not eye.ball.any():
        return 0.0
    start = np.linalg.norm(face.points - eye.center, axis=1)
    chosen = face.skin & (eye.margin_mm < 8.0) & (start > eye.radius) & (np.abs(offsets).max(axis=1) > _MOVED_MM)
    center = eye.center + weight * offsets[eye.ball].mean(axis=0)
    reach = np.linalg.norm(face.points[chosen] + weight * offsets[chosen] - center, axis=1)
    return float(max(eye.radius - reach.min(initial=np.inf), 0.0))


def _key_measures(face: Face, lips: Lips, keys: ShapeKeys, rest: np.ndarray) -> tuple[KeyMeasure, ...]:
    count = len(face.points)
    partner = _mirror_partners(face)
    other = dict(MIRROR_PAIRS) | {right: left for left, right in MIRROR_PAIRS}
    volume, lengths = _volume(face, face.points), _lengths(face, face.points)
    measures = []
    for name in keys.names:
        offsets = dense_mm(keys, name, count)
        moved = face.points + offsets
        gaps = lip_opening(face, lips, moved)
        change = np.abs(_lengths(face, moved) / lengths - 1.0)
        touched = np.abs(offsets[face.surface.edges]).max(axis=(1, 2)) > _MOVED_MM
        change = change[touched] if touched.any() else np.zeros(1)
        twin = dense_mm(keys, other[name], count) if name in other else None
        measures.append(
            KeyMeasure(
                name,
                float(np.linalg.norm(offsets, axis=1).max()),
                float(max(gaps.max(), 0.0)),
                float(max(min(rest.min(), 0.0) - gaps.min(), 0.0)),
                _volume(face, moved) / volume - 1.0,
                float(np.quantile(change, 0.99)),
                float(change.max()),
                _asymmetry(offsets, twin, partner),
            )
        )
    return tuple(measures)


def _volume(face: Face, points: np.ndarray) -> float:
    """Volume of the skin's triangles over the face's origin; openings count as closed by a cone."""
    corners = points[face.surface.triangles[face.skin[face.surface.triangles[:, 0]]]]
    return float(np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6)


def _lengths(face: Face, points: np.ndarray) -> np.ndarray:
    edges = face.surface.edges
    return np.maximum(np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1), 1e-6)


def _mirror_partners(face: Face) -> np.ndarray:
    """(V,) nearest vertex on the other side of the face, -1 where none is near."""
    middle = face.at("nose_tip")[0]
    front = np.flatnonzero(face.skin & (face.points[:, 2] > -60.0))
    mirrored = face.points[front] * (-1.0, 1.0, 1.0) + (2 * middle, 0.0, 0.0)
    partner = np.full(len(face.points), -1)
    for start in range(0, len(front), 512):
        part = mirrored[start : start + 512]
        distance = ((part[:, None] - face.points[None, front]) ** 2).sum(axis=2)
        best = distance.argmin(axis=1)
        close = distance[np.arange(len(part)), best] < _MIRROR_MM**2
        partner[front[start : start + 512][close]] = front[best[close]]
    return partner


def _asymmetry(offsets: np.ndarray, twin: np.ndarray | None, partner: np.ndarray) -> float | None:
    if twin is None:
        return None
    known = np.flatnonzero(partner >= 0)
    mirrored = twin[partner[known]] * (-1.0, 1.0, 1.0)
    size = np.linalg.norm(offsets[known], axis=1).mean()
    return float(np.linalg.norm(offsets[known] - mirrored, axis=1).mean() / max(size, 1e-9))


def sculpted_arkit(shapes: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Sculpted offsets (V, 3) by ARKit name; halves of one key, such as browInnerUp_L and _R, are added up."""
    found: dict[str, np.ndarray] = {}
    for name, offsets in shapes.items():
        channel = canonical_channel(name)
        whole = channel or canonical_channel(name.removesuffix("_L").removesuffix("_R"))
        if whole is not None:
            found[whole] = found[whole] + offsets if whole in found and channel is None else offsets
    return found


def compare_with_sculpted(
    keys: ShapeKeys, shapes: Mapping[str, np.ndarray], skin: np.ndarray
) -> tuple[TruthMeasure, ...]:
    """Compare on the skin (V,) bool all generated keys that have a sculpted partner."""
    sculpted = sculpted_arkit(shapes)
    measures = []
    for name in ARKIT_52:
        if name not in sculpted:
            continue
        truth = (sculpted[name] @ keys.frame.axes.T * keys.frame.mm_per_unit)[skin]
        ours = dense_mm(keys, name, len(skin))[skin]
        sizes = float(np.linalg.norm(truth)), float(np.linalg.norm(ours))
        moving = (np.linalg.norm(truth, axis=1) > _MOVED_MM) | (np.linalg.norm(ours, axis=1) > _MOVED_MM)
        error = np.linalg.norm(truth - ours, axis=1)[moving]
        cosine = float((truth * ours).sum()) / max(sizes[0] * sizes[1], 1e-12)
        measures.append(TruthMeasure(name, cosine, sizes[1] / max(sizes[0], 1e-12), float(error.mean())))
    return tuple(measures)
