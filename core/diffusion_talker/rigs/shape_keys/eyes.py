# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of one eye: lids that slide over the ball, and a ball that turns about its own centre.

A lid moves by turning about the ball's horizontal axis. A shape key carries it along the chord of that arc, which
would cut into the ball half-way: the closed lid therefore stands off by what the chord loses, and the ball draws back
a little, as it does in life.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from diffusion_talker.rigs.shape_keys.face import Face, smoothstep, turned
from diffusion_talker.rigs.shape_keys.solve import interpolate_smoothly

_REACH_MM = 26.0
_LID_MM = 15.0  # from a lid's edge to where the skin rests
_EDGE_MM = 1.2
_USUAL_RADIUS_MM = 12.5
_MEET_AT = 0.22  # where the closing lids meet, from the lower edge to the upper one
_OVERLAP_DEG = 2.0  # the upper lid closes a little over the lower one
_CLEARANCE_MM = 0.35
BLINK_RETRACTION_MM: Final = 0.5
LOOK_DEG: Final = {"eyeLookUp": 25.0, "eyeLookDown": 27.0, "eyeLookIn": 32.0, "eyeLookOut": 32.0}


@dataclass(frozen=True)
class LidPose:
    """What the lids do: share of the closing; degrees that the upper and lower edge rise; sideways drag in mm, to the
    nose negative."""

    blink: float = 0.0
    upper_deg: float = 0.0
    lower_deg: float = 0.0
    drag_mm: float = 0.0


LID_POSES: Final = {
    "eyeBlink": LidPose(blink=1.0),
    "eyeWide": LidPose(upper_deg=11.0, lower_deg=-1.5),
    "eyeSquint": LidPose(upper_deg=-3.0, lower_deg=10.0),
    "eyeLookUp": LidPose(upper_deg=10.0, lower_deg=7.0),
    "eyeLookDown": LidPose(upper_deg=-20.0, lower_deg=-9.0),
    "eyeLookIn": LidPose(drag_mm=-1.6),
    "eyeLookOut": LidPose(drag_mm=1.6),
    "cheekSquint": LidPose(lower_deg=6.0),
    "mouthSmile": LidPose(lower_deg=2.5),
}


@dataclass(frozen=True)
class Eye:
    """One eye: side 1 left, -1 right; center (3,) and radius of the ball in mm; ball (V,) bool.

    lid (V,): share with which skin follows the lid's edge; upper (V,) bool. open_deg, close_deg (V,): elevation about
    the ball's axis of the vertex's own edge, and of the line where the lids meet. margin_mm (V,): way to the lids'
    edges.
    """

    side: int
    center: np.ndarray
    radius: float
    ball: np.ndarray
    lid: np.ndarray
    upper: np.ndarray
    open_deg: np.ndarray
    close_deg: np.ndarray
    lever_mm: np.ndarray
    margin_mm: np.ndarray


def find_eye(face: Face, side: int) -> Eye:
    """Find ball and lids of the left (1) or right (-1) eye."""
    name = "left" if side > 0 else "right"
    marks = np.stack([face.at(f"{part}_{name}") for part in ("eye_inner", "eye_outer", "upper_lid", "lower_lid")])
    ball = _ball(face, marks)
    center, radius = _sphere(face.points[ball]) if ball.any() else _usual_sphere(marks)
    near = face.skin & (np.linalg.norm(face.points - center, axis=1) < _REACH_MM)
    front = near & (face.points[:, 2] > center[2] - 2.0)
    edges = [_edge(face, f"{part}_lid_{name}", name, front) for part in ("upper", "lower")]
    to_edge = [face.surface.distances(edge, near, 2 * _REACH_MM) for edge in edges]
    upper = to_edge[0] < to_edge[1]
    elevation, lever = zip(*(_along_edge(face, edge, center) for edge in edges), strict=True)
    meet = elevation[1] + _MEET_AT * (elevation[0] - elevation[1])
    margin = np.minimum(*to_edge)
    return Eye(
        side,
        center,
        radius,
        ball,
        _follow(face, margin, near, center, radius),
        upper,
        np.where(upper, *elevation),
        meet - np.where(upper, _OVERLAP_DEG, 0.0),
        np.where(upper, *lever),
        margin,
    )


def _ball(face: Face, marks: np.ndarray) -> np.ndarray:
    """Vertices (V,) bool of the rounded piece behind the lids' marks: the eyeball, with its cornea where that is
    apart."""
    middle = marks.mean(axis=0) - (0.0, 0.0, 8.0)
    found = np.zeros(len(face.points), dtype=bool)
    roots, counts = np.unique(face.surface.pieces[~face.skin], return_counts=True)
    for root, count in zip(roots, counts, strict=True):
        piece = face.surface.pieces == root
        points = face.points[piece]
        size = points.max(axis=0) - points.min(axis=0)
        round_enough = count >= 20 and size.min() > 0.45 * size.max() and 12.0 < size.max() < 45.0
        if round_enough and np.linalg.norm((points.max(axis=0) + points.min(axis=0)) / 2 - middle) < 13.0:
            found |= piece
    return found


def _sphere(points: np.ndarray) -> tuple[np.ndarray, float]:
    """Centre and radius of the sphere that fits points (N, 3) best, a cornea's bulge and a cut-off back left aside."""
    kept = points
    for _ in range(3):
        system = np.concatenate([2 * kept, np.ones((len(kept), 1))], axis=1)
        solution = np.linalg.lstsq(system, (kept**2).sum(axis=1), rcond=None)[0]
        radius = float(np.sqrt(max(solution[3] + solution[:3] @ solution[:3], 1e-9)))
        error = np.abs(np.linalg.norm(points - solution[:3], axis=1) - radius)
        kept = points[error <= max(np.quantile(error, 0.8), 1e-6)]
    return solution[:3], radius


