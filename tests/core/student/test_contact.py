# SPDX-License-Identifier: GPL-3.0-or-later
"""Nearly closed lips close, open ones stay open, and nothing snaps in between."""

from __future__ import annotations

import numpy as np
import pytest

from diffusion_talker.channels import MODEL_CHANNELS
from diffusion_talker.student.contact import FREE_ABOVE, SEALED_BELOW, close_nearly_closed_lips


def face(frames: int = 1, **values: float | np.ndarray) -> np.ndarray:
    weights = np.zeros((frames, len(MODEL_CHANNELS)), np.float32)
    for name, value in values.items():
        weights[:, MODEL_CHANNELS.index(name)] = value
    return weights


def value(weights: np.ndarray, name: str) -> np.ndarray:
    return weights[:, MODEL_CHANNELS.index(name)]


@pytest.mark.parametrize("nearly", [
    {"jawOpen": 0.02}, {"jawOpen": 0.1, "mouthClose": 0.08}, {"mouthLowerDownLeft": 0.03, "mouthUpperUpRight": 0.05},
    {"jawOpen": 0.3, "mouthClose": 0.29, "mouthFunnel": 0.2},
])
def test_a_crack_becomes_a_seal(nearly):
    closed = close_nearly_closed_lips(face(**nearly), MODEL_CHANNELS)
    assert value(closed, "mouthClose")[0] == pytest.approx(value(closed, "jawOpen")[0])
    assert value(closed, "jawOpen")[0] == pytest.approx(nearly.get("jawOpen", 0.0))  # the jaw is not the lips
    assert value(closed, "mouthLowerDownLeft")[0] == value(closed, "mouthUpperUpRight")[0] == 0
    assert value(closed, "mouthFunnel")[0] <= 0.1 * nearly.get("mouthFunnel", 0.0) + 1e-6


@pytest.mark.parametrize("open_face", [
    {"jawOpen": 0.4}, {"jawOpen": 0.05, "mouthLowerDownLeft": 0.2, "mouthLowerDownRight": 0.2},
    {"jawOpen": 0.08, "mouthUpperUpLeft": 0.15, "mouthUpperUpRight": 0.15, "mouthRollLower": 0.6},
    {"mouthClose": 0.2, "jawOpen": 0.5, "mouthFunnel": 0.4},
])
def test_open_lips_and_a_lip_on_the_teeth_stay(open_face):
    np.testing.assert_array_equal(close_nearly_closed_lips(face(**open_face), MODEL_CHANNELS), face(**open_face))


def test_opening_grows_without_a_step_and_keeps_its_order():
    jaw = np.linspace(0, 0.2, 401)
    closed = close_nearly_closed_lips(face(401, jawOpen=jaw), MODEL_CHANNELS)
    opening = value(closed, "jawOpen") - value(closed, "mouthClose")
    assert (np.diff(opening) >= -1e-7).all() and np.diff(opening).max() < 4 * (jaw[1] - jaw[0])
    assert opening[jaw <= SEALED_BELOW].max() == pytest.approx(0, abs=1e-7)
    np.testing.assert_allclose(opening[jaw >= FREE_ABOVE], jaw[jaw >= FREE_ABOVE], atol=1e-6)


def test_other_channels_and_other_vocabularies_are_left_alone():
    weights = np.random.default_rng(0).random((20, len(MODEL_CHANNELS))).astype(np.float32) * 0.05
    closed = close_nearly_closed_lips(weights, MODEL_CHANNELS)
    changed = {MODEL_CHANNELS[i] for i in np.flatnonzero((closed != weights).any(axis=0))}
    assert changed <= {"mouthClose", "mouthFunnel", "mouthLowerDownLeft", "mouthLowerDownRight",
                       "mouthUpperUpLeft", "mouthUpperUpRight"}
    np.testing.assert_array_equal(close_nearly_closed_lips(weights[:, :3], ("a", "b", "c")), weights[:, :3])
