# SPDX-License-Identifier: GPL-3.0-or-later
"""Generate Lip Sync through its operator, with the student in the extension: the take, the undo step, the refusals."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import bpy
import numpy as np
import pytest

from tests.addon.scenes import (
    HAS_AUDASPACE,
    NO_AUDASPACE,
    add_strip,
    insert_key,
    keys_of,
    make_face,
    make_plain_mesh,
    set_fps,
    snapshot,
    speech_like,
    write_sound,
)

needs_audaspace = pytest.mark.skipif(not HAS_AUDASPACE, reason=NO_AUDASPACE)


def use_file(path: Path, first_frame: int = 1) -> None:
    settings = bpy.context.scene.diffusion_talker
    settings.source, settings.audio_file, settings.first_frame = "FILE", str(path), first_frame


@pytest.fixture
def line(tmp_path: Path) -> Path:
    return write_sound(tmp_path / "line.wav", speech_like(2.0))


def test_a_file_becomes_one_take(addon: ModuleType, fresh_scene: object, line: Path) -> None:
    fps = set_fps(25, 1)
    obj = make_face()
    use_file(line, 12)
    assert bpy.ops.diffusion_talker.generate() == {"FINISHED"}
    action = obj.data.shape_keys.animation_data.action
    assert action.name == "Head line Take 01"
    assert sorted(keys_of(obj, "jawOpen")) == [*range(12, 12 + round(2 * fps))]
    assert np.ptp(list(keys_of(obj, "jawOpen").values())) > 0.01, "the mouth does not move"
    assert "Head line Take 01: " in bpy.context.window_manager.diffusion_talker.result


@needs_audaspace
def test_a_strip_becomes_one_take_and_nothing_else_changes(addon: ModuleType, fresh_scene: object, line: Path) -> None:
    set_fps(24000, 1001)
    scene = bpy.context.scene
    plain, obj = make_plain_mesh(), make_face()
    insert_key(plain, "location", 5)
    insert_key(obj, "rotation_euler", 7)
    add_strip(line, frame_start=20)
    add_strip(line, frame_start=500, name="Other", channel=2)
    scene.sequence_editor.active_strip = None
    scene.diffusion_talker.strip = "Dialogue"
    scene.frame_start, scene.frame_end, scene.frame_current = 5, 900, 33
    plain.select_set(True)
    before = snapshot()
    assert bpy.ops.diffusion_talker.generate() == {"FINISHED"}
    assert snapshot(without_actions=["Head Dialogue Take 01"]) == before
    assert min(keys_of(obj, "jawOpen")) == 20


def test_the_same_seed_is_the_same_take_and_another_is_not(addon: ModuleType, fresh_scene: object, line: Path) -> None:
    obj = make_face()
    use_file(line)
    bpy.context.scene.diffusion_talker_takes.use_new_seed = False
    takes = []
    for seed in (0, 0, 1):
        bpy.context.scene.diffusion_talker.seed = seed
        bpy.ops.diffusion_talker.generate()
        takes.append(keys_of(obj, "jawOpen"))
    assert takes[0] == takes[1] != takes[2]


def test_the_chosen_mesh_goes_before_the_active_one(addon: ModuleType, fresh_scene: object, line: Path) -> None:
    chosen = make_face(name="Chosen")
    active = make_face(name="Active")
    bpy.context.scene.diffusion_talker.target = chosen
    use_file(line)
    bpy.ops.diffusion_talker.generate()
    assert chosen.data.shape_keys.animation_data is not None and active.data.shape_keys.animation_data is None


def test_brows_and_eyes_can_be_left_alone(addon: ModuleType, fresh_scene: object, line: Path) -> None:
    from diffusion_talker.channels import ARKIT_52
    from diffusion_talker.student.settings import region_of

    obj = make_face()
    use_file(line)
    regions = bpy.context.scene.diffusion_talker.regions
    regions.use_brows = regions.use_eyes = False
    bpy.ops.diffusion_talker.generate()
    curves = addon.keyframes.current_fcurves(obj.data.shape_keys)
    assert {addon.targets.key_name_of_path(curve.data_path) for curve in curves} == {
        name for name in ARKIT_52 if region_of(name) == "mouth"
    }


def test_one_undo_step_takes_everything_back(addon: ModuleType, fresh_scene: object, line: Path) -> None:
    """Headless Blender pushes no undo steps by itself, so the test does it where the interface would."""
    obj = make_face()
    use_file(line)
    insert_key(obj.data.shape_keys.key_blocks["cheekPuff"], "value", 3)
    bpy.ops.ed.undo_push(message="before")
    before, actions = snapshot(), bpy.data.actions.keys()
    bpy.ops.diffusion_talker.generate()
    bpy.ops.ed.undo_push(message="Generate Lip Sync")
    after = bpy.data.actions.keys()
    assert len(after) == len(actions) + 1
    bpy.ops.ed.undo()
    assert bpy.data.actions.keys() == actions and snapshot() == before
    keys = bpy.data.objects["Head"].data.shape_keys
    assert keys.animation_data.action.name == actions[0] and not keys.animation_data.action.use_fake_user
    bpy.ops.ed.redo()
    assert bpy.data.actions.keys() == after


def test_the_operator_is_one_undo_step_of_its_own(addon: ModuleType, fresh_scene: object) -> None:
    assert addon.operators.generate.DIFFUSION_TALKER_OT_generate.bl_options == {"REGISTER", "UNDO"}


def test_undo_while_a_job_runs_does_not_confuse_it(addon: ModuleType, fresh_scene: object, line: Path) -> None:
    """Undo replaces every datablock under the job's feet; it finds the mesh again by its session id."""
    generation = addon.generation
    make_face()
    bpy.ops.ed.undo_push(message="face")
    use_file(line)
    request = generation.make_request(bpy.context)
    generated = generation.generate(request, lambda share, message: None, lambda: False)
    bpy.data.objects["Head"].location.x = 3
    bpy.ops.ed.undo_push(message="moved")
    bpy.ops.ed.undo()
    bpy.data.objects["Head"].name = "Renamed"
    generation.apply(request, generated)
    assert bpy.data.objects["Renamed"].data.shape_keys.animation_data.action is not None