def _usual_sphere(marks: np.ndarray) -> tuple[np.ndarray, float]:
    """A ball of usual size behind the lids, for heads without one."""
    front = marks[2:].mean(axis=0)
    return front - (0.0, 0.0, _USUAL_RADIUS_MM - 0.5), _USUAL_RADIUS_MM


def _edge(face: Face, middle: str, side: str, near: np.ndarray) -> np.ndarray:
    """Vertices of a lid's edge from the inner corner over its middle to the outer corner."""
    landmarks = face.landmarks
    center = getattr(landmarks, middle)
    inner = face.surface.path(getattr(landmarks, f"eye_inner_{side}"), center, near)
    outer = face.surface.path(center, getattr(landmarks, f"eye_outer_{side}"), near)
    return np.array(inner[:-1] + outer, dtype=np.int64)


def _along_edge(face: Face, edge: np.ndarray, center: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Elevation in degrees (V,) about the ball's axis of a lid's edge, and its distance (V,) in mm from that axis, at
    every vertex's place across the eye."""
    relative = face.points[edge] - center
    relative = relative[np.argsort(relative[:, 0], kind="stable")]
    x = face.points[:, 0] - center[0]
    angle = np.degrees(np.arctan2(relative[:, 1], relative[:, 2]))
    lever = np.hypot(relative[:, 1], relative[:, 2])
    return np.interp(x, relative[:, 0], angle), np.interp(x, relative[:, 0], lever)


def _follow(face: Face, margin: np.ndarray, near: np.ndarray, center: np.ndarray, radius: float) -> np.ndarray:
    """Share (V,) with which vertices follow the lid's edge: all at the edge, none where the skin rests."""
    relative = face.points - center
    behind = np.linalg.norm(relative, axis=1) < 0.8 * radius
    known = ~near | (margin > _LID_MM) | (margin < _EDGE_MM) | behind
    values = np.where(near & (margin < _EDGE_MM), 1.0, 0.0)[:, None]
    share = interpolate_smoothly(face.surface, values, known)[:, 0]
    return np.where(near, np.clip(share, 0.0, 1.0), 0.0)


def eye_keys(face: Face, eye: Eye) -> dict[str, np.ndarray]:
    """Offsets (V, 3) in mm by key without its side: eyeBlink, eyeLookUp and so on, cheekSquint, mouthSmile."""
    keys = {name: _lid_offsets(face, eye, pose) for name, pose in LID_POSES.items()}
    ball = face.points[eye.ball]
    keys["eyeBlink"][eye.ball] += (0.0, 0.0, -BLINK_RETRACTION_MM)
    for name, angle_deg in LOOK_DEG.items():
        keys[name][eye.ball] += _gaze(name, ball, eye, np.radians(angle_deg)) - ball
    return keys


def _gaze(name: str, ball: np.ndarray, eye: Eye, angle: float) -> np.ndarray:
    if name in ("eyeLookUp", "eyeLookDown"):
        return turned(ball, eye.center, -angle if name == "eyeLookUp" else angle, axis=0)
    outward = 1.0 if name == "eyeLookOut" else -1.0
    return turned(ball, eye.center, outward * eye.side * angle, axis=1)


def _lid_offsets(face: Face, eye: Eye, pose: LidPose) -> np.ndarray:
    """Offsets (V, 3) of the skin for a pose of the lids."""
    rise = np.where(eye.upper, pose.upper_deg, pose.lower_deg)
    corner = np.clip((eye.open_deg - eye.close_deg) / np.where(eye.upper, 24.0, -8.0), 0.0, 1.0)
    angle = eye.lid * (pose.blink * (eye.close_deg - eye.open_deg) + rise * np.sqrt(corner))
    own = np.hypot(face.points[:, 1] - eye.center[1], face.points[:, 2] - eye.center[2])
    angle = angle * np.minimum(1.0, eye.lever_mm / np.maximum(own, 1e-9))  # skin further out goes as far, not further
    moving = np.flatnonzero(np.abs(angle) > 1e-3)
    offsets = np.zeros_like(face.points)
    rest = face.points[moving]
    goal = turned(rest, eye.center, -np.radians(angle[moving]), axis=0)
    offsets[moving] = _off_the_ball(rest, goal, angle[moving], eye) - rest
    offsets[:, 0] += eye.side * pose.drag_mm * eye.lid
    return offsets


def _off_the_ball(rest: np.ndarray, goal: np.ndarray, angle_deg: np.ndarray, eye: Eye) -> np.ndarray:
    """Goals (N, 3) kept outside the ball where they started outside, with room for the chord between rest and goal."""
    distance = np.linalg.norm(goal - eye.center, axis=1)
    outside = np.linalg.norm(rest - eye.center, axis=1) > eye.radius - 0.3
    sag = eye.radius * (1.0 - np.cos(np.radians(angle_deg) / 2))
    least = eye.radius + _CLEARANCE_MM + 0.25 + 0.8 * sag
    lack = np.where(outside, np.maximum(least - distance, 0.0), 0.0)
    pushed = distance + smoothstep(np.abs(angle_deg) / 8.0) * lack
    return eye.center + (goal - eye.center) * (pushed / np.maximum(distance, 1e-9))[:, None]
