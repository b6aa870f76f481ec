# SPDX-License-Identifier: GPL-3.0-or-later
"""Update While Dragging, ticked by hand as Blender's timer does it: in place, undo-safe, and nothing made is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import bpy
import numpy as np
import pytest

from tests.addon.scenes import (
    HAS_AUDASPACE,
    NO_AUDASPACE,
    action_curves,
    add_strip,
    insert_key,
    make_face,
    speech_like,
    trim_strip,
    write_sound,
)
from tests.addon.students import model_in_use, write_student
from tests.addon.test_takes import add_teeth, keys, playing, same, use_line

LIMIT_S = 20.0


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_student(tmp_path_factory.mktemp("model") / "student.npz")


@pytest.fixture
def face(addon: ModuleType, fresh_scene: object, model: Path, tmp_path: Path) -> Iterator[bpy.types.Object]:
    """A face, a line and the small student."""
    obj = make_face()
    use_line(write_sound(tmp_path / "line.wav", speech_like(1.0)))
    with model_in_use(model):
        yield obj
    addon.live.LIVE.stop(LIMIT_S)


def settle(addon: ModuleType) -> None:
    """Tick until nothing is left to do."""
    deadline_s = time.monotonic() + LIMIT_S
    while addon.live.LIVE.is_busy:
        assert time.monotonic() < deadline_s, "the update does not end"
        addon.live.LIVE.tick()
        time.sleep(0.002)


def generate(addon: ModuleType) -> bpy.types.Action:
    assert bpy.ops.diffusion_talker.generate() == {"FINISHED"}
    return playing(bpy.context.view_layer.objects.active)


def switch_on(addon: ModuleType) -> bpy.types.PropertyGroup:
    settings = bpy.context.scene.diffusion_talker
    settings.use_live = True
    settle(addon)
    return settings


def test_switching_it_on_listens_and_changes_nothing(addon: ModuleType, face: bpy.types.Object) -> None:
    take = generate(addon)
    before = keys(take)
    switch_on(addon)
    assert playing(face) == take and same(keys(take), before) and len(bpy.data.actions) == 1
    assert addon.live.LIVE.kept.heard is not None


def test_the_first_change_makes_a_take_of_its_own_and_the_next_ones_change_it(
    addon: ModuleType, face: bpy.types.Object
) -> None:
    generated = generate(addon)
    before = keys(generated)
    settings = switch_on(addon)
    settings.style.jaw = 0.5
    settle(addon)
    live, half = playing(face), keys(playing(face))
    settings.style.jaw = 1.0
    settle(addon)
    assert live not in (None, generated) and playing(face) == live and not same(keys(live), half)
    assert same(keys(generated), before) and generated.use_fake_user and len(bpy.data.actions) == 2
    assert addon.takes.header_of(live).is_live and addon.takes.stored_of(live).options.style == (("jaw", 1.0),)


def test_the_keys_are_those_that_generate_would_write(addon: ModuleType, face: bpy.types.Object) -> None:
    settings = switch_on(addon)
    for value in (0.3, -0.8, 0.6):
        settings.style.lips = settings.intensity = abs(value)
        settle(addon)
    live = playing(face)
    assert same(keys(generate(addon)), keys(live))
    assert playing(face) != live and bpy.context.scene.diffusion_talker.seed == 0, "the dragged performance is kept"


def test_handles_are_as_generate_would_leave_them(addon: ModuleType, face: bpy.types.Object) -> None:
    def handles(action: bpy.types.Action) -> np.ndarray:
        curve = next(curve for curve in action_curves(action) if "jawOpen" in curve.data_path)
        return np.array([[*key.handle_left, *key.handle_right, key.interpolation == "LINEAR"]
                         for key in curve.keyframe_points])  # fmt: skip

    settings = switch_on(addon)
    for value in (0.3, 0.6):
        settings.style.jaw = value
        settle(addon)
    live = playing(face)
    assert handles(live) == pytest.approx(handles(generate(addon)), abs=1e-6)


def test_other_meshes_follow_too(addon: ModuleType, face: bpy.types.Object) -> None:
    teeth = add_teeth()
    generate(addon)
    settings = switch_on(addon)
    for value in (0.5, 1.0):
        settings.style.jaw = value
        settle(addon)
        jaw = 'key_blocks["jawOpen"].value0'
        assert np.array_equal(keys(playing(teeth))[jaw], keys(playing(face))[jaw])
    assert len(bpy.data.actions) == 4


def test_other_lines_and_keys_of_the_animators_own_stay(
    addon: ModuleType, face: bpy.types.Object, tmp_path: Path
) -> None:
    insert_key(face.data.shape_keys.key_blocks["jawOpen"], "value", 300)
    use_line(write_sound(tmp_path / "answer.wav", speech_like(1.0)), 100)
    generate(addon)
    use_line(tmp_path / "line.wav")
    generate(addon)

    def others() -> list[tuple[float, float]]:
        curve = next(curve for curve in action_curves(playing(face)) if "jawOpen" in curve.data_path)
        return [tuple(key.co) for key in curve.keyframe_points if key.co[0] > 90]

    before, settings = others(), switch_on(addon)
    for value in (0.5, 1.0):
        settings.style.jaw = value
        settle(addon)
    assert others() == before and len(before) == 25


def test_edited_keys_are_never_overwritten(addon: ModuleType, face: bpy.types.Object) -> None:
    settings = switch_on(addon)
    settings.style.jaw = 0.5
    settle(addon)
    edited = playing(face)
    curve = next(curve for curve in action_curves(edited) if "jawOpen" in curve.data_path)
    curve.keyframe_points[5].co[1] = 0.9
    mine = keys(edited)
    settings.style.jaw = 1.0
    settle(addon)
    assert playing(face) != edited and same(keys(edited), mine) and edited.use_fake_user


@pytest.mark.parametrize("leave", ("generate", "audition"))
def test_a_take_that_was_left_is_not_changed_any_more(addon: ModuleType, face: bpy.types.Object, leave: str) -> None:
    first = generate(addon)
    settings = switch_on(addon)
    settings.style.jaw = 0.5
    settle(addon)
    left, before = playing(face), keys(playing(face))
    if leave == "generate":
        generate(addon)
    else:
        for take in (first, left):
            bpy.ops.diffusion_talker.take_audition(action=take.name)
    settings.style.jaw = 1.0
    settle(addon)
    assert playing(face) != left and same(keys(left), before)


def test_a_channel_that_stops_resting_gets_its_keys(addon: ModuleType, face: bpy.types.Object) -> None:
    """A still channel has one key, a moving one has a key a frame."""
    face.data.shape_keys.key_blocks["jawOpen"].slider_max = 0.001
    settings = switch_on(addon)
    settings.style.jaw = 0.5
    settle(addon)
    path = 'key_blocks["jawOpen"].value0'
    assert len(keys(playing(face))[path]) == 2
    face.data.shape_keys.key_blocks["jawOpen"].slider_max = 1.0
    settings.style.jaw = 1.0
    settle(addon)
    assert len(keys(playing(face))[path]) == 2 * 24 and len(bpy.data.actions) == 1


def test_a_line_that_moved_takes_its_keys_along(addon: ModuleType, face: bpy.types.Object) -> None:
    settings = switch_on(addon)
    settings.style.jaw = 0.5
    settle(addon)
    settings.first_frame, settings.style.jaw = 200, 1.0
    settle(addon)
    co = keys(playing(face))['key_blocks["jawOpen"].value0']
    assert co[0] == 200 and len(co) == 2 * 24 and len(bpy.data.actions) == 1


def test_settings_that_play_already_cost_nothing(addon: ModuleType, face: bpy.types.Object) -> None:
    settings = switch_on(addon)
    settings.style.jaw = 0.5
    settle(addon)
    take, before = playing(face), addon.live.LIVE.written_at
    settings.style.jaw = 0.5
    settle(addon)
    assert addon.live.LIVE.written_at == before and playing(face) == take


def test_without_the_switch_nothing_follows(addon: ModuleType, face: bpy.types.Object) -> None:
    settings = switch_on(addon)
    settings.use_live = False
    settings.style.jaw = 0.5
    assert not addon.live.LIVE.is_busy and addon.live.LIVE.kept.heard is None and len(bpy.data.actions) == 0


class Held:
    """Stands in for performing: says that it began, and goes on when it may."""

    def __init__(self, addon: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
        self.perform, self.began, self.gate = addon.live.perform, threading.Event(), threading.Event()
        self.ended: list[str] = []
        monkeypatch.setattr(addon.live, "perform", self)

    def __call__(self, request: object, listened: object, progress: object, cancelled: object) -> object:
        from diffusion_talker.errors import CancelledError

        self.began.set()
        assert self.gate.wait(LIMIT_S)
        if cancelled():
            self.ended.append("cancelled")
            raise CancelledError("cancelled")
        self.ended.append("done")
        return self.perform(request, listened, progress, cancelled)


def begin(addon: ModuleType, held: Held) -> None:
    deadline_s = time.monotonic() + LIMIT_S
    while not held.began.is_set() and time.monotonic() < deadline_s:
        addon.live.LIVE.tick()
        time.sleep(0.002)
    assert held.began.is_set()


def test_a_newer_change_ends_a_long_computation(
    addon: ModuleType, face: bpy.types.Object, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = switch_on(addon)
    settings.style.jaw = 0.1
    settle(addon)
    held = Held(addon, monkeypatch)
    settings.style.jaw = 0.5
    begin(addon, held)
    addon.live.LIVE.expected_s = 1.0
    settings.style.jaw = 1.0
    held.gate.set()
    settle(addon)
    assert held.ended == ["cancelled", "done"]
    assert addon.takes.stored_of(playing(face)).options.style == (("jaw", 1.0),)


def test_a_face_that_waited_long_sees_the_older_change_first(
    addon: ModuleType, face: bpy.types.Object, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = switch_on(addon)
    held = Held(addon, monkeypatch)
    settings.style.jaw = 0.5
    begin(addon, held)
    addon.live.LIVE.expected_s, addon.live.LIVE.written_at = 1.0, 0.0
    settings.style.jaw = 1.0
    held.gate.set()
    settle(addon)
    assert held.ended == ["done", "done"]


@pytest.mark.parametrize("end", ("cancel", "undo", "file", "switch", "add-on"))
def test_everything_that_ends_it_writes_nothing(
    addon: ModuleType, face: bpy.types.Object, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    bpy.ops.ed.undo_push(message="before")
    settings = switch_on(addon)
    bpy.ops.ed.undo_push(message="on")
    held = Held(addon, monkeypatch)
    settings.style.jaw = 0.5
    begin(addon, held)
    if end == "cancel":
        assert bpy.ops.diffusion_talker.live_cancel() == {"FINISHED"}
    elif end == "undo":
        bpy.ops.ed.undo()
    elif end == "file":
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    elif end == "switch":
        settings.use_live = False
    else:
        held.gate.set()
        addon.unregister()
        addon.register()
    held.gate.set()
    settle(addon)
    assert len(bpy.data.actions) == 0 and not addon.live.LIVE.is_busy


@pytest.mark.parametrize("other", ("generate", "audition", "bring", "delete"))
def test_what_is_computed_does_not_hide_a_take_that_is_put_on_meanwhile(
    addon: ModuleType, face: bpy.types.Object, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    first = generate(addon)
    settings = switch_on(addon)
    settings.style.jaw = 0.2
    settle(addon)
    held = Held(addon, monkeypatch)
    settings.style.jaw = 0.5
    begin(addon, held)
    if other == "generate":
        wanted = generate(addon)
    elif other == "audition":
        bpy.ops.diffusion_talker.take_audition(action=first.name)
        wanted = first
    elif other == "delete":
        bpy.ops.diffusion_talker.take_delete()
        wanted = first
    else:
        bpy.ops.diffusion_talker.take_bring(action=first.name)
        wanted = playing(face)
    held.gate.set()
    settle(addon)
    assert playing(face) == wanted and held.ended != ["done"]


def test_undo_brings_keys_back_that_fit_the_sliders(addon: ModuleType, face: bpy.types.Object) -> None:
    """As Blender pushes its steps: after each change of a slider, before the keys have followed."""
    settings = switch_on(addon)
    settings.style.jaw = 0.25
    settle(addon)
    bpy.ops.ed.undo_push(message="Jaw")
    before = keys(playing(face))
    settings.style.jaw = 1.0
    bpy.ops.ed.undo_push(message="Jaw")
    settle(addon)
    bpy.ops.ed.undo()
    settle(addon)
    face = bpy.data.objects["Head"]
    assert bpy.context.scene.diffusion_talker.style.jaw == 0.25 and same(keys(playing(face)), before)
    bpy.ops.ed.redo()
    settle(addon)
    face = bpy.data.objects["Head"]
    assert bpy.context.scene.diffusion_talker.style.jaw == 1.0 and not same(keys(playing(face)), before)
    assert addon.takes.stored_of(playing(face)).options.style == (("jaw", 1.0),)


def test_undoing_the_first_change_brings_the_generated_take_back(addon: ModuleType, face: bpy.types.Object) -> None:
    generated = generate(addon)
    name, before = generated.name, keys(generated)
    settings = switch_on(addon)
    bpy.ops.ed.undo_push(message="on")
    settings.style.jaw = 1.0
    settle(addon)
    bpy.ops.ed.undo_push(message="Live Take")
    bpy.ops.ed.undo()
    settle(addon)
    face = bpy.data.objects["Head"]
    assert playing(face).name == name and same(keys(playing(face)), before) and len(bpy.data.actions) == 1
    bpy.context.scene.diffusion_talker.style.jaw = 0.5
    settle(addon)
    assert playing(face).name != name and same(keys(bpy.data.actions[name]), before)


def test_a_face_that_is_gone_is_told(
    addon: ModuleType, face: bpy.types.Object, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = switch_on(addon)
    held = Held(addon, monkeypatch)
    settings.style.jaw = 0.5
    begin(addon, held)
    bpy.data.objects.remove(face)
    held.gate.set()
    settle(addon)
    assert "'Head' was deleted meanwhile" in bpy.context.window_manager.diffusion_talker_takes.problem


def test_a_file_that_was_saved_with_it_on_follows_the_first_change(
    addon: ModuleType, face: bpy.types.Object, tmp_path: Path
) -> None:
    settings = switch_on(addon)
    settings.style.jaw = 0.5
    settle(addon)
    name = playing(face).name
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    before = keys(bpy.data.actions[name])
    bpy.context.scene.diffusion_talker.style.jaw = 1.0
    settle(addon)
    assert playing(bpy.data.objects["Head"]).name != name and same(keys(bpy.data.actions[name]), before)


def test_what_is_heard_is_heard_once(
    addon: ModuleType, face: bpy.types.Object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    listened = []
    listen = addon.live.listen

    def counting(request: object, progress: object, cancelled: object) -> object:
        listened.append(request.speech.name)
        return listen(request, progress, cancelled)

    monkeypatch.setattr(addon.live, "listen", counting)
    settings = switch_on(addon)
    for value in (0.2, 0.4, 0.6):
        settings.style.jaw = value
        settle(addon)
    settings.first_frame, settings.style.jaw = 50, 0.7
    settle(addon)
    assert listened == ["line"], "moving a line does not change its sound"
    settings.audio_file = str(write_sound(tmp_path / "other.wav", speech_like(0.5)))
    settings.style.jaw = 0.8
    settle(addon)
    assert listened == ["line", "other"]


def test_vertices_are_not_followed_and_say_why(addon: ModuleType, face: bpy.types.Object) -> None:
    bpy.context.scene.diffusion_talker_drive.mode = "CACHE"
    switch_on(addon)
    assert "Vertices are too heavy to follow sliders" in bpy.context.window_manager.diffusion_talker_takes.problem


@pytest.mark.skipif(not HAS_AUDASPACE, reason=NO_AUDASPACE)
def test_a_strip_that_was_trimmed_is_noticed(addon: ModuleType, face: bpy.types.Object, tmp_path: Path) -> None:
    strip = add_strip(tmp_path / "line.wav", frame_start=10)
    settings = bpy.context.scene.diffusion_talker
    settings.source = "STRIP"
    before = addon.live.speech_mark(bpy.context)
    assert addon.live.speech_mark(bpy.context) == before
    trim_strip(strip, 12, 20)
    assert addon.live.speech_mark(bpy.context) != before


def test_a_changed_mapping_or_list_of_meshes_is_noticed(addon: ModuleType, face: bpy.types.Object) -> None:
    marks = [addon.live.plan_mark(bpy.context, False)]
    assert addon.live.plan_mark(bpy.context, False) == marks[0]
    face.diffusion_talker_edits = '[["jawOpen", 0.5, 0.0, true, null]]'
    marks.append(addon.live.plan_mark(bpy.context, False))
    add_teeth()
    marks.append(addon.live.plan_mark(bpy.context, False))
    bpy.context.scene.diffusion_talker.regions.use_brows = False
    marks.append(addon.live.plan_mark(bpy.context, False))
    face.data.shape_keys.key_blocks["jawOpen"].mute = True
    marks.append(addon.live.plan_mark(bpy.context, False))
    assert len(set(marks)) == len(marks)
