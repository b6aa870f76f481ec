# SPDX-License-Identifier: GPL-3.0-or-later
"""BEAT (Liu et al. 2022, A Large-Scale Semantic and Emotional Multi-Modal Dataset for Conversational Gestures
Synthesis): 30 speakers before an iPhone, 51 ARKit weights at 60 fps.

SPEAKER_NAME_TYPE_FIRST_LAST.json {"names": [51], "frames": [{"weights": [51], "time": seconds}]} with a .wav of the
same name, in any folders. TYPE: 0 English alone, 1 English in conversation, then Chinese, Spanish and Japanese alike.
FIRST to LAST: takes of about a minute each (of ten minutes in conversations); an uncut file holds several.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from diffusion_talker.audio import load_audio
from diffusion_talker.channels import ARKIT_52, MODEL_CHANNELS
from diffusion_talker.corpus.datasets.sources import (
    Recording,
    Survey,
    Take,
    arkit_columns,
    model_weights,
    paired_files,
    require_folder,
)
from diffusion_talker.errors import CorpusError

RATE_HZ: Final = 60
#: The data set has all of ARKit's channels but the tongue.
CHANNELS: Final = tuple(channel for channel in ARKIT_52 if channel != "tongueOut")
MISSING_CHANNELS: Final = tuple(channel for channel in MODEL_CHANNELS if channel not in CHANNELS)
#: First take, last take (inclusive) and emotion, as the data set's README has it.
EMOTION_OF_TAKES: Final = (
    (0, 64, "neutral"), (65, 72, "happiness"), (73, 80, "anger"), (81, 86, "sadness"), (87, 94, "contempt"),
    (95, 102, "surprise"), (103, 110, "fear"), (111, 118, "disgust"),
)  # fmt: skip
#: The authors' own split, by take and alike for every speaker; conversations have twelve takes.
_VAL_TAKES: Final = frozenset((*range(57, 65), 72, 80, 86, 94, 102, 110, 118))
_TEST_TAKES: Final = frozenset((*range(1, 9), 65, 73, 81, 87, 95, 103, 111))
_VAL_CONVERSATION, _TEST_CONVERSATION = 12, 1
_LANGUAGES: Final = ("en", "zh", "es", "ja")
_NAME: Final = re.compile(r"(\d+)_([^_]+)_([0-7])_(\d+)_(\d+)", re.ASCII)


@dataclass(frozen=True)
class TakeName:
    """What a file's name says."""

    speaker: int
    name: str
    recording_type: int
    first: int
    last: int

    @property
    def subject(self) -> str:
        return f"{self.speaker}_{self.name}"

    @property
    def is_conversation(self) -> bool:
        return self.recording_type % 2 == 1

    @property
    def language(self) -> str:
        return _LANGUAGES[self.recording_type // 2]


@dataclass(frozen=True)
class Beat:
    """BEAT in a folder, whole or in part."""

    folder: Path
    name = "beat"
    title = "BEAT"
    licence = "BEAT's own licence: non-commercial research"
    splits = ("train", "val", "test")
    vertex_count = 0

    def survey(self) -> Survey:
        """All takes whose names say what they are."""
        require_folder(self.folder, self.title)
        # The .txt files of this data set are gesture annotations, not transcripts.
        files = paired_files(self.folder, self.folder, self.folder, ".json", has_texts=False)
        takes: list[Take] = []
        skipped = list(files.skipped)
        speakers: set[tuple[int, str]] = set()
        for pair in files.pairs:
            try:
                parsed = parse_name(pair.name)
                emotion = emotion_of(parsed)
            except CorpusError as error:
                skipped.append(f"{pair.name}: {error}")
                continue
            speakers.add((parsed.speaker, parsed.subject))
            take = pair.take(parsed.subject, split_of(parsed))
            takes.append(
                replace(
                    take,
                    emotion=emotion,
                    intensity=0.0 if emotion == "neutral" else 1.0,
                    emotion_heard=True,
                    language=parsed.language,
                )
            )
        subjects = tuple(subject for _, subject in sorted(speakers))
        return Survey(tuple(takes), subjects, tuple(skipped), missing_channels=MISSING_CHANNELS)

    def read(self, take: Take) -> Recording:
        """Weights at the times that the file gives, with their sound."""
        path = self.folder / take.motion_file
        times_s, weights, columns = read_json(path)
        return Recording(
            load_audio(self.folder / take.sound_file),
            times_s,
            model_weights(weights, columns, f"'{path}'"),
            1 / RATE_HZ,
        )

    def templates(self) -> dict[str, np.ndarray]:
        """None: these are blendshapes."""
        return {}


def parse_name(name: str) -> TakeName:
    """Parts of SPEAKER_NAME_TYPE_FIRST_LAST. Raises CorpusError."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise CorpusError("not named like 1_wayne_0_1_1 (speaker, name, type, first and last take)")
    speaker, first, last = (int(match[group]) for group in (1, 4, 5))
    if last < first:
        raise CorpusError(f"its last take {last} comes before its first {first}")
    return TakeName(speaker, match[2], int(match[3]), first, last)


def emotion_of(take: TakeName) -> str:
    """Emotion of all takes of a file, by their numbers. Raises CorpusError when there is none, or several."""
    emotions = {emotion for first, last, emotion in EMOTION_OF_TAKES if take.first <= last and take.last >= first}
    if take.last > EMOTION_OF_TAKES[-1][1]:
        raise CorpusError(f"there is no take {take.last}")
    if len(emotions) > 1:
        raise CorpusError(f"takes {take.first} to {take.last} are of several emotions. Cut the file between them")
    return emotions.pop()


def split_of(take: TakeName) -> str:
    """Split of a file. An uncut file that is not wholly of one split is training material."""
    numbers = set(range(take.first, take.last + 1))
    if numbers <= ({_TEST_CONVERSATION} if take.is_conversation else _TEST_TAKES):
        return "test"
    return "val" if numbers <= ({_VAL_CONVERSATION} if take.is_conversation else _VAL_TAKES) else "train"


def read_json(path: Path) -> tuple[np.ndarray, np.ndarray, dict[str, int]]:
    """Times (T,) in s, weights (T, C) float32 and channel -> column for the channels of BEAT, of one file.

    Raises CorpusError.
    """
    try:
        content = json.loads(path.read_bytes())
        names = [str(name) for name in content["names"]]
        frames = content["frames"]
        times_s = np.array([frame["time"] for frame in frames], np.float64)
        weights = np.array([frame["weights"] for frame in frames], np.float32)
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise CorpusError(f"'{path}' is not a facial file of BEAT ({_brief(error)}). Copy it again.") from error
    if times_s.ndim != 1 or weights.shape != (len(times_s), len(names)):
        raise CorpusError(f"'{path}' has frames of {weights.shape[1:]} weights for {len(names)} names. Copy it again.")
    columns = arkit_columns(names, f"'{path}'")
    absent = [channel for channel in CHANNELS if channel not in columns]
    if absent:
        raise CorpusError(f"'{path}' has no {', '.join(absent[:3])}. Check that this is the data set's own file.")
    return times_s, weights, {channel: columns[channel] for channel in CHANNELS}


def _brief(error: Exception) -> Any:
    return f"'{error.args[0]}' is missing" if isinstance(error, KeyError) else str(error)[:100]
