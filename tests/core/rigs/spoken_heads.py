# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of heads that have no ARKit shapes, and the demo's line to say with them."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from diffusion_talker.channels import MODEL_CHANNELS
from diffusion_talker.motion import Motion

OCULUS = tuple("sil PP FF TH DD kk CH SS nn RR aa E ih oh ou".split())
VRM = ("A", "I", "U", "E", "O", "Blink")
RATE_HZ = 60.0
_LINE = Path(__file__).resolve().parents[3] / "demo" / "line.phones.tsv"


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
    """Mouth curves of the demo's line from its phones, by the rules of the corpus; skips where that cannot run."""
    pytest.importorskip("scipy", reason="SciPy is not installed: the corpus' rules cannot be imported")
    from diffusion_talker.corpus.articulation import Manner
    from diffusion_talker.corpus.face import mouth_curves
    from diffusion_talker.corpus.timing import place_phones
    from diffusion_talker.corpus.voices.base import PhoneSpan

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
