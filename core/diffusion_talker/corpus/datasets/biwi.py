# SPDX-License-Identifier: GPL-3.0-or-later
"""BIWI (Fanelli et al. 2010, A 3-D Audio-Visual Corpus of Affective Communication): 14 subjects, 40 sentences spoken
with emotion, 23370 vertices at 25 fps, as its users exchange it.

vertices_npy/SUBJECT_eNN.npy (T, 70110), wav/SUBJECT_eNN.wav at 44.1 kHz, templates.pkl {subject: (23370, 3)}; or all
of it in one folder. The splits are those of FaceFormer (Fan et al. 2022).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from diffusion_talker.audio import load_audio
from diffusion_talker.corpus.datasets.sources import Recording, Survey, Take, paired_files, require_folder
from diffusion_talker.corpus.datasets.vertices import extent, offsets_m, open_vertices, read_templates
from diffusion_talker.errors import CorpusError

VERTEX_COUNT: Final = 23370
RATE_HZ: Final = 25
SUBJECTS: Final = (*(f"F{number}" for number in range(1, 9)), *(f"M{number}" for number in range(1, 7)))
TRAIN_SUBJECTS: Final = ("F2", "F3", "F4", "M3", "M4", "M5")
_NAME: Final = re.compile(r"([FM]\d)_e(\d\d)")
#: (shortest, longest) side of a face in the file's unit -> metres of that unit. The exchanged files are scaled so that
#: a face is about 1 long; a face is about 0.2 m (UniTalker, Fan et al. 2024, scales BIWI by 0.2).
_UNITS: Final = ((0.1, 0.5, 1.0), (0.5, 3.0, 0.2), (10.0, 50.0, 0.01), (100.0, 500.0, 0.001))


@dataclass(frozen=True)
class Biwi:
    """BIWI in a folder."""

    folder: Path
    name = "biwi"
    title = "BIWI"
    licence = "BIWI's own licence (ETH Zurich): non-commercial research, no redistribution"
    splits = ("train", "val", "test-A", "test-B")
    vertex_count = VERTEX_COUNT

    def survey(self) -> Survey:
        """Sentences with emotion of all subjects; which emotion it is the data set does not tell."""
        require_folder(self.folder, self.title)
        known = self.templates()
        files = paired_files(self.folder, _either(self.folder, "vertices_npy"), _either(self.folder, "wav"))
        takes: list[Take] = []
        skipped = list(files.skipped)
        unassigned = 0
        for pair in files.pairs:
            match = _NAME.fullmatch(pair.name)
            if match is None:
                skipped.append(f"{pair.name}: not named like F2_e01")
            elif match[1] not in known:
                skipped.append(f"{pair.name}: templates.pkl has no neutral face of its subject")
            elif (split := split_of(match[1], int(match[2]))) is None:
                unassigned += 1
            else:
                takes.append(pair.take(match[1], split))
        if unassigned:
            skipped.append(f"{unassigned} sentences: in no published split")
        return Survey(tuple(takes), SUBJECTS, tuple(skipped))

    def read(self, take: Take) -> Recording:
        """Offsets from the subject's neutral face, with their sound."""
        templates = self._raw_templates()
        vertices = open_vertices(self.folder / take.motion_file, VERTEX_COUNT)
        offsets = offsets_m(vertices, templates[take.subject], metres_per_unit(templates))
        sound = load_audio(self.folder / take.sound_file)
        return Recording(sound, np.arange(len(vertices)) / RATE_HZ, offsets, 1 / RATE_HZ)

    def templates(self) -> dict[str, np.ndarray]:
        """Neutral faces in metres."""
        raw = self._raw_templates()
        scale = metres_per_unit(raw)
        return {subject: (raw[subject] * scale).astype(np.float32) for subject in SUBJECTS if subject in raw}

    def _raw_templates(self) -> dict[str, np.ndarray]:
        return read_templates(self.folder / "templates.pkl", VERTEX_COUNT)


def split_of(subject: str, sentence: int) -> str | None:
    """Split of a sentence, or None for those that nobody uses: train 1-32, val 33-36 and test-A 37-40 of six subjects,
    test-B 37-40 of the other eight."""
    if subject not in SUBJECTS:
        return None
    if subject not in TRAIN_SUBJECTS:
        return "test-B" if 37 <= sentence <= 40 else None
    if 1 <= sentence <= 32:
        return "train"
    if 33 <= sentence <= 36:
        return "val"
    return "test-A" if 37 <= sentence <= 40 else None


def metres_per_unit(templates: Mapping[str, np.ndarray]) -> float:
    """Metres of the files' unit, by the size of their faces. Raises CorpusError where no unit fits."""
    length = extent(templates)
    for shortest, longest, metres in _UNITS:
        if shortest <= length < longest:
            return metres
    raise CorpusError(
        f"The neutral faces of templates.pkl are {length:g} units long, which is a face in no unit. "
        "Use the templates that belong to BIWI's vertices."
    )


def _either(folder: Path, name: str) -> Path:
    """The sub-folder of that name, or the folder itself where all files lie together."""
    return folder / name if (folder / name).is_dir() else folder
