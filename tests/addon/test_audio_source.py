# SPDX-License-Identifier: GPL-3.0-or-later
"""Sound out of strips and files: packed, missing, damaged, longer than its strip; and a scene left as it was."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import bpy
import numpy as np
import pytest

from diffusion_talker.errors import AudioEmptyError, AudioError, AudioUnreadableError
from tests.addon.scenes import (
    HAS_AUDASPACE,
    NO_AUDASPACE,
    add_strip,
    click_at,
    set_fps,
    snapshot,
    speech_like,
    trim_strip,
    write_sound,
)

needs_audaspace = pytest.mark.skipif(not HAS_AUDASPACE, reason=NO_AUDASPACE)


def read(addon: ModuleType, speech: object) -> np.ndarray:
    source = addon.audio_source.read_speech(speech)
    return source.read(0, source.sample_count)


def speech_of(addon: ModuleType, name: str = "Dialogue") -> object:
    return addon.audio_source.speech_of_strip(bpy.context, bpy.context.scene, name)


def test_a_file_is_read_whole(addon: ModuleType, fresh_scene: object, tmp_path: Path) -> None:
    samples = speech_like(1.5)
    path = write_sound(tmp_path / "line.wav", samples)
    heard = read(addon, addon.audio_source.speech_of_file(str(path), 1, 24.0))
    assert len(heard) == len(samples) and np.abs(heard - samples).max() < 1e-3


@pytest.mark.parametrize("rate_hz", (8000, 44100, 48000, 192000))
def test_other_sample_rates_keep_time(addon: ModuleType, fresh_scene: object, tmp_path: Path, rate_hz: int) -> None:
    path = write_sound(tmp_path / "click.wav", click_at(0.75, 1.5, rate_hz), rate_hz)
    heard = read(addon, addon.audio_source.speech_of_file(str(path), 1, 24.0))
    assert np.argmax(np.abs(heard) > 0.3) / 16000 == pytest.approx(0.75, abs=0.002)
    assert len(heard) == pytest.approx(24000, abs=2)


def test_a_missing_file_is_named(addon: ModuleType, fresh_scene: object, tmp_path: Path) -> None:
    with pytest.raises(addon.problems.LipSyncProblem, match="There is no sound file at .*gone.wav: pick another"):
        addon.audio_source.speech_of_file(str(tmp_path / "gone.wav"), 1, 24.0)


@pytest.mark.parametrize("content", (b"", b"RIFF", b"this is no sound at all" * 100), ids=("empty", "cut", "text"))
def test_a_damaged_file_is_one_sentence(addon: ModuleType, fresh_scene: object, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.wav"
    path.write_bytes(content)
    with pytest.raises(AudioError) as failure:
        read(addon, addon.audio_source.speech_of_file(str(path), 1, 24.0))
    assert "broken" in str(failure.value) and "\n" not in str(failure.value)


def test_a_file_without_samples_is_empty_or_unreadable(addon: ModuleType, fresh_scene: object, tmp_path: Path) -> None:
    path = write_sound(tmp_path / "nothing.wav", np.zeros(0))
    with pytest.raises((AudioEmptyError, AudioUnreadableError)):
        read(addon, addon.audio_source.speech_of_file(str(path), 1, 24.0))


@needs_audaspace
def test_a_packed_sound_needs_no_file(addon: ModuleType, fresh_scene: object, tmp_path: Path) -> None:
    samples = speech_like(1.0)
    path = write_sound(tmp_path / "line.wav", samples)
    strip = add_strip(path)
    strip.sound.pack()
    path.unlink()
    heard = read(addon, speech_of(addon))
    assert np.abs(heard[: len(samples)] - samples).max() < 1e-3


@needs_audaspace
def test_a_strip_whose_file_went_missing_says_so(addon: ModuleType, fresh_scene: object, tmp_path: Path) -> None:
    path = write_sound(tmp_path / "line.wav", speech_like(1.0))
    add_strip(path)
    path.unlink()
    with pytest.raises(addon.problems.LipSyncProblem, match="sound file of strip 'Dialogue' is missing: use File"):
        speech_of(addon)


def test_a_scene_without_strips_says_what_to_add(addon: ModuleType, fresh_scene: object) -> None:
    assert "has no sound strip: add your recording" in addon.audio_source.strip_problem(bpy.context.scene, "")


@needs_audaspace
def test_strips_are_named_when_the_choice_is_unclear(addon: ModuleType, fresh_scene: object, tmp_path: Path) -> None:
    scene, problem = bpy.context.scene, addon.audio_source.strip_problem
    path = write_sound(tmp_path / "line.wav", speech_like(1.0))
    add_strip(path, name="A", channel=1)
    bpy.context.scene.sequence_editor.active_strip = None
    assert problem(scene, "") == "" and "choose one of 'A'" in problem(scene, "B")
    add_strip(path, name="B", channel=2)
    bpy.context.scene.sequence_editor.active_strip = None
    assert "several sound strips: choose one of 'A', 'B'" in problem(scene, "")


@needs_audaspace
def test_a_strip_longer_than_its_sound_ends_in_silence(addon: ModuleType, fresh_scene: object, tmp_path: Path) -> None:
    fps = set_fps(24, 1)
    samples = speech_like(1.0)
    strip = add_strip(write_sound(tmp_path / "line.wav", samples), frame_start=10)
    trim_strip(strip, 10 - 12, 34 + 24)
    heard = read(addon, speech_of(addon))
    assert len(heard) == round((24 + 36) / fps * 16000)
    assert np.abs(heard[:8000]).max() == 0 and np.abs(heard[8000 + 16000 :]).max() == 0
    assert np.abs(heard[8000 : 8000 + 16000] - samples).max() < 1e-3


@needs_audaspace
def test_a_mix_of_one_strip_is_that_strip_alone(addon: ModuleType, fresh_scene: object, tmp_path: Path) -> None:
    set_fps(24, 1)
    samples = speech_like(2.0)
    strip = add_strip(write_sound(tmp_path / "line.wav", samples), frame_start=30)
    other = add_strip(write_sound(tmp_path / "music.wav", click_at(0.5, 3.0)), frame_start=20, name="Music", channel=2)
    strip.mute = True
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end, scene.use_audio = 3, 9, False
    scene.sequence_editor.channels[1].mute = True
    before = snapshot()
    mixed = addon.audio_source._mix_strip(bpy.context, scene, strip).samples
    assert snapshot() == before and strip.mute and not other.mute and scene.sequence_editor.channels[1].mute
    assert len(mixed) == pytest.approx(len(samples), abs=700)
    count = min(len(mixed), len(samples)) - 100
    assert np.corrcoef(mixed[:count], samples[:count])[0, 1] > 0.99


@needs_audaspace
def test_a_failing_mix_puts_everything_back(
    addon: ModuleType, fresh_scene: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strip = add_strip(write_sound(tmp_path / "line.wav", speech_like(1.0)), frame_start=30)
    add_strip(write_sound(tmp_path / "music.wav", speech_like(1.0)), name="Music", channel=2)
    before = snapshot()

    def fail(*_: object) -> np.ndarray:
        raise AudioUnreadableError("the disk is gone")

    monkeypatch.setattr(addon.audio_source, "_decode", fail)
    with pytest.raises(AudioUnreadableError):
        addon.audio_source._mix_strip(bpy.context, bpy.context.scene, strip)
    assert snapshot() == before


@needs_audaspace
@pytest.mark.skipif(bpy.app.version < (5, 1, 0), reason="adding retiming keys from Python crashes Blender before 5.1")
def test_a_strip_with_a_change_of_speed_is_heard_as_blender_plays_it(
    addon: ModuleType, fresh_scene: object, tmp_path: Path
) -> None:
    set_fps(24, 1)
    strip = add_strip(write_sound(tmp_path / "click.wav", click_at(1.0, 3.0)), frame_start=11)
    add_strip(write_sound(tmp_path / "music.wav", speech_like(4.0)), name="Music", channel=2)
    strip.retiming_keys.add(timeline_frame=11 + 48)  # the click's frame is 11 + 24
    strip.retiming_keys[1].timeline_frame = 11 + 24  # the first two seconds in one: twice the speed
    before = snapshot()
    speech = speech_of(addon)
    assert snapshot() == before
    heard = read(addon, speech)
    assert np.argmax(np.abs(heard) > 0.2) / 16000 == pytest.approx(0.5, abs=0.02)
    assert len(heard) == pytest.approx(speech.length_s * 16000, abs=1)


def test_a_mix_that_never_ends_is_given_up(
    addon: ModuleType, fresh_scene: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addon.audio_source, "MIX_LIMIT_S", 0.02)
    (tmp_path / "open.wav").write_bytes(b"RIFF\xff\xff\xff\xffWAVE")
    for name in ("open.wav", "absent.wav"):
        with pytest.raises(addon.problems.LipSyncProblem, match="did not finish mixing strip 'Dialogue': try again"):
            addon.audio_source._wait_for_wav(tmp_path / name, "Dialogue")


@needs_audaspace
def test_long_sound_is_resampled_while_it_is_decoded(
    addon: ModuleType, fresh_scene: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_sound(tmp_path / "click.wav", click_at(0.75, 1.5, 48000), 48000)
    speech = addon.audio_source.speech_of_file(str(path), 1, 24.0)
    whole = read(addon, speech)
    monkeypatch.setattr(addon.audio_source, "LONG_S", 1.0)
    assert addon.audio_source._decode(str(path), "click", None).rate_hz == 16000
    frugal = read(addon, speech)
    assert len(frugal) == pytest.approx(len(whole), abs=1)
    assert np.argmax(np.abs(frugal) > 0.3) == pytest.approx(np.argmax(np.abs(whole) > 0.3), abs=2)
