# SPDX-License-Identifier: GPL-3.0-or-later
"""Jaw shapes: rotations about the hinge, and mouthClose, which seals the lips against them."""

from __future__ import annotations

import numpy as np

from diffusion_talker.rigs.demo_head import layout
from diffusion_talker.rigs.demo_head.anatomy import JAW_HINGE_CM, JAW_OPEN_DEG, MOUTH_HALF_WIDTH_CM, MOUTH_Z_CM
from diffusion_talker.rigs.demo_head.deform import MouthBlend, rotate_x, rotate_z, smoothstep
from diffusion_talker.rigs.demo_head.lips import lip_parameter
from diffusion_talker.rigs.demo_head.shapes_mouth import LipFrame, per_loop
from diffusion_talker.rigs.demo_head.skin import Skin, average_of_neighbors, neighbor_table

_HINGE = np.array(JAW_HINGE_CM)
_CORNER_WEIGHT = 0.36
_CLOSE_SHARE_UPPER = 0.24
_FORWARD_CM = np.array([0.0, -0.65, -0.06])
_SIDE_DEG = 4.0
_SMOOTHING_STEPS = 14
# Loop, share of the upper lip, share of the lower lip in a sliding jaw.
_SLIDING_LIPS = (
    (layout.LIP_INNER, 0.72, 0.72),
    (layout.LIP_CONTACT, 0.72, 0.72),
    (layout.LIP_ROLL, 0.70, 0.76),
    (layout.LIP_FULL, 0.64, 0.82),
    (layout.LIP_BORDER, 0.52, 0.90),
)


def _lip_weights(skin: Skin) -> np.ndarray:
    """Jaw weights (MOUTH_LOOPS, n): none on the upper lip, all on the lower one, rounded at the corners."""
    s, side = lip_parameter(skin.layout.mouth.shape[1])
    bend = np.abs(s) ** 3.2
    upper = _CORNER_WEIGHT * bend
    lower = 1.0 - (1.0 - _CORNER_WEIGHT) * bend
    weight = np.where(side > 0, upper, np.where(side < 0, lower, _CORNER_WEIGHT))
    return np.tile(weight, (layout.MOUTH_LOOPS, 1))


def _face_weights(points: np.ndarray) -> np.ndarray:
    """First guess (V,): below the line from hinge to mouth 1, above it 0, fading into the neck."""
    mouth = np.array([-8.0, MOUTH_Z_CM])
    axis = mouth - _HINGE[1:]
    axis /= np.linalg.norm(axis)
    relative = points[:, 1:] - _HINGE[1:]
    along = relative @ axis
    below = -(relative[:, 1] * -axis[0] + relative[:, 0] * axis[1])
    width = 1.2 + 1.6 * smoothstep(1.0 - along / 7.0)
    side = smoothstep((np.abs(points[:, 0]) - MOUTH_HALF_WIDTH_CM) / 2.0)
    weight = smoothstep((below + 0.35 * side) / width + 0.5)
    ahead = smoothstep((along + 0.4) / 2.6)
    neck = smoothstep((points[:, 2] + 15.5) / 4.0) * smoothstep((2.2 - points[:, 1]) / 5.0 + 0.1)
    return weight * ahead * neck


def jaw_weights(skin: Skin) -> np.ndarray:
    """Share (V,) of the jaw's movement that each skin vertex takes."""
    weights = _face_weights(skin.vertices)
    rings = skin.layout.mouth
    fixed_loops = slice(layout.LIP_INNER, layout.LIP_SKIN)
    lip = _lip_weights(skin)
    weights[rings[: layout.LIP_SKIN]] = lip[: layout.LIP_SKIN]
    pinned = np.zeros(len(weights), dtype=bool)
    pinned[rings[fixed_loops]] = True
    return _smoothed(skin, weights, pinned)


def _sliding_weights(skin: Skin, weights: np.ndarray) -> np.ndarray:
    """Weights (V,) for a jaw that slides: both lips go along and stay together, the upper one less towards the nose."""
    _, side = lip_parameter(skin.layout.mouth.shape[1])
    weights = weights.copy()
    for loop, upper, lower in _SLIDING_LIPS:
        weights[skin.layout.mouth[loop]] = np.where(side > 0, upper, np.where(side < 0, lower, (upper + lower) / 2.0))
    pinned = np.zeros(len(weights), dtype=bool)
    pinned[skin.layout.mouth[layout.LIP_INNER : layout.LIP_SKIN]] = True
    return _smoothed(skin, weights, pinned)


def _smoothed(skin: Skin, weights: np.ndarray, pinned: np.ndarray) -> np.ndarray:
    """Weights after a few rounds of averaging over neighbours; pinned vertices keep theirs."""
    edges = neighbor_table(skin.layout.faces, len(weights))
    for _ in range(_SMOOTHING_STEPS):
        weights = np.where(pinned, weights, average_of_neighbors(weights[:, None], edges)[:, 0])
    return weights


def jaw_motion(points: np.ndarray) -> dict[str, np.ndarray]:
    """Offsets (N, 3) of the bare jaw bone: what lower teeth, gum and tongue do."""
    return {
        "jawOpen": rotate_x(points, _HINGE, np.radians(JAW_OPEN_DEG)) - points,
        "jawForward": np.broadcast_to(_FORWARD_CM, points.shape).copy(),
        "jawLeft": rotate_z(points, _HINGE, np.radians(_SIDE_DEG)) - points,
        "jawRight": rotate_z(points, _HINGE, -np.radians(_SIDE_DEG)) - points,
    }


def jaw_open_offsets(points: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Offsets of partly weighted vertices: each turns by its own share of the angle, so it stays on its arc."""
    angle = weights * np.radians(JAW_OPEN_DEG)
    cosine, sine = np.cos(angle), np.sin(angle)
    y, z = points[:, 1] - _HINGE[1], points[:, 2] - _HINGE[2]
    return np.stack([np.zeros(len(points)), (cosine - 1.0) * y - sine * z, sine * y + (cosine - 1.0) * z], axis=1)


def skin_jaw_shapes(skin: Skin) -> dict[str, np.ndarray]:
    """Offsets (V, 3) of the skin under the four jaw shapes."""
    weights = jaw_weights(skin)
    sliding = _sliding_weights(skin, weights)
    shapes = {name: sliding[:, None] * offsets for name, offsets in jaw_motion(skin.vertices).items()}
    shapes["jawOpen"] = jaw_open_offsets(skin.vertices, weights)
    return shapes


def mouth_close(skin: Skin, blend: MouthBlend, lip: LipFrame, jaw_open: np.ndarray) -> np.ndarray:
    """Offsets (V, 3) that seal the lips when mouthClose equals jawOpen.

    Both contact lines travel to a common line between them; since shape keys are linear the seal holds at any opening.
    """
    contact = skin.layout.mouth[layout.LIP_CONTACT]
    partner = (len(contact) - np.arange(len(contact))) % len(contact)
    gap = jaw_open[contact[partner]] - jaw_open[contact]
    upper = _CLOSE_SHARE_UPPER * gap * (1.0, 0.0, 1.0)  # straight down: further back it would meet the teeth
    lower = gap + upper[partner]
    sides = (lip.upper - lip.lower)[:, None]
    reach = np.where(sides > 0, upper, np.where(sides < 0, lower, 0.0))
    follow = per_loop(1.0, 1.0, 0.98, 0.93, 0.82, 0.55)[:, :, None]
    return blend.spread(len(skin.vertices), (follow * reach).reshape(-1, 3))
