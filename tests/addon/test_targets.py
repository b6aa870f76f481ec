# SPDX-License-Identifier: GPL-3.0-or-later
"""Which objects can be driven, and the one sentence for each that cannot."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import bpy
import numpy as np
import pytest

from diffusion_talker.channels import ARKIT_52
from tests.addon.heads import flame_head
from tests.addon.scenes import make_face, make_plain_mesh

SPELLINGS = {
    "exact": lambda name: name,
    "pascal case": lambda name: name[0].upper() + name[1:],
    "snake case": lambda name: re.sub("([A-Z])", r"_\1", name).lower(),
    "sides as letters": lambda name: re.sub("Left$", "_L", re.sub("Right$", "_R", name)),
    "prefix": lambda name: f"Face.M_F00_{name}",
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_usual_spelling_is_a_complete_face(addon: ModuleType, fresh_scene: object, spelling: str) -> None:
    respell = SPELLINGS[spelling]
    report = addon.targets.inspect_target(make_face([respell(name) for name in ARKIT_52]))
    assert report.ready and not report.missing and not report.note
    assert dict(report.mapping) == {name: respell(name) for name in ARKIT_52}


def test_some_shapes_are_enough_and_the_rest_is_named(addon: ModuleType, fresh_scene: object) -> None:
    names = [name for name in ARKIT_52 if name not in ("mouthClose", "tongueOut")]
    report = addon.targets.inspect_target(make_face([*names, "Smile Corrective"]))
    assert report.ready and len(report.mapping) == 50
    assert report.note == "Missing: mouthClose, tongueOut"


VISEMES = {
    "VRM 0": ("A", "I", "U", "E", "O", "Blink", "Joy"),
    "Oculus visemes": tuple("sil PP FF TH DD kk CH SS nn RR aa E ih oh ou".split()),
    "VRChat visemes": tuple(f"vrc.v_{name}" for name in "sil PP FF aa E ih oh ou".split()),
    "Preston Blair": tuple("AI E O U WQ L MBP FV etc rest".split()),
}


@pytest.mark.parametrize("vocabulary", VISEMES)
def test_visemes_are_enough(addon: ModuleType, fresh_scene: object, vocabulary: str) -> None:
    report = addon.targets.inspect_target(make_face(VISEMES[vocabulary]))
    assert report.ready, report.reason
    assert report.vocabulary == vocabulary and len(report.others) >= 5 and "Joy" not in report.others
    assert report.summary == f"{len(report.others)} keys of {vocabulary}" and not report.note


def test_visemes_beside_arkit_do_not_count(addon: ModuleType, fresh_scene: object) -> None:
    report = addon.targets.inspect_target(make_face([*ARKIT_52, *VISEMES["VRChat visemes"]]))
    assert report.ready and not report.others and report.summary == "52 of 52 face shapes"


def test_flames_expressions_are_enough_on_flame(addon: ModuleType, fresh_scene: object, shared_dir: Path) -> None:
    obj = flame_head(shared_dir / "meshes" / "flame_template.ply")
    for name in ("Basis", *(f"Exp{number}" for number in range(1, 11))):
        obj.shape_key_add(name=name, from_mix=False)
    report = addon.targets.inspect_target(obj)
    assert report.ready and report.summary == "10 keys of FLAME expressions"


def test_a_known_head_without_keys_is_told_to_generate_them(
    addon: ModuleType, fresh_scene: object, shared_dir: Path
) -> None:
    obj = flame_head(shared_dir / "meshes" / "flame_template.ply")
    assert "press Generate Shape Keys" in addon.targets.inspect_target(obj).reason
    obj.shape_key_add(name="Basis")
    obj.shape_key_add(name="Big Nose")
    assert "press Generate Shape Keys" in addon.targets.inspect_target(obj).reason


def _nothing() -> None:
    return None


def _camera() -> bpy.types.Object:
    return bpy.data.objects.new("Cam", bpy.data.cameras.new("Cam"))


def _basis_only() -> bpy.types.Object:
    return make_face([])


def _absolute() -> bpy.types.Object:
    obj = make_face()
    obj.data.shape_keys.use_relative = False
    return obj


def _pinned() -> bpy.types.Object:
    obj = make_face()
    obj.show_only_shape_key = True
    return obj


def _muted_jaw() -> bpy.types.Object:
    obj = make_face()
    obj.data.shape_keys.key_blocks["jawOpen"].mute = True
    return obj


def _driven_jaw() -> bpy.types.Object:
    obj = make_face()
    drive_key(obj, "jawOpen", bpy.data.objects.new("Rig", None))
    return obj


def drive_key(obj: bpy.types.Object, key_name: str, source: bpy.types.Object) -> None:
    curve = obj.data.shape_keys.key_blocks[key_name].driver_add("value")
    variable = curve.driver.variables.new()
    variable.targets[0].id = source
    variable.targets[0].data_path = "location.x"


def _tweaked() -> bpy.types.Object:
    obj = make_face()
    data = obj.data.shape_keys.animation_data_create()
    obj.data.shape_keys.key_blocks["jawOpen"].keyframe_insert("value", frame=1)
    track = data.nla_tracks.new()
    track.strips.new("Old", 1, data.action)
    data.action = None
    track.strips[0].select = True
    data.use_tweak_mode = True
    return obj


PROBLEMS = {
    "no object": (_nothing, "No face chosen", "pick the mesh"),
    "not a mesh": (_camera, "'Cam' is not a mesh", "pick the mesh"),
    "no shape keys": (make_plain_mesh, "'Plain' has no shape keys", "place its landmarks and generate them"),
    "only a basis": (_basis_only, "'Head' has no shape keys", "place its landmarks and generate them"),
    "foreign shape keys": (lambda: make_face(["Smile", "Big Nose"]), "None of the shape keys", "rename them"),
    "no jaw": (lambda: make_face([n for n in ARKIT_52 if n != "jawOpen"]), "has no shape key jawOpen", "add it"),
    "too few": (lambda: make_face(["jawOpen", "mouthClose"]), "too few mouth shapes to speak (2)", "add mouthFunnel"),
    "expressions alone": (
        lambda: make_face([f"Exp{i}" for i in range(1, 21)]),
        "The landmarks of 'Head' are not placed",
        "press Place Landmarks",
    ),
    "one vowel": (lambda: make_face(["A", "I"]), "None of the shape keys", "rename them"),
    "absolute": (_absolute, "are absolute", "tick Relative"),
    "pinned": (_pinned, "one pinned shape key", "switch the pin off"),
    "muted jaw": (_muted_jaw, "'jawOpen' of 'Head' is switched off", "tick its box"),
    "driven jaw": (_driven_jaw, "'jawOpen' of 'Head' is driven by 'Rig'", "delete the drivers"),
    "tweak mode": (_tweaked, "NLA strip of 'Head' is being edited", "leave tweak mode"),
}


@pytest.mark.parametrize("case", PROBLEMS)
def test_a_target_that_cannot_work_says_why_and_what_to_do(addon: ModuleType, fresh_scene: object, case: str) -> None:
    make, why, next_step = PROBLEMS[case]
    report = addon.targets.inspect_target(make())
    assert not report.ready
    assert why in report.reason and next_step in report.reason
    assert "\n" not in report.reason and len(report.reason) < 160


def test_keys_that_a_driver_moves_are_left_to_it(addon: ModuleType, fresh_scene: object) -> None:
    obj = make_face()
    drive_key(obj, "eyeBlinkLeft", bpy.data.objects.new("Rig", None))
    report = addon.targets.inspect_target(obj)
    assert report.ready and "eyeBlinkLeft" in report.missing
    assert report.note == "Left to their drivers: eyeBlinkLeft"


def save_library(path: Path) -> None:
    """A file with a face in it, to link from."""
    make_face()
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)


def link_face(path: Path) -> bpy.types.Object:
    with bpy.data.libraries.load(str(path), link=True) as (_, wanted):
        wanted.objects = ["Head"]
    bpy.context.scene.collection.objects.link(wanted.objects[0])
    return wanted.objects[0]


def test_a_linked_mesh_is_read_only(addon: ModuleType, fresh_scene: object, tmp_path: Path) -> None:
    save_library(tmp_path / "characters.blend")
    report = addon.targets.inspect_target(link_face(tmp_path / "characters.blend"))
    assert "'Head' is linked from characters.blend, which is read-only" in report.reason
    assert "library override" in report.reason


def test_an_override_of_the_object_alone_leaves_its_mesh_read_only(
    addon: ModuleType, fresh_scene: object, tmp_path: Path
) -> None:
    save_library(tmp_path / "characters.blend")
    override = link_face(tmp_path / "characters.blend").override_create()
    assert "read-only" in addon.targets.inspect_target(override).reason


def test_an_override_with_its_mesh_can_be_driven(addon: ModuleType, fresh_scene: object, tmp_path: Path) -> None:
    save_library(tmp_path / "characters.blend")
    override = link_face(tmp_path / "characters.blend").override_create()
    override.data = override.data.override_create()
    override.override_library.is_system_override = False
    report = addon.targets.inspect_target(override)
    assert report.ready, report.reason


def test_a_take_on_an_override_survives_saving(addon: ModuleType, fresh_scene: object, tmp_path: Path) -> None:
    save_library(tmp_path / "characters.blend")
    override = link_face(tmp_path / "characters.blend").override_create(remap_local_usages=True)
    override.data = override.data.override_create(remap_local_usages=True)
    take = addon.keyframes.Take("line", "line", 1, {"jawOpen": np.linspace(0, 1, 10, dtype=np.float32)})
    written = addon.keyframes.write_take(override, take)
    name, path = override.name, tmp_path / "shot.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    bpy.ops.wm.open_mainfile(filepath=str(path))
    keys = bpy.data.objects[name].data.shape_keys
    bpy.context.scene.frame_set(10)
    assert keys.animation_data.action.name == written.action_name
    assert keys.key_blocks["jawOpen"].value == pytest.approx(1.0)
