# SPDX-License-Identifier: GPL-3.0-or-later
"""Every emotion changes face, articulation and voice together, is told from the others, and leaves contacts alone."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the corpus needs SciPy")

from diffusion_talker.channels import ARKIT_52
from diffusion_talker.corpus.articulation import Manner
from diffusion_talker.corpus.emotions import (
    EMOTIONS,
    Emotion,
    colour_manner,
    colour_prosody,
    emotion_named,
    expand_sides,
)
from diffusion_talker.corpus.face import animate
from diffusion_talker.corpus.talkers import TALKERS
from diffusion_talker.corpus.voices.base import Prosody
from diffusion_talker.errors import LibraryError
from tests.core.corpus.corpus_support import column, timed

RATE_HZ = 60.0
LINE = timed(
    ("sil", 0.5), ("b", 0.08), ("a", 0.14), ("f", 0.09), ("i", 0.12), ("s", 0.1), ("u", 0.13), ("m", 0.08), ("sil", 0.5)
)
FELT = EMOTIONS[1:]
_PLAIN = Prosody()


def _face(emotion: Emotion, intensity: float) -> np.ndarray:
    count = int(np.ceil(LINE[-1].end_s * RATE_HZ))
    return animate(LINE, count, RATE_HZ, TALKERS[0].axes, emotion, intensity, np.random.default_rng(2))


def test_there_are_eight_and_neutral_is_the_first_and_changes_nothing() -> None:
    assert len(EMOTIONS) == 8
    assert EMOTIONS[0].name == "neutral"
    assert not EMOTIONS[0].face
    assert colour_manner(Manner(), EMOTIONS[0], 1.0) == Manner()
    assert colour_prosody(_PLAIN, EMOTIONS[0], 1.0) == _PLAIN


@pytest.mark.parametrize("emotion", FELT, ids=lambda emotion: emotion.name)
def test_an_emotion_changes_face_articulation_and_voice(emotion: Emotion) -> None:
    assert np.abs(_face(emotion, 1.0) - _face(EMOTIONS[0], 1.0)).mean() > 0.01
    assert colour_manner(Manner(), emotion, 1.0) != Manner()
    voice = colour_prosody(_PLAIN, emotion, 1.0)
    assert abs(np.log([voice.rate, voice.pitch, voice.pitch_range])).max() > 0.05


@pytest.mark.parametrize("emotion", FELT, ids=lambda emotion: emotion.name)
def test_intensity_scales_the_face(emotion: Emotion) -> None:
    channel = max(emotion.face, key=lambda name: emotion.face[name])
    name = expand_sides(channel, frozenset(ARKIT_52))[0]
    none, half, full = (float(np.median(column(_face(emotion, x), name))) for x in (0.0, 0.5, 1.0))
    assert none < half < full
    assert full - none > 0.25


def test_emotions_are_told_apart_by_the_face() -> None:
    faces = [np.median(_face(emotion, 1.0), axis=0) for emotion in EMOTIONS]
    apart = [np.abs(a - b).max() for i, a in enumerate(faces) for b in faces[:i]]
    assert min(apart) > 0.15


@pytest.mark.parametrize("emotion", EMOTIONS, ids=lambda emotion: emotion.name)
@pytest.mark.parametrize("talker", TALKERS[::3], ids=lambda talker: talker.name)
def test_tuck_and_teeth_meet_under_full_intensity(talker, emotion: Emotion) -> None:
    count = int(np.ceil(LINE[-1].end_s * RATE_HZ))
    weights = animate(LINE, count, RATE_HZ, talker.axes, emotion, 1.0, np.random.default_rng(6))
    tuck, teeth = LINE[3], LINE[5]
    assert column(weights, "mouthRollLower")[int(tuck.start_s * RATE_HZ) : int(tuck.end_s * RATE_HZ) + 1].max() > 0.4
    assert column(weights, "jawOpen")[int(teeth.start_s * RATE_HZ) : int(teeth.end_s * RATE_HZ) + 1].min() <= 0.1


def test_an_unknown_emotion_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(LibraryError, match="happiness"):
        emotion_named("boredom")
