# SPDX-License-Identifier: GPL-3.0-or-later
"""Lips that nearly meet, meet.

A network's closure is never quite zero, and on a face one percent of opening is a bright crack between the lips.
Below a small opening what parts the lips is therefore taken out smoothly; wider openings stay as they are. The
corpus follows the same rule: contact is enforced last (`corpus.articulation.enforce_contact`).
"""

from __future__ import annotations

import numpy as np

SEALED_BELOW = 0.025  # lip opening, in units of a fully open jaw
FREE_ABOVE = 0.075
SEALED_FUNNEL = 0.1  # share of a funnel that sealed lips keep
_LOWER = ("mouthLowerDownLeft", "mouthLowerDownRight")
_UPPER = ("mouthUpperUpLeft", "mouthUpperUpRight")
_NEEDED = ("jawOpen", "mouthClose", "mouthFunnel", *_LOWER, *_UPPER)


def close_nearly_closed_lips(weights: np.ndarray, channels: tuple[str, ...]) -> np.ndarray:
    """ARKit curves (T, C) in which an opening below SEALED_BELOW is a seal: mouthClose equals jawOpen, lips relax.

    Between the two thresholds the opening grows smoothly, so nothing snaps; each frame depends on itself alone.
    Channels that a bundle does not carry leave the curves as they are.
    """
    if not set(_NEEDED) <= set(channels):
        return weights
    column = {name: channels.index(name) for name in _NEEDED}
    jaw = weights[:, column["jawOpen"]]
    parted = np.maximum(jaw - weights[:, column["mouthClose"]], 0.0)
    lips = weights[:, [column[name] for name in (*_LOWER, *_UPPER)]]
    freedom = _smoothstep((parted + lips.sum(axis=1) / 4 - SEALED_BELOW) / (FREE_ABOVE - SEALED_BELOW))
    closed = weights.copy()
    closed[:, column["mouthClose"]] = np.maximum(weights[:, column["mouthClose"]], jaw - freedom * parted)
    closed[:, column["mouthFunnel"]] *= SEALED_FUNNEL + (1.0 - SEALED_FUNNEL) * freedom
    for name in (*_LOWER, *_UPPER):
        closed[:, column[name]] *= freedom
    return closed


def _smoothstep(share: np.ndarray) -> np.ndarray:
    share = np.clip(share, 0.0, 1.0)
    return share * share * (3.0 - 2.0 * share)
