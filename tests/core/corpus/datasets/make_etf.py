# SPDX-License-Identifier: GPL-3.0-or-later
"""A small 3D-ETF."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from diffusion_talker.channels import ARKIT_52
from tests.core.corpus.datasets.make_sounds import write_sound

RATE_HZ = 30


def made_weights(frames: int) -> np.ndarray:
    """(T, 52): the mouth is open and shuts for a single frame now and then; one lid blinks for a frame."""
    weights = np.full((frames, len(ARKIT_52)), 0.1, np.float32)
    jaw, blink = ARKIT_52.index("jawOpen"), ARKIT_52.index("eyeBlinkLeft")
    weights[:, jaw] = 0.5
    weights[7::11] = 0.0
    weights[12, blink] = 1.0
    return weights


def write_etf(folder: Path, places: Sequence[str], frames: int = 60) -> Path:
    """Takes at places such as RAVDESS/03-01-05-02-01-01-12: weights under blendshape/, sound under audio/."""
    for place in places:
        part, name = place.rsplit("/", 1)
        (folder / part / "blendshape").mkdir(parents=True, exist_ok=True)
        np.save(folder / part / "blendshape" / f"{name}.npy", made_weights(frames))
        write_sound(folder / part / "audio" / f"{name}.wav", frames / RATE_HZ, 48000)
    return folder
