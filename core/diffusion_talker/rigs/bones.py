# SPDX-License-Identifier: GPL-3.0-or-later
"""Facial motion on bones: the jaw, the eyes and the head as rotations, bones found by their names, and poses blended.

Rotations are rotation vectors: axis times angle in radians.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from diffusion_talker.motion import Motion

#: Radians of an eye at full gaze, towards the nose and outwards, up and down: fitted on recorded takes.
_EYE_IN_RAD, _EYE_OUT_RAD, _EYE_UP_RAD, _EYE_DOWN_RAD = 0.62, 0.58, 0.45, 0.615
#: How far the jaw swings sideways at jawLeft 1, beside how far it opens at jawOpen 1.
_JAW_SIDEWAYS: Final = 0.35
#: A jaw's bone that points this little to the front does not tell where the front is.
_TELLING: Final = 0.3


@dataclass(frozen=True)
class FaceAxes:
    """Directions of a face in its armature: the character's left, up, and out of the face; unit vectors (3,)."""

    left: np.ndarray = field(default_factory=lambda: np.array([1.0, 0.0, 0.0]))
    up: np.ndarray = field(default_factory=lambda: np.array([0.0, 0.0, 1.0]))

    @property
    def front(self) -> np.ndarray:
        return np.cross(self.left, self.up)


def axes_of_bones(
    eye_left: np.ndarray | None, eye_right: np.ndarray | None, jaw: np.ndarray | None, jaw_tip: np.ndarray | None
) -> FaceAxes:
    """Axes of a face from where its bones lie, (3,) each, None where there is none.

    Eyes and jaw tell left and up; a jaw's bone alone tells the front. What is not told is Blender's custom: up is Z,
    the face looks along -Y.
    """
    if eye_left is not None and eye_right is not None and np.linalg.norm(eye_left - eye_right) > 0:
        left = _unit(eye_left - eye_right)
        up = np.array([0.0, 0.0, 1.0])
        if jaw is not None and jaw_tip is not None:  # the hinge alone lies as far behind the eyes as below them
            up = (eye_left + eye_right) - jaw - jaw_tip
        up = up - (up @ left) * left
        if np.linalg.norm(up) > 0:
            return FaceAxes(left, _nearest_axis(_unit(up)))
    up = np.array([0.0, 0.0, 1.0])
    if jaw is not None and jaw_tip is not None and np.linalg.norm(jaw_tip - jaw) > 0:
        front = _unit(jaw_tip - jaw)
        level = front - (front @ up) * up
        if np.linalg.norm(level) > _TELLING:
            return FaceAxes(_unit(np.cross(up, level)), up)
    return FaceAxes()


def _nearest_axis(direction: np.ndarray) -> np.ndarray:
    """The coordinate axis nearest to a direction: heads stand upright in their armature."""
    axis = np.zeros(3)
    place = int(np.abs(direction).argmax())
    axis[place] = np.sign(direction[place])
    return axis


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


# ---------------------------------------------------------------- rotations


def jaw_rotation(motion: Motion, axes: FaceAxes, angle_rad: float, closes_lips: bool = False) -> np.ndarray:
    """Rotation (T, 3) of the jaw: angle_rad at jawOpen 1, and sideways.

    closes_lips: lips have no other means to close than the jaw, so mouthClose is taken off.
    """
    opened = motion.column("jawOpen")
    if closes_lips:
        opened = np.maximum(opened - motion.column("mouthClose"), 0.0)
    aside = _JAW_SIDEWAYS * (motion.column("jawLeft") - motion.column("jawRight"))
    return angle_rad * (opened[:, None] * axes.left + aside[:, None] * np.sign(angle_rad) * axes.up)


def eye_rotation(motion: Motion, side: str, axes: FaceAxes, strength: float = 1.0) -> np.ndarray:
    """Rotation (T, 3) of one eye from its gaze; side is "Left" or "Right", the character's own."""
    outwards = _EYE_OUT_RAD * motion.column(f"eyeLookOut{side}") - _EYE_IN_RAD * motion.column(f"eyeLookIn{side}")
    to_left = outwards if side == "Left" else -outwards
    down = _EYE_DOWN_RAD * motion.column(f"eyeLookDown{side}") - _EYE_UP_RAD * motion.column(f"eyeLookUp{side}")
    return strength * (to_left[:, None] * axes.up + down[:, None] * axes.left)


def head_rotation(motion: Motion, axes: FaceAxes, strength: float = 1.0) -> np.ndarray:
    """Rotation (T, 3) of the head: yaw to the left, pitch down and roll to the left are positive."""
    yaw, pitch, roll = (motion.column(name)[:, None] for name in ("HeadYaw", "HeadPitch", "HeadRoll"))
    return strength * (yaw * axes.up + pitch * axes.left - roll * axes.front)


def head_angles(rotation: np.ndarray, axes: FaceAxes, strength: float = 1.0) -> np.ndarray:
    """The way back: yaw, pitch and roll (T, 3) of the head from its rotation (T, 3)."""
    return rotation @ np.stack([axes.up, axes.left, -axes.front], axis=1) / strength


