# SPDX-License-Identifier: GPL-3.0-or-later
"""Jaw, eyes and head on bones, and poses that blend: what Blender shows, in every way in which a bone rotates."""

from __future__ import annotations

from math import radians
from pathlib import Path
from types import ModuleType

import bpy
import numpy as np
import pytest
from mathutils import Vector

from diffusion_talker.channels import MODEL_CHANNELS
from diffusion_talker.motion import Motion
from tests.addon.scenes import insert_key, keys_of, make_face, set_fps, snapshot, speech_like, write_sound

BONES = {
    "head": ((0, 0, 1.5), (0, 0, 1.7)),
    "jaw": ((0, 0, 1.55), (0, -0.1, 1.5)),
    "eye.L": ((0.03, -0.08, 1.62), (0.03, -0.12, 1.62)),
    "eye.R": ((-0.03, -0.08, 1.62), (-0.03, -0.12, 1.62)),
}
FPS = 24.0


def make_rig(name: str = "Rig", roll: float = 0.0) -> bpy.types.Object:
    """An armature that faces -Y, as a rigger leaves it; nothing of it is active afterwards."""
    data = bpy.data.armatures.new(name)
    obj = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(obj)
    active = bpy.context.view_layer.objects.active
    bpy.context.view_layer.objects.active = obj
    bpy.ops.object.mode_set(mode="EDIT")
    for bone_name, (start, end) in BONES.items():
        bone = data.edit_bones.new(bone_name)
        bone.head, bone.tail, bone.roll = start, end, roll
        if bone_name != "head":
            bone.parent = data.edit_bones["head"]
    bpy.ops.object.mode_set(mode="OBJECT")
    bpy.context.view_layer.objects.active = active
    return obj


def use_rig(rig: bpy.types.Object) -> bpy.types.PropertyGroup:
    drive = bpy.context.scene.diffusion_talker_drive
    drive.armature, drive.jaw_bone, drive.eye_left_bone, drive.eye_right_bone = rig, "jaw", "eye.L", "eye.R"
    return drive


def held(**values: float) -> Motion:
    """A motion that goes from rest to these values and stays there."""
    weights = np.zeros((60, len(MODEL_CHANNELS)), np.float32)
    for name, value in values.items():
        weights[10:, MODEL_CHANNELS.index(name)] = value
    return Motion(weights, MODEL_CHANNELS, 60.0)


def write(addon: ModuleType, obj: bpy.types.Object | None, motion: Motion) -> object:
    set_fps(24, 1)
    speech = addon.audio_source.Speech("line", "line", "/nowhere/line.wav", 1, FPS)
    choices = addon.drive_plan.choices_of(bpy.context.scene)
    request = addon.generation.request_for(speech, obj, addon.generation.Options(), choices)
    take = addon.driving.drive(motion, request.plan, speech)
    return addon.generation.apply(request, addon.generation.Generated(take, 1.0, "test", 0.0))


def direction(rig: bpy.types.Object, bone: str, frame: int) -> Vector:
    """Where a bone points at a frame, in the armature's frame."""
    bpy.context.scene.frame_set(frame)
    posed = rig.evaluated_get(bpy.context.evaluated_depsgraph_get()).pose.bones[bone]
    return (posed.tail - posed.head).normalized()


@pytest.mark.parametrize("mode", ["QUATERNION", "XYZ", "ZYX", "AXIS_ANGLE"])
@pytest.mark.parametrize("roll", [0.0, 1.1])
def test_jaw_and_eyes_turn_the_right_way(addon: ModuleType, fresh_scene: object, mode: str, roll: float) -> None:
    rig, face = make_rig(roll=roll), make_face()
    for bone in rig.pose.bones:
        bone.rotation_mode = mode
    use_rig(rig).jaw_angle = radians(20)
    outcome = write(addon, face, held(jawOpen=1.0, eyeLookOutLeft=1.0, eyeLookInRight=1.0))
    assert [take.action_name for take in outcome.takes] == ["Head line Take 01", "Rig line Take 01"]
    opened = direction(rig, "jaw", 1).angle(direction(rig, "jaw", 20))
    assert np.degrees(opened) == pytest.approx(20, abs=0.1)
    assert direction(rig, "jaw", 20).z < direction(rig, "jaw", 1).z - 0.2, "the chin drops"
    for eye in ("eye.L", "eye.R"):
        assert direction(rig, eye, 20).x > 0.5, "both look to the character's left"
        assert direction(rig, eye, 1).x == pytest.approx(0, abs=1e-5)


