# SPDX-License-Identifier: GPL-3.0-or-later
"""Bones that move with the face: jaw, eyes and head turn, poses of a library blend. Blender's side of `rigs.bones`."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Mapping as Table
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from .poses import PoseLibrary, find_poses, has_poses
from .problems import LipSyncProblem

if TYPE_CHECKING:
    import bpy

    from diffusion_talker.motion import Motion
    from diffusion_talker.rigs.bones import BlendedBone, FaceAxes, FaceBones

JAW, EYE_LEFT, EYE_RIGHT, HEAD = "jaw", "Left", "Right", "head"
#: The part of the face, as the core parts it, that each of them belongs to.
_REGIONS: Final[Table[str, str]] = {JAW: "mouth", EYE_LEFT: "eyes", EYE_RIGHT: "eyes", HEAD: "head"}
_LETTERS: Final = "XYZ"


@dataclass(frozen=True)
class Turn:
    """One thing that turns: a bone, or the object itself where `bone` is empty. rest (3, 3): its axes as columns, in
    the armature's (for an object: its parent's) frame. amount: radians of the jaw, strength of the others. axis: of
    the jaw, in the bone's own frame, None where it follows from the face's directions."""

    part: str
    bone: str
    rest: np.ndarray = field(repr=False)
    amount: float
    axis: np.ndarray | None = None


@dataclass(frozen=True)
class RigPlan:
    """An object whose bones, or which itself, move with the face. closes_lips: the jaw is all that can close them."""

    uid: int
    name: str
    axes: FaceAxes
    turns: tuple[Turn, ...]
    poses: PoseLibrary | None = None
    closes_lips: bool = False

    def only(self, regions: Collection[str]) -> RigPlan:
        """What of it belongs to these parts of the face; poses are the mouth's."""
        turns = tuple(turn for turn in self.turns if _REGIONS[turn.part] in regions)
        return replace(self, turns=turns, poses=self.poses if "mouth" in regions else None)


@dataclass(frozen=True)
class DrivenRig:
    """Motion of a rig at the scene's frames: quaternions (F, 4) by bone, "" for the object; whole poses by bone."""

    rig: RigPlan
    turns: Table[str, np.ndarray] = field(repr=False)
    poses: Table[str, BlendedBone] = field(repr=False)


# ---------------------------------------------------------------- planning (main thread)


def rigs_problem(scene: bpy.types.Scene, face: bpy.types.Object | None) -> str:
    """Why the bones cannot move, and what to do; empty when they can, or none is chosen."""
    drive = scene.diffusion_talker_drive
    if uses_bones(scene):
        names = (drive.jaw_bone, drive.eye_left_bone, drive.eye_right_bone)
        reason = armature_problem(drive.armature, names)
        if reason:
            return reason
    if drive.use_poses and not uses_bones(scene):
        return "No armature is chosen for the poses: choose one under Bones and Head"
    if drive.use_poses and not has_poses(drive.armature):
        return f"No pose of '{drive.armature.name}' is named like a viseme (aa, PP, jawOpen...): name its actions so"
    return _head_problem(scene, face) if drive.use_head else ""


def uses_bones(scene: bpy.types.Scene) -> bool:
    """Whether bones of an armature are driven."""
    drive = scene.diffusion_talker_drive
    chosen = drive.jaw_bone or drive.eye_left_bone or drive.eye_right_bone or drive.use_poses
    return bool(chosen) and drive.armature is not None


def opens_mouth(scene: bpy.types.Scene) -> bool:
    """Whether bones alone can speak: a jaw that opens, or poses."""
    drive = scene.diffusion_talker_drive
    return uses_bones(scene) and bool(drive.jaw_bone or drive.use_poses)


def armature_problem(armature: bpy.types.Object, names: tuple[str, ...]) -> str:
    """Why these bones of an armature cannot be animated, and what to do; empty names do not count."""
    reason = _owner_problem(armature)
    if reason:
        return reason
    missing = [name for name in names if name and name not in armature.pose.bones]
    if missing:
        return f"'{armature.name}' has no bone '{missing[0]}': choose one of its bones, or empty the field"
    driven = {curve.data_path for curve in armature.animation_data.drivers} if armature.animation_data else set()
    for name in names:
        paths = [f"{bone_path(name)}.{prop}" for prop in ("rotation_quaternion", "rotation_euler")]
        if name and driven.intersection(paths):
            return f"Bone '{name}' of '{armature.name}' is turned by a driver: choose the bone that the driver follows"
    return ""