def in_frame(rotation: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Rotation (T, 3) seen from a bone whose axes are the columns of `rest` (3, 3)."""
    return rotation @ rest


def quaternions(rotation: np.ndarray) -> np.ndarray:
    """Unit quaternions (T, 4), w first, of rotation vectors (T, 3)."""
    angle = np.linalg.norm(rotation, axis=1, keepdims=True)
    share = np.where(angle > 1e-8, np.sin(angle / 2) / np.maximum(angle, 1e-8), 0.5)
    return np.concatenate([np.cos(angle / 2), share * rotation], axis=1)


def rotation_vectors(quaternion: np.ndarray) -> np.ndarray:
    """Rotation vectors (T, 3), at most half a turn, of quaternions (T, 4), w first."""
    unit = quaternion / np.maximum(np.linalg.norm(quaternion, axis=1, keepdims=True), 1e-12)
    unit = np.where(unit[:, :1] < 0, -unit, unit)
    sine = np.linalg.norm(unit[:, 1:], axis=1, keepdims=True)
    angle = 2 * np.arctan2(sine, unit[:, :1])
    return np.where(sine > 1e-8, angle / np.maximum(sine, 1e-8), 2.0) * unit[:, 1:]


# ---------------------------------------------------------------- bones by name


@dataclass(frozen=True)
class FaceBones:
    """Names of an armature's bones for the face, empty where there is none."""

    jaw: str = ""
    eye_left: str = ""
    eye_right: str = ""
    head: str = ""


#: Names without separators and case, best first; {s} is the side as l or left, r or right.
_JAW_NAMES: Final = (
    "jaw", "jawmaster", "masterjaw", "jawroot", "lowerjaw", "mandible", "jawlower", "jaw01", "jawjnt", "facejaw",
)  # fmt: skip
_HEAD_NAMES: Final = ("head", "headjnt", "head01", "chead", "headctrl", "skull")
_EYE_NAMES: Final = (
    "eye{s}", "{s}eye", "mastereye{s}", "{s}faceeye", "faceeye{s}", "eyeball{s}", "{s}eyeball", "eyejnt{s}",
    "{s}eyejnt",
)  # fmt: skip
#: Words in front that belong to a rig, not to the bone.
_RIG_WORDS: Final = re.compile(
    r"^(def|org|mch|mixamorig\d*|ccbase|jbipc?|jadj|bip\d*|valvebiped|armature|rig(?!ht)|ctrl)+"
)
_SIDES: Final[Mapping[str, tuple[str, str]]] = {"left": ("left", "l"), "right": ("right", "r")}


def guess_bones(names: Sequence[str]) -> FaceBones:
    """The bones of a face by their names, as Rigify, Mixamo, Character Creator, Daz, VRM and others spell them."""
    plain = {name: re.sub(r"[^a-z0-9]", "", name.lower()) for name in names}

    def find(wanted: Sequence[str]) -> str:
        for word in wanted:
            exact = [name for name in names if plain[name] == word]
            inner = [name for name in names if _RIG_WORDS.sub("", plain[name]) == word]
            if exact or inner:
                return (exact or inner)[0]
        return ""

    eyes = {
        side: find([pattern.format(s=spelling) for pattern in _EYE_NAMES for spelling in spellings])
        for side, spellings in _SIDES.items()
    }
    return FaceBones(find(_JAW_NAMES), eyes["left"], eyes["right"], find(_HEAD_NAMES))


# ---------------------------------------------------------------- poses


@dataclass(frozen=True)
class BonePose:
    """Where one bone is in one pose, against its rest: location (3,), rotation vector (3,), scale (3,)."""

    location: np.ndarray
    rotation: np.ndarray
    scale: np.ndarray


@dataclass(frozen=True)
class BlendedBone:
    """One bone over time: location (T, 3), rotation vector (T, 3), scale (T, 3)."""

    location: np.ndarray
    rotation: np.ndarray
    scale: np.ndarray


REST_POSE: Final = BonePose(np.zeros(3), np.zeros(3), np.ones(3))


def blend_poses(
    poses: Sequence[Mapping[str, BonePose]], weights: np.ndarray, base: Mapping[str, BonePose] | None = None
) -> dict[str, BlendedBone]:
    """Every bone of the poses at weights (T, P): the base pose, and from there towards each pose by its weight.

    Poses add up as shape keys do; rotations as rotation vectors, which is exact about one axis.
    """
    base = base or {}
    blended = {}
    for bone in dict.fromkeys(name for pose in (*poses, base) for name in pose):
        start = base.get(bone, REST_POSE)
        parts = {}
        for part in ("location", "rotation", "scale"):
            ends = np.stack([getattr(pose.get(bone, start), part) for pose in poses]) if poses else np.zeros((0, 3))
            parts[part] = getattr(start, part) + weights @ (ends - getattr(start, part))
        blended[bone] = BlendedBone(**parts)
    return blended
