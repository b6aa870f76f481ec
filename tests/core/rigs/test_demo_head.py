# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo head: clean topology, symmetric, and shapes that do what their names say."""

from __future__ import annotations

import time
from collections import Counter

import numpy as np
import pytest

from diffusion_talker.channels import ARKIT_52, MIRROR_PAIRS
from diffusion_talker.rigs.demo_head import HeadMesh, build_demo_head, layout
from diffusion_talker.rigs.demo_head.anatomy import (
    CM_TO_M,
    EYE_CENTER_CM,
    EYE_RADIUS_CM,
    JAW_HINGE_CM,
    JAW_OPEN_DEG,
    NECK_BASE_CM,
)
from diffusion_talker.rigs.demo_head.mesh import grid_faces

MM = 1e-3
HINGE_M = (np.array(JAW_HINGE_CM) - NECK_BASE_CM) * CM_TO_M
LEFT_EYE_M = (np.array(EYE_CENTER_CM) - NECK_BASE_CM) * CM_TO_M
SEALED_SHAPES = (
    "mouthPucker",
    "mouthPressLeft",
    "mouthPressRight",
    "mouthSmileLeft",
    "mouthSmileRight",
    "mouthFrownLeft",
    "mouthFrownRight",
    "mouthDimpleLeft",
    "mouthStretchLeft",
    "mouthLeft",
    "mouthRight",
    "mouthShrugLower",
    "mouthShrugUpper",
    "cheekPuff",
    "noseSneerLeft",
    "jawForward",
    "jawLeft",
    "jawRight",
)


@pytest.fixture(scope="module")
def head() -> HeadMesh:
    return build_demo_head()


def part_vertices(head: HeadMesh, name: str) -> slice:
    part = head.part(name)
    return slice(part.vertex_start, part.vertex_stop)


def part_faces(head: HeadMesh, name: str) -> np.ndarray:
    part = head.part(name)
    return head.faces[part.face_start : part.face_stop]


def edge_counts(faces: np.ndarray) -> Counter[tuple[int, int]]:
    """How often every directed edge occurs."""
    return Counter((a, b) for face in faces.tolist() for a, b in zip(face, face[1:] + face[:1], strict=True))


def lip_gap(head: HeadMesh, weights: dict[str, float]) -> np.ndarray:
    """Upper minus lower contact line (K, 3) in a pose."""
    points = head.posed(weights)
    return points[head.lip_contacts[:, 0]] - points[head.lip_contacts[:, 1]]


def test_all_52_shapes_move_something(head: HeadMesh) -> None:
    assert set(head.shape_deltas) == set(ARKIT_52)
    largest = {name: np.abs(delta.offsets).max(initial=0.0) for name, delta in head.shape_deltas.items()}
    assert min(largest.values()) > 1.0 * MM, min(largest, key=largest.get)
    assert max(largest.values()) < 60 * MM, max(largest, key=largest.get)


def test_arrays_fit_together(head: HeadMesh) -> None:
    count = len(head.vertices)
    assert head.vertices.dtype == np.float32 and np.isfinite(head.vertices).all()
    assert head.faces.shape[1] == 4 and head.faces.min() == 0 and head.faces.max() == count - 1
    assert len(head.material_indices) == len(head.smooth) == len(head.faces)
    assert set(head.material_indices.tolist()) == set(range(len(head.materials)))
    assert head.parts[-1].vertex_stop == count and head.parts[-1].face_stop == len(head.faces)
    assert 0.2 < np.ptp(head.vertices[part_vertices(head, "Skin"), 2]) < 0.4, "a head of real size, in metres"


def test_faces_are_quads_without_degenerate_or_doubled_ones(head: HeadMesh) -> None:
    assert all(len(set(face)) == 4 for face in head.faces.tolist())
    assert len({tuple(sorted(face)) for face in head.faces.tolist()}) == len(head.faces)
    corners = head.vertices[head.faces].astype(np.float64)
    area = 0.5 * np.linalg.norm(np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1]), axis=1)
    assert area.min() > 0.02 * MM**2


def test_every_part_is_a_consistently_oriented_surface(head: HeadMesh) -> None:
    for part in head.parts:
        directed = edge_counts(part_faces(head, part.name))
        assert max(directed.values()) == 1, f"{part.name}: two faces disagree about inside and outside"