def test_an_axis_of_ones_own(addon: ModuleType, fresh_scene: object) -> None:
    rig, face = make_rig(), make_face()
    drive = use_rig(rig)
    drive.jaw_axis, drive.jaw_angle = "-X", radians(-20)
    rig.pose.bones["jaw"].rotation_mode = "XYZ"
    write(addon, face, held(jawOpen=1.0))
    bpy.context.scene.frame_set(20)
    np.testing.assert_allclose(rig.pose.bones["jaw"].rotation_euler, (radians(20), 0, 0), atol=1e-5)


def test_the_bones_own_animation_is_kept(addon: ModuleType, fresh_scene: object) -> None:
    rig, face = make_rig(), make_face()
    use_rig(rig)
    insert_key(rig, "location", 3)
    insert_key(rig.pose.bones["head"], "rotation_quaternion", 5)
    insert_key(rig.pose.bones["jaw"], "rotation_quaternion", 200)
    own = rig.animation_data.action
    before = [(curve.data_path, len(curve.keyframe_points)) for curve in addon.keyframes.all_fcurves(own)]
    write(addon, face, held(jawOpen=1.0))
    assert [(c.data_path, len(c.keyframe_points)) for c in addon.keyframes.all_fcurves(own)] == before
    assert own.use_fake_user and rig.animation_data.action != own
    fresh = {(c.data_path, c.array_index): c for c in addon.keyframes.all_fcurves(rig.animation_data.action)}
    assert len(fresh[("location", 0)].keyframe_points) == 1
    assert round(fresh[('pose.bones["jaw"].rotation_quaternion', 0)].keyframe_points[-1].co.x) == 200


def test_a_jaw_bone_alone_leaves_the_keys_closed(addon: ModuleType, fresh_scene: object) -> None:
    rig, face = make_rig(), make_face()
    drive = use_rig(rig)
    motion = held(jawOpen=0.8, mouthFunnel=0.5)
    write(addon, face, motion)
    assert keys_of(face, "jawOpen")[20] == pytest.approx(0.8)
    drive.jaw_alone = True
    face.data.shape_keys.animation_data_clear()
    write(addon, face, motion)
    names = {addon.targets.key_name_of_path(c.data_path) for c in addon.keyframes.current_fcurves(face.data.shape_keys)}
    assert "jawOpen" not in names and keys_of(face, "mouthFunnel")[20] == pytest.approx(0.5)


def test_a_jaw_that_is_all_there_is_closes_the_lips(addon: ModuleType, fresh_scene: object) -> None:
    rig = make_rig()
    use_rig(rig)
    write(addon, None, held(jawOpen=0.5, mouthClose=0.5))
    assert direction(rig, "jaw", 1).angle(direction(rig, "jaw", 20)) < 1e-3
    face = make_face()
    write(addon, face, held(jawOpen=0.5, mouthClose=0.5))
    assert direction(rig, "jaw", 1).angle(direction(rig, "jaw", 20)) > 0.1, "the face has mouthClose for that"


