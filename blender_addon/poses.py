# SPDX-License-Identifier: GPL-3.0-or-later
"""Pose libraries: actions of one frame that are named like visemes or ARKit shapes, blended on an armature."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    import bpy

    from diffusion_talker.motion import Motion
    from diffusion_talker.rigs.bones import BlendedBone, BonePose

#: A pose is an action that is no longer than this, frames.
_LONGEST: Final = 1.0
_BONE_PATH: Final = re.compile(r'pose\.bones\["((?:[^"\\]|\\.)*)"\]\.(\w+)')


@dataclass(frozen=True)
class PoseLibrary:
    """Poses by name: bone -> where it is; base is the pose of the closed, resting mouth where there is one."""

    names: tuple[str, ...] = ()
    poses: tuple[dict[str, BonePose], ...] = field(default=(), repr=False)
    base: dict[str, BonePose] = field(default_factory=dict, repr=False)

    def blend(self, motion: Motion) -> dict[str, BlendedBone]:
        """Every bone of the poses over time, by the weights that show the motion best."""
        from diffusion_talker.rigs.bones import blend_poses
        from diffusion_talker.rigs.mapping import apply_mapping, map_keys
        from diffusion_talker.rigs.vertex_motion import key_weights

        moved = apply_mapping(motion, map_keys(self.names))
        return blend_poses(self.poses, key_weights(moved, self.names), self.base)


def find_poses(armature: bpy.types.Object) -> PoseLibrary:
    """The poses of this armature among the file's actions, told by their names; empty where there are none."""
    import bpy

    named = {action.name: is_rest for action, is_rest in _named_actions() if _is_pose(action, armature)}
    poses = {name: read_pose(armature, bpy.data.actions[name]) for name in named}
    rest = [name for name, is_rest in named.items() if is_rest]
    kept = tuple(name for name in poses if name not in rest)
    return PoseLibrary(kept, tuple(poses[name] for name in kept), poses[rest[0]] if rest else {})


def has_poses(armature: bpy.types.Object) -> bool:
    """Whether there is a pose that opens or shapes the mouth; quick enough for draw()."""
    return any(not is_rest and _is_pose(action, armature) for action, is_rest in _named_actions())


def _named_actions() -> Iterator[tuple[bpy.types.Action, bool]]:
    """Actions that are named like a viseme or a shape, and whether it is the resting mouth."""
    import bpy

    for name, is_rest in _recognized(tuple(bpy.data.actions.keys())):
        yield bpy.data.actions[name], is_rest


@lru_cache(maxsize=8)
def _recognized(names: tuple[str, ...]) -> tuple[tuple[str, bool], ...]:
    from diffusion_talker.rigs.vocabularies import KeyKind, recognize

    kinds = (KeyKind.VISEME, KeyKind.SHAPE)
    found = (item for item in recognize(names) if item is not None and item.meaning.kind in kinds)
    return tuple((item.name, not item.meaning.pose) for item in found)


def _is_pose(action: bpy.types.Action, armature: bpy.types.Object) -> bool:
    first, last = action.frame_range
    return last - first <= _LONGEST and any(bone in armature.pose.bones for bone, _, _ in _curves(action))


def _curves(action: bpy.types.Action) -> Iterator[tuple[str, str, bpy.types.FCurve]]:
    """(bone, property, curve) of an action's curves on bones."""
    import bpy

    from .keyframes import all_fcurves

    for curve in all_fcurves(action):
        match = _BONE_PATH.fullmatch(curve.data_path)
        if match is not None:
            yield bpy.utils.unescape_identifier(match.group(1)), match.group(2), curve


def read_pose(armature: bpy.types.Object, action: bpy.types.Action) -> dict[str, BonePose]:
    """Where an action puts the bones that it moves, at its first frame."""
    frame = action.frame_range[0]
    values: dict[str, dict[str, dict[int, float]]] = {}
    for bone, prop, curve in _curves(action):
        if bone in armature.pose.bones:
            values.setdefault(bone, {}).setdefault(prop, {})[curve.array_index] = curve.evaluate(frame)
    return {bone: _bone_pose(armature.pose.bones[bone].rotation_mode, found) for bone, found in values.items()}


def _bone_pose(mode: str, found: dict[str, dict[int, float]]) -> BonePose:
    from diffusion_talker.rigs.bones import BonePose, rotation_vectors

    def vector(prop: str, default: tuple[float, ...]) -> np.ndarray:
        filled = np.array(default)
        for index, value in found.get(prop, {}).items():
            filled[index] = value
        return filled

    turn = vector("rotation_quaternion", (1.0, 0.0, 0.0, 0.0))
    if "rotation_euler" in found:
        from mathutils import Euler

        order = mode if mode not in ("QUATERNION", "AXIS_ANGLE") else "XYZ"
        turn = np.array(Euler(vector("rotation_euler", (0.0, 0.0, 0.0)).tolist(), order).to_quaternion())
    elif "rotation_axis_angle" in found:
        from mathutils import Quaternion

        angle, *axis = vector("rotation_axis_angle", (0.0, 0.0, 1.0, 0.0)).tolist()
        turn = np.array(Quaternion(axis, angle))
    return BonePose(vector("location", (0.0,) * 3), rotation_vectors(turn[None])[0], vector("scale", (1.0,) * 3))
