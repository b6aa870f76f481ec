# SPDX-License-Identifier: GPL-3.0-or-later
"""Faces with any keys, and meshes that go along with them, driven through the mapping."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import bpy
import numpy as np
import pytest

from diffusion_talker.channels import ARKIT_52
from tests.addon.scenes import keys_of, make_face, snapshot, speech_like, write_sound

OCULUS = tuple(f"viseme_{name}" for name in "sil PP FF TH DD kk CH SS nn RR aa E I O U".split())


@pytest.fixture
def line(tmp_path: Path) -> Path:
    return write_sound(tmp_path / "line.wav", speech_like(2.0))


def use_file(path: Path) -> None:
    settings = bpy.context.scene.diffusion_talker
    settings.source, settings.audio_file, settings.first_frame = "FILE", str(path), 1


def add_mesh(obj: bpy.types.Object) -> None:
    bpy.context.scene.diffusion_talker_drive.meshes.add().object = obj


def animated_keys(addon: ModuleType, obj: bpy.types.Object) -> set[str]:
    curves = addon.keyframes.current_fcurves(obj.data.shape_keys) or ()
    return {addon.targets.key_name_of_path(curve.data_path) for curve in curves}


@pytest.mark.parametrize(
    "names",
    [
        OCULUS,
        ("A", "I", "U", "E", "O", "blink"),
        tuple(f"Fcl_MTH_{vowel}" for vowel in "AIUEO"),
        ("AI", "E", "O", "U", "WQ", "L", "MBP", "FV", "etc", "rest"),
    ],
    ids=["Ready Player Me", "VRM 0", "VRoid", "Preston Blair"],
)
def test_a_face_without_arkit_shapes_speaks(
    addon: ModuleType, fresh_scene: object, line: Path, names: tuple[str, ...]
) -> None:
    obj = make_face([*names, "Corrective"])
    use_file(line)
    assert bpy.ops.diffusion_talker.generate() == {"FINISHED"}
    moved = [name for name in names if name in animated_keys(addon, obj) and np.ptp(list(keys_of(obj, name).values()))]
    assert len(moved) >= 3 and "Corrective" not in animated_keys(addon, obj)


def test_teeth_tongue_and_lashes_go_along_in_one_undo_step(addon: ModuleType, fresh_scene: object, line: Path) -> None:
    lashes = make_face(["eyeBlink_L", "eyeBlink_R"], name="Lashes")
    teeth = make_face(["jawOpen", "jawLeft", "Fixed"], name="Teeth")
    face = make_face(name="Head")
    for obj in (teeth, lashes, face):
        add_mesh(obj)
    use_file(line)
    bpy.ops.ed.undo_push(message="before")
    before = snapshot()
    assert bpy.ops.diffusion_talker.generate() == {"FINISHED"}
    assert sorted(action.name for action in bpy.data.actions) == [
        "Head line Take 01",
        "Lashes line Take 01",
        "Teeth line Take 01",
    ]
    assert "Head line Take 01 and 2 more: " in bpy.context.window_manager.diffusion_talker.result
    assert keys_of(teeth, "jawOpen") == keys_of(face, "jawOpen")
    assert keys_of(lashes, "eyeBlink_L") == keys_of(face, "eyeBlinkLeft")
    assert animated_keys(addon, teeth) == {"jawOpen", "jawLeft"}
    bpy.ops.ed.undo_push(message="Generate Lip Sync")
    bpy.ops.ed.undo()
    assert snapshot() == before and not bpy.data.actions


def test_a_mesh_that_cannot_go_along_is_named(addon: ModuleType, fresh_scene: object, line: Path) -> None:
    make_face(name="Head")
    teeth = make_face(["jawOpen"], name="Teeth")
    teeth.data.shape_keys.use_relative = False
    bpy.context.view_layer.objects.active = bpy.data.objects["Head"]
    add_mesh(teeth)
    use_file(line)
    with pytest.raises(RuntimeError, match="shape keys of 'Teeth' are absolute.*remove it from the list"):
        bpy.ops.diffusion_talker.generate()


def test_a_failure_on_the_last_mesh_leaves_all_as_they_were(
    addon: ModuleType, fresh_scene: object, line: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    teeth, face = make_face(["jawOpen"], name="Teeth"), make_face(name="Head")
    add_mesh(teeth)
    use_file(line)
    write_curve, count = addon.keyframes._write_curve, 0

    def fail_late(*arguments: object) -> int:
        nonlocal count
        count += 1
        if count > 52:
            raise MemoryError("no more")
        return write_curve(*arguments)

    monkeypatch.setattr(addon.keyframes, "_write_curve", fail_late)
    with pytest.raises(RuntimeError, match="no more"):
        bpy.ops.diffusion_talker.generate()
    assert not bpy.data.actions
    assert all(obj.data.shape_keys.animation_data is None for obj in (teeth, face))


def test_what_is_set_by_hand_is_obeyed(addon: ModuleType, fresh_scene: object, line: Path) -> None:
    obj = make_face([*ARKIT_52, "My Jaw"])
    use_file(line)
    bpy.ops.diffusion_talker.generate()
    automatic = keys_of(obj, "jawOpen")
    row = obj.diffusion_talker_mapping.channels.add()
    row.name, row.gain, row.by_hand = "jawOpen", 0.5, True
    entry = row.entries.add()
    entry.key, entry.gain, entry.offset = "My Jaw", 0.8, 0.05
    off = obj.diffusion_talker_mapping.channels.add()
    off.name, off.enabled = "mouthFunnel", False
    bpy.ops.diffusion_talker.generate()
    by_hand = keys_of(obj, "My Jaw")
    for frame, value in automatic.items():
        assert by_hand[frame] == pytest.approx(0.4 * value + 0.05, abs=1e-5)
    assert set(keys_of(obj, "mouthFunnel").values()) == {0.0}


def test_keys_that_nobody_knows_are_chosen_by_hand(addon: ModuleType, fresh_scene: object, line: Path) -> None:
    obj = make_face(["Mund auf", "Grinsen", "Nase"])
    use_file(line)
    assert not bpy.ops.diffusion_talker.generate.poll()
    bpy.ops.diffusion_talker.mapping_show()
    obj.diffusion_talker_mapping.index = ARKIT_52.index("jawOpen")
    bpy.ops.diffusion_talker.mapping_by_hand()
    obj.diffusion_talker_mapping.channels["jawOpen"].entries[0].key = "Mund auf"
    assert bpy.ops.diffusion_talker.generate() == {"FINISHED"}
    found = addon.diagnosis.diagnose(obj, bpy.context.scene)
    assert found.moves and found.sentence == "Generate will move the keys of 'Head' that were chosen by hand"
    assert addon.operators.export.export_problem(obj) == ""
    assert animated_keys(addon, obj) == {"Mund auf"} and np.ptp(list(keys_of(obj, "Mund auf").values())) > 0.01


def test_keys_of_drivers_and_muted_keys_are_left_alone(addon: ModuleType, fresh_scene: object, line: Path) -> None:
    obj = make_face()
    obj.data.shape_keys.key_blocks["mouthPucker"].mute = True
    obj.data.shape_keys.key_blocks["mouthFunnel"].driver_add("value")
    use_file(line)
    bpy.ops.diffusion_talker.generate()
    assert not {"mouthPucker", "mouthFunnel"} & animated_keys(addon, obj)
