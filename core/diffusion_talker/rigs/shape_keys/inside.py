# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies behind the lips: teeth, gums and tongue, as far as they are pieces of their own."""

from __future__ import annotations

import numpy as np

from diffusion_talker.rigs.shape_keys.face import Face, smoothstep

_GUM_BLEND_MM = 6.0


def inner_mouth(face: Face) -> tuple[np.ndarray, np.ndarray]:
    """Loose pieces behind the lips (V,) bool, and the share (V,) with which they go with the jaw: lower teeth and
    tongue all, upper teeth nothing; a piece that reaches from the upper jaw to the lower one is divided."""
    share, inside = np.zeros(len(face.points)), np.zeros(len(face.points), dtype=bool)
    for root in np.unique(face.surface.pieces[~face.skin]):
        piece = np.flatnonzero(face.surface.pieces == root)
        place = face.points[piece] - face.mouth_center
        low, high = place.min(axis=0), place.max(axis=0)
        middle = (low + high) / 2
        if not (abs(middle[0]) < 1.6 * face.mouth_half_width and -40.0 < middle[1] < 25.0 and -75.0 < middle[2] < 10.0):
            continue
        inside[piece] = True
        spans_both = low[1] < -12.0 and high[1] > 8.0
        share[piece] = _divided(face, piece) if spans_both else float(place[:, 1].mean() < -1.0)
    return inside, share


def _divided(face: Face, piece: np.ndarray) -> np.ndarray:
    """Shares (N,) of a piece that reaches from one jaw to the other: what is nearer to its floor along the surface, the
    tongue too, goes with the lower jaw."""
    within = np.zeros(len(face.points), dtype=bool)
    within[piece] = True
    height = face.points[piece, 1]
    floor, roof = (
        face.surface.distances(ends, within, np.inf)[piece]
        for ends in (piece[height < np.quantile(height, 0.05)], piece[height > np.quantile(height, 0.95)])
    )
    return smoothstep(0.5 + (roof - floor) / (2 * _GUM_BLEND_MM))
