# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written: a new Action with this line, everything else as it was."""

from __future__ import annotations

from types import ModuleType

import bpy
import numpy as np
import pytest

from tests.addon.scenes import insert_key, keys_of, make_face, snapshot

JAW = np.linspace(0, 1, 20, dtype=np.float32)
STILL = np.full(20, 0.25, np.float32)


def write(
    addon: ModuleType, obj: bpy.types.Object, line: str = "Dialogue", first_frame: int = 10, **curves: np.ndarray
):
    curves = curves or {"jawOpen": JAW, "mouthLeft": STILL}
    return addon.keyframes.write_take(obj, addon.keyframes.Take(line, line, first_frame, curves))


def test_every_frame_of_the_line_gets_its_value(addon: ModuleType, fresh_scene: object) -> None:
    obj = make_face()
    written = write(addon, obj)
    assert keys_of(obj, "jawOpen") == pytest.approx(dict(zip(range(10, 30), JAW.tolist(), strict=True)))
    assert written.action_name == "Head Dialogue Take 01" and written.curve_count == 2 and written.key_count == 21


def test_a_still_channel_gets_one_key_so_its_pose_is_defined(addon: ModuleType, fresh_scene: object) -> None:
    obj = make_face()
    write(addon, obj)
    assert keys_of(obj, "mouthLeft") == {10: 0.25}


def test_the_mesh_moves(addon: ModuleType, fresh_scene: object) -> None:
    obj = make_face()
    write(addon, obj)
    for frame in (5, 10, 17, 29, 50):
        bpy.context.scene.frame_set(frame)
        expected = JAW[np.clip(frame - 10, 0, 19)]
        assert obj.data.shape_keys.key_blocks["jawOpen"].value == pytest.approx(expected, abs=1e-6)


def test_nothing_overshoots_between_frames(addon: ModuleType, fresh_scene: object) -> None:
    obj = make_face()
    spike = np.zeros(20, np.float32)
    spike[10] = 1
    write(addon, obj, jawOpen=spike)
    curve = addon.keyframes.current_fcurves(obj.data.shape_keys).find('key_blocks["jawOpen"].value')
    between = [curve.evaluate(frame) for frame in np.arange(10, 29, 0.1).tolist()]
    assert min(between) >= 0 and max(between) <= 1


def test_values_stay_within_the_slider(addon: ModuleType, fresh_scene: object) -> None:
    obj = make_face()
    obj.data.shape_keys.key_blocks["jawOpen"].slider_max = 0.5
    write(addon, obj)
    assert max(keys_of(obj, "jawOpen").values()) == 0.5


def test_the_previous_action_is_kept_as_it_was(addon: ModuleType, fresh_scene: object) -> None:
    obj = make_face()
    write(addon, obj)
    first = obj.data.shape_keys.animation_data.action
    before = snapshot()
    write(addon, obj, jawOpen=JAW[::-1])
    second = obj.data.shape_keys.animation_data.action
    assert second.name == "Head Dialogue Take 02" and second != first
    after = snapshot(without_actions=[second.name])
    assert after.actions[0][2] == before.actions[0][2], "the old take's keys changed"
    assert first.use_fake_user and first.users == 1


def test_two_lines_share_the_newest_action(addon: ModuleType, fresh_scene: object) -> None:
    obj = make_face()
    write(addon, obj, "Line 1", 10)
    write(addon, obj, "Line 2", 100)
    assert sorted(keys_of(obj, "jawOpen")) == [*range(10, 30), *range(100, 120)]
    assert addon.keyframes.current_lines(obj) == {"Line 1": (10, 30), "Line 2": (100, 120)}


def test_a_moved_line_leaves_its_old_place(addon: ModuleType, fresh_scene: object) -> None:
    obj = make_face()
    write(addon, obj, "Line 1", 10)
    write(addon, obj, "Line 2", 100)
    write(addon, obj, "Line 1", 200)
    assert sorted(keys_of(obj, "jawOpen")) == [*range(100, 120), *range(200, 220)]


def test_a_line_that_goes_where_another_was_replaces_it(addon: ModuleType, fresh_scene: object) -> None:
    obj = make_face()
    write(addon, obj, "Long", 10, jawOpen=np.concatenate((JAW, JAW)))
    write(addon, obj, "Short", 10)
    assert sorted(keys_of(obj, "jawOpen")) == [*range(10, 30)]


