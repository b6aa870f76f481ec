# SPDX-License-Identifier: GPL-3.0-or-later
"""Generated keys do what their names say, on any head in any place, and close what has to close."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from diffusion_talker.channels import ARKIT_52
from diffusion_talker.errors import SettingsError
from diffusion_talker.rigs.demo_head import build_demo_head
from diffusion_talker.rigs.flame import FLAME_LANDMARKS
from diffusion_talker.rigs.measure import measure_head
from diffusion_talker.rigs.mesh_files import Mesh, triangulated
from diffusion_talker.rigs.shape_keys import ShapeKeys, closing_offsets, generate_shape_keys, settle_landmarks
from diffusion_talker.rigs.shape_keys.surface import Surface

OPENINGS = (0.1, 0.25, 0.5, 1.0)


@pytest.fixture(scope="session")
def demo_keys(demo_marked) -> ShapeKeys:
    return generate_shape_keys(demo_marked.vertices, demo_marked.triangles, demo_marked.landmarks)


@pytest.fixture(scope="session")
def flame_keys(flame_template: Mesh) -> ShapeKeys:
    return generate_shape_keys(flame_template.vertices, triangulated(flame_template.polygons), FLAME_LANDMARKS)


def offsets_mm(keys: ShapeKeys, name: str, vertex: int) -> np.ndarray:
    """Offset (3,) of one vertex in the face's frame."""
    number = keys.names.index(name)
    place = np.flatnonzero(keys.indices[number] == vertex)
    if not len(place):
        return np.zeros(3)
    return keys.offsets[number][place[0]] @ keys.frame.axes.T * keys.frame.mm_per_unit


def contact_gap_mm(keys: ShapeKeys, vertices: np.ndarray, weights: dict[str, float], pairs: np.ndarray) -> np.ndarray:
    posed = keys.frame.to_mm(keys.posed(vertices, weights))
    return np.linalg.norm(posed[pairs[:, 0]] - posed[pairs[:, 1]], axis=1)


def test_all_names_are_there_and_none_is_empty(demo_keys: ShapeKeys) -> None:
    assert demo_keys.names == ARKIT_52
    assert all(len(indices) for indices in demo_keys.indices)
    assert demo_keys.notes == ()


def test_the_tongue_comes_out_tip_first(demo_keys: ShapeKeys, demo_marked) -> None:
    part = build_demo_head().part("Tongue")
    rest = demo_keys.frame.to_mm(demo_marked.vertices)
    moved = demo_keys.frame.to_mm(demo_keys.posed(demo_marked.vertices, {"tongueOut": 1.0})) - rest
    still = np.ones(len(rest), bool)
    still[part.vertex_start : part.vertex_stop] = False
    assert np.abs(moved[still]).max() < 1e-6
    tongue = slice(part.vertex_start, part.vertex_stop)
    assert (
        moved[tongue][rest[tongue][:, 2].argmax(), 2]
        > 20
        > 1
        > np.abs(moved[tongue][rest[tongue][:, 2].argmin()]).max()
    )


def test_without_a_tongue_the_user_is_told(demo_marked) -> None:
    part = build_demo_head().part("Tongue")
    kept = ~((demo_marked.triangles >= part.vertex_start) & (demo_marked.triangles < part.vertex_stop)).any(axis=1)
    keys = generate_shape_keys(demo_marked.vertices, demo_marked.triangles[kept], demo_marked.landmarks)
    assert not len(keys.indices[keys.names.index("tongueOut")])
    assert any("no tongue" in note for note in keys.notes)


def test_the_jaw_takes_the_chin_along_and_leaves_the_nose(demo_keys: ShapeKeys, demo_marked) -> None:
    marks = demo_marked.landmarks
    assert offsets_mm(demo_keys, "jawOpen", marks.chin)[1] < -20
    assert offsets_mm(demo_keys, "jawOpen", marks.lower_lip)[1] < -15
    assert np.abs(offsets_mm(demo_keys, "jawOpen", marks.nose_tip)).max() < 0.5
    assert offsets_mm(demo_keys, "jawLeft", marks.chin)[0] > 4
    assert offsets_mm(demo_keys, "jawForward", marks.chin)[2] > 5


