# SPDX-License-Identifier: GPL-3.0-or-later
"""How far apart the lips of the demo head are under any curves, in millimetres, measured on its mesh."""

from __future__ import annotations

import numpy as np

from diffusion_talker.channels import ARKIT_52
from diffusion_talker.evaluation.rendering.head import demo_head
from diffusion_talker.motion import Motion, select_channels
from diffusion_talker.rigs.demo_head import HeadMesh

_MIDDLE = 0.5  # share of the mouth's width that counts as its middle


def lip_gap_mm(motion: Motion) -> np.ndarray:
    """Widest gap (T,) in the middle half of the mouth: upper above lower lip in mm, below 0 where they overlap."""
    mesh = demo_head().mesh
    rest, moved = _middle_gaps(mesh)
    gaps_m = rest + select_channels(motion, ARKIT_52).weights.astype(np.float64) @ moved
    return 1000.0 * gaps_m.max(axis=1)


def _middle_gaps(mesh: HeadMesh) -> tuple[np.ndarray, np.ndarray]:
    """Height of the upper above the lower contact at rest (K,), and what each ARKit shape adds (52, K); metres."""
    upper, lower = mesh.lip_contacts.T
    across = np.abs(mesh.vertices[upper, 0])
    middle = across <= _MIDDLE * across.max()
    upper, lower = upper[middle], lower[middle]
    moved = np.zeros((len(ARKIT_52), len(upper)))
    for i, name in enumerate(ARKIT_52):
        heights = np.zeros(len(mesh.vertices))
        heights[mesh.shape_deltas[name].indices] = mesh.shape_deltas[name].offsets[:, 2]
        moved[i] = heights[upper] - heights[lower]
    return mesh.vertices[upper, 2].astype(np.float64) - mesh.vertices[lower, 2], moved
