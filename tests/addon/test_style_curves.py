# SPDX-License-Identifier: GPL-3.0-or-later
"""Keyed settings: curves over the line, and motion that follows them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import bpy
import numpy as np
import pytest

from diffusion_talker.audio import ArraySource
from diffusion_talker.student import Curve, GenerateSettings, load_student
from diffusion_talker.student.bundle import StyleAxis, load_bundle, save_bundle
from diffusion_talker.student.network import StyleRequest
from tests.addon.scenes import (
    HAS_AUDASPACE,
    NO_AUDASPACE,
    action_curves,
    add_strip,
    keys_of,
    make_face,
    set_fps,
    speech_like,
    write_sound,
)
from tests.addon.students import model_in_use, write_student

SECONDS = 2.0


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_student(tmp_path_factory.mktemp("model") / "student.npz")


@pytest.fixture(scope="module")
def opening_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packaged student with one slider, "jaw": from the talker who opens it least to the one who opens it most."""
    student, bundle = load_student(runtime="numpy"), load_bundle()
    heard = student.listen(ArraySource(speech_like(1.0), 16000))
    openings = [
        float(student.perform(heard, GenerateSettings(identity=name, emotion="neutral")).column("jawOpen").mean())
        for name in student.config.identities
    ]
    most, least = (embedding(student, index) for index in (np.argmax(openings), np.argmin(openings)))
    axis = StyleAxis("jaw", "How far the jaw opens", tuple((0.5 * (most - least)).tolist()))
    path = tmp_path_factory.mktemp("opening") / "student.npz"
    save_bundle(path, replace(bundle, metadata=replace(bundle.metadata, style_axes=(axis,))))
    return path


def embedding(student: object, index: int) -> np.ndarray:
    """What the decoder listens to for one talker of the library without emotion."""
    identity = np.eye(len(student.config.identities), dtype=np.float32)[index]
    emotion = np.eye(len(student.config.emotions), dtype=np.float32)[0]
    return student._network.style(StyleRequest(identity, emotion))


@pytest.fixture
def settings(
    addon: ModuleType, fresh_scene: object, model: Path, tmp_path: Path
) -> Iterator[bpy.types.PropertyGroup]:
    """A face, a line of two seconds from frame 11 on, and the student with one slider."""
    set_fps(24, 1)
    make_face()
    group = bpy.context.scene.diffusion_talker
    group.source, group.first_frame = "FILE", 11
    group.audio_file = str(write_sound(tmp_path / "line.wav", speech_like(SECONDS)))
    with model_in_use(model):
        yield group


def key(group: bpy.types.PropertyGroup, name: str, *keys: tuple[int, float]) -> None:
    """Key a setting as the animator does: linear between its keys."""
    for frame, value in keys:
        setattr(group, name, value)
        group.keyframe_insert(name, frame=frame)
    for curve in action_curves(bpy.context.scene.animation_data.action):
        for point in curve.keyframe_points:
            point.interpolation = "LINEAR"


def options(addon: ModuleType) -> object:
    return addon.generation.make_request(bpy.context).options


def test_a_keyed_slider_becomes_a_point_a_frame(addon: ModuleType, settings: bpy.types.PropertyGroup) -> None:
    key(settings.style, "jaw", (11, -1.0), (58, 1.0))
    (name, curve), = options(addon).style
    assert name == "jaw" and isinstance(curve, Curve)
    assert curve.times_s == tuple(index / 24.0 for index in range(48))
    assert curve.values == pytest.approx(np.linspace(-1, 1, 48), abs=1e-6)


def test_the_opening_rises_with_the_keyed_slider(
    addon: ModuleType, settings: bpy.types.PropertyGroup, opening_model: Path
) -> None:
    obj = bpy.context.view_layer.objects.active

    def opening() -> np.ndarray:
        assert bpy.ops.diffusion_talker.generate() == {"FINISHED"}
        return np.array([value for _, value in sorted(keys_of(obj, "jawOpen").items())])

    with model_in_use(opening_model):
        still = opening()
        key(settings.style, "jaw", (11, -1.0), (58, 1.0))
        change = opening() - still
    quarters = change.reshape(4, 12).mean(axis=1)
    assert (np.diff(quarters) > 0.005).all(), quarters
    assert quarters[0] < -0.01 and quarters[-1] > 0.01, quarters


