# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion keeps its lips sealed and its timing at every frame rate and intensity."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffusion_talker.channels import MODEL_CHANNELS
from diffusion_talker.errors import SettingsError
from diffusion_talker.motion import (
    Motion,
    lip_aperture,
    resample_motion,
    rest_motion,
    sample_motion,
    scale_motion,
    select_channels,
)

SCENE_RATES_HZ = (24000 / 1001, 24.0, 25.0, 30000 / 1001, 30.0, 50.0, 60000 / 1001, 60.0, 12.0)


def talking(duration_s: float, closures_s: list[float], half_width_s: float = 0.05) -> Motion:
    """Open mouth at 60 Hz that seals at the frames nearest to the given times, as mouthClose = jawOpen does."""
    motion = rest_motion(round(duration_s * 60), 60.0)
    time_s = np.arange(motion.frame_count) / 60
    weights = motion.weights.copy()
    weights[:, MODEL_CHANNELS.index("jawOpen")] = 0.4
    seal = np.zeros(len(time_s))
    for closure_s in closures_s:
        nearest_s = round(closure_s * 60) / 60
        seal = np.maximum(seal, 1 - np.abs(time_s - nearest_s) / half_width_s)
    weights[:, MODEL_CHANNELS.index("mouthClose")] = 0.4 * seal
    return Motion(weights, MODEL_CHANNELS, 60.0)


@pytest.mark.parametrize("rate_hz", SCENE_RATES_HZ)
def test_a_closure_between_two_frames_closes_on_the_nearest(rate_hz: float) -> None:
    closures_s = [0.5 + 0.2 * k + 0.0041 * k for k in range(40)]
    motion = talking(9.5, closures_s)
    aperture = lip_aperture(resample_motion(motion, rate_hz))
    for closure_s in closures_s:
        nearest = round(round(closure_s * 60) / 60 * rate_hz)
        near = aperture[nearest - 1 : nearest + 2]
        assert near.min() < 0.011
        late_s = (nearest - 1 + near.argmin()) / rate_hz - round(closure_s * 60) / 60
        assert abs(late_s) <= 0.5 / rate_hz + 0.002


def test_plain_interpolation_would_miss_those_closures() -> None:
    motion = talking(9.5, [0.5 + 0.2 * k + 0.0041 * k for k in range(40)])
    times_s = np.arange(0, 9.4, 1 / 24)
    plain = Motion(sample_motion(motion, times_s, keep_closures=False), motion.channels, 24.0)
    kept = Motion(sample_motion(motion, times_s), motion.channels, 24.0)
    assert (lip_aperture(kept) < 0.011).sum() > (lip_aperture(plain) < 0.011).sum() + 15


@pytest.mark.parametrize("rate_hz", SCENE_RATES_HZ)
def test_a_blink_between_two_frames_still_shuts_the_eye(rate_hz: float) -> None:
    motion = rest_motion(600, 60.0)
    frames = np.arange(35, 600, 61)
    weights = motion.weights.copy()
    lid = MODEL_CHANNELS.index("eyeBlinkLeft")
    for offset, value in ((-2, 0.3), (-1, 0.7), (0, 1.0), (1, 0.7), (2, 0.3)):
        weights[frames + offset, lid] = value
    sampled = resample_motion(Motion(weights, MODEL_CHANNELS, 60.0), rate_hz).column("eyeBlinkLeft")
    for frame in frames:
        nearest = round(frame / 60 * rate_hz)
        assert sampled[nearest - 1 : nearest + 2].max() > 0.985


@pytest.mark.parametrize("rate_hz", SCENE_RATES_HZ)
def test_conversion_does_not_lag(rate_hz: float) -> None:
    time_s = np.arange(3600) / 60
    weights = rest_motion(3600, 60.0).weights.copy()
    random = np.random.default_rng(0)
    smooth = np.convolve(random.standard_normal(3600), np.hanning(21), mode="same")
    weights[:, MODEL_CHANNELS.index("jawOpen")] = np.clip(0.3 + 0.05 * smooth, 0, 1)
    motion = Motion(weights, MODEL_CHANNELS, 60.0)
    converted = resample_motion(motion, rate_hz)
    grid_s = np.arange(1, 58, 0.001)
    before = np.interp(grid_s, time_s, lip_aperture(motion))
    after = np.interp(grid_s, np.arange(converted.frame_count) / rate_hz, lip_aperture(converted))
    lags = range(-40, 41)
    likeness = [np.corrcoef(before[40:-40], after[40 + lag : len(after) - 40 + lag])[0, 1] for lag in lags]
    assert abs(lags[int(np.argmax(likeness))]) <= 2  # milliseconds


