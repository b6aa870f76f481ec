# SPDX-License-Identifier: GPL-3.0-or-later
"""One picture of a posed head from a camera: rasterise at twice the size, shade, and average down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from diffusion_talker.evaluation.rendering.head import DrawnHead, light
from diffusion_talker.evaluation.rendering.raster import interpolate, rasterize

SUPERSAMPLING: Final = 2
_BACKDROP_TOP, _BACKDROP_BOTTOM = np.array([0.115, 0.155, 0.185]), np.array([0.035, 0.05, 0.06])
_DISTANCE_PER_HEIGHT = 85.0 / 36.0  # an 85 mm lens on a 36 mm sensor: a portrait without distortion


@dataclass(frozen=True)
class View:
    """A camera: degrees around the head (0 front, 90 its left) and above it, what it looks at, and metres in its
    height."""

    azimuth_deg: float
    elevation_deg: float
    center_m: tuple[float, float, float]
    height_m: float


_FACE_M, _MOUTH_M = (0.0, -0.04, 0.170), (0.0, -0.084, 0.134)
#: The views to choose from by name; the close-ups show the mouth alone.
VIEWS: Final[Mapping[str, View]] = {
    "front": View(0.0, 1.0, _FACE_M, 0.245),
    "three-quarter": View(34.0, 2.0, _FACE_M, 0.245),
    "mouth": View(0.0, 1.0, _MOUTH_M, 0.085),
    "mouth-three-quarter": View(40.0, 2.0, _MOUTH_M, 0.085),
}


def draw(head: DrawnHead, weights: Mapping[str, float], view: View, size: int) -> np.ndarray:
    """Picture (size, size, 3) uint8 sRGB of the head under ARKit weights and head rotation in radians."""
    fine = size * SUPERSAMPLING
    points = head.posed(weights)
    axes = camera_axes(view)
    screen = project(points, view, axes, fine)
    visible = rasterize(screen, head.triangles, fine, fine)
    colors = interpolate(visible, screen, head.triangles, _colors(head, points, axes), fine)
    image = _backdrop(fine)
    for channel, values in zip(image, colors, strict=True):
        channel.reshape(-1)[visible.pixel] = values
    return _to_srgb(_shrink(image))


def _colors(head: DrawnHead, points: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """Linear RGB (F, 3, 3) at the corners of every triangle."""
    lit = light(head, points, axes)[head.triangles]
    return lit[:, :, :3] * head.colors[:, None, :] + lit[:, :, 3:] * head.gloss[:, None, None]


def camera_axes(view: View) -> np.ndarray:
    """Right, up and to-the-eye directions (3, 3) as rows."""
    azimuth, elevation = np.radians([view.azimuth_deg, view.elevation_deg])
    to_eye = np.array([np.sin(azimuth) * np.cos(elevation), -np.cos(azimuth) * np.cos(elevation), np.sin(elevation)])
    right = np.array([np.cos(azimuth), np.sin(azimuth), 0.0])
    return np.stack([right, np.cross(to_eye, right), to_eye])


def project(points: np.ndarray, view: View, axes: np.ndarray, size: int) -> np.ndarray:
    """Vertices (V, 3) as x, y in pixels of a square picture and z in metres from the eye."""
    distance = view.height_m * _DISTANCE_PER_HEIGHT
    local = (points - np.array(view.center_m)) @ axes.T
    away = distance - local[:, 2]
    scale = size / view.height_m * distance / away
    return np.stack([size / 2 + local[:, 0] * scale, size / 2 - local[:, 1] * scale, away], axis=1)


def _backdrop(size: int) -> np.ndarray:
    """Linear RGB (3, size, size): a wall that darkens downwards."""
    fall = np.linspace(0, 1, size)
    columns = _BACKDROP_TOP[:, None] + fall * (_BACKDROP_BOTTOM - _BACKDROP_TOP)[:, None]
    return np.repeat(columns[:, :, None].astype(np.float32), size, axis=2)


def _shrink(image: np.ndarray) -> np.ndarray:
    """Mean (3, h, w) of the samples of each pixel."""
    n = SUPERSAMPLING
    return sum(image[:, i::n, j::n] for i in range(n) for j in range(n)) / (n * n)


def _to_srgb(linear: np.ndarray) -> np.ndarray:
    """(3, h, w) of linear light to (h, w, 3) uint8, by table: 4096 levels are more than 256 of sRGB need."""
    levels = np.clip(linear * 4095.0 + 0.5, 0, 4095).astype(np.uint16)
    return np.ascontiguousarray(_srgb_table()[levels].transpose(1, 2, 0))


@lru_cache(maxsize=1)
def _srgb_table() -> np.ndarray:
    linear = np.arange(4096) / 4095.0
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.round(255 * encoded).astype(np.uint8)
