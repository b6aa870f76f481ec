# SPDX-License-Identifier: GPL-3.0-or-later
"""Sliders, mixed emotions and parts of the face: from the scene to the take, presets of them, and reset."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from unittest.mock import MagicMock

import bpy
import numpy as np
import pytest

from diffusion_talker.channels import ARKIT_52
from diffusion_talker.student import Curve
from diffusion_talker.student.settings import REGIONS, region_of
from tests.addon.scenes import action_curves, keys_of, make_face, speech_like, write_sound
from tests.addon.students import AXES, EMOTIONS, model_in_use, write_student

OPS = bpy.ops.diffusion_talker


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_student(tmp_path_factory.mktemp("model") / "student.npz")


@pytest.fixture
def settings(
    addon: ModuleType, fresh_scene: object, model: Path, tmp_path: Path
) -> Iterator[bpy.types.PropertyGroup]:
    """A face, a second of speech, and a model that has all sliders."""
    shutil.rmtree(addon.style_presets.folder(), ignore_errors=True)
    make_face()
    chosen = bpy.context.scene.diffusion_talker
    chosen.source, chosen.audio_file = "FILE", str(write_sound(tmp_path / "line.wav", speech_like(1.0)))
    chosen.identity, chosen.emotion = "Lively", "neutral"
    bpy.context.scene.diffusion_talker_takes.use_new_seed = False  # the style alone is to make the difference
    with model_in_use(model):
        yield bpy.context.scene.diffusion_talker


def take() -> dict[str, np.ndarray]:
    """The keys of a new take, by shape key."""
    OPS.generate()
    keys = bpy.data.objects["Head"].data.shape_keys.animation_data.action
    names = [curve.data_path.split('"')[1] for curve in action_curves(keys)]
    return {name: np.array([value for _, value in sorted(keys_of(bpy.data.objects["Head"], name).items())])
            for name in names}  # fmt: skip


def differing(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> set[str]:
    return {name for name in first if not np.allclose(first[name], second[name], atol=1e-6)}


def test_the_names_are_the_cores(addon: ModuleType) -> None:
    """The emotions and axes of the library, the regions and limits of the settings."""
    from diffusion_talker.library import read_library
    from diffusion_talker.student import settings as core

    properties = addon.style_properties
    assert properties.REGIONS == REGIONS and properties.AUTO == core.AUTO
    assert set(properties.SLIDERS) == set(AXES) == set(properties.DIFFUSION_TALKER_PG_style.__annotations__)
    assert set(read_library().emotions) == {"neutral", *properties.EMOTIONS} == set(EMOTIONS)
    assert {axis.name for axis in read_library().axes} <= set(properties.SLIDERS)
    assert set(properties.SLIDERS) == {name for group in addon.style_panel.SLIDER_GROUPS for name in group}
    rna = bpy.types.Scene.bl_rna.properties["diffusion_talker"].fixed_type.properties
    assert rna["style_strength"].hard_max == core.MAX_STYLE_STRENGTH
    assert rna["style"].fixed_type.properties["jaw"].hard_max == core.MAX_SLIDER
    assert rna["regions"].fixed_type.properties["head_amount"].hard_max == core.MAX_REGION_AMOUNT


def test_the_choices_reach_the_options(addon: ModuleType, settings: bpy.types.PropertyGroup) -> None:
    settings.style.jaw, settings.style.blinks = 0.5, -1.25
    settings.identity, settings.second_identity, settings.identity_blend = "auto", "Calm", 0.25
    settings.emotion, settings.emotions.anger, settings.emotions.fear = "MIX", 0.5, 0.25
    settings.regions.brows_amount, settings.regions.eyes_amount, settings.regions.use_eyes = 0.5, 0.25, False
    options = addon.generation.options_of(bpy.context)
    assert options.style == (("jaw", 0.5), ("blinks", -1.25))
    assert options.identity == (("auto", 0.75), ("Calm", 0.25))
    assert options.emotion == (("anger", 0.5), ("fear", 0.25))
    assert options.regions == (("brows", 0.5),), "a part that is not animated costs no second pass"
    assert Path(options.library) == addon.identities.library_folder()


@pytest.mark.parametrize(
    ("first", "second", "blend", "expected"),
    [
        ("Plain", "", 0.5, "Plain"),
        ("Plain", "Calm", 0.0, "Plain"),
        ("Plain", "Calm", 1.0, "Calm"),
        ("Plain", "Plain", 0.5, "Plain"),
        ("", "", 0.5, "auto"),
    ],
)
def test_a_blend_that_is_none_is_one_talker(
    addon: ModuleType, settings: bpy.types.PropertyGroup, first: str, second: str, blend: float, expected: str
) -> None:
    settings.identity, settings.second_identity, settings.identity_blend = first, second, blend
    assert addon.style_options.identity_of(settings) == expected


def test_an_empty_mixture_is_neutral(addon: ModuleType, settings: bpy.types.PropertyGroup) -> None:
    settings.emotion = "MIX"
    assert addon.style_options.emotion_of(settings, EMOTIONS) == "neutral"
    assert addon.style_panel.mixture_sentence(settings) == "Neutral has the rest, 1.00"
    settings.emotions.anger = settings.emotions.fear = 0.75
    assert addon.style_panel.mixture_sentence(settings) == "Together 1.50: scaled to 1"


def test_curves_pass_through(addon: ModuleType, settings: bpy.types.PropertyGroup) -> None:
    """Whoever reads keyed values gives curves in the place of numbers; a blend's first share is what is left."""
    curve = Curve((0.0, 1.0), (0.0, 0.25))
    settings.second_identity, settings.emotion = "Calm", "MIX"

    def read(group: bpy.types.PropertyGroup, name: str) -> object:
        return curve if name in ("identity_blend", "anger", "jaw") else getattr(group, name)

    options = addon.style_options
    assert options.identity_of(settings, read) == (("Lively", Curve((0.0, 1.0), (1.0, 0.75))), ("Calm", curve))
    assert options.emotion_of(settings, EMOTIONS, read) == (("anger", curve),)
    assert options.emotion_of(settings, ("neutral", "fear"), read) == "neutral", "of what the model knows"
    assert options.style_of(settings, AXES, read) == (("jaw", curve),)


