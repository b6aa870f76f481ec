# SPDX-License-Identifier: GPL-3.0-or-later
"""What one take moves: the face, the meshes that go along with it, bones; frozen, so that a worker can compute it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .bones import RigPlan, opens_mouth, rig_plans, rigs_problem
from .face_mapping import FaceKeys, edits_of, face_keys, mapping_of, usable_keys
from .problems import LipSyncProblem
from .style_properties import REGIONS, regions_in_use
from .targets import inspect_target, keys_problem
from .vertex_animation import CACHE, VertexForm, VertexPlan, form_of, vertex_plan, vertex_problem

if TYPE_CHECKING:
    import bpy


@dataclass(frozen=True)
class MeshPlan:
    """One mesh of the take, found again by its session id: undo may replace the object meanwhile."""

    uid: int
    name: str
    keys: FaceKeys


@dataclass(frozen=True)
class DrivePlan:
    """All that a take moves. face goes first: only its keys stand in for what is missing; None where bones alone
    speak. vertices: how the face is written where not by its keys. regions: parts of the face that move. jaw_alone:
    keys leave the jaw to its bone."""

    face: MeshPlan | None
    others: tuple[MeshPlan, ...] = ()
    vertices: VertexPlan | None = None
    rigs: tuple[RigPlan, ...] = ()
    regions: tuple[str, ...] = REGIONS
    jaw_alone: bool = False


@dataclass(frozen=True)
class Choices:
    """What goes along with the face. scene: where bones and head are chosen, None for none. form: how the face's
    vertices are written, None for curves on its keys. all_shapes: the motion may come as vertices, which need the
    face's shapes in any case."""

    meshes: tuple[bpy.types.Object, ...] = ()
    regions: tuple[str, ...] = REGIONS
    scene: bpy.types.Scene | None = None
    form: VertexForm | None = None
    all_shapes: bool = False


def choices_of(scene: bpy.types.Scene, all_shapes: bool = False) -> Choices:
    """What the animator chose in the scene."""
    meshes = (item.object for item in scene.diffusion_talker_drive.meshes)
    present = tuple(dict.fromkeys(obj for obj in meshes if obj is not None and obj.name in scene.objects))
    return Choices(present, regions_in_use(scene.diffusion_talker), scene, form_of(scene), all_shapes)


def plan_problem(face: bpy.types.Object | None, choices: Choices) -> str:
    """Why the face, or what goes along with it, cannot be driven, and what to do; empty when all can."""
    if not moves_anything(choices):
        return "No part of the face would move: switch some on under Emotion > Parts of the Face"
    reason = "" if speaks_by_bones(face, choices) else _face_problem(face, choices)
    if reason:
        return reason
    for obj in choices.meshes:
        reason = keys_problem(obj) if obj != face else ""
        if reason:
            return f"{reason}. Or remove it from the list of meshes"
    return rigs_problem(choices.scene, face) if choices.scene is not None else ""


def moves_anything(choices: Choices) -> bool:
    """Whether a part of the face is switched on; the head counts where something turns with it."""
    has_head = choices.scene is not None and choices.scene.diffusion_talker_drive.use_head
    return any(region != "head" or has_head for region in choices.regions)


def speaks_by_bones(face: bpy.types.Object | None, choices: Choices) -> bool:
    """Whether bones alone speak: the face has no keys, and a jaw or poses are set up."""
    is_bare = face is None or face.type != "MESH" or face.data.shape_keys is None
    return is_bare and choices.form is None and choices.scene is not None and opens_mouth(choices.scene)


def _face_problem(face: bpy.types.Object | None, choices: Choices) -> str:
    if choices.form is not None:
        return vertex_problem(face, choices.form)
    return keys_problem(face) or ("" if has_mouth_by_hand(face) else inspect_target(face).reason)


def has_mouth_by_hand(face: bpy.types.Object) -> bool:
    """Whether the animator chose keys of the mouth by hand: then their names need not be known."""
    from diffusion_talker.channels import MOUTH_CHANNELS

    names = {name for name, _, _ in usable_keys(face)}
    chosen = (entry.key for edit in edits_of(face) if edit.channel in MOUTH_CHANNELS for entry in edit.entries or ())
    return any(key in names for key in chosen)


@dataclass(frozen=True)
class OtherWay:
    """How a face moves where that is not by keys whose names are known: a sentence for the panel, and whether it
    will."""

    sentence: str
    moves: bool


def other_way(face: bpy.types.Object | None, scene: bpy.types.Scene) -> OtherWay | None:
    """Vertices, bones alone, or keys chosen by hand; None for a face that is driven by its named keys."""
    choices = choices_of(scene)
    if choices.form is not None:
        reason = vertex_problem(face, choices.form)
        form = "a mesh cache" if choices.form.mode == CACHE else "one shape key a frame"
        return OtherWay(reason or f"Generate will write '{face.name}' as {form}", not reason)
    if speaks_by_bones(face, choices):
        reason = rigs_problem(scene, face)
        armature = scene.diffusion_talker_drive.armature.name
        return OtherWay(reason or f"Generate will move the bones of '{armature}'", not reason)
    has_keys = face is not None and face.type == "MESH" and face.data.shape_keys is not None
    if has_keys and not keys_problem(face) and has_mouth_by_hand(face) and not inspect_target(face).ready:
        return OtherWay(f"Generate will move the keys of '{face.name}' that were chosen by hand", True)
    return None


def plan_of(face: bpy.types.Object | None, choices: Choices, line: str = "") -> DrivePlan:
    """Freeze what a take moves; `line` names its files. Raises LipSyncProblem when something cannot be driven."""
    reason = plan_problem(face, choices)
    if reason:
        raise LipSyncProblem(reason)
    drive = choices.scene.diffusion_talker_drive if choices.scene is not None else None
    has_face = not speaks_by_bones(face, choices)
    return DrivePlan(
        face=mesh_plan(face, choices.all_shapes) if has_face else None,
        others=tuple(mesh_plan(obj) for obj in choices.meshes if obj != face),
        vertices=None if choices.form is None else vertex_plan(face, choices.form, line),
        rigs=_rigs(choices, face, not has_face or not closes_lips(face)) if drive is not None else (),
        regions=choices.regions,
        jaw_alone=bool(drive is not None and drive.jaw_alone and drive.jaw_bone and drive.armature),
    )


def _rigs(choices: Choices, face: bpy.types.Object | None, closes_lips_alone: bool) -> tuple[RigPlan, ...]:
    """Bones of the parts of the face that move."""
    plans = (plan.only(choices.regions) for plan in rig_plans(choices.scene, face, closes_lips_alone))
    return tuple(plan for plan in plans if plan.turns or plan.poses is not None)


def closes_lips(face: bpy.types.Object) -> bool:
    """Whether the face's keys can close the lips over an open jaw."""
    return mapping_of(face).channel("mouthClose").explained > 0.5


def mesh_plan(obj: bpy.types.Object, all_shapes: bool = False) -> MeshPlan:
    return MeshPlan(obj.session_uid, obj.name, face_keys(obj, all_shapes))