def _owner_problem(obj: bpy.types.Object) -> str:
    if obj.library is not None and obj.override_library is None:
        return f"'{obj.name}' is linked, which is read-only: make a library override, or a local copy"
    if obj.override_library is not None and obj.override_library.is_system_override:
        return f"The override of '{obj.name}' is not editable: choose Library Override > Make Editable, then try again"
    if obj.animation_data is not None and obj.animation_data.use_tweak_mode:
        return f"An NLA strip of '{obj.name}' is being edited: leave tweak mode (Tab in the NLA editor) first"
    return ""


def head_of(scene: bpy.types.Scene, face: bpy.types.Object | None) -> bpy.types.Object | None:
    """What turns as the head: what was chosen, else the armature, else the face itself."""
    drive = scene.diffusion_talker_drive
    return drive.head_object or (drive.armature if drive.head_bone else None) or face


def _head_problem(scene: bpy.types.Scene, face: bpy.types.Object | None) -> str:
    head, bone = head_of(scene, face), scene.diffusion_talker_drive.head_bone
    if head is None:
        return "No head is chosen: choose what turns under Bones and Head"
    if bone and head.type != "ARMATURE":
        return f"'{head.name}' has no bones: choose an armature as the head, or empty its bone"
    if not bone and head.rotation_mode == "AXIS_ANGLE":
        return f"'{head.name}' rotates by axis and angle: set its rotation mode to Quaternion or Euler"
    return armature_problem(head, (bone,)) if bone else _owner_problem(head)


def rig_plans(scene: bpy.types.Scene, face: bpy.types.Object | None, closes_lips: bool) -> tuple[RigPlan, ...]:
    """Freeze the bones and the head that move. Raises LipSyncProblem when they cannot."""
    reason = rigs_problem(scene, face)
    if reason:
        raise LipSyncProblem(reason)
    drive = scene.diffusion_talker_drive
    plans = []
    if uses_bones(scene):
        turns = tuple(turn for turn in (_jaw(drive), *_eyes(drive)) if turn is not None)
        poses = find_poses(drive.armature) if drive.use_poses else None
        axes = armature_axes(drive.armature, drive)
        plans.append(RigPlan(drive.armature.session_uid, drive.armature.name, axes, turns, poses, closes_lips))
    if drive.use_head:
        plans.append(_head_plan(scene, face))
    return tuple(plans)


def _jaw(drive: bpy.types.PropertyGroup) -> Turn | None:
    if not drive.jaw_bone:
        return None
    axis = None
    if drive.jaw_axis != "AUTO":
        axis = np.zeros(3)
        axis[_LETTERS.index(drive.jaw_axis[-1])] = -1.0 if drive.jaw_axis.startswith("-") else 1.0
    return Turn(JAW, drive.jaw_bone, _rest(drive.armature, drive.jaw_bone), drive.jaw_angle, axis)


def _eyes(drive: bpy.types.PropertyGroup) -> tuple[Turn | None, ...]:
    sides = ((EYE_LEFT, drive.eye_left_bone), (EYE_RIGHT, drive.eye_right_bone))
    return tuple(
        Turn(side, bone, _rest(drive.armature, bone), drive.eye_strength) if bone else None for side, bone in sides
    )


def _head_plan(scene: bpy.types.Scene, face: bpy.types.Object | None) -> RigPlan:
    drive, head = scene.diffusion_talker_drive, head_of(scene, face)
    if drive.head_bone:
        turn = Turn(HEAD, drive.head_bone, _rest(head, drive.head_bone), drive.head_strength)
        return RigPlan(head.session_uid, head.name, armature_axes(head, drive), (turn,))
    turn = Turn(HEAD, "", np.eye(3), drive.head_strength)
    return RigPlan(head.session_uid, head.name, _object_axes(head), (turn,))


def _rest(armature: bpy.types.Object, bone: str) -> np.ndarray:
    """Axes of a bone at rest as columns (3, 3), in the armature's frame."""
    return np.array(armature.data.bones[bone].matrix_local.to_3x3())


