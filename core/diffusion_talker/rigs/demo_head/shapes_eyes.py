# SPDX-License-Identifier: GPL-3.0-or-later
"""Shapes of lids, gaze and brows, written for the left eye; the right one mirrors them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from diffusion_talker.rigs.demo_head import eyes, layout
from diffusion_talker.rigs.demo_head.anatomy import EYE_CENTER_CM
from diffusion_talker.rigs.demo_head.deform import rotate_x, rotate_z
from diffusion_talker.rigs.demo_head.shapes_mouth import Swell, swell_offsets
from diffusion_talker.rigs.demo_head.skin import Skin

_CENTER: Final = np.array(EYE_CENTER_CM)
# A blink draws the ball back a little, in life too; here it also keeps the lid's straight path clear of the ball.
BLINK_RETRACTION_CM: Final = (0.0, 0.09, 0.0)
LOOK_DEG: Final = {"eyeLookUp": 22.0, "eyeLookDown": 26.0, "eyeLookIn": 28.0, "eyeLookOut": 28.0}


@dataclass(frozen=True)
class LidPose:
    """How far the edges of both lids turn, in degrees of elevation, and how closed the eye is."""

    blink: float = 0.0
    upper_deg: float = 0.0
    lower_deg: float = 0.0


LID_POSES: Final = {
    "eyeBlink": LidPose(blink=1.0),
    "eyeWide": LidPose(upper_deg=8.0, lower_deg=2.5),
    "eyeSquint": LidPose(upper_deg=-6.0, lower_deg=-11.0),
    "cheekSquint": LidPose(lower_deg=-7.0),
    "mouthSmile": LidPose(lower_deg=-4.0),
    "eyeLookUp": LidPose(upper_deg=7.0, lower_deg=-3.0),
    "eyeLookDown": LidPose(upper_deg=-14.0, lower_deg=4.0),
}
_FOLLOW: Final = (1.0, 1.0, 1.0, 0.62, 0.15)
_OUTER_FADE: Final = (0.55, 0.2)

BROW_SWELLS: Final = {
    "browDown": (
        Swell((2.0, -8.4, 2.4), (1.6, 1.6, 0.9), (-0.20, -0.06, -0.55)),
        Swell((4.3, -7.6, 2.8), (1.4, 1.8, 0.9), (-0.10, 0.0, -0.30)),
    ),
    "browInnerUp": (Swell((1.4, -8.4, 2.6), (1.4, 1.6, 1.3), (0.0, 0.02, 0.75)),),
    "browOuterUp": (Swell((4.6, -7.4, 3.0), (1.5, 2.0, 1.3), (0.0, 0.05, 0.80)),),
}


def _posed_loops(count: int, pose: LidPose) -> np.ndarray:
    """Explicit loops (5, count, 3) of the left eye in a lid pose."""
    loops = []
    for loop in range(layout.EYE_CREASE + 1):
        follow = _FOLLOW[loop]
        loops.append(
            eyes.lid_loop(
                loop,
                count,
                pose.blink,
                eyes.UPPER_LID_DEG + follow * pose.upper_deg,
                eyes.LOWER_LID_DEG + follow * pose.lower_deg,
            )
        )
    return np.stack(loops)


def lid_offsets(skin: Skin, pose: LidPose) -> np.ndarray:
    """Offsets (V, 3) of the skin for a pose of the left eye's lids."""
    rings = skin.layout.eye_left
    moved = _posed_loops(rings.shape[1], pose) - eyes.explicit_loops(rings.shape[1])
    offsets = np.zeros_like(skin.vertices)
    offsets[rings[: len(moved)]] = moved
    for step, fade in enumerate(_OUTER_FADE):
        offsets[rings[len(moved) + step]] = fade * moved[-1]
    return offsets


def gaze_offsets(name: str, points: np.ndarray) -> np.ndarray:
    """Offsets (N, 3) of the left eyeball's points: the exact rotation about its centre at full strength."""
    angle = np.radians(LOOK_DEG[name])
    if name == "eyeLookUp":
        return rotate_x(points, _CENTER, -angle) - points
    if name == "eyeLookDown":
        return rotate_x(points, _CENTER, angle) - points
    sign = 1.0 if name == "eyeLookOut" else -1.0
    return rotate_z(points, _CENTER, sign * angle) - points


def skin_eye_shapes(skin: Skin) -> dict[str, np.ndarray]:
    """Offsets (V, 3) of the skin for the left eye's shapes, by name without side."""
    shapes = {name: lid_offsets(skin, pose) for name, pose in LID_POSES.items()}
    for name in LOOK_DEG:
        shapes.setdefault(name, np.zeros_like(skin.vertices))
    return shapes


def skin_brow_shapes(skin: Skin) -> dict[str, np.ndarray]:
    """Both-sided offsets (V, 3) of the skin for the brow shapes; the lids' explicit loops keep to the ball."""
    rings = np.concatenate([skin.layout.eye_left, skin.layout.eye_right], axis=1)
    share = np.ones(len(skin.vertices))
    for loop, value in enumerate((0.0, 0.0, 0.0, 0.0, 0.2, 0.6, 0.9)):
        share[rings[loop]] = value
    return {name: share[:, None] * swell_offsets(skin.vertices, swells) for name, swells in BROW_SWELLS.items()}
