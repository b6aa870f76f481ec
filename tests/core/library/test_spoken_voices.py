# SPDX-License-Identifier: GPL-3.0-or-later
"""Voices of speech engines, enrolled from a few seconds, are found again by other words."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("scipy", reason="SciPy is not installed: nothing can be synthesized")

from diffusion_talker.audio import ArraySource  # noqa: E402
from diffusion_talker.corpus.clips import bind_voice, change_tract, missing_reason, usable_voices  # noqa: E402
from diffusion_talker.corpus.talkers import VoiceSpec  # noqa: E402
from diffusion_talker.corpus.text import compose_line  # noqa: E402
from diffusion_talker.corpus.voices.base import Prosody  # noqa: E402
from diffusion_talker.library.voiceprint import voice_statistics, voiceprint  # noqa: E402

VOICES = 50
NO_ENGINE = missing_reason("espeak")


def speak_line(spec: VoiceSpec, tract: float, seed: int) -> np.ndarray:
    """Voice statistics of two sentences; language, words, pace and melody are the seed's."""
    random = np.random.default_rng(seed)
    voice = bind_voice(spec, random)
    prosody = Prosody(random.uniform(0.9, 1.15), random.uniform(0.97, 1.03), random.uniform(0.8, 1.25))
    text = " ".join(compose_line(voice.language, random) for _ in range(2))
    samples = change_tract(voice.synthesize(text, prosody), tract).samples
    return voice_statistics(ArraySource(samples, 16000)).values


@pytest.mark.skipif(bool(NO_ENGINE), reason=f"there are no voices to enrol: {NO_ENGINE}")
def test_fifty_enrolled_voices_are_found_by_unseen_lines() -> None:
    """Ten seconds are enrolled, and ten seconds of other words, often of another language, compared."""
    random = np.random.default_rng(5)
    engines = tuple(name for name in ("espeak", "flite", "festival") if not missing_reason(name))
    specs = [spec for voices in usable_voices(engines).values() for spec in voices]
    chosen = random.permutation(len(specs))[:VOICES]
    tracts = random.uniform(0.93, 1.07, VOICES)

    def heard(voice: int, *lines: int) -> np.ndarray:
        said = [speak_line(specs[chosen[voice]], tracts[voice], 1000 * voice + line) for line in lines]
        return voiceprint(np.mean(said, axis=0))

    enrolled = np.array([heard(voice, 0, 1) for voice in range(VOICES)])
    similarity = np.array([heard(voice, 2, 3) for voice in range(VOICES)]) @ enrolled.T
    assert np.mean(similarity.argmax(axis=1) == np.arange(VOICES)) >= 0.95