def test_every_slider_moves_the_take(settings: bpy.types.PropertyGroup) -> None:
    rest = take()
    for name in AXES:
        setattr(settings.style, name, 1.0)
        assert differing(rest, take()), name
        setattr(settings.style, name, 0.0)
    assert not differing(rest, take())


def test_sliders_that_the_model_lacks_do_no_harm(
    addon: ModuleType, settings: bpy.types.PropertyGroup, tmp_path: Path
) -> None:
    """A file may come from somebody whose model has more sliders."""
    settings.style.jaw = settings.style.head = 1.0
    with model_in_use(write_student(tmp_path / "bare.npz", axes=("jaw",))):
        assert addon.generation.options_of(bpy.context).style == (("jaw", 1.0),)
        assert take()
    with model_in_use(write_student(tmp_path / "bare.npz", axes=())):
        assert addon.generation.options_of(bpy.context).style == ()
        assert take()


def test_mixed_emotions_lie_between(settings: bpy.types.PropertyGroup) -> None:
    neutral = take()
    settings.emotion = "anger"
    anger = take()
    settings.emotion, settings.emotions.anger = "MIX", 0.0
    assert not differing(take(), neutral)
    settings.emotions.anger = 1.0
    assert not differing(take(), anger)
    settings.emotions.anger = 0.5
    half = take()
    assert differing(half, neutral) and differing(half, anger)


@pytest.mark.parametrize("region", ["mouth", "brows", "eyes"])
def test_a_part_without_emotion_is_neutral_there_alone(settings: bpy.types.PropertyGroup, region: str) -> None:
    neutral = take()
    settings.emotion = "anger"
    full = take()
    setattr(settings.regions, f"{region}_amount", 0.0)
    changed = differing(full, partly := take())
    assert changed and {region_of(name) for name in changed} == {region}
    assert not {name for name in differing(partly, neutral) if region_of(name) == region}


@pytest.mark.parametrize("region", ["mouth", "brows", "eyes"])
def test_a_part_that_is_off_has_no_keys(settings: bpy.types.PropertyGroup, region: str) -> None:
    setattr(settings.regions, f"use_{region}", False)
    assert set(take()) == {name for name in ARKIT_52 if region_of(name) != region}


def test_a_face_of_which_nothing_moves_is_said(addon: ModuleType, settings: bpy.types.PropertyGroup) -> None:
    for region in ("mouth", "brows", "eyes"):
        setattr(settings.regions, f"use_{region}", False)
    assert "switch some on under Emotion > Parts of the Face" in addon.generation.problem(bpy.context)
    bpy.context.scene.diffusion_talker_drive.use_head = True  # the object turns
    assert addon.generation.problem(bpy.context) == ""
    assert OPS.generate() == {"FINISHED"}
    settings.regions.use_head = False
    assert not OPS.generate.poll()


