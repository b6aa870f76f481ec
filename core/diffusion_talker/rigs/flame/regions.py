# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of a face in FLAME topology, found by our landmarks on the neutral face: what speech moves, what it does not.

The sets are ours: distances in the frame of the face, measured from landmarks. They are not the sets that were
published with FLAME or VOCA, and errors over them cannot be compared with errors over those.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from diffusion_talker.errors import SettingsError
from diffusion_talker.rigs.flame.landmarks import FLAME_LANDMARKS
from diffusion_talker.rigs.flame.topology import HEAD_VERTICES
from diffusion_talker.rigs.shape_keys.landmarks import face_frame

#: Vertices (upper lip, lower lip) that meet in the middle of the mouth, right to left; `derive.py` prints them.
LIP_PAIRS: Final = ((2787, 2885), (2786, 2937), (3531, 3504), (1669, 1848), (1670, 1778))

_BELOW_CHIN_MM: Final = 14.0  # the underside of the chin moves with the jaw
_BEHIND_MOUTH_MM: Final = 60.0  # as far back as the corners' pull is seen
_BELOW_LID_MM: Final = 10.0
_ABOVE_BROW_MM: Final = 40.0
_BEHIND_EYE_MM: Final = 25.0
_CLOSED_MM: Final = 10.0  # lips of a neutral face are at most so far apart


@dataclass(frozen=True)
class FaceRegions:
    """mouth, upper: (5023,) bool, lips, chin, jaw and cheeks; lids, brows and forehead. up: (3,) the face's own
    vertical in the mesh's frame, of length 1."""

    mouth: np.ndarray
    upper: np.ndarray
    up: np.ndarray


def face_regions(neutral: np.ndarray) -> FaceRegions:
    """Regions of a neutral face (5023, 3) of any place, scale and orientation. Raises SettingsError where FLAME's
    landmarks do not form a face on it."""
    frame = face_frame(neutral, FLAME_LANDMARKS)
    points = frame.to_mm(neutral)
    _check(points)

    def at(*names: str) -> np.ndarray:
        return points[[getattr(FLAME_LANDMARKS, name) for name in names]].mean(axis=0)

    skin = np.arange(len(points)) < HEAD_VERTICES
    height, depth = points[:, 1], points[:, 2]
    nose_base = (at("nose_tip")[1] + at("upper_lip")[1]) / 2
    corners, outer_eyes = at("mouth_corner_left", "mouth_corner_right"), at("eye_outer_left", "eye_outer_right")
    lids, brows = at("lower_lid_left", "lower_lid_right"), at("brow_inner_left", "brow_inner_right")
    mouth = (height < nose_base) & (height > at("chin")[1] - _BELOW_CHIN_MM) & (depth > corners[2] - _BEHIND_MOUTH_MM)
    upper = (height > lids[1] - _BELOW_LID_MM) & (height < brows[1] + _ABOVE_BROW_MM)
    return FaceRegions(skin & mouth, skin & upper & (depth > outer_eyes[2] - _BEHIND_EYE_MM), frame.axes[1])


def _check(points: np.ndarray) -> None:
    """Raises SettingsError unless chin, lips, nose and brows stand above each other and the lips meet."""
    marks = FLAME_LANDMARKS
    upwards = (marks.chin, marks.lower_lip, marks.nose_tip, marks.upper_lid_left, marks.brow_inner_left)
    gaps_mm = [np.linalg.norm(points[upper] - points[lower]) for upper, lower in LIP_PAIRS]
    if (np.diff(points[list(upwards), 1]) <= 0).any() or max(gaps_mm) > _CLOSED_MM:
        raise SettingsError(
            "FLAME's landmarks do not form a face on this mesh: its vertices are in another order. "
            "Use the vertices as they came with FLAME."
        )
