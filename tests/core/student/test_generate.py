# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes: reproducible, independent of windows, cancellable, and refused in plain words."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from diffusion_talker.audio import SAMPLE_RATE_HZ, ArraySource
from diffusion_talker.channels import MOUTH_CHANNELS
from diffusion_talker.errors import CancelledError, LibraryError, SettingsError
from diffusion_talker.student import GenerateSettings
from diffusion_talker.student.config import StudentConfig
from diffusion_talker.student.generate import Student, _Monitor, windows
from diffusion_talker.student.numpy_network import NumpyNetwork
from tests.core.student.tiny_bundle import TINY_CONFIG, make_bundle


def make_student(window_frames: int = 3600, config: StudentConfig = TINY_CONFIG) -> Student:
    bundle = make_bundle(config)
    return Student(NumpyNetwork(bundle), bundle.metadata, window_frames)


def make_sound(length_s: float, seed: int = 0) -> ArraySource:
    random = np.random.default_rng(seed)
    samples = random.standard_normal(int(length_s * SAMPLE_RATE_HZ)) * 0.1
    return ArraySource(samples.astype(np.float32), SAMPLE_RATE_HZ)


class LongSource:
    """Any length of sound without holding it: every block is made from its own numbers."""

    def __init__(self, length_s: float) -> None:
        self.sample_count = int(length_s * SAMPLE_RATE_HZ)

    def read(self, start: int, stop: int) -> np.ndarray:
        positions = np.arange(start, stop)
        sound = np.sin(positions * 0.07) * np.sin(positions * 0.0003)
        return np.where((positions >= 0) & (positions < self.sample_count), sound, 0.0).astype(np.float32)


@pytest.mark.parametrize("window_frames", [37, 100, 241])
@pytest.mark.parametrize("steps", [1, 2, 4])
@pytest.mark.parametrize("smoothing", [(), (0.0, 1.0, 3.5) * 18 + (2.0,)])
def test_windows_agree_with_the_whole(window_frames, steps, smoothing):
    config = replace(TINY_CONFIG, smoothing_frames=smoothing)
    sound, settings = make_sound(8.0), GenerateSettings(steps=steps, seed=11)
    whole = make_student(100_000, config).generate(sound, settings)
    pieces = make_student(window_frames, config).generate(sound, settings)
    np.testing.assert_allclose(pieces.weights, whole.weights, atol=2e-6)


def test_windows_cover_each_frame_once():
    covered = [frame for window in windows(1001, 90, 17) for frame in range(window.start, window.stop)]
    assert covered == list(range(1001))


def test_context_is_needed_and_enough():
    """One frame less of context changes the result: the declared reach is exact, not merely generous."""
    sound, settings = make_sound(4.0), GenerateSettings(steps=1)
    whole = make_student(100_000).generate(sound, settings).weights
    reach = TINY_CONFIG.context_frames(1)
    student = make_student()
    heard = student.listen(sound)
    (plan,) = student._plans(heard, settings)

    def middle(context: int) -> np.ndarray:
        (window,) = [w for w in windows(240, 60, context) if w.start == 120]
        normalized = student._sample(heard, window, plan, 1, 0, _Monitor(None, None))
        return student._finish(normalized[window.kept])[:, :52]

    np.testing.assert_allclose(middle(reach), whole[120:180, :52], atol=2e-6)
    assert np.abs(middle(reach - 1) - whole[120:180, :52]).max() > 1e-5


def test_more_steps_vary_the_upper_face_and_leave_the_mouth():
    student, sound = make_student(), make_sound(2.0)
    one, four = (student.generate(sound, GenerateSettings(steps=steps)).weights for steps in (1, 4))
    mouth = np.array([name in MOUTH_CHANNELS for name in TINY_CONFIG.channels])
    np.testing.assert_allclose(four[:, mouth], one[:, mouth], atol=1e-5)
    assert np.abs(four[:, ~mouth] - one[:, ~mouth]).max() > 1e-3