def test_the_animators_own_keys_around_the_line_stay(addon: ModuleType, fresh_scene: object) -> None:
    obj = make_face()
    block = obj.data.shape_keys.key_blocks["jawOpen"]
    for frame, value in ((1, 0.7), (15, 0.8), (60, 0.9)):
        block.value = value
        insert_key(block, "value", frame)
    own = obj.data.shape_keys.animation_data.action
    obj.data.shape_keys.key_blocks["cheekPuff"].value = 0.3
    insert_key(obj.data.shape_keys.key_blocks["cheekPuff"], "value", 15)
    handles = [
        tuple(point.handle_left) for point in addon.keyframes.current_fcurves(obj.data.shape_keys)[0].keyframe_points
    ]
    write(addon, obj)
    keys = keys_of(obj, "jawOpen")
    assert sorted(keys) == [1, *range(10, 30), 60] and keys[1] == pytest.approx(0.7) and keys[60] == pytest.approx(0.9)
    assert keys_of(obj, "cheekPuff") == pytest.approx({15: 0.3})
    points = addon.keyframes.current_fcurves(obj.data.shape_keys).find('key_blocks["jawOpen"].value').keyframe_points
    assert points[0].interpolation == "BEZIER" and points[1].interpolation == "LINEAR"
    assert own.use_fake_user and len(handles) == 3


def test_the_action_of_the_object_itself_is_not_touched(addon: ModuleType, fresh_scene: object) -> None:
    obj = make_face()
    insert_key(obj, "location", 3)
    before = snapshot()
    written = write(addon, obj)
    assert snapshot(without_actions=[written.action_name]) == before


@pytest.mark.skipif(bpy.app.version < (4, 4, 0), reason="slots came with Blender 4.4")
def test_an_action_shared_through_slots_is_left_to_the_others(addon: ModuleType, fresh_scene: object) -> None:
    obj = make_face()
    insert_key(obj, "location", 3)
    keys = obj.data.shape_keys
    shared = obj.animation_data.action
    data = keys.animation_data_create()
    data.action = shared
    data.action_slot = shared.slots.new(id_type="KEY", name="Face")
    keys.key_blocks["cheekPuff"].keyframe_insert("value", frame=3)
    write(addon, obj)
    assert obj.animation_data.action == shared and len(shared.slots) == 2
    assert data.action != shared and [slot.target_id_type for slot in data.action.slots] == ["KEY"]
    assert sorted(keys_of(obj, "jawOpen")) == [*range(10, 30)] and keys_of(obj, "cheekPuff") == {3: 0.0}


def test_an_empty_previous_action_is_no_obstacle(addon: ModuleType, fresh_scene: object) -> None:
    obj = make_face()
    obj.data.shape_keys.animation_data_create().action = bpy.data.actions.new("Empty")
    write(addon, obj)
    bpy.context.scene.frame_set(29)
    assert obj.data.shape_keys.key_blocks["jawOpen"].value == 1.0


def test_awkward_names_are_animated_too(addon: ModuleType, fresh_scene: object) -> None:
    obj = make_face(['say "jawOpen"', "back\\slash"])
    write(addon, obj, **{'say "jawOpen"': JAW, "back\\slash": JAW})
    bpy.context.scene.frame_set(29)
    assert [block.value for block in obj.data.shape_keys.key_blocks[1:]] == [1.0, 1.0]


def test_take_numbers_survive_long_names(addon: ModuleType, fresh_scene: object) -> None:
    obj = make_face(name="Kopf mit Ümläuten und sehr langem Namen")
    line = "Szene 12 – Einstellung 4 – Ärger im Büro – " * 8
    names = [write(addon, obj, line).action_name for _ in range(3)]
    assert [name[-8:] for name in names] == [" Take 01", " Take 02", " Take 03"]
    assert len(set(names)) == 3


def test_curves_are_read_back_as_written(addon: ModuleType, fresh_scene: object) -> None:
    obj = make_face()
    write(addon, obj)
    curves = addon.keyframes.read_curves(obj, ["jawOpen", "mouthLeft", "browInnerUp"], np.arange(10, 30))
    assert sorted(curves) == ["jawOpen", "mouthLeft"]
    assert np.allclose(curves["jawOpen"], JAW, atol=1e-6) and np.allclose(curves["mouthLeft"], 0.25)