@pytest.mark.parametrize("damage", ("deleted", "unlinked", "keys removed", "another file"))
def test_a_target_that_is_gone_when_the_job_ends_changes_nothing(
    addon: ModuleType, fresh_scene: object, line: Path, damage: str
) -> None:
    generation = addon.generation
    obj = make_face()
    use_file(line)
    request = generation.make_request(bpy.context)
    generated = generation.generate(request, lambda share, message: None, lambda: False)
    if damage == "deleted":
        bpy.data.objects.remove(obj)
    elif damage == "unlinked":
        bpy.context.scene.collection.objects.unlink(obj)
    elif damage == "keys removed":
        obj.shape_key_clear()
    else:
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        make_face()
    with pytest.raises(addon.problems.LipSyncProblem) as failure:
        generation.apply(request, generated)
    assert "'Head'" in str(failure.value) and len(bpy.data.actions) == 0


def test_a_failure_while_writing_leaves_the_mesh_as_it_was(
    addon: ModuleType, fresh_scene: object, line: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    obj = make_face()
    use_file(line)
    bpy.ops.diffusion_talker.generate()
    before, action = snapshot(), obj.data.shape_keys.animation_data.action
    count = 0

    def fail_late(*arguments: object) -> None:
        nonlocal count
        count += 1
        if count > 20:
            raise MemoryError("no more")

    monkeypatch.setattr(addon.keyframes, "_replace_keys", fail_late)
    with pytest.raises(RuntimeError, match="no more"):
        bpy.ops.diffusion_talker.generate()
    assert snapshot() == before and obj.data.shape_keys.animation_data.action == action and not action.use_fake_user


@pytest.mark.parametrize(
    ("arrange", "sentence"),
    [
        (lambda line: make_face(), "no sound strip: add your recording"),
        (lambda line: (make_face(), use_file(line.parent / "gone.wav")), "There is no sound file at"),
        (lambda line: (make_face(), use_file(Path())), "No sound file chosen|There is no sound file"),
        (lambda line: (make_plain_mesh(), use_file(line)), "No face chosen"),
        (lambda line: (make_face(["Smile"]), use_file(line)), "None of the shape keys of 'Head' is a known face shape"),
    ],
)
def test_the_button_is_disabled_with_a_reason(
    addon: ModuleType, fresh_scene: object, line: Path, arrange: object, sentence: str
) -> None:
    arrange(line)
    assert not bpy.ops.diffusion_talker.generate.poll()
    with pytest.raises(RuntimeError, match=sentence):
        bpy.ops.diffusion_talker.generate()
    assert len(bpy.data.actions) == 0


def test_a_damaged_sound_is_reported_in_one_sentence(addon: ModuleType, fresh_scene: object, tmp_path: Path) -> None:
    make_face()
    broken = tmp_path / "broken.mp3"
    broken.write_bytes(b"no sound" * 100)
    use_file(broken)
    with pytest.raises(RuntimeError) as failure:
        bpy.ops.diffusion_talker.generate()
    message = str(failure.value).strip()
    assert message.startswith("Error: ") and "\n" not in message and "Traceback" not in message
    assert bpy.context.window_manager.diffusion_talker.failed and len(bpy.data.actions) == 0


def test_a_damaged_student_is_reported_in_one_sentence(
    addon: ModuleType, fresh_scene: object, line: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from diffusion_talker.student import load_student

    damaged = tmp_path / "student.npz"
    damaged.write_bytes(b"not a student")
    monkeypatch.setattr(addon.generation, "open_student", lambda options: load_student(damaged))
    make_face()
    use_file(line)
    with pytest.raises(RuntimeError, match="student.npz"):
        bpy.ops.diffusion_talker.generate()
    assert len(bpy.data.actions) == 0


def test_menus_offer_the_library(addon: ModuleType, fresh_scene: object) -> None:
    from diffusion_talker.library import read_library

    library = read_library()
    settings = bpy.context.scene.diffusion_talker
    assert settings.identity == settings.emotion == "auto"
    for emotion in library.emotions:
        settings.emotion = emotion
    assert addon.generation.options_of(bpy.context).emotion == library.emotions[-1]
    items = addon.properties.emotion_items(library.emotions)
    assert [item[0] for item in items] == ["auto", *library.emotions, "MIX"]
    assert len({item[4] for item in items}) == len(items) and all(0 <= item[4] < 2**31 for item in items)


def test_takes_are_exported_with_their_edits(
    addon: ModuleType, fresh_scene: object, line: Path, tmp_path: Path
) -> None:
    from diffusion_talker.formats import read_motion

    set_fps(30, 1)
    obj = make_face()
    use_file(line, 50)
    assert not bpy.ops.diffusion_talker.export.poll()
    bpy.ops.diffusion_talker.generate()
    curve = addon.keyframes.current_fcurves(obj.data.shape_keys).find('key_blocks["jawOpen"].value')
    curve.keyframe_points[10].co[1] = 0.875
    curve.update()
    for extension in (".csv", ".json", ".npz"):
        path = tmp_path / f"take{extension}"
        assert bpy.ops.diffusion_talker.export(filepath=str(path), filename_ext=extension) == {"FINISHED"}
        motion = read_motion(path)
        assert motion.frame_count == 60 and motion.rate_hz == pytest.approx(30)
        assert motion.column("jawOpen")[10] == pytest.approx(0.875, abs=1e-3)


def test_an_export_that_cannot_be_written_says_so(
    addon: ModuleType, fresh_scene: object, line: Path, tmp_path: Path
) -> None:
    make_face()
    use_file(line)
    bpy.ops.diffusion_talker.generate()
    with pytest.raises(RuntimeError, match="Error: .*take.csv"):
        bpy.ops.diffusion_talker.export(filepath=str(tmp_path / "no folder" / "take.csv"))


def test_the_result_line_goes_with_its_take(addon: ModuleType, fresh_scene: object, line: Path) -> None:
    make_face()
    use_file(line)
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.diffusion_talker.generate()
    shown = addon.operators.generate.shown_result
    assert shown(bpy.context).startswith("Head line Take 01: ")
    bpy.ops.ed.undo_push(message="Generate Lip Sync")
    bpy.ops.ed.undo()
    assert shown(bpy.context) == ""