@pytest.mark.parametrize("name", ["Teeth Upper", "Teeth Lower", "Gum Upper", "Gum Lower", "Tongue"])
def test_parts_inside_the_mouth_are_closed(head: HeadMesh, name: str) -> None:
    directed = edge_counts(part_faces(head, name))
    assert all((b, a) in directed for a, b in directed)


def test_skin_is_open_only_at_eyes_and_neck(head: HeadMesh) -> None:
    directed = edge_counts(part_faces(head, "Skin"))
    border = np.array([edge for edge in directed if edge[::-1] not in directed])
    middle = head.vertices[border].mean(axis=1)
    in_eye = (
        np.linalg.norm(np.abs(middle * (1, 0, 0)) + middle * (0, 1, 1) - LEFT_EYE_M, axis=1)
        < 1.05 * EYE_RADIUS_CM * CM_TO_M
    )
    at_neck = middle[:, 2] < 0.002
    assert (in_eye | at_neck).all()
    assert in_eye.sum() and at_neck.sum()


def test_rest_face_is_symmetric(head: HeadMesh) -> None:
    skin = head.vertices[part_vertices(head, "Skin")].astype(np.float64)
    mirrored = {tuple(point) for point in np.round(skin * (-1, 1, 1) * 1e6).astype(int) + 0}
    assert all(tuple(point) in mirrored for point in np.round(skin * 1e6).astype(int) + 0)


def test_left_shapes_mirror_right_shapes(head: HeadMesh) -> None:
    skin = part_vertices(head, "Skin")
    rest = head.vertices[skin].astype(np.float64)
    for left, right in MIRROR_PAIRS:
        places = []
        for name, sign in ((left, 1.0), (right, -1.0)):
            moved = head.posed({name: 1.0})[skin]
            rows = np.concatenate([rest, moved], axis=1) * np.tile((sign, 1.0, 1.0), 2)
            places.append(rows[np.lexsort(np.round(rows * 1e5).T)])
        np.testing.assert_allclose(places[0], places[1], atol=2e-5, err_msg=f"{left} and {right}")


def test_lips_touch_at_rest(head: HeadMesh) -> None:
    assert len(head.lip_contacts) > 10
    assert np.abs(lip_gap(head, {})).max() < 1e-6


@pytest.mark.parametrize("opening", [0.03, 0.1, 0.3, 0.6, 1.0])
def test_mouth_close_seals_any_jaw_opening(head: HeadMesh, opening: float) -> None:
    open_gap = lip_gap(head, {"jawOpen": opening})
    assert open_gap[:, 2].max() > 25 * MM * opening, "the jaw opens the mouth"
    sealed = lip_gap(head, {"jawOpen": opening, "mouthClose": opening})
    assert np.abs(sealed).max() < 0.01 * MM


@pytest.mark.parametrize("name", SEALED_SHAPES)
def test_shapes_that_do_not_open_the_mouth_keep_it_sealed(head: HeadMesh, name: str) -> None:
    weights = {"jawOpen": 0.07, "mouthClose": 0.07, name: 1.0}
    assert np.abs(lip_gap(head, weights)).max() < 0.01 * MM


def test_bilabial_pose_leaves_no_gap_from_the_front(head: HeadMesh) -> None:
    weights = {
        "jawOpen": 0.08,
        "mouthClose": 0.08,
        "mouthPressLeft": 0.3,
        "mouthPressRight": 0.3,
        "mouthRollLower": 0.3,
        "mouthRollUpper": 0.3,
    }
    assert np.abs(lip_gap(head, weights)[:, 2]).max() < 0.01 * MM


@pytest.mark.parametrize(("name", "least_mm"), [("mouthFunnel", 8.0), ("mouthLowerDownLeft", 3.0), ("jawOpen", 25.0)])
def test_opening_shapes_part_the_lips(head: HeadMesh, name: str, least_mm: float) -> None:
    gap = lip_gap(head, {name: 1.0})[:, 2]
    assert gap.max() > least_mm * MM
    assert gap.min() > -1e-6, "the lips never cross"


@pytest.mark.parametrize("name", ["mouthPucker", "mouthFunnel"])
def test_rounding_keeps_the_lips_thick_and_narrows_the_mouth(head: HeadMesh, name: str) -> None:
    lips = np.unique(head.faces[head.material_indices == [m.name for m in head.materials].index("Lips")])
    rest, posed = head.posed({})[lips], head.posed({name: 1.0})[lips]
    assert np.ptp(posed[:, 0]) < 0.75 * np.ptp(rest[:, 0])
    assert np.ptp(posed[:, 2]) > np.ptp(rest[:, 2])
    assert posed[:, 1].min() < rest[:, 1].min() - 2 * MM, "the lips come forward"


