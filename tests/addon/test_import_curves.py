# SPDX-License-Identifier: GPL-3.0-or-later
"""Import Curves, and the journey of a take: generated on one head, exported, imported on another, and back."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import bpy
import numpy as np
import pytest

from diffusion_talker.channels import ARKIT_52, MODEL_CHANNELS
from diffusion_talker.formats import read_motion, write_motion
from diffusion_talker.formats.vertex_npz import write_vertex_npz
from diffusion_talker.motion import Motion, VertexMotion, select_channels
from tests.addon.heads import bare_head, flame_head, mark_head
from tests.addon.scenes import keys_of, make_face, make_plain_mesh, set_fps, snapshot, speech_like, write_sound

OPS = bpy.ops.diffusion_talker
SPELLED = [name.replace("Left", "_L").replace("Right", "_R") for name in ARKIT_52 if name != "browInnerUp"]
SPELLED += ["browInnerUp_L", "browInnerUp_R"]
VISEMES = [f"viseme_{name}" for name in "sil PP FF TH DD kk CH SS nn RR aa E I O U".split()]


def choose(obj: bpy.types.Object) -> bpy.types.Object:
    bpy.context.scene.diffusion_talker.target = obj
    return obj


def exported(path: Path) -> Motion:
    assert OPS.export(filepath=str(path), filename_ext=path.suffix) == {"FINISHED"}
    return read_motion(path)


def closing(fps: float = 60.0) -> Motion:
    weights = np.zeros((60, len(MODEL_CHANNELS)), np.float32)
    weights[:, MODEL_CHANNELS.index("jawOpen")] = 0.5
    weights[31, MODEL_CHANNELS.index("mouthClose")] = 0.5
    return Motion(weights, MODEL_CHANNELS, fps)


@pytest.mark.parametrize("extension", [".csv", ".json", ".npz"])
def test_a_file_becomes_a_take(addon: ModuleType, fresh_scene: object, tmp_path: Path, extension: str) -> None:
    set_fps(24, 1)
    write_motion(tmp_path / f"take{extension}", closing())
    obj = choose(make_face())
    before = snapshot()
    assert OPS.import_curves(filepath=str(tmp_path / f"take{extension}"), first_frame=100) == {"FINISHED"}
    assert snapshot(without_actions=["Head take Take 01"]) == before
    jaw, close = keys_of(obj, "jawOpen"), keys_of(obj, "mouthClose")
    assert min(close) == 100 and max(close) == 123
    closed = [frame for frame, value in close.items() if jaw.get(frame, jaw[100]) - value < 0.05]
    assert closed == [112], "a closure between two frames is kept"


@pytest.mark.parametrize("extension", [".csv", ".json", ".npz"])
def test_a_take_travels_to_another_head_and_back(
    addon: ModuleType, fresh_scene: object, tmp_path: Path, extension: str
) -> None:
    set_fps(30, 1)
    first = choose(bare_head())
    mark_head(addon, first)
    OPS.generate_shape_keys()
    settings = bpy.context.scene.diffusion_talker
    settings.source, settings.audio_file = "FILE", str(write_sound(tmp_path / "line.wav", speech_like(1.5)))
    OPS.generate()
    start = exported(tmp_path / f"a{extension}")
    choose(make_face(SPELLED, name="Other"))
    OPS.import_curves(filepath=str(tmp_path / f"a{extension}"), first_frame=1)
    exported(tmp_path / f"b{extension}")
    choose(first)
    OPS.import_curves(filepath=str(tmp_path / f"b{extension}"), first_frame=1)
    back = exported(tmp_path / f"c{extension}")
    assert np.ptp(start.column("jawOpen")) > 0.02
    error = np.abs(select_channels(back, ARKIT_52).weights - select_channels(start, ARKIT_52).weights)
    assert back.frame_count == start.frame_count and error.max() < 1e-4


def test_a_take_survives_a_head_of_visemes_as_far_as_it_can(
    addon: ModuleType, fresh_scene: object, tmp_path: Path, shared_dir: Path
) -> None:
    set_fps(30, 1)
    flame = choose(flame_head(shared_dir / "meshes" / "flame_template.ply"))
    OPS.generate_shape_keys()
    times = np.arange(120) / 60
    weights = np.zeros((120, 55), np.float32)
    weights[:, MODEL_CHANNELS.index("jawOpen")] = 0.25 - 0.25 * np.cos(2 * np.pi * 3 * times)
    weights[:, MODEL_CHANNELS.index("mouthFunnel")] = 0.2 - 0.2 * np.cos(2 * np.pi * 1.3 * times)
    write_motion(tmp_path / "start.npz", Motion(weights, MODEL_CHANNELS, 60.0))
    OPS.import_curves(filepath=str(tmp_path / "start.npz"), first_frame=1)
    start = exported(tmp_path / "a.npz")
    visemes = choose(make_face(VISEMES, name="Other"))
    OPS.import_curves(filepath=str(tmp_path / "a.npz"), first_frame=1)
    assert visemes.data.shape_keys.animation_data is not None
    exported(tmp_path / "b.npz")
    choose(flame)
    OPS.import_curves(filepath=str(tmp_path / "b.npz"), first_frame=1)
    back = exported(tmp_path / "c.npz")
    assert np.corrcoef(back.column("jawOpen"), start.column("jawOpen"))[0, 1] > 0.95
    closed = start.column("jawOpen") < 0.01
    assert back.column("jawOpen")[closed].max() < 0.08, "closed lips come back closed"


def test_vertices_are_imported_on_their_own_mesh(
    addon: ModuleType, fresh_scene: object, tmp_path: Path, shared_dir: Path
) -> None:
    set_fps(24, 1)
    flame = choose(flame_head(shared_dir / "meshes" / "flame_template.ply"))
    keys = addon.topology.generated_keys_of(flame)
    neutral = addon.meshes.neutral_points(flame)
    opened = keys.posed(neutral, {"jawOpen": 0.6}) - neutral
    offsets = np.stack([opened * share for share in np.linspace(0, 1, 30)]).astype(np.float32)
    write_vertex_npz(tmp_path / "take.npz", VertexMotion(offsets, 60.0, neutral))
    OPS.generate_shape_keys()
    OPS.import_curves(filepath=str(tmp_path / "take.npz"), first_frame=5)
    jaw = keys_of(flame, "jawOpen")
    assert jaw[5] < 0.02 and jaw[max(jaw)] == pytest.approx(0.6 * (max(jaw) - 5) / 24 * 60 / 29, abs=0.05)
    with pytest.raises(RuntimeError, match="FLAME or another known head: choose one"):
        choose(make_face(name="Other"))
        OPS.import_curves(filepath=str(tmp_path / "take.npz"))


def test_what_cannot_be_imported_is_refused_in_one_sentence(
    addon: ModuleType, fresh_scene: object, tmp_path: Path
) -> None:
    choose(make_plain_mesh())
    assert not OPS.import_curves.poll()
    choose(make_face())
    foreign = Motion(np.zeros((4, 2), np.float32), ("noseLength", "earSize"), 24.0)
    write_motion(tmp_path / "foreign.json", foreign)
    (tmp_path / "broken.csv").write_text("nothing")
    sentences = {
        "foreign.json": "has no ARKit channel",
        "broken.csv": "not a Live Link Face take",
        "gone.npz": "There is no file",
        "take.wav": "does not end in a motion format",
    }
    for name, sentence in sentences.items():
        with pytest.raises(RuntimeError, match=f"Error: .*{sentence}"):
            OPS.import_curves(filepath=str(tmp_path / name))
    assert not bpy.data.actions


def test_it_stands_in_the_import_menu(addon: ModuleType, fresh_scene: object) -> None:
    drawn = [function.__module__ for function in bpy.types.TOPBAR_MT_file_import._dyn_ui_initialize()]
    assert any(name.endswith("operators.import_curves") for name in drawn)