def armature_axes(armature: bpy.types.Object, drive: bpy.types.PropertyGroup) -> FaceAxes:
    """Directions of the face in its armature, from where eyes and jaw lie; found by name where none were chosen."""
    from diffusion_talker.rigs.bones import axes_of_bones

    bones = armature.data.bones
    guess = guessed_bones(armature)

    def head(chosen: str, guessed: str) -> np.ndarray | None:
        name = chosen if chosen in bones else guessed
        return np.array(bones[name].head_local) if name else None

    jaw = drive.jaw_bone if drive.jaw_bone in bones else guess.jaw
    tip = np.array(bones[jaw].tail_local) if jaw else None
    eyes = head(drive.eye_left_bone, guess.eye_left), head(drive.eye_right_bone, guess.eye_right)
    return axes_of_bones(*eyes, head(jaw, ""), tip)


def guessed_bones(armature: bpy.types.Object) -> FaceBones:
    """The face's bones as their names tell."""
    from diffusion_talker.rigs.bones import guess_bones

    return guess_bones([bone.name for bone in armature.data.bones])


def _object_axes(obj: bpy.types.Object) -> FaceAxes:
    """Directions of a head that is one object, in its parent's frame: from its landmarks, else as Blender has them."""
    from diffusion_talker.rigs.bones import FaceAxes

    from .face_mapping import known_landmarks
    from .meshes import neutral_points

    axes = FaceAxes()
    landmarks = known_landmarks(obj) if obj.type == "MESH" else None
    if landmarks is not None:
        from diffusion_talker.rigs.shape_keys.landmarks import face_frame

        frame = face_frame(neutral_points(obj), landmarks)
        axes = FaceAxes(frame.axes[0], frame.axes[1])
    turn = np.array((obj.rotation_quaternion if obj.rotation_mode == "QUATERNION" else obj.rotation_euler).to_matrix())
    return FaceAxes(turn @ axes.left, turn @ axes.up)


# ---------------------------------------------------------------- computing (any thread, no bpy)


def drive_rig(motion: Motion, rig: RigPlan) -> DrivenRig:
    """Rotations and poses of a rig from ARKit motion at the scene's frames."""
    from diffusion_talker.rigs.bones import in_frame, quaternions

    poses = rig.poses.blend(motion) if rig.poses is not None else {}
    turns = {}
    for turn in rig.turns:
        if turn.bone in poses:
            continue  # its poses place it already
        rotation = in_frame(_rotation(motion, rig, turn), turn.rest) if turn.axis is None else _about(motion, rig, turn)
        turns[turn.bone] = quaternions(rotation)
    return DrivenRig(rig, turns, poses)


def _rotation(motion: Motion, rig: RigPlan, turn: Turn) -> np.ndarray:
    from diffusion_talker.rigs.bones import eye_rotation, head_rotation, jaw_rotation

    if turn.part == JAW:
        return jaw_rotation(motion, rig.axes, turn.amount, rig.closes_lips)
    if turn.part == HEAD:
        return head_rotation(motion, rig.axes, turn.amount)
    return eye_rotation(motion, turn.part, rig.axes, turn.amount)


def _about(motion: Motion, rig: RigPlan, turn: Turn) -> np.ndarray:
    """Rotation (F, 3) of a jaw about the axis that was chosen for it; it opens only."""
    from diffusion_talker.rigs.bones import FaceAxes, jaw_rotation

    opened = jaw_rotation(motion, FaceAxes(), turn.amount, rig.closes_lips)[:, :1]
    return opened * turn.axis


# ---------------------------------------------------------------- writing (main thread)


def bone_path(name: str) -> str:
    """Data path of a pose bone, seen from its object."""
    import bpy

    return f'pose.bones["{bpy.utils.escape_identifier(name)}"]'


