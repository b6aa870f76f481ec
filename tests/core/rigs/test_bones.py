# SPDX-License-Identifier: GPL-3.0-or-later
"""The face on bones: what opens, looks and turns where, bones by their names, poses that add up."""

from __future__ import annotations

import numpy as np
import pytest

from diffusion_talker.channels import MODEL_CHANNELS
from diffusion_talker.motion import Motion
from diffusion_talker.rigs.bones import (
    BonePose,
    FaceAxes,
    FaceBones,
    axes_of_bones,
    blend_poses,
    eye_rotation,
    guess_bones,
    head_angles,
    head_rotation,
    in_frame,
    jaw_rotation,
    quaternions,
    rotation_vectors,
)


def still(**values: float) -> Motion:
    weights = np.zeros((1, len(MODEL_CHANNELS)), np.float32)
    for name, value in values.items():
        weights[0, MODEL_CHANNELS.index(name)] = value
    return Motion(weights, MODEL_CHANNELS, 30.0)


def turned(rotation: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """A vector under one rotation vector (Rodrigues)."""
    angle = np.linalg.norm(rotation)
    axis = rotation / max(angle, 1e-12)
    return (vector * np.cos(angle) + np.cross(axis, vector) * np.sin(angle)
            + axis * (axis @ vector) * (1 - np.cos(angle)))  # fmt: skip


@pytest.mark.parametrize(
    "axes",
    [FaceAxes(), FaceAxes(np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])),
     FaceAxes(np.array([-1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0]))],
    ids=["Blender", "Y up", "facing +Y"],
)  # fmt: skip
def test_everything_turns_the_way_it_says(axes: FaceAxes) -> None:
    front = axes.front
    chin = turned(jaw_rotation(still(jawOpen=1.0), axes, 0.3)[0], front)
    assert chin @ axes.up < -0.2 and chin @ front > 0.9
    assert turned(jaw_rotation(still(jawLeft=1.0), axes, 0.3)[0], front) @ axes.left > 0.05
    for side, channel, direction in (
        ("Left", "eyeLookOutLeft", axes.left), ("Left", "eyeLookInLeft", -axes.left),
        ("Right", "eyeLookInRight", axes.left), ("Right", "eyeLookOutRight", -axes.left),
        ("Left", "eyeLookUpLeft", axes.up), ("Right", "eyeLookDownRight", -axes.up),
    ):  # fmt: skip
        assert turned(eye_rotation(still(**{channel: 1.0}), side, axes)[0], front) @ direction > 0.4
    for channel, start, direction in (
        ("HeadYaw", front, axes.left), ("HeadPitch", front, -axes.up), ("HeadRoll", axes.up, axes.left),
    ):  # fmt: skip
        head = turned(head_rotation(still(**{channel: 0.3}), axes)[0], start)
        assert head @ direction == pytest.approx(np.sin(0.3), abs=1e-6)


def test_the_heads_angles_are_read_back() -> None:
    axes = FaceAxes(np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0]))
    turned_head = head_rotation(still(HeadYaw=0.3, HeadPitch=-0.2, HeadRoll=0.1), axes, 0.5)
    np.testing.assert_allclose(head_angles(turned_head, axes, 0.5), [[0.3, -0.2, 0.1]], atol=1e-6)


def test_lips_that_only_the_jaw_can_close() -> None:
    motion = still(jawOpen=0.5, mouthClose=0.5)
    assert not jaw_rotation(motion, FaceAxes(), 0.3, closes_lips=True).any()
    assert jaw_rotation(motion, FaceAxes(), 0.3)[0, 0] == pytest.approx(0.15)
    assert jaw_rotation(motion, FaceAxes(), -0.3)[0, 0] == pytest.approx(-0.15)


