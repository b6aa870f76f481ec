# SPDX-License-Identifier: GPL-3.0-or-later
"""The mouth's shapes: movements of the lip loops, blended into the face, plus cheeks and folds.

Every shape moves both lips' contact vertices alike unless it opens the mouth by name (funnel, upper up, lower down), so
a sealed mouth stays sealed in any of the others. Two-sided shapes are written once and split by `left_mask`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from diffusion_talker.rigs.demo_head import layout
from diffusion_talker.rigs.demo_head.deform import MouthBlend, lip_handles, make_mouth_blend
from diffusion_talker.rigs.demo_head.field import gaussian
from diffusion_talker.rigs.demo_head.lips import lip_parameter
from diffusion_talker.rigs.demo_head.skin import Skin

Component = np.ndarray | float
_LOOPS = layout.LIP_SKIN - layout.LIP_INNER + 1


@dataclass(frozen=True)
class LipFrame:
    """The lip loops (6, n) in the terms in which shapes are written.

    rest (6, n, 3) cm; s along the mouth from -1 right to 1 left; upper and lower are 1 on that lip, 0.5 at the corners;
    middle fades from 1 in the middle to 0 at the corners, corner does the opposite.
    """

    rest: np.ndarray
    s: np.ndarray
    upper: np.ndarray
    lower: np.ndarray
    middle: np.ndarray
    corner: np.ndarray

    def offsets(self, x: Component = 0.0, y: Component = 0.0, z: Component = 0.0) -> np.ndarray:
        """Offsets (6, n, 3) from components that broadcast against (6, n)."""
        shape = self.rest.shape[:2]
        return np.stack([np.broadcast_to(part, shape) for part in (x, y, z)], axis=-1)


def per_loop(*values: float) -> np.ndarray:
    """Column (6, 1) of one value per loop: inner, contact, roll, full, border, skin."""
    return np.array(values)[:, None]


def make_lip_frame(skin: Skin) -> LipFrame:
    """Read the lip loops of the finished skin."""
    rest = skin.vertices[lip_handles(skin)].reshape(_LOOPS, -1, 3)
    s, side = lip_parameter(rest.shape[1])
    upper = (side + 1.0) / 2.0
    return LipFrame(rest, s, upper, 1.0 - upper, np.clip(1.0 - np.abs(s) ** 2.2, 0.0, None), np.abs(s) ** 1.5)


def smile(lip: LipFrame) -> np.ndarray:
    """Corners out, up and back around the teeth; the lips stretch thinner."""
    thin = per_loop(0.0, 0.0, 0.04, 0.10, 0.16, 0.12)
    return lip.offsets(
        x=0.74 * lip.s,
        y=0.50 * np.abs(lip.s) ** 1.6 + 0.10 * lip.middle,
        z=0.92 * np.abs(lip.s) ** 2.1 - 0.06 * lip.middle - thin * (lip.upper - lip.lower) * lip.middle,
    )


def frown(lip: LipFrame) -> np.ndarray:
    """Corners down and a little out."""
    return lip.offsets(x=0.14 * lip.s, y=0.06 * lip.corner, z=-0.62 * np.abs(lip.s) ** 1.8 + 0.08 * lip.middle)


def dimple(lip: LipFrame) -> np.ndarray:
    """Corners drawn straight back into the cheek."""
    return lip.offsets(x=0.34 * lip.s, y=0.42 * np.abs(lip.s) ** 2, z=0.08 * lip.corner)


def stretch(lip: LipFrame) -> np.ndarray:
    """Corners pulled apart and slightly down, lips flattened."""
    flat = per_loop(0.0, 0.0, 0.05, 0.10, 0.14, 0.08)
    return lip.offsets(
        x=0.72 * lip.s,
        y=0.40 * np.abs(lip.s) ** 1.8 + 0.08 * lip.middle,
        z=-0.16 * lip.corner - flat * (lip.upper - lip.lower) * lip.middle,
    )


def press(lip: LipFrame) -> np.ndarray:
    """Lips pressed on each other: the red narrows and flattens, the skin around tightens."""
    squeeze = per_loop(0.0, 0.0, 0.08, 0.18, 0.22, 0.12)
    back = per_loop(0.05, 0.06, 0.20, 0.22, 0.06, -0.04)
    return lip.offsets(
        x=0.10 * lip.s,
        y=back * lip.middle + 0.08 * lip.corner,
        z=-squeeze * (lip.upper - lip.lower) * lip.middle + 0.05 * lip.corner,
    )


def upper_up(lip: LipFrame) -> np.ndarray:
    """Upper lip raised off the teeth."""
    lift = per_loop(0.50, 0.50, 0.52, 0.50, 0.42, 0.30)
    return lip.offsets(y=-0.06 * lip.upper * lip.middle, z=lift * lip.upper * lip.middle)


def lower_down(lip: LipFrame) -> np.ndarray:
    """Lower lip drawn down."""
    drop = per_loop(0.55, 0.55, 0.56, 0.54, 0.46, 0.34)
    return lip.offsets(y=-0.04 * lip.lower * lip.middle, z=-drop * lip.lower * lip.middle)


def roll_lower(lip: LipFrame) -> np.ndarray:
    """Lower lip turned in over the teeth."""
    back = per_loop(0.24, 0.26, 0.52, 0.56, 0.26, 0.05)
    rise = per_loop(-0.06, 0.0, 0.10, 0.24, 0.40, 0.30)
    return lip.offsets(y=back * lip.lower * lip.middle, z=rise * lip.lower * lip.middle)


def roll_upper(lip: LipFrame) -> np.ndarray:
    """Upper lip turned in over the teeth."""
    back = per_loop(0.02, 0.08, 0.34, 0.42, 0.20, 0.03)
    drop = per_loop(-0.04, 0.0, 0.06, 0.16, 0.30, 0.24)
    return lip.offsets(y=back * lip.upper * lip.middle, z=-drop * lip.upper * lip.middle)


def shrug_lower(lip: LipFrame) -> np.ndarray:
    """The chin pushes the lower lip up and forward; the upper lip gives way."""
    push = per_loop(0.10, 0.14, 0.26, 0.30, 0.16, 0.02)
    rise = per_loop(0.26, 0.26, 0.30, 0.34, 0.38, 0.42)
    upper_rise = per_loop(0.26, 0.26, 0.22, 0.18, 0.12, 0.06)
    contact_push = per_loop(0.10, 0.14, 0.06, 0.02, 0.0, 0.0)
    return lip.offsets(
        y=-(push * lip.lower + contact_push * lip.upper) * lip.middle,
        z=(rise * lip.lower + upper_rise * lip.upper) * lip.middle - 0.06 * lip.corner,
    )


def shrug_upper(lip: LipFrame) -> np.ndarray:
    """Upper lip pushed up and out; the lower one follows to keep the mouth closed."""
    rise = per_loop(0.22, 0.22, 0.28, 0.30, 0.30, 0.20)
    lower_rise = per_loop(0.22, 0.22, 0.18, 0.14, 0.10, 0.06)
    push = per_loop(0.10, 0.12, 0.20, 0.20, 0.12, 0.04)
    lower_push = per_loop(0.10, 0.12, 0.08, 0.05, 0.0, 0.0)
    return lip.offsets(
        y=-(push * lip.upper + lower_push * lip.lower) * lip.middle,
        z=(rise * lip.upper + lower_rise * lip.lower) * lip.middle,
    )


def pucker(lip: LipFrame) -> np.ndarray:
    """Lips gathered to a kiss: narrow, forward and thick."""
    x = lip.rest[..., 0]
    narrow = per_loop(0.50, 0.50, 0.48, 0.46, 0.42, 0.30)
    target_y = lip.rest[1, :, 1].min() - 0.55
    forward = per_loop(0.9, 0.95, 1.0, 0.95, 0.72, 0.45) * (target_y - lip.rest[1, :, 1])
    swell = per_loop(0.0, 0.0, 0.07, 0.11, 0.10, 0.06)
    flat = -0.10 * lip.corner
    return lip.offsets(x=-narrow * x, y=forward, z=swell * (lip.upper - lip.lower) * (0.4 + 0.6 * lip.middle) + flat)


def funnel(lip: LipFrame) -> np.ndarray:
    """Lips flared to an open funnel."""
    x = lip.rest[..., 0]
    narrow = per_loop(0.40, 0.40, 0.36, 0.32, 0.28, 0.20)
    target_y = lip.rest[1, :, 1].min() - 0.40
    forward = per_loop(0.55, 0.80, 1.05, 1.05, 0.75, 0.42) * (target_y - lip.rest[1, :, 1])
    round_opening = np.sqrt(np.clip(1.0 - lip.s**2, 0.0, None))
    lift = per_loop(0.42, 0.44, 0.46, 0.44, 0.36, 0.24) * lip.upper
    drop = per_loop(0.62, 0.66, 0.70, 0.66, 0.54, 0.34) * lip.lower
    return lip.offsets(x=-narrow * x, y=forward, z=(lift - drop) * round_opening * (lip.upper != lip.lower))


def sideways(lip: LipFrame) -> np.ndarray:
    """The whole mouth moved to the left."""
    return lip.offsets(x=0.75, y=0.10 * lip.s + 0.05, z=0.10 * lip.s)


LIP_SHAPES: dict[str, Callable[[LipFrame], np.ndarray]] = {
    "mouthSmile": smile,
    "mouthFrown": frown,
    "mouthDimple": dimple,
    "mouthStretch": stretch,
    "mouthPress": press,
    "mouthUpperUp": upper_up,
    "mouthLowerDown": lower_down,
    "mouthRollLower": roll_lower,
    "mouthRollUpper": roll_upper,
    "mouthShrugLower": shrug_lower,
    "mouthShrugUpper": shrug_upper,
    "mouthPucker": pucker,
    "mouthFunnel": funnel,
}


@dataclass(frozen=True)
class Swell:
    """Flesh that moves with a shape away from the lips: a mirrored Gaussian; `move` points out, -Y forward, up (cm)."""

    center: tuple[float, float, float]
    sigma: tuple[float, float, float]
    move: tuple[float, float, float]


SWELLS: dict[str, tuple[Swell, ...]] = {
    "mouthSmile": (
        Swell((3.9, -7.0, -3.6), (1.5, 1.9, 1.2), (0.26, -0.40, 0.68)),
        Swell((2.95, -7.6, -5.5), (0.45, 1.5, 0.9), (0.0, 0.20, 0.0)),
        Swell((2.9, -8.2, -6.45), (0.7, 1.5, 0.6), (0.16, 0.10, 0.36)),
        Swell((3.3, -7.8, -2.4), (1.5, 1.5, 0.5), (0.0, 0.0, 0.10)),
    ),
    "mouthFrown": (Swell((2.4, -7.2, -9.2), (1.2, 2.0, 1.0), (0.0, -0.08, -0.10)),),
    "mouthDimple": (Swell((3.3, -6.8, -6.4), (0.6, 1.5, 0.8), (0.0, 0.22, 0.0)),),
    "mouthStretch": (Swell((3.6, -6.0, -8.8), (1.4, 2.0, 1.6), (0.18, 0.0, -0.28)),),
    "mouthUpperUp": (Swell((1.9, -8.4, -4.8), (1.0, 1.5, 0.7), (0.05, -0.06, 0.16)),),
    "mouthShrugLower": (Swell((0.0, -8.4, -9.4), (1.6, 1.6, 1.0), (0.0, -0.12, 0.34)),),
    "noseSneer": (
        Swell((1.25, -8.7, -3.9), (0.8, 1.2, 0.9), (0.10, 0.02, 0.55)),
        Swell((0.9, -8.6, -1.2), (0.7, 1.0, 0.7), (-0.03, -0.20, 0.14)),
        Swell((1.6, -8.7, -5.6), (1.1, 1.4, 0.8), (0.06, -0.10, 0.34)),
    ),
    "cheekPuff": (
        Swell((4.1, -6.6, -6.3), (1.5, 2.2, 1.5), (0.75, -0.85, 0.0)),
        Swell((0.0, -8.8, -5.6), (1.6, 1.0, 0.5), (0.0, -0.22, 0.0)),
        Swell((0.0, -8.6, -8.2), (1.6, 1.0, 0.5), (0.0, -0.22, 0.0)),
    ),
    "cheekSquint": (Swell((3.6, -7.4, -2.9), (1.6, 1.7, 0.9), (0.08, -0.26, 0.62)),),
}


def swell_offsets(points: np.ndarray, swells: tuple[Swell, ...]) -> np.ndarray:
    """Offsets (N, 3) of both sides' swells at points (N, 3)."""
    offsets = np.zeros_like(points)
    for swell in swells:
        signs = (1.0, -1.0) if swell.center[0] != 0.0 else (1.0,)
        for sign in signs:
            weight = gaussian(points * (sign, 1.0, 1.0), swell.center, swell.sigma)
            offsets += weight[:, None] * (np.array(swell.move) * (sign, 1.0, 1.0))
    return offsets


