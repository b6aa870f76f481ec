# SPDX-License-Identifier: GPL-3.0-or-later
"""The one sentence about a face: every reason why nothing would be seen, and the click that mends it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import bpy
import numpy as np
import pytest

from diffusion_talker.channels import ARKIT_52
from tests.addon.scenes import add_strip, insert_key, make_face, make_plain_mesh, speech_like, write_sound
from tests.addon.test_targets import drive_key, link_face, save_library


def moving_face(names: tuple[str, ...] = ARKIT_52, name: str = "Head") -> bpy.types.Object:
    """A face whose every key moves something."""
    obj = make_face(names, name)
    for number, block in enumerate(obj.data.shape_keys.key_blocks[1:]):
        block.points[number % 3].co.z += 0.1
    bpy.context.scene.diffusion_talker.source = "FILE"
    bpy.context.view_layer.update()
    return obj


def keyed_face() -> bpy.types.Object:
    """A moving face with curves on jaw and lips."""
    obj = moving_face()
    for name in ("jawOpen", "mouthClose"):
        insert_key(obj.data.shape_keys, f'key_blocks["{name}"].value', 1)
    return obj


def _still() -> bpy.types.Object:
    return make_face()


def _masked() -> bpy.types.Object:
    obj = moving_face()
    group = obj.vertex_groups.new(name="Mask")
    group.add([0, 1, 2], 0.0, "REPLACE")
    obj.data.shape_keys.key_blocks["jawOpen"].vertex_group = "Mask"
    return obj


def _narrow() -> bpy.types.Object:
    obj = moving_face()
    obj.data.shape_keys.key_blocks["jawOpen"].slider_max = 0.1
    return obj


def _muted_curve() -> bpy.types.Object:
    obj = keyed_face()
    for curve in obj_curves(obj):
        curve.mute = True
    return obj


def obj_curves(obj: bpy.types.Object) -> list[bpy.types.FCurve]:
    from tests.addon.scenes import action_curves

    return action_curves(obj.data.shape_keys.animation_data.action)


def _push_down(obj: bpy.types.Object, name: str) -> bpy.types.NlaTrack:
    """The present Action becomes a strip on a new track."""
    data = obj.data.shape_keys.animation_data
    track = data.nla_tracks.new(prev=data.nla_tracks[-1] if len(data.nla_tracks) else None)
    track.name = name
    track.strips.new(name, 1, data.action).frame_end = 100
    data.action = None
    return track


def _solo() -> bpy.types.Object:
    obj = keyed_face()
    _push_down(obj, "Old").is_solo = True
    return obj


def _no_influence() -> bpy.types.Object:
    obj = keyed_face()
    _push_down(obj, "Old")
    insert_key(obj.data.shape_keys, 'key_blocks["jawOpen"].value', 1)
    obj.data.shape_keys.animation_data.action_influence = 0.0
    return obj


def _covered(addon: ModuleType) -> bpy.types.Object:
    obj = moving_face()
    take = addon.keyframes.Take("line", "line", 1, {"jawOpen": np.linspace(0, 1, 50, dtype=np.float32)})
    addon.keyframes.write_take(obj, take)
    _push_down(obj, "Take")
    insert_key(obj.data.shape_keys, 'key_blocks["jawOpen"].value', 1)
    _push_down(obj, "Old")
    return obj


def _slotless(addon: ModuleType) -> bpy.types.Object:
    obj = moving_face()
    take = addon.keyframes.Take("line", "line", 1, {"jawOpen": np.linspace(0, 1, 50, dtype=np.float32)})
    addon.keyframes.write_take(obj, take)
    obj.data.shape_keys.animation_data.action_slot = None
    return obj


def _cached() -> bpy.types.Object:
    obj = moving_face()
    obj.modifiers.new("Baked", "MESH_CACHE")
    return obj


def _hidden() -> bpy.types.Object:
    obj = moving_face()
    obj.hide_set(True)
    return obj


def _muted() -> bpy.types.Object:
    obj = moving_face()
    obj.data.shape_keys.key_blocks["jawOpen"].mute = True
    return obj


def _absolute() -> bpy.types.Object:
    obj = moving_face()
    obj.data.shape_keys.use_relative = False
    return obj


def _pinned() -> bpy.types.Object:
    obj = moving_face()
    obj.show_only_shape_key = True
    return obj


def _driven() -> bpy.types.Object:
    obj = moving_face()
    drive_key(obj, "jawOpen", bpy.data.objects.new("Rig", None))
    return obj


def _tweaked() -> bpy.types.Object:
    obj = keyed_face()
    _push_down(obj, "Old").strips[0].select = True
    data = obj.data.shape_keys.animation_data
    data.nla_tracks[0].select = True
    data.use_tweak_mode = True
    return obj


def _rig(face: bpy.types.Object) -> bpy.types.Object:
    rig = bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig"))
    bpy.context.scene.collection.objects.link(rig)
    face.parent = rig
    return rig


def _armature() -> bpy.types.Object:
    return _rig(moving_face())


def _eyes() -> bpy.types.Object:
    rig = _rig(moving_face())
    eyes = make_plain_mesh("Eyes")
    eyes.modifiers.new("Armature", "ARMATURE").object = rig
    return eyes


SIMPLE: dict[str, tuple[Callable[[], bpy.types.Object], str, str]] = {
    "masked key": (_masked, "Vertex group 'Mask' holds back shape key 'jawOpen'", "CLEAR_VERTEX_GROUPS"),
    "narrow range": (_narrow, "'jawOpen' is 0 to 0.1, which cuts speech off", "RESET_RANGES"),
    "muted curve": (_muted_curve, "curve of 'jawOpen', 'mouthClose' on 'Head' is muted", "UNMUTE_CURVES"),
    "solo track": (_solo, "NLA track 'Old' of 'Head' plays alone", "CLEAR_SOLO"),
    "no influence": (_no_influence, "no influence in the NLA", "FULL_INFLUENCE"),
    "mesh cache": (_cached, "Modifier 'Baked' puts cached vertices over", "SWITCH_OFF_CACHE"),
    "hidden": (_hidden, "'Head' is hidden in the viewport", "SHOW"),
    "muted jaw": (_muted, "'jawOpen' of 'Head' is switched off", "UNMUTE_KEYS"),
    "absolute": (_absolute, "are absolute", "MAKE_RELATIVE"),
    "pinned": (_pinned, "one pinned shape key", "UNPIN"),
    "driver": (_driven, "'jawOpen' of 'Head' is driven by 'Rig'", "REMOVE_DRIVERS"),
    "tweak mode": (_tweaked, "is being edited", "LEAVE_TWEAK_MODE"),
}


@pytest.mark.parametrize("case", SIMPLE)
def test_what_keeps_a_face_still_is_told_and_mended(addon: ModuleType, fresh_scene: object, case: str) -> None:
    make, why, fix = SIMPLE[case]
    check_and_mend(addon, make(), why, fix)


def check_and_mend(addon: ModuleType, obj: bpy.types.Object, why: str, fix: str) -> None:
    """The sentence says why, the button mends it through the operator, and afterwards the face moves."""
    bpy.context.scene.diffusion_talker.target = obj
    found = addon.diagnosis.diagnose(obj, bpy.context.scene)
    assert not found.moves and why in found.sentence and found.fix.name == fix
    assert "\n" not in found.sentence and len(found.sentence) < 180 and not found.sentence.endswith(".")
    assert bpy.ops.diffusion_talker.fix_face() == {"FINISHED"}
    healed = addon.diagnosis.diagnose(obj, bpy.context.scene)
    assert healed.moves, healed.sentence
    assert healed.sentence.startswith("Generate will move 52 of 52 face shapes of 'Head'")


def test_a_take_below_another_nla_track_is_hidden(addon: ModuleType, fresh_scene: object) -> None:
    check_and_mend(addon, _covered(addon), "NLA track 'Old' lies above the take of 'Head'", "MUTE_COVER")


@pytest.mark.skipif(bpy.app.version < (4, 4, 0), reason="Actions have no slots before Blender 4.4")
def test_an_action_without_a_slot_moves_nothing(addon: ModuleType, fresh_scene: object) -> None:
    check_and_mend(addon, _slotless(addon), "without a slot, so it moves nothing", "CHOOSE_SLOT")


def test_mending_is_one_undo_step(addon: ModuleType, fresh_scene: object) -> None:
    _driven()
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.diffusion_talker.fix_face()
    bpy.ops.ed.undo_push(message="Fix")
    bpy.ops.ed.undo()
    assert "jawOpen" in addon.targets.driven_keys(bpy.data.objects["Head"].data.shape_keys)


def test_a_mended_curve_moves_the_mesh(addon: ModuleType, fresh_scene: object) -> None:
    obj = keyed_face()
    jaw = obj.data.shape_keys.key_blocks["jawOpen"]
    jaw.value = 1.0
    insert_key(obj.data.shape_keys, 'key_blocks["jawOpen"].value', 10)
    for curve in obj_curves(obj):
        curve.mute = True
    bpy.ops.diffusion_talker.fix_face()
    bpy.context.scene.frame_set(1)
    bpy.context.scene.frame_set(10)
    assert jaw.value == pytest.approx(1.0)


@pytest.mark.parametrize("make", (_armature, _eyes))
def test_another_part_of_the_character_names_the_face(
    addon: ModuleType, fresh_scene: object, make: Callable[[], bpy.types.Object]
) -> None:
    obj = make()
    found = addon.diagnosis.diagnose(obj, bpy.context.scene)
    assert not found.moves and "'Head'" in found.sentence and found.fix.label == "Pick It"
    bpy.context.view_layer.objects.active = obj
    bpy.ops.diffusion_talker.fix_face()
    assert bpy.context.scene.diffusion_talker.target.name == "Head"


def test_an_unrelated_mesh_is_not_taken_for_the_face(addon: ModuleType, fresh_scene: object) -> None:
    moving_face()
    found = addon.diagnosis.diagnose(make_plain_mesh("Chair"), bpy.context.scene)
    assert found.fix is None and "'Chair' has no shape keys" in found.sentence


def test_a_face_that_bones_alone_move(addon: ModuleType, fresh_scene: object) -> None:
    rig = bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig"))
    bpy.context.scene.collection.objects.link(rig)
    face = make_plain_mesh("Face")
    face.modifiers.new("Armature", "ARMATURE").object = rig
    found = addon.diagnosis.diagnose(face, bpy.context.scene)
    assert "Only the bones of 'Rig' move 'Face'" in found.sentence and not found.moves


def test_keys_without_movement_are_no_face(addon: ModuleType, fresh_scene: object) -> None:
    found = addon.diagnosis.diagnose(_still(), bpy.context.scene)
    assert not found.moves and "moves no vertex" in found.sentence and found.fix is None


def test_a_key_that_is_relative_to_itself_moves_nothing(addon: ModuleType, fresh_scene: object) -> None:
    obj = moving_face()
    jaw = obj.data.shape_keys.key_blocks["jawOpen"]
    jaw.relative_key = jaw
    assert "'jawOpen' of 'Head' moves no vertex" in addon.diagnosis.diagnose(obj, bpy.context.scene).sentence


def test_a_system_override_is_made_editable(addon: ModuleType, fresh_scene: object, tmp_path: Path) -> None:
    moving_face()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "characters.blend"))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    override = link_face(tmp_path / "characters.blend").override_create(remap_local_usages=True)
    override.data = override.data.override_create(remap_local_usages=True)
    for block in (override, override.data):
        block.override_library.is_system_override = True
    bpy.context.scene.diffusion_talker.source = "FILE"
    check_and_mend(addon, override, "is not editable", "MAKE_EDITABLE")


def test_linked_keys_have_no_button(addon: ModuleType, fresh_scene: object, tmp_path: Path) -> None:
    save_library(tmp_path / "characters.blend")
    found = addon.diagnosis.diagnose(link_face(tmp_path / "characters.blend"), bpy.context.scene)
    assert not found.moves and "read-only" in found.sentence and found.fix is None


def test_edit_mode_hides_the_keys(addon: ModuleType, fresh_scene: object) -> None:
    obj = moving_face()
    bpy.ops.object.mode_set(mode="EDIT")
    sentence = addon.diagnosis.diagnose(obj, bpy.context.scene).sentence
    bpy.ops.object.mode_set(mode="OBJECT")
    assert "is in Edit Mode" in sentence and "press Tab" in sentence


@pytest.mark.skipif(not bpy.app.build_options.audaspace, reason="this Blender module was built without sound")
def test_a_line_outside_the_frame_range_is_told(addon: ModuleType, fresh_scene: object, tmp_path: Path) -> None:
    obj = moving_face()
    bpy.context.scene.diffusion_talker.source = "STRIP"
    add_strip(write_sound(tmp_path / "line.wav", speech_like(1.0)), frame_start=300)
    sentence = addon.diagnosis.diagnose(obj, bpy.context.scene).sentence
    assert "The line lies at frames 300 to" in sentence and "outside the frame range 1 to 250" in sentence
    bpy.context.scene.frame_end = 400
    assert addon.diagnosis.diagnose(obj, bpy.context.scene).moves


def test_some_muted_keys_are_offered(addon: ModuleType, fresh_scene: object) -> None:
    obj = moving_face()
    obj.data.shape_keys.key_blocks["mouthPucker"].mute = True
    found = addon.diagnosis.diagnose(obj, bpy.context.scene)
    assert found.moves and "Switched off: mouthPucker" in found.sentence and found.fix.name == "UNMUTE_KEYS"


def test_the_button_is_disabled_where_nothing_is_to_mend(addon: ModuleType, fresh_scene: object) -> None:
    moving_face()
    assert not bpy.ops.diffusion_talker.fix_face.poll()


def test_looking_changes_nothing(addon: ModuleType, fresh_scene: object) -> None:
    obj = _covered(addon)
    before = [block.value for block in obj.data.shape_keys.key_blocks], len(bpy.data.actions)
    addon.diagnosis.diagnose(obj, bpy.context.scene)
    assert before == ([block.value for block in obj.data.shape_keys.key_blocks], len(bpy.data.actions))
