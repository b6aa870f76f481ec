# SPDX-License-Identifier: GPL-3.0-or-later
"""Brows, cheeks and nose: flesh that moves as soft lumps, placed by the landmarks. Amounts are mm on an adult face."""

from __future__ import annotations

import numpy as np

from diffusion_talker.rigs.shape_keys.eyes import Eye
from diffusion_talker.rigs.shape_keys.face import Face, Swell, left_share, smoothstep, swell_offsets
from diffusion_talker.rigs.shape_keys.mouth import Lips

_LID_CALM_MM = (1.5, 9.0)
_LIP_CALM = (0.05, 0.75)  # of half the mouth's width


def _places(face: Face, side: int) -> dict[str, np.ndarray]:
    """Named places (3,) on one side of the face."""
    name = "left" if side > 0 else "right"
    corner, outer = face.at(f"mouth_corner_{name}"), face.at(f"eye_outer_{name}")
    inner, nose = face.at(f"eye_inner_{name}"), face.at("nose_tip")
    brow_inner, brow_outer = face.at(f"brow_inner_{name}"), face.at(f"brow_outer_{name}")
    eye = (outer + inner) / 2
    return {
        "cheek": 0.45 * corner + 0.55 * outer + np.array([1.0 * side, -6.0, 4.0]),
        "fold": 0.72 * corner + 0.28 * inner + np.array([2.0 * side, 0.0, 4.0]),
        "buccal": corner + np.array([17.0 * side, -2.0, -9.0]),
        "under_eye": eye + np.array([0.0, -13.0, 4.0]),
        "bridge": np.array([inner[0] * 0.55 + nose[0] * 0.45, inner[1] - 4.0, inner[2] + 6.0]),
        "brow_inner": brow_inner,
        "brow_middle": (brow_inner + brow_outer) / 2 + np.array([0.0, 3.0, 3.0]),
        "brow_outer": brow_outer,
        "brow_low": 0.75 * brow_inner + 0.25 * brow_outer + np.array([0.0, 1.0, 0.0]),
        "cheek_high": np.array([outer[0], 0.55 * outer[1] + 0.45 * corner[1], outer[2] - 2.0]),
        "chin_front": face.at("chin") + np.array([15.0 * side, 3.0, -4.0]),
        "chin_side": face.at("chin") + np.array([26.0 * side, 6.0, -16.0]),
    }


def _side_swells(face: Face, side: int) -> dict[str, tuple[Swell, ...]]:
    place = _places(face, side)

    def lump(name: str, sigma: tuple[float, float, float], out: float, up: float, front: float) -> Swell:
        return Swell(place[name], sigma, (out * side, up, front))

    return {
        "mouthSmile": (
            lump("cheek", (15, 13, 20), 2.2, 3.0, 2.0),
            lump("fold", (8, 11, 15), 1.6, 2.2, -1.4),
            lump("buccal", (13, 14, 18), 1.4, 2.2, 0.4),
        ),
        "mouthFrown": (lump("chin_side", (14, 12, 20), 0.4, -1.0, 0.4),),
        "mouthStretch": (lump("buccal", (14, 18, 20), 1.4, -0.2, 0.4),),
        "mouthDimple": (lump("cheek", (14, 12, 18), 0.4, 0.4, 2.4),),
        "mouthPress": (lump("chin_front", (14, 13, 20), -0.2, 2.6, 0.9),),
        "mouthUpperUp": (lump("fold", (10, 12, 15), 0.8, 3.0, -1.0), lump("cheek", (14, 12, 20), 0.3, 2.2, 1.2)),
        "noseSneer": (
            lump("fold", (13, 18, 18), -0.8, 6.4, 0.8),
            lump("cheek", (14, 15, 20), -1.4, 4.4, 1.6),
            lump("bridge", (7, 9, 12), -0.3, 1.4, 0.6),
            lump("brow_low", (12, 9, 16), -0.7, -3.4, -0.2),
        ),
        "cheekSquint": (
            lump("cheek_high", (20, 19, 30), -0.8, 4.6, 1.6),
            lump("under_eye", (12, 7, 14), -0.6, 1.4, 0.2),
        ),
        "eyeSquint": (lump("under_eye", (14, 7, 14), -1.6, 2.2, 0.8),),
        "browDown": (
            lump("brow_inner", (9, 12, 18), -0.8, -1.2, 0.5),
            lump("brow_middle", (16, 14, 24), -3.2, -2.8, 1.8),
            lump("brow_outer", (14, 14, 24), -1.8, -1.0, 2.2),
        ),
        "browOuterUp": (
            lump("brow_outer", (15, 15, 25), 1.5, 6.4, -2.4),
            lump("brow_middle", (11, 14, 22), 0.6, 2.8, -0.4),
        ),
    }


def _whole_swells(face: Face) -> dict[str, tuple[Swell, ...]]:
    middle = (face.at("brow_inner_left") + face.at("brow_inner_right")) / 2
    chin = face.at("chin")
    raised = tuple(
        Swell(
            face.at(f"brow_inner_{name}") + np.array([5.0 * side, 6.0, 0.0]),
            (13.0, 14.0, 22.0),
            (0.3 * side, 4.4, -0.2),
        )
        for side, name in ((1, "left"), (-1, "right"))
    )
    puffed = tuple(
        Swell(
            _places(face, side)["buccal"] + np.array([2.0 * side, 1.0, 6.0]), (17.0, 18.0, 28.0), (3.8 * side, 2.2, 8.0)
        )
        for side in (1, -1)
    )
    return {
        "browInnerUp": (*raised, Swell(middle + np.array([0.0, 5.0, 0.0]), (12.0, 14.0, 20.0), (0.0, 1.6, 0.0))),
        "cheekPuff": puffed,
        "mouthShrugLower": (Swell(chin, (14.0, 13.0, 16.0), (0.0, 9.0, 2.0)),),
    }


def calm_share(face: Face, lips: Lips, eyes: tuple[Eye, Eye]) -> np.ndarray:
    """Share (V,) with which swells may move a vertex: lips and lids move by their own rules, skin around eases in."""
    half = face.mouth_half_width
    share = smoothstep((lips.distance_mm / half - _LIP_CALM[0]) / (_LIP_CALM[1] - _LIP_CALM[0]))
    for eye in eyes:
        share = share * smoothstep((eye.margin_mm - _LID_CALM_MM[0]) / (_LID_CALM_MM[1] - _LID_CALM_MM[0]))
        share[np.linalg.norm(face.points - eye.center, axis=1) < eye.radius + 0.5] = 0.0
    return np.where(face.skin, share, 0.0)


def flesh_keys(face: Face, share: np.ndarray) -> dict[str, np.ndarray]:
    """Offsets (V, 3) in mm of the skin by key, with its side where it has one."""
    keys: dict[str, np.ndarray] = {}
    x = face.points[:, 0] - face.at("nose_tip")[0]
    for side, ending in ((1, "Left"), (-1, "Right")):
        half = left_share(side * x)[:, None]
        for name, swells in _side_swells(face, side).items():
            keys[name + ending] = share[:, None] * (0.25 + 0.75 * half) * swell_offsets(face.points, swells)
    for name, swells in _whole_swells(face).items():
        keys[name] = share[:, None] * swell_offsets(face.points, swells)
    return keys
