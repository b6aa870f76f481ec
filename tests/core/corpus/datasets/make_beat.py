# SPDX-License-Identifier: GPL-3.0-or-later
"""A small BEAT: takes of made speech with a mouth that opens and closes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from diffusion_talker.channels import ARKIT_52
from tests.core.corpus.datasets.make_sounds import write_sound

RATE_HZ = 60
#: The data set's 51 names, in an order that is not ours.
NAMES = tuple(reversed([name for name in ARKIT_52 if name != "tongueOut"]))


def made_weights(frames: int, seed: int = 0) -> np.ndarray:
    """(T, 51) in [0, 1], smooth, with a jaw that closes every half second."""
    random = np.random.default_rng(seed)
    phase = random.uniform(0, 2 * np.pi, len(NAMES))
    weights = 0.2 + 0.2 * np.sin(phase + np.arange(frames)[:, None] * 0.05)
    weights[:, NAMES.index("jawOpen")] = 0.25 - 0.25 * np.cos(np.arange(frames) / RATE_HZ * 4 * np.pi)
    return weights


def write_take(
    folder: Path, name: str, weights: np.ndarray, times_s: np.ndarray | None = None, sound_s: float | None = None,
    rate_hz: int = 16000,
) -> None:
    """NAME.json and NAME.wav in a folder of the speaker's number."""
    times_s = np.arange(len(weights)) / RATE_HZ if times_s is None else times_s
    frames = [{"weights": row.round(5).tolist(), "time": float(time_s)} for row, time_s in zip(weights, times_s,
                                                                                             strict=True)]
    place = folder / name.split("_")[0]
    place.mkdir(parents=True, exist_ok=True)
    (place / f"{name}.json").write_text(json.dumps({"names": list(NAMES), "frames": frames}))
    write_sound(place / f"{name}.wav", len(weights) / RATE_HZ if sound_s is None else sound_s, rate_hz)


def write_beat(folder: Path, names: tuple[str, ...], seconds: float = 2.0) -> Path:
    """Takes of the given names."""
    for number, name in enumerate(names):
        write_take(folder, name, made_weights(round(seconds * RATE_HZ), number))
    return folder
