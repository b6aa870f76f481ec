# SPDX-License-Identifier: GPL-3.0-or-later
"""A neutral whose mouth stands open, as scans of real people often do, gets a key that closes it.

The jaw turns back until the middle of the lips meets, and what is left along the mouth is closed by both lips half the
way each. Speech can only seal lips that touch at rest: mouthClose undoes jawOpen, not the neutral.
"""

from __future__ import annotations

import numpy as np

from diffusion_talker.rigs.shape_keys.face import Face, make_face
from diffusion_talker.rigs.shape_keys.inside import inner_mouth
from diffusion_talker.rigs.shape_keys.jaw import Jaw, find_jaw, lips_together, opened
from diffusion_talker.rigs.shape_keys.landmarks import HeadLandmarks
from diffusion_talker.rigs.shape_keys.mouth import Lips, find_lips
from diffusion_talker.rigs.shape_keys.surface import Surface

#: Lips of a neutral that are nowhere further apart than this count as closed.
OPEN_MOUTH_MM = 1.0
_MOST_TURN = 0.6  # of jawOpen
_STEPS = 61
_PASSES = 2  # the lips follow their contact line only nearly


def closing_offsets(vertices: np.ndarray, triangles: np.ndarray, landmarks: HeadLandmarks) -> np.ndarray | None:
    """Offsets (V, 3) in the mesh's frame that close the neutral's mouth, None where it is closed already.

    Raises SettingsError where the landmarks do not form a face.
    """
    face = make_face(vertices, np.asarray(triangles, np.int64), landmarks)
    lips = find_lips(face)
    if rest_gap_mm(lips) <= OPEN_MOUTH_MM:
        return None
    jaw = find_jaw(face, lips, inner_mouth(face)[1])
    turned = face.points + opened(face.points, jaw, -_closing_turn(face, jaw) * jaw.opening)
    closed = turned
    for _ in range(_PASSES):
        shut = Face(Surface(closed, face.surface.triangles), landmarks, face.frame)
        left = find_lips(shut)
        closed = closed + lips_together(left, left.apart_mm)
    return face.frame.offsets_to_mesh(closed - face.points)


def _closing_turn(face: Face, jaw: Jaw) -> float:
    """Least share of jawOpen to turn back by until the middle of the lips meets."""
    middle = [face.landmarks.upper_lip, face.landmarks.lower_lip]
    part = Jaw(jaw.pivot, jaw.opening[middle], jaw.sealed[middle], jaw.sliding[middle])
    for turn in np.linspace(0.0, _MOST_TURN, _STEPS):
        upper, lower = face.points[middle] + opened(face.points[middle], part, -turn * part.opening)
        if upper[1] <= lower[1]:
            return float(turn)
    return _MOST_TURN


def rest_gap_mm(lips: Lips) -> float:
    """How far the lips of the neutral are apart at most."""
    return float(np.linalg.norm(lips.gap_mm[lips.band], axis=1).max())
