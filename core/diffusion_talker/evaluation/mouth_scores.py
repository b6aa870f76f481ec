# SPDX-License-Identifier: GPL-3.0-or-later
"""Real-voice figures that another program measured: taken over with its name, never computed here.

Curves for it come from `evaluate predict`. Its file is JSON:
{"sets": {SET: {"clips": N, "metrics": {NAME: [value, low, high]}}}}.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

from diffusion_talker.corpus.shards import hash_file
from diffusion_talker.errors import FormatError
from diffusion_talker.evaluation.rows import MouthScores


def read_mouth_scores(path: Path, scorer: str) -> MouthScores:
    """Read the scores that `scorer` wrote. Raises FormatError."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["sets"]
        sets = {
            name: {metric: _interval(values) for metric, values in figures["metrics"].items()}
            for name, figures in found.items()
        }
        clips = {name: int(figures.get("clips", 0)) for name, figures in found.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FormatError(
            f"'{path}' holds no scores of mouths ({error}). It should hold "
            '{"sets": {NAME: {"metrics": {METRIC: [value, low, high]}}}}.'
        ) from error
    return MouthScores(scorer, hash_file(path), sets, clips)


def _interval(values: list[float | None]) -> tuple[float, float, float]:
    value, low, high = (math.nan if number is None else float(number) for number in values)
    return value, low, high
