# SPDX-License-Identifier: GPL-3.0-or-later
"""The lips of a face in the terms in which keys are written: along the mouth, upper or lower, off the contact line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diffusion_talker.rigs.shape_keys.face import Face, smoothstep

_SAMPLES = 41
_BAND = 0.34  # of half the mouth's width: how far from the contact line the lips' own rules hold
_REACH = 3.2  # of half the mouth's width: how far a point of the face can be and still count as near the mouth
_OPEN_MM = 1.2  # lips that are higher apart than this count as open
_CORNER_BLEND = 0.30  # of half the mouth's width: where upper and lower lip merge


@dataclass(frozen=True)
class Lips:
    """Lips of one face. Arrays run over all vertices (V,) and hold values near the mouth; elsewhere distance is inf.

    s: along the mouth, -1 right corner to 1 left corner. upper: share of the upper lip, 1 above the mouth, 0 below,
    between at the corners. distance_mm: way along the skin to the contact line. contact_mm (V, 3): the contact line at
    the vertex's s. apart_mm (V, 3): from the lower lip's edge to the upper one's there; gap_mm (V, 3): the same where
    the neutral's mouth stands open, else 0. band: the lips themselves.
    upper_line, lower_line (K,): vertices of either lip's edge from right to left.
    """

    s: np.ndarray
    upper: np.ndarray
    distance_mm: np.ndarray
    contact_mm: np.ndarray
    apart_mm: np.ndarray
    gap_mm: np.ndarray
    band: np.ndarray
    upper_line: np.ndarray
    lower_line: np.ndarray


def find_lips(face: Face) -> Lips:
    """Trace both lips' edges from corner to corner and measure the skin around from there."""
    half = face.mouth_half_width
    near = face.skin & (np.linalg.norm(face.points - face.mouth_center, axis=1) < _REACH * half)
    upper_line = _edge(face, face.landmarks.upper_lip, near)
    lower_line = _edge(face, face.landmarks.lower_lip, near)
    to_upper = face.surface.distances(upper_line[1:-1], near, 2 * half)
    to_lower = face.surface.distances(lower_line[1:-1], near, 2 * half)
    with np.errstate(invalid="ignore"):
        lead = np.where(np.isfinite(to_upper) | np.isfinite(to_lower), to_lower - to_upper, 0.0)
    s = _along(face)
    upper_curve, lower_curve = (_curve(face, line, s) for line in (upper_line, lower_line))
    distance = np.minimum(to_upper, to_lower)
    apart = upper_curve - lower_curve
    return Lips(
        s=np.clip(s, -1.0, 1.0),
        upper=smoothstep(0.5 + lead / (2 * _CORNER_BLEND * half)),
        distance_mm=distance,
        contact_mm=(upper_curve + lower_curve) / 2,
        apart_mm=apart,
        gap_mm=smoothstep(apart[:, 1:2] / _OPEN_MM - 1.0) * apart,
        band=distance < _BAND * half,
        upper_line=upper_line,
        lower_line=lower_line,
    )


def _edge(face: Face, middle: int, near: np.ndarray) -> np.ndarray:
    """Vertices (K,) of a lip's edge from the right corner over its middle to the left one."""
    right = face.surface.path(face.landmarks.mouth_corner_right, middle, near)
    left = face.surface.path(middle, face.landmarks.mouth_corner_left, near)
    return np.array(right[:-1] + left, dtype=np.int64)


def _along(face: Face) -> np.ndarray:
    """(V,) -1 at the right corner, 1 at the left one, straight on beyond."""
    right, left = face.at("mouth_corner_right")[0], face.at("mouth_corner_left")[0]
    return 2.0 * (face.points[:, 0] - right) / (left - right) - 1.0


def _curve(face: Face, line: np.ndarray, s: np.ndarray) -> np.ndarray:
    """Points (V, 3) of a lip's edge at s, evened out over a few millimetres; beyond the corners the corner itself."""
    at = _along(face)[line]
    order = np.argsort(at, kind="stable")
    grid = np.linspace(-1.0, 1.0, _SAMPLES)
    samples = np.stack([np.interp(grid, at[order], face.points[line[order], axis]) for axis in range(3)], axis=1)
    for _ in range(2):
        samples[1:-1] = 0.25 * (samples[:-2] + samples[2:]) + 0.5 * samples[1:-1]
    return np.stack([np.interp(s, grid, samples[:, axis]) for axis in range(3)], axis=1)
