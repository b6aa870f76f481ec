# SPDX-License-Identifier: GPL-3.0-or-later
"""A closure is seen on the frame on which it is heard, at every frame rate, wherever the strip lies."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import bpy
import numpy as np
import pytest

from tests.addon.scenes import (
    FRAME_RATES,
    HAS_AUDASPACE,
    NO_AUDASPACE,
    add_strip,
    click_at,
    keys_of,
    make_face,
    set_fps,
    talking_motion,
    trim_strip,
    write_sound,
)

CLOSURES_S = (21 / 60, 54 / 60, 84 / 60, 105 / 60, 155 / 60)  # each on a frame of the model, at 60 Hz
DURATION_S = 3.0
RATE_NAMES = [f"{rate[0] / rate[1]:.5g} fps" for rate in FRAME_RATES]


def animate(addon: ModuleType, obj: bpy.types.Object, speech: object, closures_s: tuple[float, ...]) -> None:
    """Write a motion with closures at these times after the first frame."""
    generation = addon.generation
    request = generation.request_for(speech, obj, generation.Options())
    take = addon.driving.drive(talking_motion(DURATION_S, closures_s), request.plan, speech)
    generation.apply(request, generation.Generated(take, DURATION_S, "test", 0.0))


def closed_frames(obj: bpy.types.Object) -> list[int]:
    """Scene frames on which the lips meet."""
    jaw, close = keys_of(obj, "jawOpen"), keys_of(obj, "mouthClose")
    frames = range(min(close), max(close) + 1)
    still = jaw[min(jaw)]
    return [frame for frame in frames if jaw.get(frame, still) - close[frame] < 0.05]


def assert_on_nearest_frames(frames: list[int], first_frame: int, moments_s: tuple[float, ...], fps: float) -> None:
    """One frame per moment, at most half a frame away (exactly half at 30 fps, where either neighbor is right)."""
    exact = [first_frame + moment_s * fps for moment_s in moments_s]
    assert len(frames) == len(exact)
    assert max(abs(frame - moment) for frame, moment in zip(frames, exact, strict=True)) <= 0.5 + 1e-6


@pytest.mark.parametrize("rate", FRAME_RATES, ids=RATE_NAMES)
@pytest.mark.parametrize("first_frame", (1, 37, -12))
def test_every_closure_of_a_file_lands_on_its_nearest_frame(
    addon: ModuleType, fresh_scene: object, tmp_path: Path, rate: tuple[int, int], first_frame: int
) -> None:
    fps = set_fps(*rate)
    obj = make_face()
    sound = write_sound(tmp_path / "line.wav", np.zeros(round(DURATION_S * 16000)))
    animate(addon, obj, addon.audio_source.speech_of_file(str(sound), first_frame, fps), CLOSURES_S)
    assert_on_nearest_frames(closed_frames(obj), first_frame, CLOSURES_S, fps)
    assert len(keys_of(obj, "mouthClose")) == int(np.ceil(DURATION_S * fps - 1e-6))


@pytest.mark.skipif(not HAS_AUDASPACE, reason=NO_AUDASPACE)
@pytest.mark.parametrize("rate", FRAME_RATES, ids=RATE_NAMES)
@pytest.mark.parametrize(
    ("place", "trim"), [(1, (0, 0)), (40, (11, 17)), (-5, (30, 0))], ids=("whole", "trimmed", "head cut")
)
def test_what_is_heard_is_what_lies_under_the_trimmed_strip(
    addon: ModuleType, fresh_scene: object, tmp_path: Path, rate: tuple[int, int], place: int, trim: tuple[int, int]
) -> None:
    """The burst's scene frame, computed from the strip's place alone, is where the audio we read has it."""
    fps = set_fps(*rate)
    click_s = 1.6
    strip = add_strip(write_sound(tmp_path / "click.wav", click_at(click_s, DURATION_S)), frame_start=place)
    times = addon.audio_source.strip_times(strip)
    trim_strip(strip, times.first_frame + trim[0], times.end_frame - trim[1])
    speech = addon.audio_source.speech_of_strip(bpy.context, bpy.context.scene, strip.name)
    source = addon.audio_source.read_speech(speech)
    samples = source.read(0, source.sample_count)
    heard_s = np.argmax(np.abs(samples) > 0.3) / 16000
    assert heard_s == pytest.approx(click_s - trim[0] / fps, abs=0.002)
    assert speech.first_frame == place + trim[0]
    frames = addon.audio_source.strip_times(strip)
    assert source.sample_count == pytest.approx((frames.end_frame - frames.first_frame) / fps * 16000, abs=1)
    assert speech.frame_count(speech.length_s) == frames.end_frame - frames.first_frame


@pytest.mark.skipif(not HAS_AUDASPACE, reason=NO_AUDASPACE)
@pytest.mark.parametrize("rate", FRAME_RATES, ids=RATE_NAMES)
def test_closures_follow_a_trimmed_strip(
    addon: ModuleType, fresh_scene: object, tmp_path: Path, rate: tuple[int, int]
) -> None:
    fps = set_fps(*rate)
    obj = make_face()
    strip = add_strip(write_sound(tmp_path / "line.wav", np.zeros(round(DURATION_S * 16000))), frame_start=100)
    end_frame = addon.audio_source.strip_times(strip).end_frame
    trim_strip(strip, 107, end_frame - 4)
    speech = addon.audio_source.speech_of_strip(bpy.context, bpy.context.scene, strip.name)
    animate(addon, obj, speech, (0.5, 1.25))
    assert_on_nearest_frames(closed_frames(obj), 107, (0.5, 1.25), fps)
    assert sorted(keys_of(obj, "mouthClose")) == [*range(107, end_frame - 4)]


def test_a_head_without_mouth_close_shuts_its_jaw(addon: ModuleType, fresh_scene: object, tmp_path: Path) -> None:
    from diffusion_talker.channels import ARKIT_52

    fps = set_fps(24, 1)
    obj = make_face([name for name in ARKIT_52 if name != "mouthClose"])
    sound = write_sound(tmp_path / "line.wav", np.zeros(round(DURATION_S * 16000)))
    animate(addon, obj, addon.audio_source.speech_of_file(str(sound), 1, fps), (0.5, 1.25))
    assert [frame for frame, value in keys_of(obj, "jawOpen").items() if value < 0.05] == [13, 31]
