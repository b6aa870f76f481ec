# SPDX-License-Identifier: GPL-3.0-or-later
"""The measures see what they name: gaps, crossings, depth, stretch, likeness; and the readers read."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from diffusion_talker.errors import FormatError, SettingsError
from diffusion_talker.rigs.known_heads import KnownHead, landmarks_of, read_landmarks, recognise_head
from diffusion_talker.rigs.measure import (
    compare_with_sculpted,
    dense_mm,
    lid_opening,
    lip_opening,
    measure_head,
    sculpted_arkit,
)
from diffusion_talker.rigs.mesh_files import Mesh, read_mesh, triangulated
from diffusion_talker.rigs.shape_keys.eyes import find_eye
from diffusion_talker.rigs.shape_keys.face import make_face
from diffusion_talker.rigs.shape_keys.mouth import find_lips

CUBE_CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], float)
CUBE = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]])


@pytest.fixture(scope="module")
def demo_report(demo_marked):
    return measure_head(Mesh(demo_marked.vertices, demo_marked.triangles), demo_marked.landmarks)


def test_the_demo_head_seals_and_blinks(demo_report) -> None:
    report, _ = demo_report
    assert max(seal.gap_mm for seal in report.seals) < 1.0
    assert max(seal.crossing_mm for seal in report.seals) < 1.0
    assert max(eye.gap_mm for eye in report.blinks) < 1.0
    assert len(report.keys) == 52 and report.truth == ()


def test_lip_opening_sees_a_gap_and_an_overlap(demo_marked) -> None:
    face = make_face(demo_marked.vertices, demo_marked.triangles, demo_marked.landmarks)
    lips = find_lips(face)
    rest = lip_opening(face, lips, face.points)
    for shift in (3.0, -2.0):
        lowered = face.points - np.outer((lips.upper < 0.15) & np.isfinite(lips.distance_mm), (0.0, shift, 0.0))
        assert np.allclose(lip_opening(face, lips, lowered), rest + shift)


def test_a_key_is_like_itself_and_half_of_it_is_half_as_large(demo_report, demo_marked) -> None:
    report, keys = demo_report
    count = len(demo_marked.vertices)
    whole = keys.frame.offsets_to_mesh(dense_mm(keys, "mouthPucker", count))
    same, half = (
        compare_with_sculpted(keys, {"MouthPucker": scale * whole}, np.ones(count, bool))[0] for scale in (1.0, 2.0)
    )
    assert same.cosine == pytest.approx(1.0) and same.magnitude_ratio == pytest.approx(1.0)
    assert half.cosine == pytest.approx(1.0) and half.magnitude_ratio == pytest.approx(0.5)


def test_split_sculpted_keys_are_added_up() -> None:
    left, right = np.array([[1.0, 0, 0], [0, 0, 0]]), np.array([[0, 0, 0], [0, 2.0, 0]])
    found = sculpted_arkit({"browInnerUp_L": left, "browInnerUp_R": right, "eyeBlink_L": left, "nothing": right})
    assert set(found) == {"browInnerUp", "eyeBlinkLeft"}
    assert (found["browInnerUp"] == left + right).all()


def test_flame_numbers(flame_template: Mesh) -> None:
    report, _ = measure_head(flame_template, landmarks_of(flame_template))
    assert all(seal.gap_mm < 1.0 and seal.crossing_mm < 0.5 for seal in report.seals)
    assert all(eye.gap_mm < 0.5 and eye.in_ball_mm < 0.3 and eye.in_ball_halfway_mm < 0.3 for eye in report.blinks)


def test_generated_keys_resemble_sculpted_ones(shared_dir: Path) -> None:
    path = shared_dir / "meshes" / "ict_facekit.npz"
    if not path.is_file():
        pytest.skip("ict_facekit.npz is absent from the reference folder")
    mesh = read_mesh(path)
    report, _ = measure_head(mesh, landmarks_of(mesh))
    cosines = {measure.name: measure.cosine for measure in report.truth}
    assert len(cosines) == 51  # all but the tongue
    assert np.mean(list(cosines.values())) > 0.78
    assert cosines["jawOpen"] > 0.9 and cosines["mouthSmileLeft"] > 0.85
    assert all(seal.gap_mm < 1.0 and seal.crossing_mm < 0.5 for seal in report.seals)


@pytest.mark.parametrize("form", ["ascii", "binary_little_endian", "binary_big_endian"])
def test_ply_in_all_forms(tmp_path: Path, form: str) -> None:
    header = (
        f"ply\nformat {form} 1.0\nelement vertex 8\nproperty double x\nproperty double y\nproperty double z\n"
        "property uchar red\nelement face 6\nproperty list uchar int vertex_indices\nend_header\n"
    )
    order = ">" if form.endswith("big_endian") else "<"
    if form == "ascii":
        body = "".join(f"{x} {y} {z} 7\n" for x, y, z in CUBE_CORNERS) + "".join(
            f"4 {a} {b} {c} {d}\n" for a, b, c, d in CUBE
        )
        data = body.encode()
    else:
        kind = np.dtype([("p", order + "f8", 3), ("r", "u1")])
        table = np.zeros(8, kind)
        table["p"] = CUBE_CORNERS
        data = table.tobytes() + b"".join(b"\x04" + np.array(face, order + "i4").tobytes() for face in CUBE)
    path = tmp_path / "cube.ply"
    path.write_bytes(header.encode() + data)
    mesh = read_mesh(path)
    assert np.array_equal(mesh.vertices, CUBE_CORNERS) and np.array_equal(mesh.polygons, CUBE)


def test_obj_with_mixed_polygons_and_negative_numbers(tmp_path: Path) -> None:
    path = tmp_path / "patch.obj"
    path.write_text("o patch\nv 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvt 0 0\nf 1/1 2/1 3/1 4/1\nf -4 -2 -1\n")
    mesh = read_mesh(path)
    assert mesh.polygons.tolist() == [[0, 1, 2, 3], [0, 2, 3, -1]]
    assert triangulated(mesh.polygons).tolist() == [[0, 1, 2], [0, 2, 3], [0, 2, 3]]


@pytest.mark.parametrize(
    "name, content",
    [
        ("a.ply", b"not a ply"),
        ("b.obj", b"v 0 0 0\n"),
        ("c.stl", b"solid"),
        ("d.npz", b"PK"),
        ("e.obj", b"v 0 x 0\n"),
        ("f.ply", b"ply\nformat ascii 1.0\nelement vertex 9\nproperty float x\nend_header\n1\n"),
    ],
)
def test_bad_files_are_explained(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(FormatError, match=name):
        read_mesh(path)


def test_marks_from_a_file(tmp_path: Path, demo_marked) -> None:
    mesh = Mesh(demo_marked.vertices, demo_marked.triangles)
    path = tmp_path / "marks.json"
    marks = asdict(demo_marked.landmarks) | {"chin": demo_marked.vertices[demo_marked.landmarks.chin].tolist()}
    path.write_text(json.dumps(marks))
    assert read_landmarks(path, mesh) == demo_marked.landmarks
    path.write_text(json.dumps({"chin": 3}))
    with pytest.raises(SettingsError, match="nose_tip"):
        read_landmarks(path, mesh)
    path.write_text("[1]")
    with pytest.raises(FormatError, match=r"marks\.json"):
        read_landmarks(path, mesh)


def test_an_unknown_head_is_told_what_to_do(demo_marked) -> None:
    with pytest.raises(SettingsError, match="by hand"):
        landmarks_of(Mesh(demo_marked.vertices, demo_marked.triangles))


def test_lid_opening_sees_open_and_closed_eyes(demo_marked, demo_report) -> None:
    face = make_face(demo_marked.vertices, demo_marked.triangles, demo_marked.landmarks)
    eye = find_eye(face, 1)
    closing = dense_mm(demo_report[1], "eyeBlinkLeft", len(face.points))
    opening = [lid_opening(face, eye, face.points + weight * closing).max() for weight in (0.0, 0.5, 1.0)]
    assert opening[0] > opening[1] + 2.0 > opening[2] + 4.0
    assert opening[2] < 1.0


def test_known_heads_have_a_name(flame_template: Mesh, shared_dir: Path) -> None:
    flame = recognise_head(len(flame_template.vertices), flame_template.polygons)
    assert isinstance(flame, KnownHead) and (flame.name, flame.same_order) == ("FLAME / VOCA", True)
    path = shared_dir / "meshes" / "ict_facekit.npz"
    if not path.is_file():
        pytest.skip("ict_facekit.npz is absent from the reference folder")
    mesh = read_mesh(path)
    assert recognise_head(len(mesh.vertices), mesh.polygons).name == "ICT-FaceKit"