def test_jaw_turns_about_its_hinge(head: HeadMesh) -> None:
    delta = head.shape_deltas["jawOpen"]
    rest = head.vertices[delta.indices].astype(np.float64)
    before = (rest - HINGE_M)[:, 1:]
    after = before + delta.offsets[:, 1:]
    np.testing.assert_allclose(np.linalg.norm(after, axis=1), np.linalg.norm(before, axis=1), rtol=0.02, atol=1e-5)
    assert np.abs(delta.offsets[:, 0]).max() < 1e-6
    angle = np.degrees(np.arctan2(after[:, 1], -after[:, 0]) - np.arctan2(before[:, 1], -before[:, 0]))
    angle = (angle + 180.0) % 360.0 - 180.0
    assert -JAW_OPEN_DEG - 0.1 < angle.min() < -0.98 * JAW_OPEN_DEG and angle.max() < 0.1


@pytest.mark.parametrize("opening", [0.1, 0.6])
def test_sealed_lips_stay_before_the_teeth(head: HeadMesh, opening: float) -> None:
    points = head.posed({"jawOpen": opening, "mouthClose": opening})
    teeth = points[part_vertices(head, "Teeth Upper")]
    contact = points[head.lip_contacts[:, 0]]
    middle = np.abs(contact[:, 0]) < 10 * MM
    assert contact[middle, 1].max() < teeth[np.abs(teeth[:, 0]) < 10 * MM, 1].min()


def test_lower_teeth_and_tongue_go_with_the_jaw_and_upper_teeth_stay(head: HeadMesh) -> None:
    moved = np.linalg.norm(head.posed({"jawOpen": 1.0}) - head.vertices, axis=1)
    assert moved[part_vertices(head, "Teeth Lower")].min() > 15 * MM
    assert moved[part_vertices(head, "Tongue")].min() > 5 * MM
    assert moved[part_vertices(head, "Teeth Upper")].max() == 0.0