def test_axes_are_read_off_the_bones() -> None:
    jaw, tip = np.array([0.0, 0.0, 1.55]), np.array([0.0, -0.1, 1.5])
    left, right = np.array([0.03, -0.08, 1.6]), np.array([-0.03, -0.08, 1.6])
    for axes in (axes_of_bones(left, right, jaw, tip), axes_of_bones(None, None, jaw, tip), axes_of_bones(*[None] * 4)):
        np.testing.assert_allclose(axes.left, [1, 0, 0], atol=1e-9)
        np.testing.assert_allclose(axes.front, [0, -1, 0], atol=1e-9)
    back = axes_of_bones(right, left, jaw, None)
    np.testing.assert_allclose(back.front, [0, 1, 0], atol=1e-9)
    y_up = axes_of_bones(*(point[[0, 2, 1]] * (1, 1, -1) for point in (left, right, jaw, tip)))
    np.testing.assert_allclose(y_up.up, [0, 1, 0], atol=1e-9)
    np.testing.assert_allclose(y_up.front, [0, 0, 1], atol=1e-9)


def test_rotations_in_a_bones_own_axes() -> None:
    rest = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])  # its X points along armature Y
    np.testing.assert_allclose(in_frame(np.array([[0.0, 0.2, 0.0]]), rest), [[0.2, 0.0, 0.0]])


def test_quaternions_and_back() -> None:
    vectors = np.random.default_rng(0).uniform(-1.5, 1.5, (50, 3))
    vectors[0] = 0
    vectors[1] = (1e-10, 0, 0)
    turns = quaternions(vectors)
    np.testing.assert_allclose(np.linalg.norm(turns, axis=1), 1.0)
    np.testing.assert_allclose(rotation_vectors(turns), vectors, atol=1e-7)
    np.testing.assert_allclose(rotation_vectors(-turns), vectors, atol=1e-7)


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["spine", "DEF-jaw", "DEF-eye.L", "DEF-eye.R", "head"], ("DEF-jaw", "DEF-eye.L", "DEF-eye.R", "head")),
        (["mixamorig:Head", "mixamorig:LeftEye", "mixamorig:RightEye"],
         ("", "mixamorig:LeftEye", "mixamorig:RightEye", "mixamorig:Head")),
        (["CC_Base_Head", "CC_Base_JawRoot", "CC_Base_L_Eye", "CC_Base_R_Eye"],
         ("CC_Base_JawRoot", "CC_Base_L_Eye", "CC_Base_R_Eye", "CC_Base_Head")),
        (["J_Bip_C_Head", "J_Adj_L_FaceEye", "J_Adj_R_FaceEye"],
         ("", "J_Adj_L_FaceEye", "J_Adj_R_FaceEye", "J_Bip_C_Head")),
        (["head", "lowerJaw", "lEye", "rEye", "lEyelid"], ("lowerJaw", "lEye", "rEye", "head")),
        (["Bone", "Bone.001", "headphones", "jawbreaker"], ("", "", "", "")),
    ],
    ids=["Rigify", "Mixamo", "Character Creator", "VRM", "Daz", "nothing"],
)  # fmt: skip
def test_bones_are_found_by_name(names: list[str], found: tuple[str, ...]) -> None:
    assert guess_bones(names) == FaceBones(*found)


def test_poses_add_up_from_the_base() -> None:
    def pose(x: float, turn: float, size: float) -> BonePose:
        return BonePose(np.array([x, 0, 0]), np.array([0, turn, 0]), np.full(3, size))

    base = {"jaw": pose(0.1, 0.0, 1.0)}
    poses = [{"jaw": pose(0.3, 0.4, 1.0)}, {"jaw": pose(0.1, 0.2, 1.5), "lip": pose(1.0, 0.0, 1.0)}]
    weights = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, 0.5]])
    blended = blend_poses(poses, weights, base)
    np.testing.assert_allclose(blended["jaw"].location[:, 0], [0.1, 0.3, 0.2])
    np.testing.assert_allclose(blended["jaw"].rotation[:, 1], [0.0, 0.4, 0.3])
    np.testing.assert_allclose(blended["jaw"].scale[:, 2], [1.0, 1.0, 1.25])
    np.testing.assert_allclose(blended["lip"].location[:, 0], [0.0, 0.0, 0.5])
    assert not blend_poses([], np.zeros((3, 0)))
