# SPDX-License-Identifier: GPL-3.0-or-later
"""Small VOCASETs: three subjects, one of each split, in the published layout and in the converted one."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.core.corpus.datasets.make_sounds import made_sound, python2_pickle, write_sound

TRAIN, VAL, TEST = "FaceTalk_170728_03272_TA", "FaceTalk_170811_03275_TA", "FaceTalk_170809_00138_TA"
VERTICES, RATE_HZ = 5023, 60


def template(subject: str) -> np.ndarray:
    """(5023, 3) float64 metres, a box the size of a head, away from the origin."""
    random = np.random.default_rng(sum(subject.encode()))
    return random.uniform(-0.1, 0.1, (VERTICES, 3)) + [0.12, 1.5, 0.0]


def motion(frames: int) -> np.ndarray:
    """(T, 5023, 3) float64 metres: every vertex another phase, up to 20 mm."""
    phase = np.linspace(0, 2 * np.pi, VERTICES)[None, :, None] + np.array([0.0, 1.0, 2.0])
    return 0.02 * np.sin(phase + np.arange(frames)[:, None, None] * 0.2)


def write_published(folder: Path, frames: int = 60, seconds: float | None = None) -> Path:
    """Two sentences of the first subject and one of the others. Rows of the array are not in the order of sentences,
    and the sound of one sentence is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    sentences = [(TRAIN, "sentence02"), (TEST, "sentence21"), (TRAIN, "sentence01"), (VAL, "sentence07"),
                 (TRAIN, "sentence40")]
    rows: dict[str, dict[str, dict[int, int]]] = {}
    vertices = np.lib.format.open_memmap(folder / "data_verts.npy", "w+", np.float64,
                                         (len(sentences) * frames, VERTICES, 3))
    sounds: dict[str, dict[str, dict[str, object]]] = {}
    for number, (subject, sentence) in enumerate(sentences):
        first = number * frames
        vertices[first : first + frames] = template(subject) + motion(frames)
        rows.setdefault(subject, {})[sentence] = {frame: first + frame for frame in range(frames)}
        if sentence != "sentence40":
            sound = made_sound(frames / RATE_HZ if seconds is None else seconds, 22000, number)
            sounds.setdefault(subject, {})[sentence] = {"audio": sound, "sample_rate": 22000}
    vertices.flush()
    (folder / "subj_seq_to_idx.pkl").write_bytes(python2_pickle(rows))
    (folder / "raw_audio_fixed.pkl").write_bytes(python2_pickle(sounds))
    write_templates(folder)
    return folder


def write_converted(folder: Path, frames: int = 30, rate_hz: int = 30) -> Path:
    """One sentence of each subject as its own files; users often keep every second frame."""
    (folder / "vertices_npy").mkdir(parents=True)
    for subject in (TRAIN, VAL, TEST):
        name = f"{subject}_sentence01"
        moved = template(subject) + motion(frames)
        np.save(folder / "vertices_npy" / f"{name}.npy", moved.reshape(frames, -1).astype(np.float32))
        write_sound(folder / "wav" / f"{name}.wav", frames / rate_hz, 22050)
    write_templates(folder)
    return folder


def write_templates(folder: Path) -> None:
    """templates.pkl."""
    (folder / "templates.pkl").write_bytes(python2_pickle({name: template(name) for name in (TRAIN, VAL, TEST)}))
