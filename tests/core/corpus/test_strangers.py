# SPDX-License-Identifier: GPL-3.0-or-later
"""The talkers of test sets: nobody that a student could know, in style or in voice."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest

from diffusion_talker.corpus.strangers import EVERYBODY, STRANGERS
from diffusion_talker.corpus.talkers import AXIS_LIMITS, AXIS_NAMES, TALKERS, Talker

#: As between two talkers of the library, see test_talkers.
LEAST_DISTANCE = 0.75


def _normalised(talkers: tuple[Talker, ...]) -> np.ndarray:
    low, high = np.array([AXIS_LIMITS[name] for name in AXIS_NAMES]).T
    return (np.array([astuple(talker.axes) for talker in talkers]) - low) / (high - low)


def test_numbers_of_the_library_stay() -> None:
    assert EVERYBODY[: len(TALKERS)] == TALKERS
    assert len({talker.name for talker in EVERYBODY}) == len(EVERYBODY)


def test_styles_are_sensible_and_new() -> None:
    points = _normalised(STRANGERS)
    assert points.min() >= 0 and points.max() <= 1
    to_library = np.linalg.norm(points[:, None] - _normalised(TALKERS)[None], axis=2)
    assert to_library.min() > LEAST_DISTANCE
    assert all(talker.description.endswith(".") for talker in STRANGERS)


def test_no_voice_of_theirs_is_trained_on() -> None:
    trained_on = {(spec.engine, spec.voice) for talker in TALKERS for spec in talker.voices}
    theirs = [(spec.engine, spec.voice) for talker in STRANGERS for spec in talker.voices]
    assert theirs and not trained_on & set(theirs)


def test_clips_of_a_test_set_are_theirs() -> None:
    pytest.importorskip("scipy", reason="the corpus needs SciPy")
    from diffusion_talker.corpus.clips import missing_reason, usable_voices

    if missing_reason("espeak"):
        pytest.skip("eSpeak NG is not installed")
    assert set(usable_voices(("espeak",), strangers=True)) == set(range(len(TALKERS), len(EVERYBODY)))
    assert set(usable_voices(("espeak",))) <= set(range(len(TALKERS)))