@pytest.mark.parametrize("rate_hz", SCENE_RATES_HZ)
def test_conversion_covers_the_same_time(rate_hz: float) -> None:
    for frame_count in (1, 2, 59, 60, 61, 601):
        converted = resample_motion(rest_motion(frame_count, 60.0), rate_hz)
        assert 0 <= converted.duration_s - frame_count / 60 < 1 / rate_hz


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 40), st.lists(st.floats(-1, 3, allow_nan=False), max_size=30), st.integers(0, 2**32 - 1))
def test_samples_stay_between_the_frames_values(frame_count: int, times: list[float], seed: int) -> None:
    weights = np.random.default_rng(seed).random((frame_count, len(MODEL_CHANNELS)), np.float32)
    motion = Motion(weights, MODEL_CHANNELS, 20.0)
    sampled = sample_motion(motion, np.sort(np.array(times, np.float64)))
    assert sampled.shape == (len(times), len(MODEL_CHANNELS))
    assert sampled.dtype == np.float32
    if sampled.size and frame_count:
        assert (sampled <= weights.max(axis=0) + 1e-6).all()
        assert (sampled >= weights.min(axis=0) - 1e-6).all()


def test_the_same_rate_changes_nothing() -> None:
    motion = talking(2, [0.3, 1.1])
    assert resample_motion(motion, 60.0) is motion
    assert np.array_equal(sample_motion(motion, np.arange(motion.frame_count) / 60), motion.weights)


@pytest.mark.parametrize("rate_hz", [0, -24, float("nan"), float("inf")])
def test_a_rate_that_is_none_is_refused(rate_hz: float) -> None:
    with pytest.raises(SettingsError, match="24, 25 or 30"):
        resample_motion(rest_motion(3, 60.0), rate_hz)


@pytest.mark.parametrize("intensity", [0.0, 0.3, 1.0, 1.7, 2.5])
def test_intensity_never_unseals_the_lips(intensity: float) -> None:
    motion = talking(3, [0.4, 1.0, 1.55, 2.2])
    lifted = motion.weights.copy()
    lifted[:, MODEL_CHANNELS.index("mouthUpperUpLeft")] = 0.5
    lifted[:, MODEL_CHANNELS.index("mouthPressLeft")] = 0.5
    motion = Motion(lifted, MODEL_CHANNELS, 60.0)
    scaled = scale_motion(motion, intensity)
    sealed = lip_aperture(motion) < 0.01
    assert sealed.sum() >= 4
    assert lip_aperture(scaled)[sealed].max() < 0.02
    assert 0 <= scaled.weights.min() <= scaled.weights.max() <= 1


def test_intensity_scales_the_open_mouth_but_not_blinks_or_gaze() -> None:
    weights = np.full((4, len(MODEL_CHANNELS)), 0.2, np.float32)
    weights[:, MODEL_CHANNELS.index("mouthClose")] = 0
    motion = Motion(weights, MODEL_CHANNELS, 60.0)
    half = scale_motion(motion, 0.5)
    assert half.column("jawOpen")[0] == pytest.approx(0.1)
    assert half.column("HeadYaw")[0] == pytest.approx(0.1)
    assert half.column("eyeBlinkLeft")[0] == pytest.approx(0.2)
    assert half.column("eyeLookUpRight")[0] == pytest.approx(0.2)
    assert scale_motion(motion, 2.0).column("jawOpen")[0] == pytest.approx(0.4)


def test_intensity_out_of_range_is_refused() -> None:
    for intensity in (-0.1, float("nan")):
        with pytest.raises(SettingsError, match="Intensity must be 0 or more"):
            scale_motion(rest_motion(1, 60.0), intensity)


def test_selecting_channels_fills_what_is_missing() -> None:
    motion = Motion(np.array([[0.5, 0.25]]), ("jawOpen", "custom"), 60.0)
    chosen = select_channels(motion, ("mouthClose", "jawOpen"))
    assert chosen.channels == ("mouthClose", "jawOpen")
    assert chosen.weights.tolist() == [[0.0, 0.5]]
    assert select_channels(motion, ()).weights.shape == (1, 0)


def test_motion_checks_its_shape_and_keeps_float32() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        Motion(np.zeros((3, 2)), ("jawOpen",), 60.0)
    with pytest.raises(ValueError, match="rate_hz"):
        Motion(np.zeros((3, 1)), ("jawOpen",), 0.0)
    assert Motion(np.zeros((3, 1), np.float64), ("jawOpen",), 60).weights.dtype == np.float32


def test_lip_aperture_follows_its_definition() -> None:
    values = {"jawOpen": 0.5, "mouthClose": 0.1, "mouthLowerDownLeft": 0.2, "mouthLowerDownRight": 0.4,
              "mouthUpperUpLeft": 0.1, "mouthUpperUpRight": 0.1, "mouthRollLower": 0.1, "mouthRollUpper": 0.3,
              "mouthPressLeft": 0.2, "mouthPressRight": 0.0}
    motion = Motion(np.array([list(values.values())]), tuple(values), 60.0)
    assert lip_aperture(motion)[0] == pytest.approx(0.5 - 0.1 + (0.3 + 0.1) / 2 - (0.2 + 0.1) / 2)
    assert lip_aperture(Motion(np.zeros((2, 1)), ("browInnerUp",), 60.0)).tolist() == [0, 0]
