# SPDX-License-Identifier: GPL-3.0-or-later
"""VOCASET (Cudeiro et al. 2019, Capture, Learning, and Synthesis of 3D Speaking Styles): 12 subjects, 40 sentences
each, 5023 vertices of FLAME at 60 fps.

As published: data_verts.npy (N, 5023, 3) in metres, raw_audio_fixed.pkl {subject: {sentence: {audio, sample_rate}}},
templates.pkl {subject: (5023, 3)}, subj_seq_to_idx.pkl {subject: {sentence: {frame: row}}}. As its users convert it:
vertices_npy/SUBJECT_sentenceNN.npy (T, 15069), wav/SUBJECT_sentenceNN.wav, templates.pkl.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np

from diffusion_talker.audio import ArraySource, load_audio
from diffusion_talker.corpus.datasets.sources import Recording, Survey, Take, paired_files, require_folder
from diffusion_talker.corpus.datasets.unpickle import load_pickle
from diffusion_talker.corpus.datasets.vertices import offsets_m, open_vertices, read_templates
from diffusion_talker.errors import CorpusError

VERTEX_COUNT: Final = 5023
RATE_HZ: Final = 60
#: Users of the converted layout often keep every second frame.
_CONVERTED_RATES_HZ: Final = (60.0, 30.0)
SUBJECTS: Final[Mapping[str, str]] = {
    "FaceTalk_170728_03272_TA": "train", "FaceTalk_170904_00128_TA": "train", "FaceTalk_170725_00137_TA": "train",
    "FaceTalk_170915_00223_TA": "train", "FaceTalk_170811_03274_TA": "train", "FaceTalk_170913_03279_TA": "train",
    "FaceTalk_170904_03276_TA": "train", "FaceTalk_170912_03278_TA": "train",
    "FaceTalk_170811_03275_TA": "val", "FaceTalk_170908_03277_TA": "val",
    "FaceTalk_170809_00138_TA": "test", "FaceTalk_170731_00024_TA": "test",
}  # fmt: skip
_VERTICES, _AUDIO, _TEMPLATES, _INDEX = (
    "data_verts.npy", "raw_audio_fixed.pkl", "templates.pkl", "subj_seq_to_idx.pkl",
)  # fmt: skip
_CONVERTED_NAME: Final = re.compile(r"(.+_TA)_(sentence\d+)")


@dataclass(frozen=True)
class Vocaset:
    """VOCASET in a folder, in either layout."""

    folder: Path
    name = "vocaset"
    title = "VOCASET"
    licence = "VOCASET's own licence (Max Planck): non-commercial research, no redistribution"
    splits = ("train", "val", "test")
    vertex_count = VERTEX_COUNT

    def survey(self) -> Survey:
        """All sentences that have vertices, sound and a neutral face."""
        require_folder(self.folder, self.title)
        return self._layout.survey(read_templates(self.folder / _TEMPLATES, VERTEX_COUNT))

    def read(self, take: Take) -> Recording:
        """Offsets from the subject's neutral face, with their sound."""
        template = read_templates(self.folder / _TEMPLATES, VERTEX_COUNT)[take.subject]
        return self._layout.read(take, template)

    def templates(self) -> dict[str, np.ndarray]:
        """Neutral faces of the twelve subjects, as far as they are there."""
        found = read_templates(self.folder / _TEMPLATES, VERTEX_COUNT)
        return {subject: found[subject].astype(np.float32) for subject in SUBJECTS if subject in found}

    @cached_property
    def _layout(self) -> _Published | _Converted:
        published = [name for name in (_VERTICES, _AUDIO, _INDEX) if (self.folder / name).is_file()]
        if not published and (self.folder / "vertices_npy").is_dir():
            return _Converted(self.folder)
        missing = [name for name in (_VERTICES, _AUDIO, _INDEX) if name not in published]
        if missing:
            raise CorpusError(
                f"'{self.folder}' lacks {', '.join(missing)} of VOCASET's training data. Give the folder that holds "
                f"{_VERTICES}, {_AUDIO}, {_TEMPLATES} and {_INDEX}, or vertices_npy/, wav/ and {_TEMPLATES}."
            )
        return _Published(self.folder)


