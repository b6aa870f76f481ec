# SPDX-License-Identifier: GPL-3.0-or-later
"""Enrolment: enough speech or a clear word, found again among many, carried over to another student."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from diffusion_talker.audio import ArraySource, load_audio
from diffusion_talker.errors import LibraryError, SettingsError, TooLittleSpeechError
from diffusion_talker.library import enrol, match, mix, renewed
from diffusion_talker.library.voiceprint import sketch, unfold_sketch, voice_statistics, voiceprint
from diffusion_talker.student import GenerateSettings, Student
from diffusion_talker.student.bundle import embedding_space
from diffusion_talker.student.config import StudentConfig
from diffusion_talker.student.numpy_network import NumpyNetwork
from tests.core.student.tiny_bundle import TINY_CONFIG, make_bundle

SHARED = Path(os.environ.get("DIFFUSION_TALKER_SHARED", Path(__file__).resolve().parents[3].parent / "shared"))
VOICES = 50


def make_student(seed: int = 0, config: StudentConfig = TINY_CONFIG) -> Student:
    bundle = make_bundle(config, seed)
    return Student(NumpyNetwork(bundle), bundle.metadata, space=embedding_space(bundle))


def make_voice(voice: int, line: int = 0, length_s: float = 8.0) -> ArraySource:
    """Buzzing syllables: the voice decides pitch and four resonances, the line decides melody and vowels."""
    tract, words = np.random.default_rng(voice), np.random.default_rng(1000 + line)
    pitch_hz, resonances = tract.uniform(90, 260), tract.uniform((300, 900, 2000, 3200), (700, 1800, 3000, 5500))
    count = int(length_s * 16000)
    melody, vowel, loud = words.uniform(-1, 1, (3, int(length_s * 5) + 1))  # of syllables of 200 ms

    def held(values: np.ndarray) -> np.ndarray:
        return np.repeat(values, 3200)[:count].astype(np.float32)

    phase = (2 * np.pi * np.cumsum(pitch_hz * (1 + 0.08 * held(melody)), dtype=np.float64) / 16000) % (2 * np.pi)
    sound = np.zeros(count, np.float32)
    for harmonic in range(1, int(6000 / pitch_hz)):
        gains = sum(np.exp(-(((harmonic * pitch_hz - resonance * (1 + 0.1 * vowel)) / 250) ** 2))
                    for resonance in resonances)
        sound += held((0.02 + gains) / harmonic**0.5) * np.sin(harmonic * phase.astype(np.float32))
    return ArraySource(0.03 * sound * (held(loud) > -0.6), 16000)


def test_too_little_speech_says_how_much_there_is_and_is_needed() -> None:
    with pytest.raises(TooLittleSpeechError, match=r"There are [0-9.]+ s of voiced sound in the recording, and 3 s"):
        enrol(make_student(), "Ada", [make_voice(1, length_s=2.0)])
    noise = ArraySource(np.random.default_rng(0).standard_normal(160_000).astype(np.float32) * 0.1, 16000)
    with pytest.raises(TooLittleSpeechError, match=r"There are 0\.[0-9] s .* the 2 recordings"):
        enrol(make_student(), "Ada", [noise, ArraySource(np.zeros(160_000, np.float32), 16000)])


def test_short_recordings_add_up() -> None:
    identity = enrol(make_student(), "Ada", [make_voice(1, line, 2.0) for line in range(4)])
    assert identity.voiced_s > 3 and len(identity.sketches) == 4 and identity.has_voice
    assert sum(share for _, share in identity.shares) == pytest.approx(1.0, abs=1e-5)


def test_an_enrolled_identity_is_performed_as_the_mixture_it_names() -> None:
    student = make_student()
    identity = enrol(student, "Ada", [make_voice(3)])
    student.use_identities([identity])
    sound = make_voice(9, length_s=1.0)
    by_name = student.generate(sound, GenerateSettings(identity="ada", emotion="neutral")).weights
    by_shares = student.generate(sound, GenerateSettings(identity=identity.shares, emotion="neutral")).weights
    np.testing.assert_allclose(by_name, by_shares, atol=1e-6)


def test_one_recording_gives_the_style_that_auto_gives() -> None:
    student, sound = make_student(), make_voice(3, length_s=6.0)
    student.use_identities([enrol(student, "Ada", [sound])])
    named = student.generate(sound, GenerateSettings(identity="Ada", emotion="neutral")).weights
    heard = student.generate(sound, GenerateSettings(emotion="neutral")).weights
    np.testing.assert_allclose(named, heard, atol=1e-5)


def test_voices_are_found_among_fifty_by_other_lines() -> None:
    def heard(voice: int, *lines: int) -> np.ndarray:
        return voiceprint(np.mean([voice_statistics(make_voice(voice, line, 3.0)).values for line in lines], axis=0))

    enrolled = np.array([heard(voice, 0, 1) for voice in range(VOICES)])
    similarity = np.array([heard(voice, 2, 3) for voice in range(VOICES)]) @ enrolled.T
    assert np.mean(similarity.argmax(axis=1) == np.arange(VOICES)) >= 0.95


def test_match_says_which_names_are_the_users() -> None:
    student = make_student()
    student.use_identities([enrol(student, "Ada", [make_voice(2)]), mix(student, "Both", [("Calm", 1), ("Plain", 1)])])
    result = match(student, make_voice(2, 1))
    assert result.own == ("Ada",) and {name for name, _ in result.identities} == {*TINY_CONFIG.identities, "Ada"}
    assert dict(result.identities)["Ada"] > 0.8


def test_another_student_hears_the_sketch_again() -> None:
    first, second = make_student(0), make_student(1)
    sound = make_voice(4, length_s=10.0)
    identity = enrol(first, "Ada", [sound])
    carried, fresh = renewed(second, identity), enrol(second, "Ada", [sound])
    assert carried.space == second.space != identity.space and carried.shares != identity.shares
    shares = dict(fresh.shares)
    assert all(abs(share - shares[name]) < 0.1 for name, share in carried.shares)
    second.use_identities([identity])
    second.generate(make_voice(4, length_s=1.0), GenerateSettings(identity="Ada"))
    with pytest.raises(LibraryError, match="made for another student"):
        renewed(second, replace(identity, sketches=()))


def test_sketches_keep_what_the_encoder_hears() -> None:
    from diffusion_talker.audio import log_mel

    sound = make_voice(5, length_s=2.0)
    kept = unfold_sketch(sketch(sound, 10.0))
    np.testing.assert_allclose(kept, log_mel(sound, 0, 120), atol=0.051)


def test_mixtures() -> None:
    student = make_student()
    both = mix(student, "Both", [("calm", 3.0), ("Plain", 1.0)])
    assert dict(both.shares) == {"Calm": 0.75, "Plain": 0.25} and "75% Calm" in both.description
    student.use_identities([both])
    assert dict(mix(student, "More", [("Both", 1.0), ("Lively", 1.0)]).shares)["Calm"] == pytest.approx(0.375)
    for parts in ([], [("Calm", 0.0)], [("Calm", -1.0), ("Plain", 2.0)], [("Calm", float("nan"))]):
        with pytest.raises(SettingsError, match="A mixture needs"):
            mix(student, "None", parts)
    with pytest.raises(LibraryError, match="Did you mean Calm"):
        mix(student, "None", [("Clam", 1.0)])
    with pytest.raises(LibraryError, match="built-in talker"):
        mix(student, "plain", [("Calm", 1.0)])


def test_statistics_of_a_voice_do_not_know_loudness() -> None:
    loud = make_voice(6)
    quiet = ArraySource(0.1 * loud.read(0, loud.sample_count), 16000)
    np.testing.assert_allclose(voice_statistics(quiet).values, voice_statistics(loud).values, atol=0.1)


def test_a_voice_is_known_from_the_first_minute_whatever_follows() -> None:
    student, opening, other = make_student(), make_voice(3, length_s=60.0), make_voice(7, length_s=30.0)
    student.use_identities([enrol(student, "Ada", [make_voice(3, line=1)])])
    samples = [sound.read(0, sound.sample_count) for sound in (opening, other)]
    found = dict(match(student, ArraySource(np.concatenate(samples), 16000)).identities)
    assert found["Ada"] == pytest.approx(dict(match(student, opening).identities)["Ada"], abs=1e-3)


@pytest.mark.heavy
def test_real_readers_are_told_apart() -> None:
    folder = SHARED / "speech"
    if not folder.is_dir():
        pytest.skip("there are no recordings of real speakers: set DIFFUSION_TALKER_SHARED")
    student = make_student()
    groups: dict[str, list[Path]] = {}
    for path in sorted((folder / "emodb").rglob("*.flac")):
        groups.setdefault(path.name[:2], []).append(path)
    groups["lj"] = sorted((folder / "ljspeech").glob("*.flac"))
    student.use_identities([enrol(student, f"v{name}", [load_audio(path) for path in paths[::8]])
                            for name, paths in groups.items()])
    own = [f"v{name}" for name in groups]
    unheard = [(name, path) for name, paths in groups.items() for path in (*paths[1::8], *paths[4::8])]
    right = [next(found for found, _ in match(student, load_audio(path)).identities if found in own) == f"v{name}"
             for name, path in unheard]
    assert len(right) > 60 and np.mean(right) > 0.5, "single clips of a few seconds, most of them acted; chance is 1/6"