def triangles_over(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Smallest y (N,) of the triangles (T, 3, 3) that cover points (N, 3) seen along Y; infinity where none does."""
    a, b, c = (triangles[None, :, corner] for corner in range(3))
    p = points[:, None]

    def cross(u: np.ndarray, v: np.ndarray) -> np.ndarray:
        return u[..., 0] * v[..., 2] - u[..., 2] * v[..., 0]

    whole = cross(b - a, c - a) + 1e-30
    weights = np.stack([cross(b - p, c - p), cross(c - p, a - p), cross(a - p, b - p)], axis=-1) / whole[..., None]
    depth = weights[..., 0] * a[..., 1] + weights[..., 1] * b[..., 1] + weights[..., 2] * c[..., 1]
    return np.where((weights > -1e-9).all(axis=-1), depth, np.inf).min(axis=1)


def visible_ball(head: HeadMesh, weights: dict[str, float]) -> tuple[np.ndarray, np.ndarray]:
    """Front ball points of the left eye (N, 3) in a pose, and how far the skin lies before them (inf: not covered)."""
    points = head.posed(weights)
    ball = points[part_vertices(head, "Eye Left")]
    ball = ball[ball[:, 1] < LEFT_EYE_M[1] - 0.35 * EYE_RADIUS_CM * CM_TO_M]
    rings = layout.make_layout().eye_left[layout.EYE_MARGIN :]  # inside the margin the lid's rim dips into the ball
    quads = points[rings.reshape(-1)[grid_faces(*rings.shape, wrap=True)]]
    skin_y = triangles_over(ball, np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]))
    return ball, ball[:, 1] - skin_y


def test_blink_covers_the_whole_ball(head: HeadMesh) -> None:
    _, cover = visible_ball(head, {"eyeBlinkLeft": 1.0})
    assert cover.min() > 0.0, "part of the ball shows through the closed lids"


@pytest.mark.parametrize("blink", [0.25, 0.5, 0.75])
def test_lids_stay_before_the_ball_on_their_way(head: HeadMesh, blink: float) -> None:
    ball, cover = visible_ball(head, {"eyeBlinkLeft": blink})
    poking = np.isfinite(cover) & (cover < 0.0)
    assert not poking.any(), f"{ball[poking]}"


def test_open_eye_shows_the_iris(head: HeadMesh) -> None:
    _, cover = visible_ball(head, {})
    assert np.isinf(cover).sum() > 40, "the eye is open at rest"


@pytest.mark.parametrize("name", ["eyeLookUpLeft", "eyeLookDownLeft", "eyeLookInLeft", "eyeLookOutLeft"])
def test_gaze_turns_the_ball_about_its_centre(head: HeadMesh, name: str) -> None:
    ball = head.posed({name: 1.0})[part_vertices(head, "Eye Left")]
    radius = np.linalg.norm(ball - LEFT_EYE_M, axis=1)
    np.testing.assert_allclose(radius, EYE_RADIUS_CM * CM_TO_M, rtol=1e-3)
    pupil = ball[:25].mean(axis=0) - LEFT_EYE_M
    expected = {"Up": pupil[2], "Down": -pupil[2], "In": -pupil[0], "Out": pupil[0]}
    assert expected[name.removeprefix("eyeLook").removesuffix("Left")] > 5 * MM


def test_smile_lifts_corners_and_cheeks(head: HeadMesh) -> None:
    moved = head.posed({"mouthSmileLeft": 1.0, "mouthSmileRight": 1.0}) - head.vertices
    corner = np.abs(head.vertices[head.lip_contacts[:, 0], 0]).argmax()
    assert moved[head.lip_contacts[corner, 0], 2] > 4 * MM
    cheek = (np.array([4.0, -7.4, -3.4]) - NECK_BASE_CM) * CM_TO_M
    near = np.linalg.norm(head.vertices - cheek, axis=1).argmin()
    assert moved[near, 2] > 3 * MM


def test_brow_shapes_move_the_brows(head: HeadMesh) -> None:
    brow = part_vertices(head, "Brow Left")
    lift = {
        name: (head.posed({name: 1.0}) - head.vertices)[brow, 2]
        for name in ("browDownLeft", "browInnerUp", "browOuterUpLeft", "browDownRight")
    }
    assert lift["browDownLeft"].mean() < -2 * MM
    assert lift["browInnerUp"].max() > 4 * MM and lift["browOuterUpLeft"].max() > 4 * MM
    assert np.abs(lift["browDownRight"]).max() < 1 * MM, "the other side's brow stays"


@pytest.mark.heavy
def test_building_is_quick() -> None:
    build_demo_head()
    start_s = time.process_time()
    build_demo_head()
    assert time.process_time() - start_s < 2.0


SPEECH_POSES = {
    "p b m": {"jawOpen": 0.07, "mouthClose": 0.07, "mouthRollLower": 0.2, "mouthRollUpper": 0.2},
    "f v": {"jawOpen": 0.08, "mouthRollLower": 0.7, "mouthUpperUpLeft": 0.2, "mouthUpperUpRight": 0.2},
    "sh": {"jawOpen": 0.05, "mouthFunnel": 0.5, "mouthPucker": 0.15, "mouthLowerDownLeft": 0.2},
    "w": {"jawOpen": 0.05, "mouthFunnel": 0.2, "mouthPucker": 0.8},
    "aa": {"jawOpen": 0.6, "mouthLowerDownLeft": 0.25, "mouthLowerDownRight": 0.25},
    "iy": {"jawOpen": 0.1, "mouthSmileLeft": 0.4, "mouthSmileRight": 0.4, "mouthStretchLeft": 0.3},
    "smile": {"mouthSmileLeft": 1.0, "mouthSmileRight": 1.0, "cheekSquintLeft": 1.0, "cheekSquintRight": 1.0},
}


def face_normals(head: HeadMesh, weights: dict[str, float]) -> tuple[np.ndarray, np.ndarray]:
    """Unit normals (F, 3) and areas (F,) of the skin's faces."""
    corners = head.posed(weights)[part_faces(head, "Skin")]
    cross = 0.5 * np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    area = np.linalg.norm(cross, axis=1)
    return cross / area[:, None], area


@pytest.mark.parametrize("name", SPEECH_POSES)
def test_no_visible_face_folds_or_collapses_in_speech(head: HeadMesh, name: str) -> None:
    inside = layout.make_layout().mouth[: layout.LIP_CONTACT].reshape(-1)
    visible = ~np.isin(part_faces(head, "Skin"), inside).any(axis=1)
    rest, rest_area = face_normals(head, {})
    posed, area = face_normals(head, SPEECH_POSES[name])
    assert np.einsum("fd,fd->f", rest, posed)[visible].min() > 0.0
    assert (area / rest_area)[visible].min() > 0.1