@dataclass(frozen=True)
class _Published:
    """One memory-mapped array and pickles that say which row is whose."""

    folder: Path

    def survey(self, templates: Mapping[str, np.ndarray]) -> Survey:
        rows, sounds = _read_tables(self.folder, _INDEX), _read_tables(self.folder, _AUDIO)
        row_count = len(self._vertices())
        takes: list[Take] = []
        skipped: list[str] = []
        for subject, sentence in sorted((s, q) for s, sentences in rows.items() for q in sentences):
            name = f"{subject}_{sentence}"
            frames = rows[subject][sentence]
            problem = _problem(subject, templates, sentence in sounds.get(subject, {}))
            if problem is None:
                _check_rows(self.folder, name, frames, row_count)
                takes.append(Take(name, subject, SUBJECTS[subject], len(frames) / RATE_HZ, text=name))
            else:
                skipped.append(f"{name}: {problem}")
        return Survey(tuple(takes), tuple(SUBJECTS), tuple(skipped))

    def read(self, take: Take, template: np.ndarray) -> Recording:
        sentence = take.name.removeprefix(f"{take.subject}_")
        frames = _read_tables(self.folder, _INDEX)[take.subject][sentence]
        numbers = sorted(frames)
        vertices = self._vertices()[[int(frames[number]) for number in numbers]]
        sound = _sound_of(_read_tables(self.folder, _AUDIO)[take.subject][sentence], take.name)
        times_s = np.array(numbers, np.float64) / RATE_HZ
        return Recording(sound, times_s, offsets_m(vertices, template, 1.0), 1 / RATE_HZ)

    def _vertices(self) -> np.ndarray:
        return open_vertices(self.folder / _VERTICES, VERTEX_COUNT)


@dataclass(frozen=True)
class _Converted:
    """One array and one sound file for each sentence."""

    folder: Path

    def survey(self, templates: Mapping[str, np.ndarray]) -> Survey:
        files = paired_files(self.folder, self.folder / "vertices_npy", self.folder / "wav")
        takes: list[Take] = []
        skipped = list(files.skipped)
        for pair in files.pairs:
            match = _CONVERTED_NAME.fullmatch(pair.name)
            subject = match[1] if match else ""
            problem = _problem(subject, templates, True)
            if problem is None:
                takes.append(pair.take(subject, SUBJECTS[subject]))
            else:
                skipped.append(f"{pair.name}: {problem}")
        return Survey(tuple(takes), tuple(SUBJECTS), tuple(skipped))

    def read(self, take: Take, template: np.ndarray) -> Recording:
        vertices = open_vertices(self.folder / take.motion_file, VERTEX_COUNT)
        rate_hz = _nearest_rate(len(vertices) / take.seconds)
        sound = load_audio(self.folder / take.sound_file)
        return Recording(sound, np.arange(len(vertices)) / rate_hz, offsets_m(vertices, template, 1.0), 1 / rate_hz)


def _nearest_rate(measured_hz: float) -> float:
    return min(_CONVERTED_RATES_HZ, key=lambda rate_hz: abs(math.log(max(measured_hz, 1e-3) / rate_hz)))


def _problem(subject: str, templates: Mapping[str, np.ndarray], has_sound: bool) -> str | None:
    """Why a sentence cannot be used, or None."""
    if subject not in SUBJECTS:
        return "its subject is in no published split"
    if subject not in templates:
        return f"{_TEMPLATES} has no neutral face of its subject"
    return None if has_sound else f"{_AUDIO} has no sound for it"


def _read_tables(folder: Path, name: str) -> dict[str, dict[str, Any]]:
    """{subject: {sentence: content}} of a pickle. Raises CorpusError."""
    content = load_pickle(folder / name)
    if not isinstance(content, dict) or not all(isinstance(sentences, dict) for sentences in content.values()):
        raise CorpusError(f"'{folder / name}' is not {{subject: {{sentence: ...}}}}. Use VOCASET's own file.")
    return content


def _check_rows(folder: Path, name: str, frames: Any, row_count: int) -> None:
    """Raises CorpusError unless `frames` is {frame number: row of the vertex array}."""
    whole = (int, np.integer)
    if (
        not isinstance(frames, dict)
        or not frames
        or not all(
            isinstance(number, whole) and isinstance(row, whole) and number >= 0 <= row
            for number, row in frames.items()
        )
    ):
        raise CorpusError(f"'{folder / _INDEX}', {name}: not {{frame: row}}. Use VOCASET's own file.")
    last = int(max(frames.values()))
    if last >= row_count:
        raise CorpusError(
            f"'{folder / _VERTICES}' has {row_count} frames, but {name} uses row {last}: the file is incomplete or of "
            "another download. Download VOCASET's training data again."
        )


def _sound_of(entry: Any, name: str) -> ArraySource:
    """16 kHz sound of {'audio': (N,), 'sample_rate': Hz}. Raises CorpusError or AudioError."""
    try:
        samples, rate_hz = entry["audio"], float(entry["sample_rate"])
    except (TypeError, KeyError, ValueError, IndexError) as error:
        raise CorpusError(f"{_AUDIO} has no audio and sample_rate for {name}. Use VOCASET's own file.") from error
    if not isinstance(samples, np.ndarray) or samples.dtype.kind not in "iuf":
        raise CorpusError(f"{_AUDIO}: the audio of {name} is no array of numbers. Use VOCASET's own file.")
    return ArraySource(samples, rate_hz)
