# SPDX-License-Identifier: GPL-3.0-or-later
"""Triangles to pixels with a depth buffer, vectorised: rows of triangles become spans, spans become fragments.

A pixel is covered when its centre is. Edges that triangles share are drawn once, without holes: spans are half open.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_DEPTH_STEPS = 65535  # 16 bits: NumPy sorts them by radix, and over a head's depth a step is a few micrometres


@dataclass(frozen=True)
class Visible:
    """The pixels that some triangle covers: pixel (N,) row * width + column, ascending; the nearest triangle (N,)."""

    pixel: np.ndarray
    triangle: np.ndarray


@dataclass(frozen=True)
class _Spans:
    """Parts of pixel rows inside one triangle each: columns [first, first + count)."""

    triangle: np.ndarray
    row: np.ndarray
    first: np.ndarray
    count: np.ndarray


def rasterize(points: np.ndarray, triangles: np.ndarray, width: int, height: int) -> Visible:
    """The nearest triangle of every covered pixel.

    points (V, 3): x right and y down in pixels (pixel centres at halves), z away from the eye in any unit. triangles
    (F, 3): corners, counter-clockwise to the eye; those that run clockwise face away and are left out.
    """
    corners = np.asarray(points, np.float64)[triangles]
    facing = np.flatnonzero(_doubled_area(corners) > 1e-9)
    corners = corners[facing]
    spans = _spans(corners, width, height)
    starts = np.cumsum(spans.count) - spans.count
    fragment_span = np.repeat(np.arange(len(spans.row), dtype=np.int32), spans.count)
    along = np.arange(len(fragment_span), dtype=np.int32)
    pixel = along + (spans.row * width + spans.first - starts).astype(np.int32)[fragment_span]
    order = _far_to_near(spans, _planes(corners, corners[:, :, 2:])[:, :, 0], starts, fragment_span, along)
    nearest = np.full(width * height, -1, np.int32)
    nearest[pixel[order]] = fragment_span[order]  # of several fragments on one pixel the last one stays: the nearest
    covered = np.flatnonzero(nearest >= 0).astype(np.int32)
    return Visible(covered, facing[spans.triangle[nearest[covered]]])


def interpolate(
    visible: Visible, points: np.ndarray, triangles: np.ndarray, values: np.ndarray, width: int
) -> np.ndarray:
    """Values (K, N) float32 at the visible pixels, given those at every triangle's corners (F, 3, K).

    Linear on the screen; within the small triangles of a head nobody sees that perspective is not.
    """
    planes = _planes(np.asarray(points, np.float64)[triangles], values).astype(np.float32)
    x, y = ((visible.pixel % width + 0.5).astype(np.float32), (visible.pixel // width + 0.5).astype(np.float32))
    out = np.empty((values.shape[2], len(visible.pixel)), np.float32)
    for k, row in enumerate(out):  # one channel at a time stays in the cache
        base, along_x, along_y = np.ascontiguousarray(planes[:, :, k].T)
        row[:] = base[visible.triangle] + along_x[visible.triangle] * x + along_y[visible.triangle] * y
    return out


def _doubled_area(corners: np.ndarray) -> np.ndarray:
    """(F,) above 0 where the corners run counter-clockwise to the eye; y points down."""
    a, b = corners[:, 1, :2] - corners[:, 0, :2], corners[:, 2, :2] - corners[:, 0, :2]
    return a[:, 1] * b[:, 0] - a[:, 0] * b[:, 1]


def _spans(corners: np.ndarray, width: int, height: int) -> _Spans:
    """Every row of pixel centres through every triangle (F, 3, 3)."""
    y = corners[:, :, 1]
    top = np.clip(np.ceil(y.min(axis=1) - 0.5), 0, height).astype(np.int64)
    bottom = np.clip(np.ceil(y.max(axis=1) - 0.5), 0, height).astype(np.int64)
    rows = np.maximum(bottom - top, 0)
    triangle = np.repeat(np.arange(len(corners)), rows)
    row = np.arange(len(triangle)) - np.repeat(np.cumsum(rows) - rows - top, rows)
    left, right = _crossings(corners, triangle, row + 0.5)
    first = np.clip(np.ceil(left - 0.5), 0, width).astype(np.int64)
    stop = np.clip(np.ceil(right - 0.5), 0, width).astype(np.int64)
    filled = stop > first
    return _Spans(triangle[filled], row[filled], first[filled], (stop - first)[filled])


def _crossings(corners: np.ndarray, triangle: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the row at height y (S,) enters and leaves its triangle, in x."""
    left, right = np.full(len(y), -np.inf), np.full(len(y), np.inf)
    for i in range(3):
        start, end = corners[:, i], corners[:, (i + 1) % 3]
        rise = end[:, 1] - start[:, 1]
        slope = (end[:, 0] - start[:, 0]) / np.where(rise == 0, 1.0, rise)
        x = start[triangle, 0] + (y - start[triangle, 1]) * slope[triangle]
        down, up = (rise > 0)[triangle], (rise < 0)[triangle]  # counter-clockwise: edges on the left run down
        left = np.where(down, np.maximum(left, x), left)
        right = np.where(up, np.minimum(right, x), right)
    return left, right


def _planes(corners: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Coefficients (F, 3, K) of value = c0 + c1 x + c2 y through the values (F, 3, K) at three corners (F, 3, 3)."""
    a, b = corners[:, 1, :2] - corners[:, 0, :2], corners[:, 2, :2] - corners[:, 0, :2]
    area = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    a, b = (side / np.where(area == 0, 1.0, area)[:, None] for side in (a, b))
    to_second, to_third = values[:, 1] - values[:, 0], values[:, 2] - values[:, 0]
    x = to_second * b[:, 1:] - to_third * a[:, 1:]
    y = to_third * a[:, :1] - to_second * b[:, :1]
    return np.stack([values[:, 0] - x * corners[:, 0, :1] - y * corners[:, 0, 1:2], x, y], axis=1)


def _far_to_near(
    spans: _Spans, depth: np.ndarray, starts: np.ndarray, fragment_span: np.ndarray, along: np.ndarray
) -> np.ndarray:
    """Order of the fragments by falling depth (coefficients (F, 3)); equal depths keep the order of their triangles."""
    if not len(along):
        return along
    plane = depth[spans.triangle]
    at_first = plane[:, 0] + plane[:, 1] * (spans.first + 0.5) + plane[:, 2] * (spans.row + 0.5)
    at_last = at_first + plane[:, 1] * (spans.count - 1)
    near, far = min(at_first.min(), at_last.min()), max(at_first.max(), at_last.max())
    steps = _DEPTH_STEPS / max(far - near, 1e-12)
    base, slope = (far - at_first + plane[:, 1] * starts) * steps, -plane[:, 1] * steps
    nearness = base[fragment_span] + slope[fragment_span] * along
    return np.argsort(np.clip(nearness, 0, _DEPTH_STEPS).astype(np.uint16), kind="stable")