@pytest.mark.parametrize("opening", OPENINGS)
def test_mouth_close_seals_what_jaw_open_parts(demo_keys: ShapeKeys, demo_marked, opening: float) -> None:
    pairs = build_demo_head().lip_contacts
    parted = contact_gap_mm(demo_keys, demo_marked.vertices, {"jawOpen": opening}, pairs)
    sealed = contact_gap_mm(demo_keys, demo_marked.vertices, {"jawOpen": opening, "mouthClose": opening}, pairs)
    assert parted.max() > 20 * opening
    assert sealed.max() < 0.5


def test_sealed_keys_keep_the_lips_together(demo_keys: ShapeKeys, demo_marked) -> None:
    pairs = build_demo_head().lip_contacts
    for name in ARKIT_52:
        if name.startswith("mouth") and name[5:10] not in ("Funne", "Upper", "Lower", "RollU", "RollL", "Close"):
            gap = contact_gap_mm(demo_keys, demo_marked.vertices, {name: 1.0}, pairs)
            assert gap.max() < 1.0, name


@pytest.mark.parametrize(
    "name, mark, axis, sign",
    [
        ("mouthSmileLeft", "mouth_corner_left", 1, 1),
        ("mouthFrownRight", "mouth_corner_right", 1, -1),
        ("mouthStretchLeft", "mouth_corner_left", 0, 1),
        ("mouthPucker", "mouth_corner_left", 0, -1),
        ("mouthPucker", "upper_lip", 2, 1),
        ("mouthUpperUpLeft", "upper_lip", 1, 1),
        ("mouthLowerDownLeft", "lower_lip", 1, -1),
        ("mouthLeft", "upper_lip", 0, 1),
        ("mouthRight", "upper_lip", 0, -1),
        ("browDownLeft", "brow_inner_left", 1, -1),
        ("browOuterUpRight", "brow_outer_right", 1, 1),
        ("eyeBlinkLeft", "upper_lid_left", 1, -1),
        ("eyeWideRight", "upper_lid_right", 1, 1),
        ("mouthRollLower", "lower_lip", 2, -1),
    ],
)
def test_keys_go_where_their_names_say(
    demo_keys: ShapeKeys, demo_marked, name: str, mark: str, axis: int, sign: int
) -> None:
    moved = offsets_mm(demo_keys, name, getattr(demo_marked.landmarks, mark))
    assert moved[axis] * sign > 1.0


def test_one_side_leaves_the_other(demo_keys: ShapeKeys, demo_marked) -> None:
    assert np.abs(offsets_mm(demo_keys, "mouthSmileLeft", demo_marked.landmarks.mouth_corner_right)).max() < 0.3
    assert np.abs(offsets_mm(demo_keys, "eyeBlinkLeft", demo_marked.landmarks.upper_lid_right)).max() == 0


@pytest.mark.parametrize("side", ["left", "right"])
def test_lids_meet_in_a_blink(demo_keys: ShapeKeys, demo_marked, side: str) -> None:
    posed = demo_keys.frame.to_mm(demo_keys.posed(demo_marked.vertices, {f"eyeBlink{side.title()}": 1.0}))
    marks = demo_marked.landmarks
    gap = posed[getattr(marks, f"upper_lid_{side}")] - posed[getattr(marks, f"lower_lid_{side}")]
    assert np.linalg.norm(gap[1:]) < 1.5


def test_eyeballs_turn_about_their_centres(demo_keys: ShapeKeys, demo_marked) -> None:
    part = build_demo_head().part("Eye Left")
    ball = slice(part.vertex_start, part.vertex_stop)
    rest = demo_marked.vertices[ball]
    moved = demo_keys.posed(demo_marked.vertices, {"eyeLookUpLeft": 1.0})[ball]
    spread = np.linalg.norm(rest[:, None] - rest[None, ::7], axis=2)
    assert np.abs(spread - np.linalg.norm(moved[:, None] - moved[None, ::7], axis=2)).max() < 1e-5
    assert np.linalg.norm(moved - rest, axis=1).max() > 5e-3


