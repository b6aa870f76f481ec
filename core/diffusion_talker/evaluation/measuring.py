# SPDX-License-Identifier: GPL-3.0-or-later
"""All of a model's figures but its speed, on fixed clips with fixed seeds."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from diffusion_talker.audio import log_mel, motion_frame_count
from diffusion_talker.channels import MODEL_CHANNELS
from diffusion_talker.evaluation.evaluation_set import TALKERS, TEXTS, VOICES, EvaluationSet, HeldOutClip
from diffusion_talker.evaluation.free_face import demo_face
from diffusion_talker.evaluation.metrics import (
    GROUPS,
    Pair,
    chance_rate,
    clip_errors,
    diversity_mm,
    dynamics_ratio,
    hit_rate,
)
from diffusion_talker.evaluation.rows import Accuracy, Retrieval, SetFigures, SpeechFigures
from diffusion_talker.evaluation.speech_metrics import (
    SpokenClip,
    audio_beats_s,
    beat_consistency,
    bilabial_score,
    silence_score,
    sync_lag_ms,
)
from diffusion_talker.motion import select_channels
from diffusion_talker.student import GenerateSettings, Student

DIVERSITY_TAKES: Final = 6
Progress = Callable[[float], None]


def measure_accuracy(student: Student, clips: EvaluationSet, steps: int, progress: Progress) -> Accuracy:
    """Errors, dynamics, speech, diversity and retrieval of one model."""
    steering = {
        TEXTS: (clips.texts, True),
        TALKERS: (clips.talkers, False),
        VOICES: (clips.voices, True),
    }
    meter = _Meter(progress, clips, len(_various_identities(student)) + DIVERSITY_TAKES)
    sets = {
        name: _measure_set(student, chosen, steps, by_name, meter)
        for name, (chosen, by_name) in steering.items()
        if chosen
    }
    identities, seeds = _diversity(student, clips.diversity, steps, meter)
    identity, emotion = _recognise(student, clips.queries, meter)
    _, mood = _recognise(student, clips.moods, meter)
    return Accuracy(
        corpus_sha256=clips.corpus_sha256,
        test_corpus_sha256=clips.test_corpus_sha256,
        sets=sets,
        diversity_identities_mm=identities,
        diversity_seeds_mm=seeds,
        diversity_takes=DIVERSITY_TAKES,
        identity=identity,
        emotion_synthetic=emotion,
        emotion_recorded=mood,
    )


class _Meter:
    """Seconds of sound that are done, as a fraction of all."""

    def __init__(self, progress: Progress, clips: EvaluationSet, takes: int) -> None:
        self._progress, self._done_s = progress, 0.0
        once = (*clips.texts, *clips.talkers, *clips.voices, *clips.queries, *clips.moods)
        self._total_s = sum(item.seconds for item in once)
        self._total_s += takes * sum(item.seconds for item in clips.diversity)

    def add(self, item: HeldOutClip) -> None:
        self._done_s += item.seconds
        self._progress(self._done_s / self._total_s)


def seed_of(item: HeldOutClip) -> int:
    """Seed of a clip: its own, the same for every model."""
    return zlib.crc32(item.clip.samples.tobytes())


def settings_for(student: Student, item: HeldOutClip, steps: int, by_name: bool) -> GenerateSettings:
    """How a model is asked. by_name: told who speaks and how, as far as its library has them; else only the sound
    says it."""
    asked = GenerateSettings(steps=steps, seed=seed_of(item))
    if by_name and item.identity in student.config.identities:
        asked = replace(asked, identity=item.identity)
    if by_name and item.emotion in student.emotions:
        asked = replace(asked, emotion=item.emotion, intensity=item.clip.intensity)
    return asked


def _generate(student: Student, item: HeldOutClip, settings: GenerateSettings, meter: _Meter) -> np.ndarray:
    """(T, C) in MODEL_CHANNELS order."""
    motion = student.generate(item.source, settings, None, None)
    meter.add(item)
    return select_channels(motion, MODEL_CHANNELS).weights


def _measure_set(
    student: Student, chosen: Sequence[HeldOutClip], steps: int, by_name: bool, meter: _Meter
) -> SetFigures:
    takes = [_generate(student, item, settings_for(student, item, steps, by_name), meter) for item in chosen]
    references = [item.clip.motion.astype(np.float32) for item in chosen]
    pairs = [Pair(take, reference) for take, reference in zip(takes, references, strict=True)]
    return SetFigures(
        seconds=sum(item.seconds for item in chosen),
        clips=tuple(clip_errors(pair, demo_face()) for pair in pairs),
        velocity={group: dynamics_ratio(pairs, channels, 1) for group, channels in GROUPS.items()},
        jerk={group: dynamics_ratio(pairs, channels, 3) for group, channels in GROUPS.items()},
        std={group: dynamics_ratio(pairs, channels, 0) for group, channels in GROUPS.items()},
        speech=_speech(chosen, takes),
        reference=_speech(chosen, references),
    )


def _speech(chosen: Sequence[HeldOutClip], takes: Sequence[np.ndarray]) -> SpeechFigures:
    clips = [SpokenClip(take, item.clip.phone, _beats_s(item)) for item, take in zip(chosen, takes, strict=True)]
    return SpeechFigures(bilabial_score(clips), sync_lag_ms(clips), silence_score(clips), beat_consistency(clips))


def _beats_s(item: HeldOutClip) -> np.ndarray:
    return audio_beats_s(log_mel(item.source, 0, motion_frame_count(len(item.clip.samples))))


def _diversity(student: Student, chosen: Sequence[HeldOutClip], steps: int, meter: _Meter) -> tuple[float, float]:
    """(over identities with one seed, over seeds with one identity) in mm."""
    by_identity, by_seed = [], []
    for item in chosen:
        own = settings_for(student, item, steps, by_name=True)
        others = [replace(own, identity=name) for name in _various_identities(student)]
        takes = [replace(own, seed=own.seed + i) for i in range(DIVERSITY_TAKES)]
        by_identity.append([_generate(student, item, settings, meter) for settings in others])
        by_seed.append([_generate(student, item, settings, meter) for settings in takes])
    return diversity_mm(by_identity, demo_face()), diversity_mm(by_seed, demo_face())


def _various_identities(student: Student) -> list[str]:
    """At most DIVERSITY_TAKES talkers from all over the library."""
    names = student.config.identities
    count = min(DIVERSITY_TAKES, len(names))
    return [names[i * len(names) // count] for i in range(count)]


def _recognise(student: Student, chosen: Sequence[HeldOutClip], meter: _Meter) -> tuple[Retrieval, Retrieval]:
    """(identity, emotion) heard in recordings of those that the model's library has."""
    identities: list[tuple[list[str], str]] = []
    emotions: list[tuple[list[str], str]] = []
    for item in chosen:
        match = student.match(item.source)
        identities.append(([name for name, _ in match.identities], item.identity))
        emotions.append(([name for name, _ in match.emotions], item.emotion))
        meter.add(item)
    return _retrieval(identities), _retrieval(emotions)


def _retrieval(heard: Sequence[tuple[list[str], str]]) -> Retrieval:
    known = [(ranking, name) for ranking, name in heard if name in ranking]
    rankings, right = [ranking for ranking, _ in known], [name for _, name in known]
    return Retrieval(len(right), hit_rate(rankings, right, 1), hit_rate(rankings, right, 5), chance_rate(right))
