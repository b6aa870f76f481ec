# SPDX-License-Identifier: GPL-3.0-or-later
"""A small BIWI as its users exchange it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.core.corpus.datasets.make_sounds import python2_pickle, write_sound

VERTICES, RATE_HZ, METRES_PER_UNIT = 23370, 25, 0.2


def template(subject: str) -> np.ndarray:
    """(23370, 3) float64 in the exchanged unit, in which a face is about 1 long."""
    return np.random.default_rng(sum(subject.encode())).uniform(-0.5, 0.5, (VERTICES, 3))


def motion(frames: int) -> np.ndarray:
    """(T, 23370, 3) in that unit: a straight line in time, which linear interpolation keeps exactly."""
    along = np.linspace(-1, 1, VERTICES)[None, :, None] * np.array([0.02, 0.04, -0.03])
    return along * (np.arange(frames) / frames)[:, None, None]


def write_biwi(folder: Path, names: Sequence[str], frames: int = 25, flat: bool = False) -> Path:
    """Sentences such as F2_e01, in sub-folders or all in one."""
    folder.mkdir(parents=True, exist_ok=True)
    vertices, sounds = (folder, folder) if flat else (folder / "vertices_npy", folder / "wav")
    vertices.mkdir(exist_ok=True)
    for name in names:
        moved = template(name.split("_")[0]) + motion(frames)
        np.save(vertices / f"{name}.npy", moved.reshape(frames, -1).astype(np.float32))
        write_sound(sounds / f"{name}.wav", frames / RATE_HZ, 44100)
    templates = {subject: template(subject) for subject in sorted({name.split("_")[0] for name in names})}
    (folder / "templates.pkl").write_bytes(python2_pickle(templates))
    return folder
