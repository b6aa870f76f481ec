# SPDX-License-Identifier: GPL-3.0-or-later
"""Vertices written as a mesh cache or as one shape key a frame: the same face as by shape keys, to a tenth of a mm."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType, SimpleNamespace

import bpy
import numpy as np
import pytest

from diffusion_talker.channels import ARKIT_52, MODEL_CHANNELS
from diffusion_talker.motion import Motion, VertexMotion
from diffusion_talker.student.generate import MatchResult
from tests.addon.heads import bare_head, flame_head, mark_head
from tests.addon.scenes import keys_of, make_face, make_plain_mesh, set_fps, snapshot, speech_like, write_sound

FPS = 24.0


@pytest.fixture(params=["demo head with landmarks", "FLAME"])
def head(addon: ModuleType, fresh_scene: object, request: pytest.FixtureRequest, tmp_path: Path) -> bpy.types.Object:
    """A head without keys on which ARKit's shapes can be generated, in a saved file."""
    set_fps(24, 1)
    if request.param == "FLAME":
        obj = flame_head(request.getfixturevalue("shared_dir") / "meshes" / "flame_template.ply")
    else:
        obj = bare_head()
        mark_head(addon, obj)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    return bpy.data.objects[obj.name]


def spoken(frame_count: int = 24, seed: int = 0) -> Motion:
    """Every channel in motion, at 60 Hz."""
    times = np.arange(frame_count * 60 // 24)[:, None] / 60
    rng = np.random.default_rng(seed)
    weights = 0.5 + 0.5 * np.sin(2 * np.pi * (rng.uniform(0.5, 3, 55) * times + rng.uniform(0, 1, 55)))
    weights[:, 52:] *= 0.1
    return Motion(weights.astype(np.float32), MODEL_CHANNELS, 60.0)


def write(addon: ModuleType, obj: bpy.types.Object, motion: object, mode: str, line: str = "line", first: int = 10):
    """Write a motion as Generate does once it is predicted."""
    scene = bpy.context.scene
    scene.diffusion_talker_drive.mode = mode
    speech = addon.audio_source.Speech(line, line, "/nowhere/line.wav", first, FPS)
    choices = addon.drive_plan.choices_of(scene, isinstance(motion, VertexMotion))
    request = addon.generation.request_for(speech, obj, addon.generation.Options(), choices)
    take = addon.driving.drive(motion, request.plan, speech)
    return addon.generation.apply(request, addon.generation.Generated(take, 1.0, "test", 0.0))


def seen(obj: bpy.types.Object, frames: object) -> np.ndarray:
    """Points (F, V, 3) as Blender shows them."""
    shown = []
    for frame in frames:
        whole = int(np.floor(frame))
        bpy.context.scene.frame_set(whole, subframe=float(frame - whole))
        mesh = obj.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
        points = np.empty(3 * len(mesh.vertices), np.float32)
        mesh.vertices.foreach_get("co", points)
        shown.append(points.reshape(-1, 3))
    return np.stack(shown)


def test_all_three_forms_show_the_same_face(addon: ModuleType, head: bpy.types.Object) -> None:
    frames = [10, 11, 15, 15.5, 20, 32, 33]
    cached = write(addon, head, spoken(), "CACHE")
    by_cache = seen(head, frames)
    head.modifiers.remove(head.modifiers[0])
    write(addon, head, spoken(), "SHAPE_PER_FRAME")
    by_frames = seen(head, frames)
    assert len(head.data.shape_keys.key_blocks) == 25
    head.shape_key_clear()
    head.data.update()
    bpy.ops.diffusion_talker.generate_shape_keys()
    write(addon, head, spoken(), "KEYS")
    by_keys = seen(head, frames)
    moved_mm = 1000 * np.linalg.norm(by_keys - by_keys[0], axis=2).max()
    assert moved_mm > 5 and ".pc2" in cached.vertices
    assert 1000 * np.abs(by_cache - by_keys).max() < 0.1
    assert 1000 * np.abs(by_frames - by_keys).max() < 0.1


@pytest.mark.parametrize("form", ["PC2", "MDD"])
def test_the_cache_is_first_in_the_stack_and_nothing_else_changes(
    addon: ModuleType, fresh_scene: object, tmp_path: Path, form: str
) -> None:
    obj = make_face()
    obj.modifiers.new("Subdivision", "SUBSURF")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    obj = bpy.data.objects["Head"]
    bpy.context.scene.diffusion_talker_drive.cache_format = form
    before = snapshot()
    write(addon, obj, spoken(), "CACHE")
    assert snapshot() == before and not bpy.data.actions
    modifier = obj.modifiers[0]
    assert (modifier.type, modifier.filepath) == ("MESH_CACHE", f"//lip_sync/Head line Take 01.{form.lower()}")
    assert (modifier.frame_start, modifier.interpolation) == (10, "LINEAR")
    assert (tmp_path / "lip_sync" / f"Head line Take 01.{form.lower()}").is_file()


def test_a_second_take_is_another_file(addon: ModuleType, fresh_scene: object, tmp_path: Path) -> None:
    obj = make_face()
    bpy.context.scene.diffusion_talker_drive.cache_folder = str(tmp_path)
    for _ in range(2):
        write(addon, obj, spoken(), "CACHE")
    assert sorted(path.name for path in tmp_path.glob("*.pc2")) == ["Head line Take 01.pc2", "Head line Take 02.pc2"]
    assert len(obj.modifiers) == 1 and obj.modifiers[0].filepath.endswith("Take 02.pc2")


def test_lines_share_a_cache_and_a_moved_line_leaves_its_place(
    addon: ModuleType, fresh_scene: object, tmp_path: Path
) -> None:
    obj = sized_face()
    bpy.context.scene.diffusion_talker_drive.cache_folder = str(tmp_path)
    write(addon, obj, spoken(seed=1), "CACHE", "first", 10)
    first = seen(obj, [15])
    write(addon, obj, spoken(seed=2), "CACHE", "second", 60)
    second = seen(obj, [70])
    rest = seen(obj, [45])[0]
    np.testing.assert_allclose(seen(obj, [15]), first, atol=1e-6)
    np.testing.assert_allclose(rest, [(0, 0, 0), (1, 0, 0), (0, 1, 0)], atol=1e-6)
    write(addon, obj, spoken(seed=1), "CACHE", "first", 100)
    np.testing.assert_allclose(seen(obj, [70, 105]), np.concatenate([second, first]), atol=1e-6)
    assert json.loads(obj["diffusion_talker_cache"]) == {
        "start_frame": 60,
        "lines": {"second": [60, 84], "first": [100, 124]},
    }


def sized_face() -> bpy.types.Object:
    """A triangle that every key moves a little."""
    obj = make_face()
    for number, key in enumerate(obj.data.shape_keys.key_blocks[1:], 1):
        key.points[0].co.x += 0.01 * number
        key.points[1].co.z += 0.02
    return obj


def test_frame_keys_give_way_to_those_of_the_next_take(addon: ModuleType, fresh_scene: object) -> None:
    obj = sized_face()
    set_fps(24, 1)
    write(addon, obj, spoken(), "KEYS")
    by_keys = seen(obj, [10, 20, 30])
    outcome = write(addon, obj, spoken(), "SHAPE_PER_FRAME")
    assert outcome.vertices == "24 shape keys" and outcome.action_name == "Head line Take 02"
    np.testing.assert_allclose(seen(obj, [10, 20, 30]), by_keys, atol=1e-4)
    assert len(obj.data.shape_keys.key_blocks) == 53 + 24
    write(addon, obj, spoken(), "SHAPE_PER_FRAME", first=40)
    assert len(obj.data.shape_keys.key_blocks) == 53 + 24
    np.testing.assert_allclose(seen(obj, [40, 50, 60]), by_keys, atol=1e-4)
    names = {key.name for key in obj.data.shape_keys.key_blocks}
    curves = addon.keyframes.current_fcurves(obj.data.shape_keys)
    assert {addon.targets.key_name_of_path(curve.data_path) for curve in curves} <= names


def test_a_strength_set_by_hand_holds_for_vertices_too(addon: ModuleType, head: bpy.types.Object) -> None:
    weights = np.zeros((20, 55), np.float32)
    weights[:, MODEL_CHANNELS.index("jawOpen")] = 1.0
    jaw = Motion(weights, MODEL_CHANNELS, 24.0)
    rest = seen(head, [1])[0]
    write(addon, head, jaw, "CACHE")
    full = np.linalg.norm(seen(head, [15])[0] - rest, axis=1).max()
    head.diffusion_talker_edits = '[["jawOpen", 0.5, 0.0, true, null]]'
    write(addon, head, jaw, "CACHE")
    assert np.linalg.norm(seen(head, [15])[0] - rest, axis=1).max() == pytest.approx(full / 2, rel=1e-3)


@pytest.mark.parametrize("turned", [False, True], ids=["as FLAME", "Z up in cm, elsewhere"])
def test_a_students_vertices_move_any_flame_mesh(
    addon: ModuleType, fresh_scene: object, shared_dir: Path, tmp_path: Path, turned: bool
) -> None:
    """A motion of vertices comes in FLAME's own frame; the mesh stands where the animator put it."""
    path = shared_dir / "meshes" / "flame_template.ply"
    obj, still = flame_head(path, turned), flame_head(path)
    keys = addon.topology.generated_keys_of(still)
    neutral = addon.meshes.neutral_points(still)
    weights = spoken().weights[:, :52] * 0.6
    posed = [keys.posed(neutral, dict(zip(ARKIT_52, row, strict=True))) - neutral for row in weights.tolist()]
    motion = VertexMotion(np.stack(posed).astype(np.float32), 60.0, neutral)
    bpy.data.objects.remove(still)
    bpy.context.view_layer.objects.active = obj
    bpy.context.scene.diffusion_talker_drive.cache_folder = str(tmp_path)
    write(addon, obj, motion, "CACHE")
    frames = [10, 18, 27]
    by_cache = seen(obj, frames)
    obj.modifiers.remove(obj.modifiers[0])
    bpy.ops.diffusion_talker.generate_shape_keys()
    write(addon, obj, motion, "KEYS")
    to_mm = 10.0 if turned else 1000.0
    error_mm = to_mm * np.linalg.norm(seen(obj, frames) - by_cache, axis=2)
    moved_mm = to_mm * np.linalg.norm(by_cache - addon.meshes.neutral_points(obj), axis=2)
    assert moved_mm.max() > 5 and error_mm.mean() < 0.1 * moved_mm.mean()


class VertexStudent:
    """A model whose voice opens FLAME's mouth and closes it, in FLAME's own frame."""

    runtime_name = "test"
    config = SimpleNamespace(vertex_count=5023, identities=())

    def __init__(self, addon: ModuleType, still: bpy.types.Object) -> None:
        neutral = addon.meshes.neutral_points(still)
        opened = addon.topology.generated_keys_of(still).posed(neutral, {"jawOpen": 0.7}) - neutral
        shares = np.sin(np.linspace(0, np.pi, 60)) ** 2
        self.motion = VertexMotion((shares[:, None, None] * opened).astype(np.float32), 60.0, neutral)

    def listen(self, source: object) -> None:
        return None

    def use_identities(self, identities: object) -> None:
        """It has one voice."""

    def match_heard(self, heard: None) -> MatchResult:
        return MatchResult((("Voice", 1.0),), (("neutral", 1.0),))

    def perform_vertices(self, heard: None, settings: object, progress: object, cancelled: object) -> VertexMotion:
        return self.motion


@pytest.mark.parametrize("mode", ["KEYS", "CACHE"])
def test_generate_drives_flame_with_a_model_of_vertices(
    addon: ModuleType, fresh_scene: object, shared_dir: Path, tmp_path: Path, monkeypatch: object, mode: str
) -> None:
    obj = flame_head(shared_dir / "meshes" / "flame_template.ply")
    student = VertexStudent(addon, obj)
    bpy.ops.diffusion_talker.generate_shape_keys()
    set_fps(24, 1)
    monkeypatch.setattr(addon.generation, "open_student", lambda options: student)
    monkeypatch.setattr(addon.preferences, "model_file", lambda context: "mine.npz")
    settings = bpy.context.scene.diffusion_talker
    settings.source, settings.audio_file = "FILE", str(write_sound(tmp_path / "line.wav", speech_like(1.0)))
    drive = bpy.context.scene.diffusion_talker_drive
    drive.mode, drive.cache_folder = mode, str(tmp_path)
    drive.meshes.add().object = make_face(["jawOpen"], name="Teeth")
    bpy.context.view_layer.objects.active = obj
    assert bpy.ops.diffusion_talker.generate() == {"FINISHED"}
    jaw = keys_of(bpy.data.objects["Teeth"], "jawOpen")
    assert jaw[13] == pytest.approx(0.7, abs=0.06) and jaw[1] < 0.03, "teeth follow what is solved"
    shown_mm = 1000 * np.linalg.norm(seen(obj, [1, 13]) - student.motion.neutral, axis=2)
    wanted_mm = 1000 * np.linalg.norm(student.motion.offsets[30], axis=1)
    assert shown_mm[0].max() < 0.5 and shown_mm[1].max() == pytest.approx(wanted_mm.max(), rel=0.05)


def test_flames_own_expressions_speak(
    addon: ModuleType, fresh_scene: object, shared_dir: Path, tmp_path: Path
) -> None:
    """Keys that say nothing by their names are measured against ARKit's shapes, and then follow the exact motion."""
    obj = flame_head(shared_dir / "meshes" / "flame_template.ply")
    keys = addon.topology.generated_keys_of(obj)
    neutral = addon.meshes.neutral_points(obj)
    dense = np.stack([keys.posed(neutral, {name: 1.0}) - neutral for name in keys.names]).reshape(52, -1)
    _, sizes, directions = np.linalg.svd(dense, full_matrices=False)
    obj.shape_key_add(name="Basis")
    for number, offsets in enumerate((directions * sizes[:, None] / 3)[:45], 1):
        key = obj.shape_key_add(name=f"Exp{number}", from_mix=False)
        key.points.foreach_set("co", (neutral.reshape(-1) + offsets).astype(np.float32))
        key.slider_min, key.slider_max, key.value = -5.0, 5.0, 0.0
    assert addon.drive_plan.plan_problem(obj, addon.drive_plan.Choices()) == ""
    motion = softened(spoken())
    write(addon, obj, motion, "KEYS")
    frames = [10, 18, 27, 33]
    by_keys = seen(obj, frames)
    bpy.context.scene.diffusion_talker_drive.cache_folder = str(tmp_path)
    write(addon, obj, motion, "CACHE")
    exact = seen(obj, frames)
    error_mm = 1000 * np.linalg.norm(by_keys - exact, axis=2)
    moved_mm = 1000 * np.linalg.norm(exact - neutral, axis=2)
    assert moved_mm.max() > 3 and error_mm.mean() < 0.1 * moved_mm.mean()


def softened(motion: Motion) -> Motion:
    """The same at the strength of speech."""
    return Motion(0.5 * motion.weights, motion.channels, motion.rate_hz)


def test_vertices_on_another_mesh_are_refused(addon: ModuleType, fresh_scene: object) -> None:
    motion = VertexMotion(np.zeros((20, 3, 3), np.float32), 60.0, np.zeros((3, 3)))
    with pytest.raises(addon.problems.LipSyncProblem, match="choose one as the face"):
        write(addon, make_face(), motion, "KEYS")


@pytest.mark.parametrize(
    ("arrange", "mode", "sentence"),
    [
        (lambda: None, "CACHE", "No face chosen"),
        (make_plain_mesh, "CACHE", "'Plain' is neither FLAME nor has it keys to move: place its landmarks"),
        (make_face, "CACHE", "which is not saved yet: save it, or choose another folder"),
        (make_plain_mesh, "SHAPE_PER_FRAME", "neither FLAME nor has it keys"),
    ],
)
def test_what_is_missing_is_said(
    addon: ModuleType, fresh_scene: object, arrange: object, mode: str, sentence: str
) -> None:
    bpy.context.scene.diffusion_talker_drive.mode = mode
    choices, obj = addon.drive_plan.choices_of(bpy.context.scene), arrange()
    assert sentence in addon.drive_plan.plan_problem(obj, choices)
    found = addon.diagnosis.diagnose(obj, bpy.context.scene)
    assert sentence in found.sentence and not found.moves


def linked_face(path: Path, with_modifier: bool) -> bpy.types.Object:
    """A face from a library as an editable override of object and mesh."""
    face = make_face()
    if with_modifier:
        face.modifiers.new("Subdivision", "SUBSURF")
    bpy.ops.wm.save_as_mainfile(filepath=str(path / "library.blend"))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(str(path / "library.blend"), link=True) as (_, wanted):
        wanted.objects = ["Head"]
    bpy.context.scene.collection.objects.link(wanted.objects[0])
    override = wanted.objects[0].override_create(remap_local_usages=True)
    override.data = override.data.override_create(remap_local_usages=True)
    override.override_library.is_system_override = False
    return override


def test_an_override_plays_a_cache_but_takes_no_keys(addon: ModuleType, fresh_scene: object, tmp_path: Path) -> None:
    obj = linked_face(tmp_path, with_modifier=False)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    with pytest.raises(addon.problems.LipSyncProblem, match="takes no new shape keys: use a mesh cache"):
        write(addon, obj, spoken(), "SHAPE_PER_FRAME")
    write(addon, obj, spoken(), "CACHE")
    name = obj.name
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    assert [modifier.type for modifier in bpy.data.objects[name].modifiers] == ["MESH_CACHE"]


def test_an_override_with_modifiers_is_told_to_use_keys(addon: ModuleType, fresh_scene: object, tmp_path: Path) -> None:
    obj = linked_face(tmp_path, with_modifier=True)
    bpy.context.scene.diffusion_talker_drive.cache_folder = str(tmp_path)
    with pytest.raises(addon.problems.LipSyncProblem, match="'Head' is an override, its modifiers stay first"):
        write(addon, obj, spoken(), "CACHE")


def test_a_failure_leaves_neither_file_nor_modifier(
    addon: ModuleType, fresh_scene: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    obj, teeth = make_face(), make_face(["jawOpen"], name="Teeth")
    drive = bpy.context.scene.diffusion_talker_drive
    drive.cache_folder = str(tmp_path)
    drive.meshes.add().object = teeth
    monkeypatch.setattr(addon.writing, "write_tracks", lambda tracks, span: 1 / 0)
    for mode in ("CACHE", "SHAPE_PER_FRAME"):
        with pytest.raises(ZeroDivisionError):
            write(addon, obj, spoken(), mode)
    assert not list(tmp_path.glob("*.pc2")) and not len(obj.modifiers) and len(obj.data.shape_keys.key_blocks) == 53


def test_cancelling_while_frames_are_written_leaves_nothing(
    addon: ModuleType, fresh_scene: object, tmp_path: Path
) -> None:
    from diffusion_talker.errors import CancelledError

    drive = bpy.context.scene.diffusion_talker_drive
    drive.mode, drive.cache_folder = "CACHE", str(tmp_path)
    speech = addon.audio_source.Speech("line", "line", "/nowhere/line.wav", 10, FPS)
    choices = addon.drive_plan.choices_of(bpy.context.scene)
    request = addon.generation.request_for(speech, make_face(), addon.generation.Options(), choices)
    answers = iter([False] * 5 + [True] * 100)
    with pytest.raises(CancelledError):
        addon.driving.drive(spoken(), request.plan, speech, lambda: next(answers))
    assert not list(tmp_path.iterdir())


def test_costs_are_said_before(addon: ModuleType) -> None:
    cost = addon.vertex_animation.cost_sentence
    assert cost("CACHE", 1800, 5023).startswith("1800 frames of 5023 vertices: a file of 108 MB")
    sentence = cost("SHAPE_PER_FRAME", 1800, 5023)
    assert sentence.startswith("1800 shape keys of 5023 vertices: 108 MB in this file") and "ms slower" in sentence


def test_generate_writes_a_cache(addon: ModuleType, fresh_scene: object, tmp_path: Path) -> None:
    obj = make_face()
    settings = bpy.context.scene.diffusion_talker
    settings.source, settings.audio_file = "FILE", str(write_sound(tmp_path / "line.wav", speech_like(1.0)))
    bpy.context.scene.diffusion_talker_drive.mode = "CACHE"
    bpy.context.scene.diffusion_talker_drive.cache_folder = str(tmp_path)
    bpy.ops.ed.undo_push(message="before")
    assert bpy.ops.diffusion_talker.generate() == {"FINISHED"}
    assert bpy.context.window_manager.diffusion_talker.result.startswith("Head line Take 01.pc2, ")
    assert len(obj.modifiers) == 1
    bpy.ops.ed.undo_push(message="Generate Lip Sync")
    bpy.ops.ed.undo()
    assert not len(bpy.data.objects["Head"].modifiers)


def test_a_model_of_ones_own_is_used(addon: ModuleType, fresh_scene: object, tmp_path: Path) -> None:
    preferences = bpy.context.preferences.addons[addon.__name__].preferences
    preferences.model = str(tmp_path / "mine.npz")
    settings = bpy.context.scene.diffusion_talker
    settings.source, settings.audio_file = "FILE", str(write_sound(tmp_path / "line.wav", speech_like(1.0)))
    make_face()
    try:
        with pytest.raises(RuntimeError, match="mine.npz"):
            bpy.ops.diffusion_talker.generate()
    finally:
        preferences.model = ""
    assert bpy.ops.diffusion_talker.generate() == {"FINISHED"}


def test_the_confirmation_knows_the_cost(addon: ModuleType, fresh_scene: object, tmp_path: Path) -> None:
    set_fps(24, 1)
    make_face()
    settings = bpy.context.scene.diffusion_talker
    settings.source, settings.audio_file = "FILE", str(write_sound(tmp_path / "line.wav", speech_like(2.0)))
    bpy.context.scene.diffusion_talker_drive.mode = "SHAPE_PER_FRAME"
    cost = addon.operators.confirm_vertices.vertex_cost(bpy.context)
    assert cost.startswith("48 shape keys of 3 vertices: ") and "A mesh cache plays without that" in cost


def test_an_earlier_take_is_only_read_on_the_jaw(addon: ModuleType, fresh_scene: object, tmp_path: Path) -> None:
    """Writing vertices leaves the curves of shape keys as they are."""
    obj = make_face()
    bpy.context.scene.diffusion_talker_drive.cache_folder = str(tmp_path)
    write(addon, obj, spoken(), "KEYS")
    before = keys_of(obj, "jawOpen")
    write(addon, obj, spoken(seed=5), "CACHE")
    assert keys_of(obj, "jawOpen") == before