def test_lower_teeth_go_with_the_jaw_and_upper_ones_stay(demo_keys: ShapeKeys, demo_marked) -> None:
    head = build_demo_head()
    moved = demo_keys.posed(demo_marked.vertices, {"jawOpen": 1.0}) - demo_marked.vertices
    upper, lower = head.part("Teeth Upper"), head.part("Teeth Lower")
    assert np.abs(moved[upper.vertex_start : upper.vertex_stop]).max() == 0
    assert np.linalg.norm(moved[lower.vertex_start : lower.vertex_stop], axis=1).min() > 5e-3


def test_place_scale_and_axes_do_not_matter(demo_keys: ShapeKeys, demo_marked) -> None:
    rotation = np.linalg.qr(np.random.default_rng(4).normal(size=(3, 3)))[0]
    rotation *= np.sign(np.linalg.det(rotation))
    moved = 37.0 * demo_marked.vertices @ rotation.T + (5.0, -300.0, 80.0)
    keys = generate_shape_keys(moved, demo_marked.triangles, demo_marked.landmarks)
    for name in ("jawOpen", "mouthSmileLeft", "eyeBlinkRight", "browInnerUp"):
        for vertex in (demo_marked.landmarks.chin, demo_marked.landmarks.mouth_corner_left):
            assert np.allclose(offsets_mm(keys, name, vertex), offsets_mm(demo_keys, name, vertex), atol=1e-2)


def test_swapped_sides_and_missing_points_are_explained(demo_marked) -> None:
    marks = demo_marked.landmarks
    swapped = replace(
        marks,
        **{
            f"{name}_{side}": getattr(marks, f"{name}_{other}")
            for name in ("eye_inner", "eye_outer", "mouth_corner", "jaw_hinge")
            for side, other in (("left", "right"), ("right", "left"))
        },
    )
    with pytest.raises(SettingsError, match="left and right"):
        generate_shape_keys(demo_marked.vertices, demo_marked.triangles, swapped)
    with pytest.raises(SettingsError, match="same vertex"):
        generate_shape_keys(demo_marked.vertices, demo_marked.triangles, replace(marks, chin=marks.nose_tip))


def test_sides_marked_as_the_viewer_sees_them_are_exchanged(demo_marked) -> None:
    marks = demo_marked.landmarks
    sided = [name.removesuffix("_left") for name in vars(marks) if name.endswith("_left")]
    viewed = {f"{name}_left": getattr(marks, f"{name}_right") for name in sided}
    viewed |= {f"{name}_right": getattr(marks, f"{name}_left") for name in sided}
    assert replace(marks, **viewed).facing(demo_marked.vertices) == marks
    assert marks.facing(demo_marked.vertices) == marks


@pytest.mark.parametrize("shift", ("both on the upper", "both on the lower", "one millimetre off"))
def test_marks_of_closed_lips_come_to_rest_where_they_touch(demo_marked, shift: str) -> None:
    marks, points = demo_marked.landmarks, demo_marked.vertices
    if shift == "both on the upper":
        moved = replace(marks, lower_lip=marks.upper_lip)
    elif shift == "both on the lower":
        moved = replace(marks, upper_lip=marks.lower_lip)
    else:  # on the lips' outside, as a click from the front finds them
        sideways = points[[marks.upper_lip, marks.lower_lip]] + [(0.0, -0.002, 0.002), (0.0, -0.002, -0.002)]
        near = [int(np.argmin(np.linalg.norm(points - place, axis=1))) for place in sideways]
        moved = replace(marks, upper_lip=near[0], lower_lip=near[1])
        assert moved != marks
    settled = settle_landmarks(points, demo_marked.triangles, moved)
    pair = points[settled.upper_lip], points[settled.lower_lip]
    assert settled.upper_lip != settled.lower_lip and np.linalg.norm(pair[0] - pair[1]) < 1e-4
    assert np.linalg.norm(pair[0] - points[marks.upper_lip]) < 0.002
    keys = generate_shape_keys(points, demo_marked.triangles, settled)
    sealed = keys.posed(points, {"jawOpen": 1.0, "mouthClose": 1.0})
    assert np.linalg.norm(sealed[settled.upper_lip] - sealed[settled.lower_lip]) < 1e-3
    assert sealed[marks.upper_lip, 2] - sealed[marks.lower_lip, 2] > -5e-4  # the lips do not cross