def _flesh_share(skin: Skin) -> np.ndarray:
    """How much (V,) swells may move a vertex: the lips move by their own rules, the skin around them eases in."""
    share = np.ones(len(skin.vertices))
    rings = skin.layout.mouth
    share[rings[: layout.LIP_SKIN]] = 0.0
    for loop, value in ((layout.LIP_SKIN, 0.25), (layout.LIP_SKIN + 1, 0.55), (layout.LIP_SKIN + 2, 0.85)):
        share[rings[loop]] = value
    return share


def whole_mouth_shapes(skin: Skin) -> tuple[dict[str, np.ndarray], MouthBlend, LipFrame]:
    """Offsets (V, 3) of the skin for every shape of lips, cheeks and nose, both sides at once."""
    blend, lip = make_mouth_blend(skin), make_lip_frame(skin)
    count = len(skin.vertices)
    soft = _flesh_share(skin)
    shapes: dict[str, np.ndarray] = {}
    for name, shape in LIP_SHAPES.items():
        shapes[name] = blend.spread(count, shape(lip).reshape(-1, 3))
    shapes["mouthLeft"] = blend.spread(count, sideways(lip).reshape(-1, 3))
    for name, swells in SWELLS.items():
        offsets = swell_offsets(skin.vertices, swells) * soft[:, None]
        shapes[name] = shapes.get(name, 0.0) + offsets
    return shapes, blend, lip
