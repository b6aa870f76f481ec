# SPDX-License-Identifier: GPL-3.0-or-later
"""The measuring of sliders, on a network whose sliders do exactly what was planted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from diffusion_talker.audio import ArraySource
from diffusion_talker.channels import MODEL_CHANNELS
from diffusion_talker.errors import SettingsError
from diffusion_talker.evaluation.sliders import QUANTITIES, measure_sliders, table
from diffusion_talker.motion import Motion
from diffusion_talker.student import Student
from diffusion_talker.student.bundle import BundleMetadata, StyleAxis
from diffusion_talker.student.network import EncodedAudio, StyleQuery, StyleRequest
from diffusion_talker.training.style_axes import SLIDERS
from tests.core.student.tiny_bundle import TINY_CONFIG

NAMES = ("jaw", "smile", "head", "lips", "brows")
COLUMN = {name: MODEL_CHANNELS.index(name) for name in MODEL_CHANNELS}


class PlantedNetwork:
    """Loudness opens the jaw by an amount that the first slider sets, and so on; the last slider works backwards."""

    name = "planted"
    config = replace(TINY_CONFIG, mouth_first=False, sampling_steps=1)

    def encode(self, log_mel: np.ndarray) -> EncodedAudio:
        loudness = np.clip((log_mel.mean(axis=(1, 2)) + 10) / 8, 0, 1)
        return EncodedAudio(loudness, loudness)

    def query(self, speaker: Any) -> StyleQuery:
        return StyleQuery(np.zeros(3, np.float32), np.zeros(2, np.float32), np.zeros(6, np.float32))

    def library_weights(self, kind: str, similarity: np.ndarray) -> np.ndarray:
        return np.full(len(similarity), 1 / len(similarity), np.float32)

    def style(self, request: StyleRequest) -> np.ndarray:
        return np.zeros(len(NAMES)) if request.offset is None else request.offset

    def prepare(self, audio: EncodedAudio) -> np.ndarray:
        return audio.features

    def denoise(self, noisy: np.ndarray, time: float, prepared: np.ndarray, style: np.ndarray) -> np.ndarray:
        jaw, smile, head, lips, brows = style
        motion = np.zeros_like(noisy)
        motion[:, COLUMN["jawOpen"]] = prepared * (0.5 + 0.3 * jaw)
        motion[:, [COLUMN["mouthLowerDownLeft"], COLUMN["mouthLowerDownRight"]]] = 0.2 * prepared[:, None]
        motion[:, [COLUMN["mouthSmileLeft"], COLUMN["mouthSmileRight"]]] = 0.1 + 0.1 * smile
        motion[:, COLUMN["HeadPitch"]] = (0.2 + 0.1 * head) * np.sin(np.arange(len(noisy)) * 0.1)
        motion[:, COLUMN["browInnerUp"]] = (0.2 - 0.1 * brows) * prepared  # the wrong way round
        motion[:, COLUMN["jawOpen"]] += max(0.0, lips) * 0.3  # opens closed lips, and no range of the lips
        return motion

    def to_weights(self, normalized: np.ndarray) -> np.ndarray:
        return normalized


@pytest.fixture(scope="module")
def responses() -> dict[str, Any]:
    axes = tuple(StyleAxis(name, name, tuple(np.eye(len(NAMES))[i])) for i, name in enumerate(NAMES))
    metadata = BundleMetadata("0", "GPL-3.0-or-later", "", ("", "", ""), style_axes=axes)
    random = np.random.default_rng(0)
    sound = random.standard_normal(32000) * np.repeat(random.integers(0, 2, 10), 3200) * 0.3
    student = Student(PlantedNetwork(), metadata)
    return {row.slider: row for row in measure_sliders(student, [ArraySource(sound.astype(np.float32), 16000)])}


def test_what_was_planted_is_measured(responses: dict[str, Any]) -> None:
    for name in ("jaw", "smile", "head"):
        assert responses[name].monotone and responses[name].closures_kept == 1.0, name
    jaw, smile = responses["jaw"].measured, responses["smile"].measured
    assert jaw[-1] / jaw[0] == pytest.approx(0.8 / 0.2, rel=0.05)
    np.testing.assert_allclose(smile, [0.0, 0.05, 0.1, 0.15, 0.2], atol=1e-6)


def test_a_slider_that_works_backwards_or_not_at_all_is_not_monotone(responses: dict[str, Any]) -> None:
    assert not responses["brows"].monotone and not responses["lips"].monotone


def test_lost_closures_are_seen(responses: dict[str, Any]) -> None:
    assert responses["lips"].closures_kept < 0.2


def test_the_table_names_every_slider(responses: dict[str, Any]) -> None:
    text = table(list(responses.values()))
    assert all(name in text for name in NAMES) and len(text.splitlines()) == 1 + len(NAMES)


def test_every_slider_has_its_quantity() -> None:
    assert {slider.name for slider in SLIDERS} == set(QUANTITIES)


def take(**curves: np.ndarray) -> Motion:
    weights = np.zeros((600, len(MODEL_CHANNELS)), np.float32)
    for name, curve in curves.items():
        weights[:, COLUMN[name]] = curve
    return Motion(weights, MODEL_CHANNELS, 60.0)


def test_known_leads_asymmetries_blinks_and_sharpness() -> None:
    time_s = np.arange(600) / 60
    syllables = take(jawOpen=np.maximum(np.sin(9 * time_s + np.sin(2 * time_s)), 0))
    early = take(jawOpen=np.maximum(np.sin(9 * (time_s + 0.02) + np.sin(2 * (time_s + 0.02))), 0))
    assert QUANTITIES["lead"].measure([early], [syllables]) == pytest.approx(20, abs=3)
    slow = take(jawOpen=np.maximum(np.sin(3 * time_s), 0))
    assert QUANTITIES["precision"].measure([syllables], [slow]) > QUANTITIES["precision"].measure([slow], [slow])
    lopsided = take(mouthSmileLeft=np.full(600, 0.3), mouthSmileRight=np.full(600, 0.1))
    assert QUANTITIES["asymmetry"].measure([lopsided], [lopsided]) == pytest.approx(0.5, abs=1e-5)
    lids = np.zeros(600)
    for start in (100, 300, 500):
        lids[start : start + 12] = np.hanning(12)
    blinking = take(eyeBlinkLeft=lids, eyeBlinkRight=lids)
    assert QUANTITIES["blinks"].measure([blinking], [blinking]) == pytest.approx(18, abs=0.1)


def test_a_student_without_sliders_is_refused() -> None:
    student = Student(PlantedNetwork(), BundleMetadata("0", "x", "", ("", "", "")))
    with pytest.raises(SettingsError, match="nothing to measure"):
        measure_sliders(student, [ArraySource(np.zeros(1600, np.float32), 16000)])
