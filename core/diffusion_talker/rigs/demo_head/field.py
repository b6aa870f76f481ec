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

# Points as three arrays (N,), one per axis: several times faster than (N, 3) for the many small sums below.
Axes = tuple[np.ndarray, np.ndarray, np.ndarray]


def _length(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    return np.sqrt(x * x + y * y + z * z)


@dataclass(frozen=True)
class Ellipsoid:
    """A smooth-union ingredient; `blend` is the width of its transition in cm. Off-centre ones are mirrored in X."""

    center: tuple[float, float, float]
    radii: tuple[float, float, float]
    blend: float

    def distance(self, points: Axes) -> np.ndarray:
        """Signed distance bound (N,)."""
        scaled = [(p - c) / r for p, c, r in zip(points, self.center, self.radii, strict=True)]
        length = _length(*scaled) + 1e-9
        gradient = _length(*(p / r for p, r in zip(scaled, self.radii, strict=True))) + 1e-9
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

    def distance(self, points: Axes) -> np.ndarray:
        """Signed distance bound (N,)."""
        axis = np.subtract(self.stop, self.start)
        away = [p - c for p, c in zip(points, self.start, strict=True)]
        along = np.clip(sum(p * a for p, a in zip(away, axis, strict=True)) / (axis @ axis), 0.0, 1.0)
        radius = self.start_radius + along * (self.stop_radius - self.start_radius)
        return _length(*(p - along * a for p, a in zip(away, axis, strict=True))) - radius


@dataclass(frozen=True)
class Bump:
    """A Gaussian swelling (amount > 0) or hollow (amount < 0) of the finished surface, in cm."""

    center: tuple[float, float, float]
    sigma: tuple[float, float, float]
    amount: float

    def height(self, points: Axes) -> np.ndarray:
        """What the bump adds to the surface (N,)."""
        terms = (((p - c) / w) ** 2 for p, c, w in zip(points, self.center, self.sigma, strict=True))
        return self.amount * np.exp(-0.5 * sum(terms))


Solid = Ellipsoid | Capsule
Field = Callable[[np.ndarray], np.ndarray]


def gaussian(points: np.ndarray, center: tuple[float, float, float], sigma: tuple[float, float, float]) -> np.ndarray:
    """Axis-aligned Gaussian weight (N,) of points (N, 3): 1 at the centre."""
    return np.exp(-0.5 * np.sum(((points - np.asarray(center)) / np.asarray(sigma)) ** 2, axis=1))


def smooth_minimum(first: np.ndarray, second: np.ndarray, width: float) -> np.ndarray:
    """Quilez' polynomial smooth minimum: unlike a hard union it leaves no crease."""
    mix = np.clip(0.5 + 0.5 * (second - first) / width, 0.0, 1.0)
    return second + (first - second) * mix - width * mix * (1.0 - mix)


def make_field(solids: tuple[Solid, ...], bumps: tuple[Bump, ...]) -> Field:
    """Return the signed distance function of the left-right symmetric union of `solids` with `bumps` added.

    It takes points (N, 3) and returns distances (N,), both in cm.
    """

    def field(points: np.ndarray) -> np.ndarray:
        x, y, z = np.ascontiguousarray(points.T)
        here, mirror = (x, y, z), (-x, y, z)
        distance = solids[0].distance(here)
        for solid in solids[1:]:
            distance = smooth_minimum(distance, solid.distance(here), solid.blend)
            if solid.center[0] != 0.0:
                distance = smooth_minimum(distance, solid.distance(mirror), solid.blend)
        for bump in bumps:
            distance = distance - bump.height(here)
            if bump.center[0] != 0.0:
                distance = distance - bump.height(mirror)
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