def rig_curves(obj: bpy.types.Object, driven: DrivenRig) -> dict[tuple[str, int], np.ndarray]:
    """Curves of an object's bones, or its own, by channel, in the way in which each of them rotates.

    Raises LipSyncProblem for a bone that is gone.
    """
    from diffusion_talker.rigs.bones import quaternions

    curves: dict[tuple[str, int], np.ndarray] = {}
    for bone, turns in driven.turns.items():
        if not bone:
            curves |= _rotation_curves("delta_rotation", obj.rotation_mode, turns)
        else:
            curves |= _rotation_curves(f"{bone_path(bone)}.rotation", _pose_bone(obj, bone).rotation_mode, turns)
    for bone, moved in driven.poses.items():
        path, mode = bone_path(bone), _pose_bone(obj, bone).rotation_mode
        curves |= {(f"{path}.location", i): moved.location[:, i] for i in range(3)}
        curves |= {(f"{path}.scale", i): moved.scale[:, i] for i in range(3)}
        curves |= _rotation_curves(f"{path}.rotation", mode, quaternions(moved.rotation))
    return curves


def read_head(scene: bpy.types.Scene, face: bpy.types.Object | None, frames: np.ndarray) -> dict[str, np.ndarray]:
    """Yaw, pitch and roll (F,) of the head as it is keyed, by channel; empty where it is not driven or not keyed."""
    from diffusion_talker.channels import HEAD_CHANNELS
    from diffusion_talker.rigs.bones import head_angles, rotation_vectors

    from .keyframes import current_fcurves

    drive = scene.diffusion_talker_drive
    if not drive.use_head or not drive.head_strength or rigs_problem(scene, face):
        return {}
    plan, head = _head_plan(scene, face), head_of(scene, face)
    turn = plan.turns[0]
    mode = head.pose.bones[turn.bone].rotation_mode if turn.bone else head.rotation_mode
    path = f"{bone_path(turn.bone)}.rotation" if turn.bone else "delta_rotation"
    fcurves = current_fcurves(head) or ()
    found = {(curve.data_path, curve.array_index): curve for curve in fcurves}
    wanted = list(_rotation_curves(path, mode, np.eye(1, 4)))
    if not all(channel in found for channel in wanted):
        return {}
    values = np.array([[found[channel].evaluate(frame) for channel in wanted] for frame in frames.tolist()])
    angles = head_angles(rotation_vectors(_quaternions(values, mode)) @ turn.rest.T, plan.axes, turn.amount)
    return dict(zip(HEAD_CHANNELS, angles.T, strict=True))


def _quaternions(values: np.ndarray, mode: str) -> np.ndarray:
    """Rotations (F, 4) or (F, 3) of any mode as quaternions (F, 4)."""
    if mode == "QUATERNION":
        return values
    from mathutils import Euler, Quaternion

    if mode == "AXIS_ANGLE":
        return np.array([Quaternion(axis, angle) for angle, *axis in values.tolist()])
    return np.array([Euler(angles, mode).to_quaternion() for angles in values.tolist()])


def _pose_bone(obj: bpy.types.Object, name: str) -> bpy.types.PoseBone:
    if obj.pose is None or name not in obj.pose.bones:
        raise LipSyncProblem(f"'{obj.name}' lost its bone '{name}' meanwhile: undo that, or choose another")
    return obj.pose.bones[name]


def _rotation_curves(path: str, mode: str, turns: np.ndarray) -> dict[tuple[str, int], np.ndarray]:
    """Quaternions (F, 4) as curves of path_quaternion, path_axis_angle or path_euler."""
    if mode == "QUATERNION":
        return {(f"{path}_quaternion", i): turns[:, i] for i in range(4)}
    if mode == "AXIS_ANGLE":
        from diffusion_talker.rigs.bones import rotation_vectors

        vectors = rotation_vectors(turns)
        angle = np.linalg.norm(vectors, axis=1)
        axis = np.where(angle[:, None] > 1e-8, vectors / np.maximum(angle, 1e-8)[:, None], (0.0, 1.0, 0.0))
        return {(f"{path}_axis_angle", i): part for i, part in enumerate((angle, *axis.T))}
    eulers = _eulers(turns, mode)
    return {(f"{path}_euler", i): eulers[:, i] for i in range(3)}


def _eulers(turns: np.ndarray, order: str) -> np.ndarray:
    """Angles (F, 3) without jumps from frame to frame."""
    from mathutils import Euler, Quaternion

    angles = np.empty((len(turns), 3), np.float32)
    before = Euler((0.0, 0.0, 0.0), order)
    for row, turn in zip(angles, turns.tolist(), strict=True):
        before = Quaternion(turn).to_euler(order, before)
        row[:] = before
    return angles
