# SPDX-License-Identifier: GPL-3.0-or-later
"""Switching the add-on off leaves nothing behind; what it draws, it draws without errors."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from unittest.mock import MagicMock

import addon_utils
import bpy
import pytest

from tests.addon.scenes import HAS_AUDASPACE, add_strip, make_face, speech_like, write_sound

MODULE = "bl_ext.user_default.diffusion_talker"


def registered() -> set[str]:
    """Everything of ours that Blender knows."""
    types = {name for name in dir(bpy.types) if name.startswith("DIFFUSION_TALKER")}
    properties = {
        f"{owner.__name__}.diffusion_talker"
        for owner in (bpy.types.Scene, bpy.types.WindowManager)
        if hasattr(owner, "diffusion_talker")
    }
    menu = {
        f"menu:{function.__module__}"
        for function in bpy.types.VIEW3D_MT_mesh_add._dyn_ui_initialize()
        if function.__module__.startswith(MODULE)
    }
    return types | properties | menu


def test_everything_comes_and_goes(addon: ModuleType, fresh_scene: object) -> None:
    before = registered()
    assert {"DIFFUSION_TALKER_OT_generate", "DIFFUSION_TALKER_PT_view3d", "Scene.diffusion_talker"} <= before
    addon.unregister()
    assert registered() == set()
    addon.register()
    assert registered() == before


def test_importing_the_add_on_is_light() -> None:
    """Neither PyTorch nor the student is loaded by switching the add-on on."""
    assert "torch" not in sys.modules


class PanelStage:
    """Stands in for the panel's layout and counts what is drawn."""

    def __init__(self) -> None:
        self.layout = MagicMock()
        self.layout.column.return_value = self.layout
        self.layout.row.return_value = self.layout
        self.header = MagicMock()
        self.layout.panel.return_value = (self.header, self.layout)

    @property
    def labels(self) -> str:
        return " ".join(call.kwargs.get("text", "") for call in self.layout.label.call_args_list).strip()

    @property
    def headers(self) -> str:
        return " ".join(call.kwargs.get("text", "") for call in self.header.label.call_args_list)

    @property
    def operators(self) -> list[str]:
        return [call.args[0] for call in self.layout.operator.call_args_list]


class PanelContext:
    """bpy.context plus a region, which headless Blender lacks."""

    def __init__(self) -> None:
        self.region = MagicMock(width=320)

    def __getattr__(self, name: str) -> object:
        return getattr(bpy.context, name)


def draw(addon: ModuleType) -> PanelStage:
    stage = PanelStage()
    addon.panels.LipSyncPanel.draw(stage, PanelContext())
    return stage


def test_the_panel_explains_what_is_missing(addon: ModuleType, fresh_scene: object) -> None:
    stage = draw(addon)
    assert "has no sound strip: add your recording" in stage.labels
    assert "diffusion_talker.generate" in stage.operators and "diffusion_talker.add_demo_head" in stage.operators


def test_the_panel_says_when_all_is_ready(addon: ModuleType, fresh_scene: object, tmp_path: Path) -> None:
    bpy.ops.diffusion_talker.add_demo_head()
    bpy.context.scene.diffusion_talker.source = "FILE"
    bpy.context.scene.diffusion_talker.audio_file = str(write_sound(tmp_path / "line.wav", speech_like(1.0)))
    stage = draw(addon)
    assert "Generate will move 52 of 52 face shapes of 'Demo Head'" in stage.labels
    assert "no style sliders" not in stage.labels, "the student that ships has them"


def test_the_panel_guides_through_an_unmarked_head(addon: ModuleType, fresh_scene: object) -> None:
    make_face(["Big Nose"])
    stage = draw(addon)
    assert "None of the shape keys" in stage.labels and "Landmarks 0 of 20" in stage.headers
    assert stage.operators.count("diffusion_talker.place_landmarks") == 21
    assert "diffusion_talker.generate_shape_keys" in stage.operators


def test_the_panel_shows_progress_and_cancel(
    addon: ModuleType, fresh_scene: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addon.panels, "is_running", lambda context: True)
    status = bpy.context.window_manager.diffusion_talker
    status.progress, status.message = 0.42, "Animating"
    stage = draw(addon)
    assert stage.layout.progress.call_args.kwargs["text"] == "Animating 42%"
    assert "diffusion_talker.cancel" in stage.operators and "diffusion_talker.generate" not in stage.operators


def test_drawing_changes_nothing(addon: ModuleType, fresh_scene: object, tmp_path: Path) -> None:
    make_face()
    if HAS_AUDASPACE:
        add_strip(write_sound(tmp_path / "line.wav", speech_like(1.0)))
    settings = bpy.context.scene.diffusion_talker
    draw(addon)
    assert settings.target is None and settings.strip == ""


@pytest.mark.parametrize("letters", (20, 40, 200))
def test_sentences_are_broken_between_words(addon: ModuleType, letters: int) -> None:
    text = "'Head' has no shape keys: add the ARKit shapes to it, or pick the mesh that has them"
    lines = addon.sentences.wrapped(text, letters)
    assert " ".join(lines) == text and max(map(len, lines)) <= letters


@pytest.mark.parametrize(
    ("version", "runtime", "sentence"),
    [
        (None, "auto", "PyTorch is not installed"),
        (None, "torch", "choose NumPy, or a Python that has it"),
        ("2.13.0+cpu", "auto", "no GPU support"),
        ("2.13.0", "auto", "if it finds a GPU"),
        ("2.13.0", "torch", "PyTorch 2.13.0 computes"),
        ("2.13.0", "numpy", "NumPy computes"),
    ],
)
def test_preferences_say_what_will_compute(
    addon: ModuleType, monkeypatch: pytest.MonkeyPatch, version: str | None, runtime: str, sentence: str
) -> None:
    monkeypatch.setattr(addon.preferences, "torch_version", lambda: version)
    assert sentence in addon.preferences.runtime_status(runtime)


def test_the_choice_of_runtime_reaches_the_request(addon: ModuleType, fresh_scene: object) -> None:
    preferences = bpy.context.preferences.addons[MODULE].preferences
    preferences.runtime, preferences.device = "torch", "cpu"
    assert addon.generation.options_of(bpy.context).runtime == "torch"
    assert addon.generation.options_of(bpy.context).torch_python == ""
    preferences.torch_python = "/opt/torch/bin/python"
    assert addon.generation.options_of(bpy.context).torch_python == "/opt/torch/bin/python"
    assert "chosen Python" in addon.preferences.runtime_status("torch", preferences.torch_python)
    preferences.runtime = "auto"
    preferences.device = "auto"
    assert addon.generation.options_of(bpy.context).torch_python == ""  # it belongs to the PyTorch runtime
    preferences.torch_python = ""
    assert addon.preferences.runtime_and_device(bpy.context) == ("auto", "auto")


def test_a_python_that_is_none_ends_in_a_sentence(addon: ModuleType) -> None:
    from diffusion_talker.errors import RuntimeUnavailableError

    options = addon.generation.Options(runtime="torch", torch_python="/nowhere/python")
    with pytest.raises(RuntimeUnavailableError, match="choose a Python executable that has PyTorch"):
        addon.generation.open_student(options)


def test_blender_enables_it_by_its_own_means(addon: ModuleType) -> None:
    assert addon_utils.check(MODULE) == (True, True)
