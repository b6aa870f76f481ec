# SPDX-License-Identifier: GPL-3.0-or-later
"""Heads with other keys than ARKit's, made of the demo head's shapes, and the demo's line to say with them."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from diffusion_talker.channels import ARKIT_52, MODEL_CHANNELS
from diffusion_talker.corpus.articulation import Manner
from diffusion_talker.corpus.face import mouth_curves
from diffusion_talker.corpus.timing import place_phones
from diffusion_talker.corpus.voices.base import PhoneSpan
from diffusion_talker.motion import Motion
from diffusion_talker.rigs.retarget import FaceBasis, combine_basis, demo_basis
from diffusion_talker.rigs.vocabularies import recognize

OCULUS = tuple("sil PP FF TH DD kk CH SS nn RR aa E ih oh ou".split())
VRM = ("A", "I", "U", "E", "O", "Blink")
RATE_HZ = 60.0
_LINE = Path(__file__).resolve().parents[3] / "demo" / "line.phones.tsv"
#: How far a sculptor's viseme strays from our table, per channel.
SCULPTED_APART = 0.3


@dataclass(frozen=True)
class SpokenLine:
    """The demo's line as ARKit motion, and the frames (first, end) of its bilabials, one frame wider on each side."""

    motion: Motion
    bilabials: tuple[tuple[int, int], ...]

    def closures_mm(self, gap_mm: np.ndarray) -> np.ndarray:
        """Smallest lip gap within every bilabial."""
        return np.array([gap_mm[first:end].min() for first, end in self.bilabials])


@lru_cache(maxsize=1)
def spoken_line() -> SpokenLine:
    """Mouth curves of the demo's line from its phones, by the rules of the corpus."""
    with _LINE.open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    spans = [PhoneSpan(row["phone"], float(row["start_s"]), float(row["end_s"])) for row in rows]
    phones = place_phones(spans, "arpabet", "en")
    frame_count = int(phones[-1].end_s * RATE_HZ) + 30
    weights = mouth_curves(phones, frame_count, RATE_HZ, Manner())
    bilabials = tuple(
        (max(int(phone.start_s * RATE_HZ) - 1, 0), int(np.ceil(phone.end_s * RATE_HZ)) + 2)
        for phone in phones
        if phone.phone.phone_class in ("bilabial_stop", "bilabial_nasal")
    )
    return SpokenLine(Motion(weights, MODEL_CHANNELS, RATE_HZ), bilabials)


def poses_of(names: tuple[str, ...]) -> np.ndarray:
    """Poses (K, 52) that these key names stand for."""
    poses = np.zeros((len(names), len(ARKIT_52)))
    for row, found in zip(poses, recognize(names), strict=True):
        assert found is not None
        for channel, weight in found.meaning.pose:
            row[ARKIT_52.index(channel)] = weight
    return poses


def made_head(names: tuple[str, ...], apart: float = 0.0, seed: int = 5) -> FaceBasis:
    """The demo head with these keys alone; `apart` makes them stray from the table as another sculptor's would, jaw
    and lips of a seal together."""
    poses = poses_of(names)
    stray = 1.0 + apart * np.random.default_rng(seed).uniform(-1.0, 1.0, poses.shape)
    jaw, close = ARKIT_52.index("jawOpen"), ARKIT_52.index("mouthClose")
    stray[:, close] = stray[:, jaw]
    return combine_basis(demo_basis(), names, poses * stray)
