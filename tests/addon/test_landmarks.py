# SPDX-License-Identifier: GPL-3.0-or-later
"""Marking the points of a face: by rays onto the surface, from cursor and selection, mirrored, kept and taken back."""

from __future__ import annotations

from dataclasses import asdict, fields
from types import ModuleType, SimpleNamespace

import bmesh
import bpy
import numpy as np
import pytest

from diffusion_talker.rigs.shape_keys import HeadLandmarks
from tests.addon.heads import bare_head, demo_points, mark_head
from tests.addon.scenes import make_plain_mesh

LEFT = tuple(name for name in demo_points()[2] if not name.endswith("_right"))


@pytest.fixture
def head(fresh_scene: object) -> bpy.types.Object:
    return bare_head()


def place_of(obj: bpy.types.Object, name: str) -> np.ndarray:
    return np.array(obj.diffusion_talker_landmarks[name].place)


def test_every_point_that_the_generator_needs_can_be_placed(addon: ModuleType) -> None:
    assert {mark.name for mark in addon.landmarks.LANDMARKS} == {field.name for field in fields(HeadLandmarks)}
    assert len({mark.label for mark in addon.landmarks.LANDMARKS}) == 20
    left_first = [mark.name for mark in addon.landmarks.LANDMARKS][:12]
    assert not any(name.endswith("_right") for name in left_first)


def test_all_points_make_landmarks_and_one_less_does_not(addon: ModuleType, head: bpy.types.Object) -> None:
    mark_head(addon, head)
    assert asdict(addon.landmarks.marked_landmarks(head)) == demo_points()[2]
    addon.landmarks.remove_mark(head, "chin")
    assert addon.landmarks.marked_landmarks(head) is None
    assert [mark.name for mark in addon.landmarks.marks_left(head)] == ["chin"]


def test_a_dozen_points_and_their_mirror_images_make_a_face(addon: ModuleType, head: bpy.types.Object) -> None:
    mark_head(addon, head, without=tuple(name for name in demo_points()[2] if name.endswith("_right")))
    assert len(head.diffusion_talker_landmarks) == 12
    assert bpy.ops.diffusion_talker.mirror_landmarks() == {"FINISHED"}
    found, wanted = addon.landmarks.marked_vertices(head), demo_points()[2]
    points = addon.meshes.neutral_points(head)
    apart = [np.linalg.norm(points[found[name]] - points[wanted[name]]) for name in wanted]
    assert max(apart) < 0.004
    assert bpy.ops.diffusion_talker.generate_shape_keys() == {"FINISHED"}


@pytest.mark.parametrize("axis", (0, 1))
def test_the_plane_of_symmetry_is_found_on_other_axes(addon: ModuleType, head: bpy.types.Object, axis: int) -> None:
    turn = np.array([[0, 1.0, 0], [-1.0, 0, 0], [0, 0, 1]]) if axis else np.eye(3)
    points = addon.meshes.neutral_points(head) @ turn.T + np.where(np.arange(3) == axis, 5.0, 0.0)
    head.data.vertices.foreach_set("co", points.astype(np.float32).reshape(-1))
    mark_head(addon, head, without=tuple(name for name in demo_points()[2] if name.endswith("_right")))
    bpy.ops.diffusion_talker.mirror_landmarks()
    left, right = place_of(head, "mouth_corner_left"), place_of(head, "mouth_corner_right")
    assert np.allclose(np.delete(left, axis), np.delete(right, axis), atol=0.003)
    assert left[axis] + right[axis] == pytest.approx(10.0, abs=0.004) and abs(left[axis] - right[axis]) > 0.03


def test_sides_marked_as_the_viewer_sees_them_are_exchanged(addon: ModuleType, head: bpy.types.Object) -> None:
    for name, vertex in demo_points()[2].items():
        partner = addon.landmarks.landmark_named(name).partner or name
        addon.landmarks.set_mark(head, partner, vertex)
    assert asdict(addon.landmarks.marked_landmarks(head)) == demo_points()[2]


def test_points_stay_on_their_vertex_when_the_neutral_is_sculpted(addon: ModuleType, head: bpy.types.Object) -> None:
    addon.landmarks.set_mark(head, "chin", 40)
    head.data.vertices[40].co.z -= 0.01
    assert addon.landmarks.marked_vertices(head) == {"chin": 40}