@pytest.mark.parametrize("mode", ["QUATERNION", "XYZ"])
def test_the_head_turns_a_bone_or_the_object(addon: ModuleType, fresh_scene: object, mode: str) -> None:
    rig, face = make_rig(), make_face()
    drive = bpy.context.scene.diffusion_talker_drive
    face.rotation_mode = mode
    rotation = tuple(face.rotation_quaternion if mode == "QUATERNION" else face.rotation_euler)
    motion = held(HeadYaw=0.3, HeadPitch=0.2, HeadRoll=0.1)
    write(addon, face, motion)
    assert face.animation_data is None, "the head stays still unless it is asked for"
    drive.use_head = True
    write(addon, face, motion)
    bpy.context.scene.frame_set(20)
    front = face.evaluated_get(bpy.context.evaluated_depsgraph_get()).matrix_world.to_3x3() @ Vector((0, -1, 0))
    assert front.x > 0.2 and front.z < -0.1, "to the character's left, and down"
    assert tuple(face.rotation_quaternion if mode == "QUATERNION" else face.rotation_euler) == rotation
    drive.head_object, drive.head_bone, drive.head_strength = rig, "head", 0.5
    write(addon, face, motion)
    bpy.context.scene.frame_set(20)
    turned = rig.evaluated_get(bpy.context.evaluated_depsgraph_get()).pose.bones["head"].matrix.to_quaternion()
    start = rig.data.bones["head"].matrix_local.to_quaternion()
    assert start.rotation_difference(turned).angle == pytest.approx(np.linalg.norm((0.15, 0.1, 0.05)), abs=0.01)


@pytest.mark.parametrize("bone", ["", "head"])
@pytest.mark.parametrize("mode", ["QUATERNION", "XYZ"])
def test_the_heads_rotation_is_exported_again(
    addon: ModuleType, fresh_scene: object, tmp_path: Path, bone: str, mode: str
) -> None:
    from diffusion_talker.formats import read_motion

    rig, face = make_rig(roll=0.4), make_face()
    drive = bpy.context.scene.diffusion_talker_drive
    drive.use_head, drive.head_bone, drive.head_strength = True, bone, 0.8
    drive.head_object = rig if bone else None
    face.rotation_mode = rig.pose.bones["head"].rotation_mode = mode
    face.rotation_euler = (0.2, 0.1, 0.5)
    write(addon, face, held(jawOpen=0.4, HeadYaw=0.3, HeadPitch=-0.2, HeadRoll=0.1))
    addon.operators.export.export_take(face, FPS, tmp_path / "take.csv")
    motion = read_motion(tmp_path / "take.csv")
    for name, value in (("HeadYaw", 0.3), ("HeadPitch", -0.2), ("HeadRoll", 0.1), ("jawOpen", 0.4)):
        assert motion.column(name)[20] == pytest.approx(value, abs=1e-3), name
        assert motion.column(name)[0] == pytest.approx(0, abs=1e-3)


def test_regenerating_does_not_turn_further(addon: ModuleType, fresh_scene: object) -> None:
    face = make_face()
    bpy.context.scene.diffusion_talker_drive.use_head = True
    turns = []
    for _ in range(2):
        write(addon, face, held(HeadYaw=0.3))
        bpy.context.scene.frame_set(20)
        turns.append(face.evaluated_get(bpy.context.evaluated_depsgraph_get()).matrix_world.to_euler().z)
    assert turns[0] == pytest.approx(0.3, abs=1e-4) and turns[1] == pytest.approx(turns[0], abs=1e-5)


def add_pose(rig: bpy.types.Object, name: str, turn_x: float, frame: int = 1) -> None:
    """A pose of the jaw as the pose library keeps it: an action of one frame."""
    jaw = rig.pose.bones["jaw"]
    jaw.rotation_mode = "XYZ"
    rig.animation_data_create().action = None
    jaw.rotation_euler = (turn_x, 0, 0)
    jaw.location = (0, turn_x / 10, 0)
    for path in ("rotation_euler", "location"):
        jaw.keyframe_insert(path, frame=frame)
    rig.animation_data.action.name = name
    rig.animation_data.action.use_fake_user = True
    rig.animation_data.action = None
    jaw.rotation_euler, jaw.location = (0, 0, 0), (0, 0, 0)