def test_style_is_saved_and_can_be_keyed(settings: bpy.types.PropertyGroup, tmp_path: Path) -> None:
    scene = bpy.context.scene
    settings.style.jaw, settings.emotions.fear, settings.regions.use_head = 0.5, 0.25, False
    settings.identity, settings.emotion = "Calm", "MIX"
    for path in ("style.jaw", "emotions.fear", "intensity", "style_strength", "identity_blend"):
        assert scene.keyframe_insert(f"diffusion_talker.{path}", frame=3), path
    for path in ("regions.eyes_amount", "regions.use_head", "emotion", "identity_row"):  # one for the whole line
        with pytest.raises((RuntimeError, TypeError)):
            scene.keyframe_insert(f"diffusion_talker.{path}", frame=3)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "scene.blend"))
    loaded = bpy.context.scene.diffusion_talker
    assert (loaded.style.jaw, loaded.emotions.fear, loaded.regions.use_head) == (0.5, 0.25, False)
    assert (loaded.identity, loaded.emotion) == ("Calm", "MIX")
    assert len(action_curves(bpy.context.scene.animation_data.action)) == 5


def test_every_value_has_a_tooltip(addon: ModuleType) -> None:
    properties = addon.style_properties
    for group in (properties.DIFFUSION_TALKER_PG_style, properties.DIFFUSION_TALKER_PG_emotions,
                  properties.DIFFUSION_TALKER_PG_regions):  # fmt: skip
        for name in group.__annotations__:
            rna = group.bl_rna.properties[name]
            assert rna.name and len(rna.description) > 20 and not rna.description.endswith("."), name


# ---------------------------------------------------------------- presets and reset


def test_presets_keep_the_style_alone(addon: ModuleType, settings: bpy.types.PropertyGroup) -> None:
    settings.style.jaw, settings.style.lead, settings.style_strength = 0.4, -0.7, 1.5
    OPS.style_preset_save(title="My Hero")
    path = addon.style_presets.folder() / "My Hero.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["sliders"] == {"jaw": 0.4, "lead": -0.7} and set(content) == {
        "format", "version", "style_strength", "sliders"
    }  # fmt: skip
    settings.style.jaw, settings.style.lead, settings.style.smile, settings.style_strength = 0.0, 1.0, 1.0, 0.5
    settings.identity = "Calm"
    OPS.style_preset_load(title="My Hero")
    assert settings.style_strength == 1.5 and settings.identity == "Calm"
    assert addon.style_presets.present_style(settings, "").sliders == {"jaw": 0.4, "lead": -0.7}


def test_built_in_presets_are_within_the_sliders(addon: ModuleType, settings: bpy.types.PropertyGroup) -> None:
    for preset in addon.style_presets.BUILT_IN:
        OPS.style_preset_load(title=preset.title)
        assert addon.style_presets.present_style(settings, "").sliders == pytest.approx(dict(preset.sliders))
        assert set(preset.sliders) <= set(AXES) and all(-1 <= value <= 1 for value in preset.sliders.values())


def test_a_preset_of_ones_own_goes_before_one_of_the_same_name(
    addon: ModuleType, settings: bpy.types.PropertyGroup
) -> None:
    settings.style.jaw = 0.75
    OPS.style_preset_save(title="Crisp")
    OPS.style_preset_load(title="Crisp")
    assert settings.style.jaw == 0.75
    OPS.style_preset_delete(title="Crisp")
    OPS.style_preset_load(title="Crisp")
    assert settings.style.jaw == 0.0 and settings.style.precision > 0


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"format": "other"}', '{"format": "diffusion_talker.style", "sliders": {"jaw": "x"}}',
     '{"format": "diffusion_talker.style", "sliders": {"jaw": NaN}}'],
)  # fmt: skip
def test_a_damaged_preset_changes_nothing(
    addon: ModuleType, settings: bpy.types.PropertyGroup, content: str
) -> None:
    settings.style.jaw = 0.5
    addon.style_presets.folder().mkdir(parents=True)
    (addon.style_presets.folder() / "Bad.json").write_text(content, encoding="utf-8")
    with pytest.raises(RuntimeError, match="no style preset or damaged: save it again"):
        OPS.style_preset_load(title="Bad")
    assert settings.style.jaw == 0.5


