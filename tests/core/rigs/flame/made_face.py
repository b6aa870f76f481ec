# SPDX-License-Identifier: GPL-3.0-or-later
"""A face with FLAME's number of vertices and our landmarks in their places; other vertices anywhere on an egg."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

from diffusion_talker.rigs.flame.landmarks import FLAME_LANDMARKS
from diffusion_talker.rigs.flame.regions import LIP_PAIRS
from diffusion_talker.rigs.flame.topology import VERTICES

#: Millimetres in the frame of a face: x to the character's left, y up, z to the front, 0 between the eyes.
_PLACES_MM = {
    "chin": (0.0, -100.0, 26.0), "nose_tip": (0.0, -30.0, 44.0), "upper_lip": (0.0, -63.5, 27.0),
    "lower_lip": (0.0, -63.5, 27.0), "mouth_corner": (23.5, -65.0, 14.5), "eye_inner": (18.5, 0.0, 3.5),
    "eye_outer": (45.5, 0.0, -3.5), "upper_lid": (30.5, 5.5, 6.5), "lower_lid": (32.5, -4.0, 5.0),
    "brow_inner": (10.5, 17.5, 16.0), "brow_outer": (45.0, 20.0, 5.0), "jaw_hinge": (70.0, -25.0, -65.0),
}  # fmt: skip


def made_face(seed: int = 0) -> np.ndarray:
    """(5023, 3) float64 metres, Y up, facing +Z, 0 between the eyes."""
    random = np.random.default_rng(seed)
    directions = random.standard_normal((VERTICES, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    points = np.array([0.0, -20.0, -75.0]) + directions * [72.0, 115.0, 95.0]
    for name, vertex in asdict(FLAME_LANDMARKS).items():
        place = _PLACES_MM[name.removesuffix("_left").removesuffix("_right")]
        points[vertex] = np.array(place) * (-1.0 if name.endswith("_right") else 1.0, 1.0, 1.0)
    for across, pair in zip((-11.5, -5.5, 0.0, 5.5, 11.5), LIP_PAIRS, strict=True):
        points[list(pair)] = (across, -63.5 - 0.05 * abs(across), 27.0 - 0.02 * across**2)
    return points / 1000.0