def test_points_stay_in_their_place_when_vertices_come_or_go(addon: ModuleType, head: bpy.types.Object) -> None:
    mark_head(addon, head)
    before = place_of(head, "nose_tip")
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.select_all(action="SELECT")
    bpy.ops.mesh.subdivide()
    bpy.ops.object.mode_set(mode="OBJECT")
    points = addon.meshes.neutral_points(head)
    vertex = addon.landmarks.marked_vertices(head)["nose_tip"]
    assert np.allclose(points[vertex], before, atol=1e-6)


def test_points_survive_saving(addon: ModuleType, head: bpy.types.Object, tmp_path) -> None:
    mark_head(addon, head)
    path = str(tmp_path / "head.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    assert asdict(addon.landmarks.marked_landmarks(bpy.data.objects["Head"])) == demo_points()[2]


# ---------------------------------------------------------------- placing


def test_the_3d_cursor_marks_the_nearest_vertex_of_a_moved_object(addon: ModuleType, head: bpy.types.Object) -> None:
    vertex = demo_points()[2]["chin"]
    head.location, head.rotation_euler, head.scale = (1, 2, 3), (0.3, 0.2, 0.1), (2, 2, 2)
    bpy.context.view_layer.update()
    place = head.matrix_world @ head.data.vertices[vertex].co
    bpy.context.scene.cursor.location = [value + 0.0005 for value in place]
    assert bpy.ops.diffusion_talker.mark_landmark(name="chin", source="CURSOR") == {"FINISHED"}
    assert addon.landmarks.marked_vertices(head) == {"chin": vertex}


def test_the_selected_vertex_is_marked_from_edit_mode(addon: ModuleType, head: bpy.types.Object) -> None:
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.select_all(action="DESELECT")
    edited = bmesh.from_edit_mesh(head.data)
    edited.verts.ensure_lookup_table()
    edited.verts[123].select_set(True)
    bpy.ops.diffusion_talker.mark_landmark(name="nose_tip", source="SELECTED")
    bpy.ops.mesh.select_all(action="SELECT")
    with pytest.raises(RuntimeError, match="exactly one vertex"):
        bpy.ops.diffusion_talker.mark_landmark(name="chin", source="SELECTED")
    bpy.ops.object.mode_set(mode="OBJECT")
    assert addon.landmarks.marked_vertices(head) == {"nose_tip": 123}


def test_a_ray_meets_the_face_from_the_front(addon: ModuleType, head: bpy.types.Object) -> None:
    surface = addon.picking.ShownSurface.of(head, bpy.context.evaluated_depsgraph_get())
    nose = surface.points[demo_points()[2]["nose_tip"]]
    hit = surface.vertex_along(nose + (0.0003, -1.0, 0.0003), np.array([0.0, 1.0, 0.0]))
    assert np.linalg.norm(surface.points[hit] - nose) < 0.004  # not the back of the head
    assert surface.vertex_along(nose + (5.0, -1.0, 0.0), np.array([0.0, 1.0, 0.0])) is None


def test_the_surface_is_taken_as_it_is_shown(addon: ModuleType, head: bpy.types.Object) -> None:
    head.shape_key_add(name="Basis")
    moved = head.shape_key_add(name="moved", from_mix=False)
    moved.points[7].co.z += 1.0
    moved.value = 1.0
    bpy.context.view_layer.update()
    points = addon.picking.shown_points(head, bpy.context.evaluated_depsgraph_get())
    assert points[7, 2] == pytest.approx(addon.meshes.neutral_points(head)[7, 2] + 1.0, abs=1e-5)
    head.modifiers.new("Subdivision", "SUBSURF")
    bpy.context.view_layer.update()
    points = addon.picking.shown_points(head, bpy.context.evaluated_depsgraph_get())
    assert np.array_equal(points, addon.meshes.neutral_points(head))


class Clicks:
    """The click operator without a window: what it reports, and clicks that land where they are told."""

    def __init__(self, addon: ModuleType, obj: bpy.types.Object, only: str = "") -> None:
        self.operator = SimpleNamespace(obj=obj, only=only, placed=[], reports=[])
        self.operator.report = lambda kind, text: self.operator.reports.append(text)
        self.kind = addon.operators.place_landmarks.DIFFUSION_TALKER_OT_place_landmarks
        names = [only] if only else [mark.name for mark in addon.landmarks.marks_left(obj)]
        self.operator.left = [addon.landmarks.landmark_named(name) for name in names]

    def click(self, vertex: int, mirrored: bool = True) -> None:
        self.kind.place(self.operator, vertex, mirrored)

    def take_back(self) -> None:
        self.kind._take_back(self.operator)


def test_twelve_clicks_place_all_twenty_points(addon: ModuleType, head: bpy.types.Object) -> None:
    clicks = Clicks(addon, head)
    for name in LEFT:
        clicks.click(demo_points()[2][name])
    assert not clicks.operator.left and len(head.diffusion_talker_landmarks) == 20
    assert not clicks.operator.reports


def test_a_click_is_taken_back_with_its_mirror_image(addon: ModuleType, head: bpy.types.Object) -> None:
    clicks = Clicks(addon, head)
    for name in LEFT[:5]:
        clicks.click(demo_points()[2][name])
    assert len(head.diffusion_talker_landmarks) == 6
    clicks.take_back()
    assert len(head.diffusion_talker_landmarks) == 4 and clicks.operator.left[0].name == "mouth_corner_left"


def test_without_mirroring_every_point_is_clicked(addon: ModuleType, head: bpy.types.Object) -> None:
    clicks = Clicks(addon, head)
    for name in LEFT:
        clicks.click(demo_points()[2][name], mirrored=False)
    assert [mark.name for mark in clicks.operator.left] == [n for n in demo_points()[2] if n.endswith("_right")]


def test_half_a_face_is_told_to_be_completed(addon: ModuleType, fresh_scene: object) -> None:
    obj = bare_head()
    points = addon.meshes.neutral_points(obj)
    points[:, 0] = np.abs(points[:, 0]) * 0.001 + 3.0  # nothing lies on the other side
    obj.data.vertices.foreach_set("co", points.astype(np.float32).reshape(-1))
    addon.landmarks.set_mark(obj, "eye_inner_left", demo_points()[2]["eye_inner_left"])
    with pytest.raises(RuntimeError, match="nothing on the other side"):
        bpy.ops.diffusion_talker.mirror_landmarks()


def test_buttons_say_why_they_are_disabled(addon: ModuleType, fresh_scene: object) -> None:
    assert "pick the mesh" in addon.landmarks.landmarks_locked(None)
    assert "has no faces" in addon.landmarks.landmarks_locked(make_plain_mesh())
    bare_head()
    assert not bpy.ops.diffusion_talker.mirror_landmarks.poll()
    assert not bpy.ops.diffusion_talker.remove_landmarks.poll()
    assert not bpy.ops.diffusion_talker.place_landmarks.poll()  # there is no 3D View here


def test_points_are_removed_one_by_one_or_all(addon: ModuleType, head: bpy.types.Object) -> None:
    mark_head(addon, head)
    bpy.ops.diffusion_talker.remove_landmarks(only="chin")
    assert len(head.diffusion_talker_landmarks) == 19
    bpy.ops.diffusion_talker.remove_landmarks()
    assert len(head.diffusion_talker_landmarks) == 0


def test_what_is_drawn_lies_on_the_mesh_as_it_stands(addon: ModuleType, head: bpy.types.Object) -> None:
    assert addon.overlay.marks_shown(bpy.context) == []
    head.location = (10, 0, 0)
    bpy.context.view_layer.update()
    addon.landmarks.set_mark(head, "chin", demo_points()[2]["chin"])
    ((label, place),) = addon.overlay.marks_shown(bpy.context)
    expected = head.matrix_world @ head.data.vertices[demo_points()[2]["chin"]].co
    assert label == "Chin" and np.allclose(place, expected, atol=1e-5)
    bpy.context.scene.diffusion_talker.show_landmarks = False
    assert addon.overlay.marks_shown(bpy.context) == []


def test_points_are_not_drawn_over_a_head_that_has_its_keys(addon: ModuleType, head: bpy.types.Object) -> None:
    mark_head(addon, head)
    assert len(addon.overlay.marks_shown(bpy.context)) == 20
    bpy.ops.diffusion_talker.generate_shape_keys()
    assert addon.overlay.marks_shown(bpy.context) == []


def test_labels_do_not_lie_on_each_other(addon: ModuleType) -> None:
    labels = [("Upper Lip", 100.0, 100.0), ("Lower Lip", 100.0, 104.0), ("Chin", 100.0, 60.0), ("Brow", 400.0, 100.0)]
    shown = [text for text, _, _ in addon.overlay.readable_labels(labels, 1.0)]
    assert shown == ["Upper Lip", "Chin", "Brow"]