def test_presets_of_later_versions_are_read(addon: ModuleType, settings: bpy.types.PropertyGroup) -> None:
    addon.style_presets.folder().mkdir(parents=True)
    text = json.dumps({"format": "diffusion_talker.style", "version": 9, "sliders": {"jaw": 5, "ears": 1}, "new": []})
    (addon.style_presets.folder() / "Later.json").write_text(text, encoding="utf-8")
    OPS.style_preset_load(title="Later")
    assert settings.style.jaw == 2.0, "values end where the slider ends"


def test_names_of_presets_are_checked(addon: ModuleType, settings: bpy.types.PropertyGroup) -> None:
    for operator in (OPS.style_preset_save, OPS.style_preset_load, OPS.style_preset_delete):
        with pytest.raises(RuntimeError, match="needs a name"):
            operator(title=" .. ")
    with pytest.raises(RuntimeError, match="There is no style preset 'None Such'"):
        OPS.style_preset_load(title="None Such")


def test_a_preset_is_one_undo_step(settings: bpy.types.PropertyGroup) -> None:
    settings.style.jaw = 0.5
    bpy.ops.ed.undo_push(message="before")
    OPS.style_preset_load(title="Stage")
    bpy.ops.ed.undo_push(message="Load Style Preset")
    bpy.ops.ed.undo()
    style = bpy.context.scene.diffusion_talker.style
    assert style.jaw == 0.5 and all(getattr(style, name) == 0 for name in AXES if name != "jaw")


def test_reset_is_for_its_section_alone(settings: bpy.types.PropertyGroup) -> None:
    settings.style.jaw, settings.style_strength = 1.0, 2.0
    settings.emotion, settings.intensity, settings.emotions.fear = "MIX", 0.5, 1.0
    settings.regions.use_head, settings.regions.mouth_amount = False, 0.5
    OPS.style_reset(section="STYLE")
    assert (settings.style.jaw, settings.style_strength, settings.emotion) == (0.0, 1.0, "MIX")
    OPS.style_reset(section="EMOTION")
    assert (settings.emotion, settings.intensity, settings.emotions.fear) == ("auto", 1.0, 0.0)
    assert not settings.regions.use_head
    OPS.style_reset(section="REGIONS")
    assert settings.regions.use_head and settings.regions.mouth_amount == 1.0


# ---------------------------------------------------------------- panel


def drawn(draw: object) -> tuple[set[str], str]:
    """Names of the properties, and the labels, that a section draws."""
    layout, region = MagicMock(), MagicMock(width=320)
    for method in ("row", "column", "split"):
        getattr(layout, method).return_value = layout
    layout.panel.return_value = (layout, layout)
    context = MagicMock(wraps=bpy.context, scene=bpy.context.scene, window_manager=bpy.context.window_manager,
                        preferences=bpy.context.preferences, region=region)  # fmt: skip
    draw(layout, context)
    names = {call.args[1] for call in layout.prop.call_args_list}
    return names, " ".join(call.kwargs.get("text", "") for call in layout.label.call_args_list)


def test_only_sliders_of_the_model_are_drawn(
    addon: ModuleType, settings: bpy.types.PropertyGroup, tmp_path: Path
) -> None:
    assert drawn(addon.style_panel.draw_style)[0] == {"style_strength", *AXES}
    with model_in_use(write_student(tmp_path / "bare.npz", axes=("jaw", "smile"))):
        assert drawn(addon.style_panel.draw_style)[0] == {"style_strength", "jaw", "smile"}
    with model_in_use(write_student(tmp_path / "bare.npz", axes=())):
        names, labels = drawn(addon.style_panel.draw_style)
        assert names == {"style_strength"} and "no style sliders" in labels


def test_shares_are_drawn_for_a_mixture(addon: ModuleType, settings: bpy.types.PropertyGroup) -> None:
    names, _ = drawn(addon.style_panel.draw_emotion)
    assert "intensity" in names and "anger" not in names and "use_head" in names
    settings.emotion = "MIX"
    names, labels = drawn(addon.style_panel.draw_emotion)
    assert set(EMOTIONS[1:]) <= names and "Neutral has the rest" in labels


def test_the_voice_section_says_what_is_chosen(addon: ModuleType, settings: bpy.types.PropertyGroup) -> None:
    OPS.identities_refresh()
    names, labels = drawn(addon.style_panel.draw_voice)
    assert "Lively talker" in labels and "identity_blend" not in names
    settings.second_identity = "Calm"
    assert "identity_blend" in drawn(addon.style_panel.draw_voice)[0]
    settings.identity = "Nobody"
    assert "There is no identity 'Nobody' here" in drawn(addon.style_panel.draw_voice)[1]