def test_marks_on_lashes_and_brows_go_to_the_skin_beneath(demo_marked) -> None:
    points, marks = demo_marked.vertices, demo_marked.landmarks
    pieces = Surface(points, demo_marked.triangles).pieces
    loose = np.flatnonzero(pieces != pieces[marks.chin])
    hit = {
        name: int(loose[np.argmin(np.linalg.norm(points[loose] - points[getattr(marks, name)], axis=1))])
        for name in ("upper_lid_left", "eye_outer_right", "brow_outer_left")
    }
    settled = settle_landmarks(points, demo_marked.triangles, replace(marks, **hit))
    for name in hit:
        assert pieces[getattr(settled, name)] == pieces[marks.chin]
        assert np.linalg.norm(points[getattr(settled, name)] - points[getattr(marks, name)]) < 0.004


def test_marks_that_touch_already_stay_and_so_do_open_lips(demo_marked, flame_face: Mesh) -> None:
    marks = demo_marked.landmarks
    assert settle_landmarks(demo_marked.vertices, demo_marked.triangles, marks) == marks
    assert settle_landmarks(demo_marked.vertices, demo_marked.triangles[:, ::-1], marks) == marks
    open_face = settle_landmarks(flame_face.vertices, triangulated(flame_face.polygons), FLAME_LANDMARKS)
    assert open_face == FLAME_LANDMARKS


def test_a_mouth_that_stands_open_is_closed(demo_marked, demo_keys) -> None:
    points, marks = demo_marked.vertices, demo_marked.landmarks
    assert closing_offsets(points, demo_marked.triangles, marks) is None
    ajar = demo_keys.posed(points, {"jawOpen": 0.35})
    offsets = closing_offsets(ajar, demo_marked.triangles, marks)
    before, after = (np.linalg.norm(p[marks.upper_lip] - p[marks.lower_lip]) for p in (ajar, ajar + offsets))
    assert before > 0.006 and after < 0.0012
    still = np.linalg.norm(points - points[marks.brow_inner_left], axis=1) < 0.02
    assert np.abs(offsets[still]).max() < 1e-4


def test_a_scan_with_open_mouth_seals_its_lips_after_closing(flame_face: Mesh) -> None:
    triangles = triangulated(flame_face.polygons)
    offsets = closing_offsets(flame_face.vertices, triangles, FLAME_LANDMARKS)
    closed = Mesh(flame_face.vertices + offsets, flame_face.polygons)
    report, keys = measure_head(closed, FLAME_LANDMARKS)
    assert all(seal.gap_mm < 1.0 for seal in report.seals) and not any("stands open" in note for note in keys.notes)


def test_flame_takes_two_seconds_at_most(flame_template: Mesh) -> None:
    triangles = triangulated(flame_template.polygons)
    start = time.process_time()
    generate_shape_keys(flame_template.vertices, triangles, FLAME_LANDMARKS)
    assert time.process_time() - start < 2.0


@pytest.mark.parametrize("opening", OPENINGS)
def test_flame_lips_seal(flame_keys: ShapeKeys, flame_template: Mesh, opening: float) -> None:
    pairs = np.array([[FLAME_LANDMARKS.upper_lip, FLAME_LANDMARKS.lower_lip]])
    weights = {"jawOpen": opening, "mouthClose": opening}
    assert contact_gap_mm(flame_keys, flame_template.vertices, weights, pairs).max() < 1.0


def test_a_real_face_in_flame_topology_gets_keys_and_is_told_that_its_mouth_is_open(flame_face: Mesh) -> None:
    keys = generate_shape_keys(flame_face.vertices, triangulated(flame_face.polygons), FLAME_LANDMARKS)
    assert any("stands open" in note for note in keys.notes)
    posed = keys.frame.to_mm(keys.posed(flame_face.vertices, {"jawOpen": 1.0, "mouthClose": 1.0}))
    apart = posed[FLAME_LANDMARKS.upper_lip] - posed[FLAME_LANDMARKS.lower_lip]
    assert np.linalg.norm(apart[1:]) < 1.0
