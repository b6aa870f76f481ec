# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of the jaw: it turns about its hinge and slides; mouthClose brings the lips back together against jawOpen.

The seal needs no pairing of vertices: with jawOpen and mouthClose at the same value both lips follow the jaw by a share
that depends on the place along the mouth alone, so what touched in the neutral still touches, at any opening.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diffusion_talker.rigs.shape_keys.face import Face, smoothstep, turned
from diffusion_talker.rigs.shape_keys.mouth import Lips
from diffusion_talker.rigs.shape_keys.solve import interpolate_smoothly

JAW_OPEN_DEG = 25.0
_FORWARD_MM = np.array([0.0, -1.5, 9.0])
_SIDE_DEG = 5.6
_HINGE_INSIDE_MM = 10.0  # the joint lies in front of the mark before the ear
_CORNER_WEIGHT = 0.38
_MIDDLE_WEIGHT = 0.06
_SEALED_WEIGHT = 0.08
_SEALED_CORNER_WEIGHT = 0.14
_SLIDING_UPPER, _SLIDING_LOWER = 0.25, 0.92
_RAMP_MM = 16.0


@dataclass(frozen=True)
class Jaw:
    """Shares (V,) of the jaw's movement: with lips parting, with lips sealed, and sliding; pivot (3,) in mm."""

    pivot: np.ndarray
    opening: np.ndarray
    sealed: np.ndarray
    sliding: np.ndarray


def find_jaw(face: Face, lips: Lips, bone_share: np.ndarray) -> Jaw:
    """Spread the shares from lips, chin and skull over the skin; bone_share (V,) holds those of loose pieces."""
    hinges = (face.at("jaw_hinge_left") + face.at("jaw_hinge_right")) / 2
    pivot = np.array([face.mouth_center[0], hinges[1], hinges[2] + _HINGE_INSIDE_MM])
    guess = _guess(face, pivot)
    bend = np.abs(lips.s) ** 3.0
    upper = _MIDDLE_WEIGHT + (_CORNER_WEIGHT - _MIDDLE_WEIGHT) * bend
    lower = 1.0 - (1.0 - _CORNER_WEIGHT) * bend
    parting = lips.upper * upper + (1 - lips.upper) * lower
    together = _SEALED_WEIGHT + (_SEALED_CORNER_WEIGHT - _SEALED_WEIGHT) * bend
    slide = lips.upper * _SLIDING_UPPER + (1 - lips.upper) * _SLIDING_LOWER
    stretch = smoothstep(np.where(np.isfinite(lips.distance_mm), lips.distance_mm, np.inf) / (1.6 * face.chin_drop))
    near = np.isfinite(lips.distance_mm) & (lips.upper < 0.5)
    values = np.stack([guess, guess * np.where(near, together + (1 - together) * stretch, 1.0), guess], axis=1)
    values[lips.band] = np.stack([parting, together, slide], axis=1)[lips.band]
    known = lips.band | (_settled(guess, face) & ~_between(face, lips)) | ~face.skin
    shares = np.clip(interpolate_smoothly(face.surface, values, known), 0.0, 1.0)
    shares[~face.skin] = bone_share[~face.skin, None]
    return Jaw(pivot, *shares.T)


def _guess(face: Face, pivot: np.ndarray) -> np.ndarray:
    """First guess (V,): all below the line from the hinge to the mouth, nothing above it, fading into the neck."""
    axis = face.mouth_center[1:] - pivot[1:]
    length = np.linalg.norm(axis)
    axis /= length
    relative = face.points[:, 1:] - pivot[1:]
    along = relative @ axis
    below = relative[:, 1] * axis[0] - relative[:, 0] * axis[1]
    weight = smoothstep(below / (12.0 + 0.25 * np.maximum(length - along, 0.0)) * 0.5 + 0.5)
    ahead = smoothstep((along + 2.0) / 30.0)
    throat = face.at("chin")[1] - 12.0 - face.points[:, 1]
    back = smoothstep((face.at("chin")[2] - face.points[:, 2]) / 60.0)
    return weight * ahead * (1.0 - smoothstep((throat + 18.0 * back) / 50.0))


def _settled(guess: np.ndarray, face: Face) -> np.ndarray:
    """Where the first guess stands: on the skull and on the chin; in between the field finds its own way."""
    front = np.linalg.norm((face.points - face.at("chin")) / (22.0, 26.0, 30.0), axis=1) < 1.0
    return (guess < 0.02) | (front & (guess > 0.98))


def _between(face: Face, lips: Lips) -> np.ndarray:
    """A margin around the lips and inside the mouth, which must not be held by the guess."""
    return lips.distance_mm < 0.62 * face.mouth_half_width


def opened(points: np.ndarray, jaw: Jaw, share: np.ndarray) -> np.ndarray:
    """Offsets (V, 3) of the open jaw: each vertex turns by its own share of the angle, so it stays on its arc."""
    return turned(points, jaw.pivot, share * np.radians(JAW_OPEN_DEG), axis=0) - points


def jaw_keys(face: Face, lips: Lips, jaw: Jaw) -> dict[str, np.ndarray]:
    """Offsets (V, 3) in mm of the jaw's four keys and of mouthClose."""
    points = face.points
    closed = points + close_rest_gap(lips)
    slide = jaw.sliding[:, None]
    open_jaw = opened(points, jaw, jaw.opening)
    side = np.radians(_SIDE_DEG)
    return {
        "jawOpen": open_jaw,
        "jawForward": slide * _FORWARD_MM,
        "jawLeft": slide * (turned(points, jaw.pivot, side, axis=1) - points),
        "jawRight": slide * (turned(points, jaw.pivot, -side, axis=1) - points),
        "mouthClose": opened(closed, jaw, jaw.sealed) + closed - points - open_jaw,
    }


def close_rest_gap(lips: Lips) -> np.ndarray:
    """Offsets (V, 3) that bring lips together which stand apart in the neutral, half the way each."""
    return lips_together(lips, lips.gap_mm)


def lips_together(lips: Lips, apart_mm: np.ndarray) -> np.ndarray:
    """Offsets (V, 3) by which either lip goes half of the way apart_mm (V, 3), fading over the skin around."""
    fade = 1.0 - smoothstep((lips.distance_mm - 2.0) / _RAMP_MM)
    return ((0.5 - lips.upper) * fade)[:, None] * apart_mm
