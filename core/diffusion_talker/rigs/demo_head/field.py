# SPDX-License-Identifier: GPL-3.0-or-later
"""Sculpting with implicit surfaces: a head is the zero set of a smooth union of ellipsoids and capsules plus bumps.

Distances follow Inigo Quilez' bounds for ellipsoids and round cones and his polynomial smooth minimum: good enough for
Newton projection, which is all that the mesh needs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

_STEP_CM = 1e-3


@dataclass(frozen=True)
class Ellipsoid:
    """A smooth-union ingredient; `blend` is the width of its transition in cm. Off-centre ones are mirrored in X."""

    center: tuple[float, float, float]
    radii: tuple[float, float, float]
    blend: float

    def distance(self, points: np.ndarray) -> np.ndarray:
        """Signed distance bound (N,) of points (N, 3)."""
        scaled = (points - self.center) / self.radii
        length = np.linalg.norm(scaled, axis=1) + 1e-9
        gradient = np.linalg.norm(scaled / self.radii, axis=1) + 1e-9
        return length * (length - 1.0) / gradient


@dataclass(frozen=True)
class Capsule:
    """A tapering tube from `start` to `stop`, another smooth-union ingredient."""

    start: tuple[float, float, float]
    stop: tuple[float, float, float]
    start_radius: float
    stop_radius: float
    blend: float

    @property
    def center(self) -> tuple[float, float, float]:
        return self.start

    def distance(self, points: np.ndarray) -> np.ndarray:
        """Signed distance bound (N,) of points (N, 3)."""
        axis = np.subtract(self.stop, self.start)
        along = np.clip((points - self.start) @ axis / (axis @ axis), 0.0, 1.0)
        radius = self.start_radius + along * (self.stop_radius - self.start_radius)
        return np.linalg.norm(points - self.start - along[:, None] * axis, axis=1) - radius


@dataclass(frozen=True)
class Bump:
    """A Gaussian swelling (amount > 0) or hollow (amount < 0) of the finished surface, in cm."""

    center: tuple[float, float, float]
    sigma: tuple[float, float, float]
    amount: float


Solid = Ellipsoid | Capsule
Field = Callable[[np.ndarray], np.ndarray]


def gaussian(points: np.ndarray, center: tuple[float, float, float], sigma: tuple[float, float, float]) -> np.ndarray:
    """Axis-aligned Gaussian weight (N,) of points (N, 3): 1 at the centre."""
    return np.exp(-0.5 * np.sum(((points - np.asarray(center)) / np.asarray(sigma)) ** 2, axis=1))


def smooth_minimum(first: np.ndarray, second: np.ndarray, width: float) -> np.ndarray:
    """Quilez' polynomial smooth minimum: unlike a hard union it leaves no crease."""
    mix = np.clip(0.5 + 0.5 * (second - first) / width, 0.0, 1.0)
    return second + (first - second) * mix - width * mix * (1.0 - mix)


def _mirrored(points: np.ndarray) -> np.ndarray:
    return points * (-1.0, 1.0, 1.0)


def make_field(solids: tuple[Solid, ...], bumps: tuple[Bump, ...]) -> Field:
    """Return the signed distance function of the left-right symmetric union of `solids` with `bumps` added."""

    def field(points: np.ndarray) -> np.ndarray:
        mirror = _mirrored(points)
        distance = solids[0].distance(points)
        for solid in solids[1:]:
            distance = smooth_minimum(distance, solid.distance(points), solid.blend)
            if solid.center[0] != 0.0:
                distance = smooth_minimum(distance, solid.distance(mirror), solid.blend)
        for bump in bumps:
            distance = distance - bump.amount * gaussian(points, bump.center, bump.sigma)
            if bump.center[0] != 0.0:
                distance = distance - bump.amount * gaussian(mirror, bump.center, bump.sigma)
        return distance

    return field


def field_gradient(field: Field, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Value (N,) and gradient (N, 3) by forward differences, in one call of the field."""
    count = len(points)
    shifted = np.concatenate([points] + [points + _STEP_CM * np.eye(3)[axis] for axis in range(3)])
    values = field(shifted).reshape(4, count)
    return values[0], ((values[1:] - values[0]) / _STEP_CM).T


def project(field: Field, points: np.ndarray, steps: int) -> np.ndarray:
    """Move points (N, 3) onto the zero set by damped Newton steps along the gradient."""
    for _ in range(steps):
        value, gradient = field_gradient(field, points)
        scale = np.clip(value, -1.5, 1.5) / (np.sum(gradient**2, axis=1) + 0.05)
        points = points - scale[:, None] * gradient
    return points


def trace(field: Field, points: np.ndarray, directions: np.ndarray, steps: int) -> np.ndarray:
    """Sphere tracing: walk from outside along unit `directions` (N, 3) until the surface is met."""
    for _ in range(steps):
        points = points + 0.9 * np.clip(field(points), -0.5, 4.0)[:, None] * directions
    return points


def front_depth(field: Field, x: np.ndarray, z: np.ndarray, start_y: float = -12.0) -> np.ndarray:
    """Y of the surface in front of the head at (x, z), found by walking backwards along Y."""
    points = np.stack([x, np.full_like(x, start_y), z], axis=1)
    return trace(field, points, np.broadcast_to((0.0, 1.0, 0.0), points.shape), 14)[:, 1]
