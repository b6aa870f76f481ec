# SPDX-License-Identifier: GPL-3.0-or-later
"""A VOCASET in the published layout whose heads say what is heard: silence rests, hum closes the lips, hiss opens them.

The sounds are those of `made_corpus`: hum and hiss are as loud as each other, so loudness alone does not open a mouth.
Heads have FLAME's 5023 vertices, or the few that are chosen of them, which are then a mesh that nobody knows.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, field
from pathlib import Path

import numpy as np

from diffusion_talker.corpus.shards import Clip
from diffusion_talker.rigs.flame.landmarks import FLAME_LANDMARKS
from diffusion_talker.rigs.flame.regions import LIP_PAIRS, face_regions
from diffusion_talker.rigs.flame.topology import VERTICES
from tests.core.corpus.datasets.make_sounds import python2_pickle
from tests.core.rigs.flame.made_face import made_face
from tests.core.training.made_corpus import make_clip

SUBJECTS = ("FaceTalk_170728_03272_TA", "FaceTalk_170904_00128_TA")
TEST_SUBJECT = "FaceTalk_170809_00138_TA"
OPEN_M = 0.016  # how far the lower lip drops on a hiss
NOISE_M = 3e-5  # of the scanner
#: Lips and landmarks first, then vertices from anywhere on the head.
FEW = np.unique([*np.ravel(LIP_PAIRS), *astuple(FLAME_LANDMARKS), *range(0, VERTICES, 40)])


@dataclass(frozen=True)
class MadeHead:
    """A head of these vertices of FLAME."""

    kept: np.ndarray = field(default_factory=lambda: np.arange(VERTICES))

    def template(self, subject: str) -> np.ndarray:
        """(V, 3) float64 metres: every talker's head has another size, and stands where scanners put it."""
        head = made_face() * (1.0 + 0.02 * (sum(subject.encode()) % 5)) + [0.01, 0.02, -0.03]
        return head[self.kept]

    def speaking(self, clip: Clip) -> np.ndarray:
        """(T, V, 3) float32 metres that go with a made clip: the jaw follows it softly, the brows wander."""
        wanted = np.array([0.0, 0.0, 1.0])[clip.phone]
        kernel = np.hanning(9) / np.hanning(9).sum()
        jaw = np.convolve(np.pad(wanted, 4, mode="edge"), kernel, mode="valid")
        random = np.random.default_rng(np.abs(clip.samples[:4000].astype(np.int64)).sum())
        brow = 0.001 * np.sin(np.arange(len(jaw)) / 60 * 2 + random.uniform(0, 6))
        offsets = random.normal(0, NOISE_M, (len(jaw), len(self.kept), 3)).astype(np.float32)
        offsets[..., 1] -= (OPEN_M * jaw[:, None] * _lowering()[self.kept]).astype(np.float32)
        offsets[..., 1] += (brow[:, None] * face_regions(made_face()).upper[self.kept]).astype(np.float32)
        return offsets

    def lip_gap_m(self, offsets: np.ndarray) -> np.ndarray:
        """(T,) by how much the lips of (T, V, 3) are further apart than in the neutral face; made heads are upright."""
        upper, lower = np.searchsorted(self.kept, LIP_PAIRS).T
        return (offsets[:, upper, 1] - offsets[:, lower, 1]).mean(axis=1)


def _lowering() -> np.ndarray:
    """(5023,) share of the jaw's way that a vertex takes: lower lips and chin wholly, the cheeks beside less."""
    face = made_face()
    lip_y = face[FLAME_LANDMARKS.lower_lip, 1]
    share = np.clip((lip_y + 0.004 - face[:, 1]) / 0.012, 0.0, 1.0) * face_regions(face).mouth
    upper, lower = np.transpose(LIP_PAIRS)
    share[upper], share[lower] = 0.0, 1.0
    return share


def write_talking_vocaset(folder: Path, head: MadeHead, sentences: int, length_s: int) -> Path:
    """Sentences of two talkers of the training split, and one sentence of one of the test split."""
    folder.mkdir(parents=True, exist_ok=True)
    spoken = [(subject, f"sentence{number + 1:02d}") for subject in SUBJECTS for number in range(sentences)]
    spoken.append((TEST_SUBJECT, "sentence01"))
    frames = length_s * 60
    shape = (len(spoken) * frames, len(head.kept), 3)
    vertices = np.lib.format.open_memmap(folder / "data_verts.npy", "w+", np.float32, shape)
    rows: dict[str, dict[str, dict[int, int]]] = {}
    sounds: dict[str, dict[str, dict[str, object]]] = {}
    for number, (subject, sentence) in enumerate(spoken):
        clip = make_clip(2 * number + SUBJECTS.index(subject) if subject in SUBJECTS else 500, length_s)
        vertices[number * frames : (number + 1) * frames] = head.template(subject) + head.speaking(clip)
        rows.setdefault(subject, {})[sentence] = {frame: number * frames + frame for frame in range(frames)}
        sounds.setdefault(subject, {})[sentence] = {"audio": clip.samples, "sample_rate": 16000}
    vertices.flush()
    (folder / "subj_seq_to_idx.pkl").write_bytes(python2_pickle(rows))
    (folder / "raw_audio_fixed.pkl").write_bytes(python2_pickle(sounds))
    faces = {subject: head.template(subject) for subject in (*SUBJECTS, TEST_SUBJECT)}
    (folder / "templates.pkl").write_bytes(python2_pickle(faces))
    return folder
