# SPDX-License-Identifier: GPL-3.0-or-later
"""tongueOut, on heads whose tongue is a piece of its own."""

from __future__ import annotations

import numpy as np

from diffusion_talker.rigs.shape_keys.face import Face, smoothstep

_OUT_MM = np.array([0.0, -5.0, 26.0])
_MIDLINE_MM = 3.0
_LEAST_DEPTH_MM, _LEAST_WIDTH_MM = 18.0, 12.0


def find_tongue(face: Face, inside: np.ndarray) -> np.ndarray:
    """Vertices (V,) bool of the tongue among the pieces `inside` (V,) the mouth: the lowest broad one that runs along
    the midline from front to back, which the arches of teeth and gums do not."""
    found = np.zeros(len(face.points), dtype=bool)
    for root in np.unique(face.surface.pieces[inside]):
        piece = face.surface.pieces == root
        points = face.points[piece]
        size = points.max(axis=0) - points.min(axis=0)
        middle = points[np.abs(points[:, 0] - face.mouth_center[0]) < _MIDLINE_MM]
        if len(middle) < 3 or size[2] < _LEAST_DEPTH_MM or size[0] < _LEAST_WIDTH_MM:
            continue
        steps = np.histogram(middle[:, 2], 5, (points[:, 2].min(), points[:, 2].max()))[0]
        flat = size[1] < 0.8 * size[2] and size[0] < 1.8 * face.mouth_half_width
        if flat and (steps > 0).sum() >= 4:
            found |= piece
    return found


def tongue_key(face: Face, tongue: np.ndarray) -> np.ndarray:
    """Offsets (V, 3) in mm of tongueOut: the tip goes furthest, the root stays."""
    offsets = np.zeros_like(face.points)
    if tongue.any():
        z = face.points[tongue, 2]
        share = smoothstep((z - z.min()) / max(z.max() - z.min(), 1e-9))
        offsets[tongue] = share[:, None] * _OUT_MM
    return offsets
