# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of the lips: each lip moves, turns and swells about the contact line; the face around follows smoothly.

Every key moves both lips alike where they touch, unless it is there to part them (funnel, upper up, lower down,
sneer), so a sealed mouth stays sealed. Lips move as solids, which keeps their thickness. Amounts are millimetres on an
adult face.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from diffusion_talker.rigs.shape_keys.face import Face, left_share, smoothstep
from diffusion_talker.rigs.shape_keys.mouth import Lips
from diffusion_talker.rigs.shape_keys.solve import interpolate_smoothly

Amount = np.ndarray | float
_REACH_MM = np.array([58.0, 46.0, 70.0])


@dataclass(frozen=True)
class LipFrame:
    """The lips' own vertices (N,) and the terms in which keys are written.

    s along the mouth, side = |s|; upper and lower are 1 on that lip, in between at the corners; middle fades from 1 to
    0 at the corners; off (N,) 0 at the contact line to 1 at the lips' outer border; away (N, 3) mm from the contact
    line.
    """

    s: np.ndarray
    side: np.ndarray
    upper: np.ndarray
    lower: np.ndarray
    middle: np.ndarray
    off: np.ndarray
    away: np.ndarray

    def move(self, x: Amount = 0.0, y: Amount = 0.0, z: Amount = 0.0) -> np.ndarray:
        """Offsets (N, 3) from components that are numbers or (N,)."""
        return np.stack([np.broadcast_to(part, self.s.shape) for part in (x, y, z)], axis=-1)

    def turn(self, angle_deg: Amount) -> np.ndarray:
        """Offsets (N, 3) of lips turned about the contact line; positive angles bring what is above it to the front."""
        angle = np.radians(np.broadcast_to(angle_deg, self.s.shape))
        y, z = self.away[:, 1], self.away[:, 2]
        return self.move(y=(np.cos(angle) - 1) * y - np.sin(angle) * z, z=np.sin(angle) * y + (np.cos(angle) - 1) * z)

    def swell(self, share: Amount) -> np.ndarray:
        """Offsets (N, 3) of lips that grow higher off the contact line by a share of their height."""
        return self.move(y=share * self.away[:, 1])


def smile(lip: LipFrame) -> np.ndarray:
    """Corners out, up and back around the teeth; the lips stretch thinner."""
    return lip.move(x=6.6 * lip.s, y=2.4 + 6.9 * lip.side**2.0, z=-1.5 - 6.0 * lip.side**1.9) + lip.swell(
        -0.14 * lip.middle
    )


def frown(lip: LipFrame) -> np.ndarray:
    """Corners down and a little out."""
    return lip.move(x=1.7 * lip.s, y=-0.5 - 3.8 * lip.side**2.0, z=-0.4 - 1.0 * lip.side**2)


def dimple(lip: LipFrame) -> np.ndarray:
    """Corners drawn straight back into the cheek."""
    return lip.move(x=2.0 * lip.s, y=2.2 * lip.side**3, z=-5.6 * lip.side**2.6)


def stretch(lip: LipFrame) -> np.ndarray:
    """Corners pulled apart and slightly down, lips flattened."""
    return lip.move(x=6.2 * lip.s, y=-2.4 * lip.side**2, z=-0.9 - 5.0 * lip.side**2) + lip.swell(-0.12 * lip.middle)


def press(lip: LipFrame) -> np.ndarray:
    """Lips pressed on each other: the red narrows and turns in, the chin pushes up."""
    inward = lip.turn((12.0 * lip.upper - 16.0 * lip.lower) * lip.middle * lip.off)
    push = lip.lower * lip.off * lip.middle
    return lip.move(x=-0.5 * lip.s, y=0.9 + 1.8 * push, z=0.4 * lip.middle + 0.8 * push) + inward


def upper_up(lip: LipFrame) -> np.ndarray:
    """Upper lip raised off the teeth."""
    return lip.move(x=1.2 * lip.s * lip.upper, y=(7.2 - 3.4 * lip.side**3) * lip.upper, z=-0.5 * lip.upper)


def lower_down(lip: LipFrame) -> np.ndarray:
    """Lower lip drawn down."""
    return lip.move(x=0.6 * lip.s * lip.lower, y=-(6.8 - 5.6 * lip.side**3) * lip.lower, z=-1.2 * lip.lower)


def roll_lower(lip: LipFrame) -> np.ndarray:
    """Lower lip turned in over the teeth."""
    return lip.move(y=1.2 * lip.lower * lip.middle, z=-9.0 * lip.lower * lip.middle) + lip.turn(
        -44.0 * lip.lower * lip.middle
    )


def roll_upper(lip: LipFrame) -> np.ndarray:
    """Upper lip turned in over the teeth."""
    return lip.move(y=0.8 * lip.upper * lip.middle, z=-9.0 * lip.upper * lip.middle) + lip.turn(
        34.0 * lip.upper * lip.middle
    )