def test_same_seed_same_take_other_seed_other_take():
    student, sound = make_student(), make_sound(2.0)
    first = student.generate(sound, GenerateSettings(seed=4)).weights
    np.testing.assert_array_equal(first, student.generate(sound, GenerateSettings(seed=4)).weights)
    assert np.abs(first - student.generate(sound, GenerateSettings(seed=5)).weights).max() > 1e-3


def test_style_and_intensity_change_the_take():
    student, sound = make_student(), make_sound(2.0)
    plain = student.generate(sound, GenerateSettings(identity="Plain", emotion="happiness")).weights
    for other in (
        GenerateSettings(identity="Lively", emotion="happiness"),
        GenerateSettings(identity="Plain", emotion="neutral"),
        GenerateSettings(identity="Plain", emotion="happiness", intensity=0.4),
        GenerateSettings(identity="Plain", emotion="happiness", style_strength=0.0),
    ):
        assert np.abs(student.generate(sound, other).weights - plain).max() > 1e-4
    none = student.generate(sound, GenerateSettings(identity="Plain", emotion="happiness", intensity=0.0)).weights
    neutral = student.generate(sound, GenerateSettings(identity="Plain", emotion="neutral")).weights
    np.testing.assert_allclose(none, neutral, atol=1e-6)


def test_ten_minutes_need_no_more_memory_than_curves_and_a_constant():
    student = make_student(600)
    peaks = []
    for length_s in (60.0, 600.0):
        tracemalloc.start()
        motion = student.generate(LongSource(length_s), GenerateSettings(identity="Plain", emotion="neutral"))
        peaks.append(tracemalloc.get_traced_memory()[1] - motion.weights.nbytes)
        tracemalloc.stop()
    assert motion.frame_count == 36000
    assert peaks[1] < peaks[0] + 12e6  # clipping the face makes one more copy of the curves, 8 MB


def test_curves_are_finite_and_in_range():
    motion = make_student().generate(make_sound(3.0))
    assert np.isfinite(motion.weights).all()
    assert motion.weights[:, :52].min() >= 0 and motion.weights[:, :52].max() <= 1


@pytest.mark.parametrize("samples", [1, 2, 399, 16000 // 60 + 1])
def test_very_short_sound(samples):
    motion = make_student().generate(ArraySource(np.full(samples, 0.1, np.float32), SAMPLE_RATE_HZ))
    assert motion.frame_count == -(-samples * 60 // 16000)
    assert np.isfinite(motion.weights).all()


def test_progress_rises_to_one():
    seen: list[float] = []
    make_student(60).generate(make_sound(4.0), progress=seen.append)
    assert seen == sorted(seen) and seen[-1] == 1.0 and len(seen) > 4


@pytest.mark.parametrize("after", [0, 1, 5])
def test_cancel_at_any_moment(after):
    calls = iter(range(1000))
    with pytest.raises(CancelledError, match="nothing was changed"):
        make_student(60).generate(make_sound(4.0), cancelled=lambda: next(calls) >= after)


@pytest.mark.parametrize(("settings", "error", "words"), [
    (GenerateSettings(identity="Nobody"), LibraryError, "Plain, Lively, Calm"),
    (GenerateSettings(emotion="hunger"), LibraryError, "neutral, happiness"),
    (GenerateSettings(intensity=-1.0), SettingsError, "from 0.0 to 2.0"),
    (GenerateSettings(intensity=float("nan")), SettingsError, "intensity"),
    (GenerateSettings(style_strength=9.0), SettingsError, "style strength"),
    (GenerateSettings(steps=0), SettingsError, "from 1 to 64"),
    (GenerateSettings(steps=65), SettingsError, "steps"),
])
def test_settings_out_of_range_are_named(settings, error, words):
    with pytest.raises(error, match=words):
        make_student().generate(make_sound(0.5), settings)


def test_match_ranks_the_library():
    result = make_student().match(make_sound(2.0))
    assert {name for name, _ in result.identities} == set(TINY_CONFIG.identities)
    similarities = [value for _, value in result.identities]
    assert similarities == sorted(similarities, reverse=True) and max(map(abs, similarities)) <= 1.0001
    assert sum(probability for _, probability in result.emotions) == pytest.approx(1.0, abs=1e-5)
