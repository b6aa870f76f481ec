# SPDX-License-Identifier: GPL-3.0-or-later
"""A face with its landmarks, in millimetres, and the small functions that all keys are written with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from diffusion_talker.rigs.shape_keys.landmarks import FaceFrame, HeadLandmarks, face_frame
from diffusion_talker.rigs.shape_keys.surface import Surface


@dataclass(frozen=True)
class Face:
    """A head mesh in the frame of its face: surface in mm, landmarks (vertices), frame; skin (V,) bool is the piece
    that carries the chin."""

    surface: Surface
    landmarks: HeadLandmarks
    frame: FaceFrame

    @cached_property
    def skin(self) -> np.ndarray:
        return self.surface.pieces == self.surface.pieces[self.landmarks.chin]

    @property
    def points(self) -> np.ndarray:
        """Vertices (V, 3) in mm."""
        return self.surface.vertices

    def at(self, name: str) -> np.ndarray:
        """Place (3,) of a landmark in mm."""
        return self.points[getattr(self.landmarks, name)]

    @cached_property
    def mouth_center(self) -> np.ndarray:
        return (self.at("mouth_corner_left") + self.at("mouth_corner_right")) / 2

    @cached_property
    def mouth_half_width(self) -> float:
        return float(self.at("mouth_corner_left")[0] - self.at("mouth_corner_right")[0]) / 2

    @cached_property
    def chin_drop(self) -> float:
        """Height of the lips above the chin, mm."""
        return float(self.mouth_center[1] - self.at("chin")[1])


def make_face(vertices: np.ndarray, triangles: np.ndarray, landmarks: HeadLandmarks) -> Face:
    """Put a mesh of any place, scale and orientation into its face's frame. Raises SettingsError for bad landmarks."""
    landmarks.check(len(vertices))
    frame = face_frame(vertices, landmarks)
    return Face(Surface(frame.to_mm(np.asarray(vertices, np.float64)), triangles), landmarks, frame)


def smoothstep(value: np.ndarray) -> np.ndarray:
    """Cubic ramp from 0 to 1 over [0, 1]."""
    value = np.clip(value, 0.0, 1.0)
    return value * value * (3.0 - 2.0 * value)


def left_share(x_mm: np.ndarray, half_width_mm: float = 9.0) -> np.ndarray:
    """Share of the left side's key at x: share(x) + share(-x) = 1, so that both sides' keys add up to the whole."""
    return smoothstep((x_mm / half_width_mm + 1.0) / 2.0)


def turned(points: np.ndarray, pivot: np.ndarray, angle_rad: np.ndarray | float, axis: int) -> np.ndarray:
    """Points (N, 3) turned about the x (0) or y (1) axis through `pivot`; angle (N,) or one for all.

    About x positive angles lower what lies in front of the pivot, about y they turn the front to the left.
    """
    across, along = (1, 2) if axis == 0 else (2, 0)
    cosine, sine = np.cos(angle_rad), np.sin(angle_rad)
    relative = points - pivot
    result = points.copy()
    result[:, across] = pivot[across] + cosine * relative[:, across] - sine * relative[:, along]
    result[:, along] = pivot[along] + sine * relative[:, across] + cosine * relative[:, along]
    return result


@dataclass(frozen=True)
class Swell:
    """Flesh that moves as one: a Gaussian around `center` with reach `sigma`, moving by `move`; all (3,) in mm."""

    center: np.ndarray
    sigma: tuple[float, float, float]
    move: tuple[float, float, float]


def swell_offsets(points: np.ndarray, swells: tuple[Swell, ...]) -> np.ndarray:
    """Sum (N, 3) of the swells' movements at points (N, 3)."""
    offsets = np.zeros_like(points)
    for swell in swells:
        distance = ((points - swell.center) / np.array(swell.sigma)) ** 2
        offsets += np.exp(-0.5 * distance.sum(axis=1))[:, None] * np.array(swell.move)
    return offsets
