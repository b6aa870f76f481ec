# SPDX-License-Identifier: GPL-3.0-or-later
"""A calm mouth, a jittering one, a still one and a broken one are told apart without labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from diffusion_talker.audio import write_wav
from diffusion_talker.channels import MODEL_CHANNELS
from diffusion_talker.cli import DONE, main
from diffusion_talker.evaluation.robustness import jerk_norm, recording_figures, zigzag_share
from diffusion_talker.evaluation.rows import read_row
from diffusion_talker.evaluation.sound import speech_like
from diffusion_talker.motion import Motion
from tests.core.student.tiny_bundle import write_tiny_bundle

TIMES_S = np.arange(600) / 60


def _mouth(jaw: np.ndarray) -> Motion:
    weights = np.zeros((len(jaw), len(MODEL_CHANNELS)), np.float32)
    weights[:, MODEL_CHANNELS.index("jawOpen")] = jaw
    return Motion(weights, MODEL_CHANNELS, 60.0)


def test_a_calm_mouth() -> None:
    found = recording_figures("calm", _mouth(0.2 + 0.2 * np.sin(2 * np.pi * 4 * TIMES_S)))
    assert found.is_finite and found.zigzag == 0
    assert found.jerk_norm == pytest.approx(0.66, abs=0.03)
    assert found.opening == pytest.approx(0.4, abs=0.02) and found.seconds == pytest.approx(10)


def test_jitter_at_the_frame_rate_is_seen() -> None:
    jitter = 0.03 * (np.arange(600) // 2 % 2)
    found = recording_figures("jitter", _mouth(0.2 + 0.2 * np.sin(2 * np.pi * 0.5 * TIMES_S) + jitter))
    assert found.zigzag > 0.2 and found.jerk_norm > 1.5


def test_a_still_mouth_has_no_jitter_to_measure_and_a_broken_one_is_named() -> None:
    still = recording_figures("still", _mouth(np.full(600, 0.3)))
    assert still.is_finite and np.isnan(still.jerk_norm) and np.isnan(still.zigzag) and still.opening == 0
    for bad in (np.nan, 1.2, -0.1):
        assert not recording_figures("broken", _mouth(np.where(np.arange(600) == 7, bad, 0.2))).is_finite


def test_the_measures_themselves() -> None:
    noise = np.random.default_rng(0).normal(size=20000)
    assert jerk_norm(noise) == pytest.approx(np.sqrt(20 / 2), rel=0.02)
    assert zigzag_share(np.tile([0.0, 1.0], 50)) == 1.0
    assert zigzag_share(np.tile([0.0, 0.01], 50)) == 0.0
    assert zigzag_share(np.arange(50.0)) == 0.0


def test_the_command_tries_every_recording(tmp_path: Path) -> None:
    (tmp_path / "songs").mkdir()
    for name in ("one", "two"):
        write_wav(tmp_path / "songs" / f"{name}.wav", speech_like(2.0), 16000)
    student = str(write_tiny_bundle(tmp_path / "student.npz"))
    out = tmp_path / "row.json"
    command = ["evaluate", "model", student, "--parts", "none", "--recordings", str(tmp_path / "songs"), "--quiet"]
    assert main([*command, "--out", str(out)]) == DONE
    found = read_row(out).recordings
    assert [item.name for item in found] == ["one", "two"] and all(item.is_finite for item in found)