def test_everything_that_can_be_keyed_is_sampled(addon: ModuleType, settings: bpy.types.PropertyGroup) -> None:
    settings.identity, settings.second_identity, settings.emotion = "Plain", "Calm", "MIX"
    for name in ("intensity", "style_strength", "identity_blend"):
        key(settings, name, (11, 0.0), (58, 1.0))
    key(settings.emotions, "fear", (11, 0.0), (58, 1.0))
    found = options(addon)
    (first, rest), (second, share) = found.identity
    assert (first, second) == ("Plain", "Calm")
    assert np.add(rest.values, share.values) == pytest.approx(np.ones(48))
    assert found.emotion[0][0] == "fear"
    for curve in (found.intensity, found.style_strength, share, found.emotion[0][1]):
        assert curve.values[0] == 0.0 and curve.values[-1] == pytest.approx(1.0) and len(curve.values) == 48
    assert bpy.ops.diffusion_talker.generate() == {"FINISHED"}


def test_constants_stay_numbers(addon: ModuleType, settings: bpy.types.PropertyGroup) -> None:
    key(settings, "intensity", (1, 0.5), (11, 0.75), (58, 0.75), (90, 1.0))
    settings.intensity = 0.1
    assert options(addon).intensity == 0.75, "what is keyed counts, not what the field shows"
    assert options(addon).style_strength == 1.0


def test_values_stay_within_what_the_setting_may_be(addon: ModuleType, settings: bpy.types.PropertyGroup) -> None:
    key(settings, "intensity", (11, 0.0), (58, 1.5))
    curve = next(iter(addon.style_curves.keyed_settings(bpy.context.scene).values()))
    curve.keyframe_points[1].co[1] = 5.0
    curve.update()
    assert max(options(addon).intensity.values) == 1.5


def test_a_muted_curve_does_not_count(addon: ModuleType, settings: bpy.types.PropertyGroup) -> None:
    key(settings, "intensity", (11, 0.0), (58, 1.0))
    next(iter(addon.style_curves.keyed_settings(bpy.context.scene).values())).mute = True
    settings.intensity = 0.25
    assert options(addon).intensity == 0.25


def test_curves_follow_the_line_where_it_lies(addon: ModuleType, settings: bpy.types.PropertyGroup) -> None:
    key(settings, "intensity", (11, 0.0), (58, 1.0))
    settings.first_frame = 35
    values = options(addon).intensity.values
    assert values[0] == pytest.approx(24 / 47) and values[24:] == (1.0,) * 24


@pytest.mark.skipif(not HAS_AUDASPACE, reason=NO_AUDASPACE)
def test_a_strip_is_sampled_over_its_own_frames(addon: ModuleType, settings: bpy.types.PropertyGroup) -> None:
    strip = add_strip(Path(settings.audio_file), frame_start=100)
    settings.source = "STRIP"
    key(settings, "intensity", (100, 0.0), (123, 1.0))
    found = addon.audio_source.strip_times(strip)
    assert len(options(addon).intensity.values) == found.end_frame - found.first_frame


def test_a_sound_that_cannot_be_read_is_left_to_who_listens(
    addon: ModuleType, settings: bpy.types.PropertyGroup, tmp_path: Path
) -> None:
    key(settings, "intensity", (11, 0.0), (58, 1.0))
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"no sound" * 100)
    settings.audio_file = str(broken)
    assert options(addon).intensity == 0.0
    with pytest.raises(RuntimeError, match="broken"):
        bpy.ops.diffusion_talker.generate()


def test_keyed_values_are_kept_with_the_take_and_come_back(
    addon: ModuleType, settings: bpy.types.PropertyGroup
) -> None:
    from tests.addon.test_takes import keys, playing, same

    obj = bpy.context.view_layer.objects.active
    key(settings.style, "jaw", (11, -1.0), (58, 1.0))
    bpy.ops.diffusion_talker.generate()
    take, wanted = playing(obj), options(addon)
    assert addon.takes.stored_of(take).options.style == wanted.style
    mine = bpy.context.scene.animation_data.action
    key(settings.style, "jaw", (11, 0.25), (58, 0.25))
    settings.intensity = 0.5
    assert bpy.ops.diffusion_talker.take_settings() == {"FINISHED"}
    assert bpy.context.scene.animation_data.action != mine and mine.use_fake_user, "the animator's keys are gone"
    assert replace(options(addon), seed=0) == replace(wanted, seed=0)
    before = keys(take)
    assert bpy.ops.diffusion_talker.regenerate() == {"FINISHED"}
    assert same(keys(playing(obj)), before)
