# SPDX-License-Identifier: GPL-3.0-or-later
"""What one take moves: the face, the meshes that go along with it, bones; frozen, so that a worker can compute it."""

from __future__ import annotations

from collections.abc import Mapping as Table
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from .face_mapping import FaceKeys, face_keys
from .problems import LipSyncProblem
from .targets import inspect_target, keys_problem

if TYPE_CHECKING:
    import bpy
    import numpy as np

    from diffusion_talker.motion import Motion

#: Channels that a jaw bone shows.
JAW_CHANNELS: Final = ("jawOpen", "jawLeft", "jawRight", "jawForward")


@dataclass(frozen=True)
class MeshPlan:
    """One mesh of the take, found again by its session id: undo may replace the object meanwhile."""

    uid: int
    name: str
    keys: FaceKeys


@dataclass(frozen=True)
class DrivePlan:
    """All that a take moves. face goes first: only its keys stand in for what is missing."""

    face: MeshPlan
    others: tuple[MeshPlan, ...] = ()
    use_upper_face: bool = True


@dataclass(frozen=True)
class DrivenKeys:
    """Curves of one mesh's shape keys: key name -> (F,) float32, one value a scene frame."""

    mesh: MeshPlan
    curves: Table[str, np.ndarray] = field(repr=False)


# ---------------------------------------------------------------- planning (main thread)


@dataclass(frozen=True)
class Choices:
    """What goes along with the face."""

    meshes: tuple[bpy.types.Object, ...] = ()
    use_upper_face: bool = True


def choices_of(scene: bpy.types.Scene) -> Choices:
    """What the animator chose in the scene."""
    meshes = (item.object for item in scene.diffusion_talker_drive.meshes)
    present = tuple(dict.fromkeys(obj for obj in meshes if obj is not None and obj.name in scene.objects))
    return Choices(present, scene.diffusion_talker.use_upper_face)


def plan_of(face: bpy.types.Object | None, choices: Choices) -> DrivePlan:
    """Freeze what a take moves. Raises LipSyncProblem when the face or a mesh cannot be driven."""
    reason = inspect_target(face).reason or others_problem(face, choices)
    if reason:
        raise LipSyncProblem(reason)
    others = tuple(mesh_plan(obj) for obj in choices.meshes if obj != face)
    return DrivePlan(mesh_plan(face), others, choices.use_upper_face)


def others_problem(face: bpy.types.Object | None, choices: Choices) -> str:
    """Why a mesh beside the face cannot be driven, and what to do; empty when all can."""
    for obj in choices.meshes:
        reason = keys_problem(obj) if obj != face else ""
        if reason:
            return f"{reason}. Or remove it from the list of meshes"
    return ""


def mesh_plan(obj: bpy.types.Object) -> MeshPlan:
    return MeshPlan(obj.session_uid, obj.name, face_keys(obj))


# ---------------------------------------------------------------- computing (any thread, no bpy)


def drive_keys(motion: Motion, plan: DrivePlan) -> tuple[DrivenKeys, ...]:
    """Curves for all meshes of a take from motion at the scene's frames: the face first, and those that get any."""
    from diffusion_talker.channels import ARKIT_52, MOUTH_CHANNELS
    from diffusion_talker.rigs.mapping import apply_mapping, follow_face

    channels = ARKIT_52 if plan.use_upper_face else MOUTH_CHANNELS
    shapes = plan.face.keys.shapes
    measured = shapes.measured() if shapes is not None else None
    face = apply_mapping(motion, plan.face.keys.mapping(measured).only(channels), measured)
    driven = [DrivenKeys(plan.face, curves_of(face))]
    for mesh in plan.others:
        driven.append(DrivenKeys(mesh, curves_of(follow_face(motion, mesh.keys.mapping().only(channels), face))))
    return tuple(keys for keys in driven if keys.curves or keys.mesh is plan.face)


def curves_of(motion: Motion) -> dict[str, np.ndarray]:
    """Curve (F,) of every channel by name."""
    return {name: motion.weights[:, index] for index, name in enumerate(motion.channels)}