def test_poses_named_like_visemes_speak(addon: ModuleType, fresh_scene: object, tmp_path: Path) -> None:
    rig = make_rig()
    for name, turn in {"aa": 0.5, "E": 0.3, "oh": 0.25, "PP": 0.0, "FF": 0.05, "ou": 0.1, "sil": 0.0}.items():
        add_pose(rig, name, turn)
    bpy.context.view_layer.objects.active = rig
    drive = bpy.context.scene.diffusion_talker_drive
    settings = bpy.context.scene.diffusion_talker
    settings.source, settings.audio_file = "FILE", str(write_sound(tmp_path / "line.wav", speech_like(1.0)))
    drive.armature = rig
    assert not bpy.ops.diffusion_talker.generate.poll()
    drive.use_poses = True
    found = addon.diagnosis.diagnose(rig, bpy.context.scene)
    assert found.moves and found.sentence == "Generate will move the bones of 'Rig'"
    before = snapshot()
    assert bpy.ops.diffusion_talker.generate() == {"FINISHED"}
    fresh = rig.animation_data.action
    assert fresh.name == "Rig line Take 01"
    assert snapshot(without_actions=[fresh.name]).actions == before.actions
    drive_curves = {(c.data_path, c.array_index) for c in addon.keyframes.all_fcurves(fresh)}
    assert ('pose.bones["jaw"].rotation_euler', 0) in drive_curves
    write(addon, rig, held(jawOpen=0.5, mouthLowerDownLeft=0.25, mouthLowerDownRight=0.25))
    bpy.context.scene.frame_set(20)
    assert 0.25 < rig.pose.bones["jaw"].rotation_euler.x < 0.65, "about the pose aa"
    write(addon, rig, held())
    bpy.context.scene.frame_set(20)
    assert rig.pose.bones["jaw"].rotation_euler.x == pytest.approx(0.0, abs=0.02)


@pytest.mark.parametrize(
    ("arrange", "sentence"),
    [
        (lambda rig, drive: setattr(drive, "jaw_bone", "chin"), "'Rig' has no bone 'chin': choose one of its bones"),
        (lambda rig, drive: rig.pose.bones["jaw"].driver_add("rotation_quaternion"),
         "'jaw' of 'Rig' is turned by a driver"),
        (lambda rig, drive: setattr(drive, "use_poses", True), "No pose of 'Rig' is named like a viseme"),
        (lambda rig, drive: (setattr(drive, "use_head", True), setattr(drive, "head_bone", "nose")),
         "'Rig' has no bone 'nose'"),
        (lambda rig, drive: (setattr(drive, "use_head", True),
                             setattr(bpy.data.objects["Head"], "rotation_mode", "AXIS_ANGLE")),
         "'Head' rotates by axis and angle: set its rotation mode"),
    ],
)  # fmt: skip
def test_bones_that_cannot_move_are_named(
    addon: ModuleType, fresh_scene: object, arrange: object, sentence: str
) -> None:
    rig, face = make_rig(), make_face()
    arrange(rig, use_rig(rig))
    choices = addon.drive_plan.choices_of(bpy.context.scene)
    assert sentence in addon.drive_plan.plan_problem(face, choices)


def test_a_linked_rig_is_refused(addon: ModuleType, fresh_scene: object, tmp_path: Path) -> None:
    make_rig()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "rig.blend"))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(str(tmp_path / "rig.blend"), link=True) as (_, wanted):
        wanted.objects = ["Rig"]
    bpy.context.scene.collection.objects.link(wanted.objects[0])
    face = make_face()
    use_rig(wanted.objects[0])
    problem = addon.drive_plan.plan_problem(face, addon.drive_plan.choices_of(bpy.context.scene))
    assert "'Rig' is linked, which is read-only: make a library override" in problem


def test_bones_are_found_by_a_button(addon: ModuleType, fresh_scene: object) -> None:
    rig, face = make_rig(), make_face()
    with pytest.raises(RuntimeError, match="No armature is chosen"):
        bpy.ops.diffusion_talker.bones_guess()
    modifier = face.modifiers.new("Armature", "ARMATURE")
    modifier.object = rig
    drive = bpy.context.scene.diffusion_talker_drive
    assert bpy.ops.diffusion_talker.bones_guess() == {"FINISHED"}
    found = (drive.armature, drive.jaw_bone, drive.eye_left_bone, drive.eye_right_bone, drive.head_bone)
    assert found == (rig, "jaw", "eye.L", "eye.R", "head")
