# SPDX-License-Identifier: GPL-3.0-or-later
"""The mapping as a list: shown, edited, put back, saved and loaded; and the list of meshes beside it."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from unittest.mock import MagicMock

import bpy
import pytest

from diffusion_talker.channels import ARKIT_52
from tests.addon.scenes import make_face, make_plain_mesh

OPS = bpy.ops.diffusion_talker


def rows(obj: bpy.types.Object) -> bpy.types.bpy_prop_collection:
    return obj.diffusion_talker_mapping.channels


def choose(obj: bpy.types.Object, channel: str) -> bpy.types.PropertyGroup:
    obj.diffusion_talker_mapping.index = ARKIT_52.index(channel)
    return rows(obj)[channel]


def test_every_channel_is_shown_with_its_keys(addon: ModuleType, fresh_scene: object) -> None:
    obj = make_face(["JawOpen", "mouthSmile_L", "mouthSmile_R", "eyeBlink", "Corrective"])
    assert OPS.mapping_show() == {"FINISHED"}
    shown = rows(obj)
    assert tuple(row.name for row in shown) == ARKIT_52
    assert shown["jawOpen"].how == "spelling" and shown["jawOpen"].found == "JawOpen"
    assert shown["eyeBlinkLeft"].how == "approximated" and "eyeBlink x0.5" in shown["eyeBlinkLeft"].found
    assert shown["noseSneerLeft"].how == "missing" and shown["noseSneerLeft"].found == ""
    assert shown["jawOpen"].shown == 1.0 and addon.face_mapping.edits_of(obj) == ()


def test_showing_again_follows_the_keys_and_keeps_the_edits(addon: ModuleType, fresh_scene: object) -> None:
    obj = make_face(["jawOpen", "mouthFunnel"])
    OPS.mapping_show()
    rows(obj)["jawOpen"].gain = 0.7
    obj.shape_key_add(name="mouthPucker")
    OPS.mapping_show()
    assert rows(obj)["mouthPucker"].found == "mouthPucker" and rows(obj)["jawOpen"].gain == pytest.approx(0.7)


def test_keys_are_chosen_by_hand_and_put_back(addon: ModuleType, fresh_scene: object) -> None:
    obj = make_face([*ARKIT_52, "My Jaw"])
    OPS.mapping_show()
    row = choose(obj, "jawOpen")
    OPS.mapping_by_hand()
    assert row.by_hand and [entry.key for entry in row.entries] == ["jawOpen"]
    OPS.mapping_add_key()
    row.entries[1].key, row.entries[1].gain = "My Jaw", 0.25
    entries = addon.face_mapping.mapping_of(obj).channel("jawOpen").entries
    assert [(entry.key, entry.gain) for entry in entries] == [("jawOpen", 1.0), ("My Jaw", 0.25)]
    OPS.mapping_remove_key(index=0)
    assert [entry.key for entry in row.entries] == ["My Jaw"]
    with pytest.raises(RuntimeError, match="has no shape key number 7: choose one"):
        OPS.mapping_remove_key(index=7)
    OPS.mapping_remove_key(index=0)
    assert not rows(obj)["jawOpen"].by_hand and rows(obj)["jawOpen"].found == "jawOpen"


def test_one_channel_or_all_are_reset(addon: ModuleType, fresh_scene: object) -> None:
    obj = make_face()
    OPS.mapping_show()
    for name in ("jawOpen", "mouthFunnel"):
        rows(obj)[name].gain, rows(obj)[name].offset = 0.5, 0.1
    choose(obj, "jawOpen")
    OPS.mapping_reset(whole=False)
    assert [edit.channel for edit in addon.face_mapping.edits_of(obj)] == ["mouthFunnel"]
    OPS.mapping_reset(whole=True)
    assert addon.face_mapping.edits_of(obj) == () and len(rows(obj)) == 52


def test_a_preset_goes_to_another_character(addon: ModuleType, fresh_scene: object, tmp_path: Path) -> None:
    face = make_face([*ARKIT_52, "grin"])
    OPS.mapping_show()
    choose(face, "mouthSmileLeft")
    OPS.mapping_by_hand()
    rows(face)["mouthSmileLeft"].entries[0].key = "grin"
    rows(face)["jawOpen"].gain = 0.6
    assert OPS.mapping_preset_save(title="Anna: loud") == {"FINISHED"}
    assert OPS.mapping_export(filepath=str(tmp_path / "anna.json")) == {"FINISHED"}
    folder = addon.mapping_rows.preset_folder()
    assert [path.stem for path in addon.preset_files.preset_files(folder)] == ["Anna_ loud"]
    other = make_face(["JawOpen", "grin", "mouthSmile_L"], name="Boris")
    assert OPS.mapping_preset_load(title="Anna: loud") == {"FINISHED"}
    mapping = addon.face_mapping.mapping_of(other)
    assert mapping.channel("jawOpen").gain == pytest.approx(0.6)
    assert mapping.channel("mouthSmileLeft").entries[0].key == "grin"
    OPS.mapping_reset(whole=True)
    assert OPS.mapping_import(filepath=str(tmp_path / "anna.json")) == {"FINISHED"}
    assert addon.face_mapping.mapping_of(other).channel("jawOpen").gain == pytest.approx(0.6)
    assert OPS.mapping_preset_delete(title="Anna: loud") == {"FINISHED"}
    assert not addon.preset_files.preset_files(folder)
    with pytest.raises(RuntimeError, match="There is no face preset"):
        OPS.mapping_preset_delete(title="Anna: loud")


def test_a_preset_holds_the_other_meshes_too(addon: ModuleType, fresh_scene: object, tmp_path: Path) -> None:
    teeth, face = make_face(["jawOpen"], name="Teeth"), make_face()
    bpy.context.scene.diffusion_talker_drive.meshes.add().object = teeth
    bpy.context.scene.diffusion_talker.target = face
    bpy.context.view_layer.objects.active = teeth
    OPS.mapping_show()
    rows(teeth)["jawOpen"].gain = 0.8
    OPS.mapping_export(filepath=str(tmp_path / "both.json"))
    OPS.mapping_reset(whole=True)
    assert OPS.mapping_import(filepath=str(tmp_path / "both.json")) == {"FINISHED"}
    assert rows(teeth)["jawOpen"].gain == pytest.approx(0.8) and len(rows(face)) == 52


@pytest.mark.parametrize("content", ["", "{}", '{"format": "diffusion-talker-face", "version": 99}'])
def test_a_damaged_preset_changes_nothing(
    addon: ModuleType, fresh_scene: object, tmp_path: Path, content: str
) -> None:
    obj = make_face()
    path = tmp_path / "broken.json"
    path.write_text(content)
    with pytest.raises(RuntimeError, match="Error: .*broken.json"):
        OPS.mapping_import(filepath=str(path))
    assert not len(rows(obj))


def test_the_operators_say_what_they_lack(addon: ModuleType, fresh_scene: object) -> None:
    with pytest.raises(RuntimeError, match="No face chosen: pick the mesh"):
        OPS.mapping_show()
    bpy.context.view_layer.objects.active = make_plain_mesh()
    with pytest.raises(RuntimeError, match="'Plain' has no shape keys that could be driven"):
        OPS.mapping_show()
    make_face()
    with pytest.raises(RuntimeError, match="press Show Mapping"):
        OPS.mapping_by_hand()
    with pytest.raises(RuntimeError, match="The preset needs a name"):
        OPS.mapping_preset_save(title="...")


def test_the_mapping_survives_saving(addon: ModuleType, fresh_scene: object, tmp_path: Path) -> None:
    obj = make_face()
    OPS.mapping_show()
    choose(obj, "jawOpen").gain = 0.5
    OPS.mapping_by_hand()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "face.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "face.blend"))
    edit = addon.face_mapping.edits_of(bpy.data.objects["Head"])[0]
    assert edit.channel == "jawOpen" and edit.gain == 0.5 and edit.entries[0].key == "jawOpen"


def test_a_linked_face_is_not_edited(addon: ModuleType, fresh_scene: object, tmp_path: Path) -> None:
    make_face()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "library.blend"))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (_, wanted):
        wanted.objects = ["Head"]
    head = wanted.objects[0]
    bpy.context.scene.collection.objects.link(head)
    bpy.context.scene.diffusion_talker.target = head
    with pytest.raises(RuntimeError, match="'Head' is linked, its mapping cannot be edited here"):
        OPS.mapping_show()


def test_an_override_keeps_its_own_mapping(addon: ModuleType, fresh_scene: object, tmp_path: Path) -> None:
    make_face()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "library.blend"))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (_, wanted):
        wanted.objects = ["Head"]
    bpy.context.scene.collection.objects.link(wanted.objects[0])
    override = wanted.objects[0].override_create(remap_local_usages=True)
    override.data = override.data.override_create(remap_local_usages=True)
    override.override_library.is_system_override = False
    bpy.context.scene.diffusion_talker.target = override
    OPS.mapping_show()
    rows(override)["jawOpen"].gain = 0.5
    name = override.name
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    edits = addon.face_mapping.edits_of(bpy.data.objects[name])
    assert [(edit.channel, edit.gain) for edit in edits] == [("jawOpen", 0.5)]


def test_meshes_are_added_from_the_selection_and_removed(addon: ModuleType, fresh_scene: object) -> None:
    teeth, tongue = make_face(["jawOpen"], name="Teeth"), make_face(["tongueOut"], name="Tongue")
    plain, face = make_plain_mesh(), make_face()
    plain.select_set(True)
    drive = bpy.context.scene.diffusion_talker_drive
    assert OPS.meshes_add() == {"FINISHED"}
    assert {item.object for item in drive.meshes} == {teeth, tongue}
    with pytest.raises(RuntimeError, match="No further mesh with shape keys is selected"):
        OPS.meshes_add()
    OPS.meshes_remove()
    OPS.meshes_remove()
    with pytest.raises(RuntimeError, match="No mesh of the list is chosen"):
        OPS.meshes_remove()
    assert face.data.shape_keys is not None and not len(drive.meshes)


def test_a_row_says_only_what_is_not_plain(addon: ModuleType, fresh_scene: object) -> None:
    obj = make_face(["jaw_Open", "mouthSmile", "mouthFunnel", "grin"])
    OPS.mapping_show()
    rows(obj)["mouthFunnel"].gain = 0.5
    choose(obj, "cheekPuff")
    OPS.mapping_by_hand()
    rows(obj)["cheekPuff"].entries[0].key = "grin"
    text = {row.name: addon.drive_panels.row_text(row) for row in rows(obj)}
    assert text["jawOpen"] == "jawOpen" and text["mouthFunnel"] == "mouthFunnel x0.50"
    assert text["mouthSmileLeft"].startswith("mouthSmileLeft: mouthSmile x0.") and text["tongueOut"] == "tongueOut"
    assert text["cheekPuff"] == "cheekPuff: grin"
    sentence = addon.drive_panels.channel_sentence
    assert sentence(rows(obj)["tongueOut"]) == "No key of this face shows it"
    assert sentence(rows(obj)["jawOpen"]) == "Its own key: jaw_Open"
    assert sentence(rows(obj)["mouthSmileLeft"]).startswith("Approximated, ")


class Stage:
    """Stands in for a panel's layout."""

    def __init__(self) -> None:
        self.layout = MagicMock()
        for part in ("row", "column", "split"):
            getattr(self.layout, part).return_value = self.layout

    def prepared(self) -> MagicMock:
        return self.layout


@pytest.mark.parametrize("panel", ["MeshesPanel", "MappingPanel"])
def test_panels_draw_without_changing_anything(addon: ModuleType, fresh_scene: object, panel: str) -> None:
    obj = make_face()
    getattr(addon.drive_panels, panel).draw(Stage(), bpy.context)
    assert not len(rows(obj))
    OPS.mapping_show()
    choose(obj, "jawOpen")
    OPS.mapping_by_hand()
    stage = Stage()
    getattr(addon.drive_panels, panel).draw(stage, bpy.context)
    lists = [call.args[0] for call in stage.layout.template_list.call_args_list]
    assert lists == (["DIFFUSION_TALKER_UL_channels"] if panel == "MappingPanel" else ["DIFFUSION_TALKER_UL_meshes"])