def shrug_lower(lip: LipFrame) -> np.ndarray:
    """The chin pushes the lower lip up and forward; the upper lip gives way."""
    return lip.move(y=5.0 * lip.middle + 1.4, z=3.8 * lip.middle + 1.0)


def shrug_upper(lip: LipFrame) -> np.ndarray:
    """Upper lip pushed up; the lower one follows to keep the mouth closed."""
    return lip.move(y=4.4 * lip.middle + 0.4, z=0.8 * lip.middle)


def pucker(lip: LipFrame) -> np.ndarray:
    """Lips gathered to a kiss: narrow, forward and thick."""
    return lip.move(x=-6.6 * lip.s, y=1.4 * lip.side**2, z=7.6 + 2.8 * lip.side**1.6 - 1.4 * lip.off) + lip.swell(
        0.22 * (0.3 + 0.7 * lip.middle)
    )


def funnel(lip: LipFrame) -> np.ndarray:
    """Lips flared to an open funnel."""
    opening = np.sqrt(np.clip(1.0 - lip.side**2, 0.0, None))
    parted = lip.move(
        x=-4.2 * lip.s,
        y=(5.2 * lip.upper - 8.2 * lip.lower) * opening,
        z=6.4 + 2.0 * lip.side - 1.2 * lip.off,
    )
    return parted + lip.turn((-14.0 * lip.upper + 14.0 * lip.lower) * opening)


def leftward(lip: LipFrame) -> np.ndarray:
    """The whole mouth moved to the left."""
    s = lip.s
    return lip.move(x=13.6 - 4.2 * s - 3.4 * s**2, y=0.8 + 2.0 * s + 1.8 * s**2, z=-2.4 - 5.0 * s + 4.4 * s**2)


def sneer(lip: LipFrame) -> np.ndarray:
    """The upper lip drawn up with the nose's wing."""
    return lip.move(x=-0.6 * lip.s, y=(4.6 + 2.4 * lip.side**2) * lip.upper)


def puff(lip: LipFrame) -> np.ndarray:
    """Lips closed on the air that blows up the cheeks."""
    return lip.move(x=-2.2 * lip.s, y=0.4 + 1.0 * lip.side**2, z=5.6 + 4.4 * lip.side**2)


LIP_KEYS: dict[str, Callable[[LipFrame], np.ndarray]] = {
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
    "mouthLeft": leftward,
    "noseSneer": sneer,
    "cheekPuff": puff,
}
_TWO_SIDED = (
    "mouthSmile",
    "mouthFrown",
    "mouthDimple",
    "mouthStretch",
    "mouthPress",
    "mouthUpperUp",
    "mouthLowerDown",
    "noseSneer",
)


def lip_frame(face: Face, lips: Lips) -> LipFrame:
    """The terms of the lips' own vertices."""
    own = np.flatnonzero(lips.band)
    s = lips.s[own]
    off = lips.distance_mm[own] / max(lips.distance_mm[own].max(), 1e-9)
    away = (face.points - lips.contact_mm)[own] * (1.0, 1.0, 1.0)
    upper = lips.upper[own]
    side = np.abs(s)
    return LipFrame(s, side, upper, 1.0 - upper, 1.0 - side**2.2, off, away)


def lip_keys(face: Face, lips: Lips, still: np.ndarray) -> dict[str, np.ndarray]:
    """Offsets (V, 3) in mm of every key of the lips; vertices where `still` (V,) stay."""
    frame = lip_frame(face, lips)
    whole = {name: key(frame) for name, key in LIP_KEYS.items()}
    mirrored = leftward(_mirror(frame)) * (-1.0, 1.0, 1.0)
    whole["mouthRight"] = mirrored
    share = left_share(frame.s * face.mouth_half_width, 0.42 * face.mouth_half_width)[:, None]
    sided: dict[str, np.ndarray] = {}
    for name, offsets in whole.items():
        if name in _TWO_SIDED:
            sided[f"{name}Left"], sided[f"{name}Right"] = share * offsets, (1.0 - share) * offsets
        else:
            sided[name] = offsets
    return _spread(face, lips, still, sided)


def _mirror(frame: LipFrame) -> LipFrame:
    return LipFrame(
        -frame.s, frame.side, frame.upper, frame.lower, frame.middle, frame.off, frame.away * (-1.0, 1.0, 1.0)
    )


def _spread(face: Face, lips: Lips, still: np.ndarray, sided: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Carry the lips' movements into the skin around the mouth, to nothing at the reach of the mouth's muscles."""
    count = len(face.points)
    reach = np.linalg.norm((face.points - face.mouth_center) / _REACH_MM, axis=1)
    known = (reach > 1.0) | still | ~face.skin
    known[lips.band] = True
    stacked = np.zeros((count, 3 * len(sided)))
    stacked[lips.band] = np.concatenate(list(sided.values()), axis=1)
    filled = interpolate_smoothly(face.surface, stacked, known)
    fade = 1.0 - smoothstep((reach - 0.75) / 0.25)[:, None]
    fade[lips.band] = 1.0
    return {name: fade * filled[:, 3 * i : 3 * i + 3] for i, name in enumerate(sided)}
