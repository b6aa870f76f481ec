# SPDX-License-Identifier: GPL-3.0-or-later
"""Says in plain words when a training goes the way that face motion often goes: static, smoothed away, or jittery.

A mean squared error does not tell: a face that hardly moves has a small one. The ratio of predicted to true spread
does (amplitude: of positions, velocity: of frame-to-frame differences; 1 is right). The limits are ours.
"""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any, Final

LOWEST_RATIO: Final = 0.5
HIGHEST_RATIO: Final = 1.6
PATIENCE_REPORTS: Final = 4  # one batch may be off; four in a row are the network
REPEAT_REPORTS: Final = 40  # an alarm that stays true is repeated this seldom
_WATCHED: Final = ("amplitude_ratio", "velocity_ratio")


class RatioAlarm:
    """Hears every report of a training and answers with the alarms that are due."""

    def __init__(self, first_step: int) -> None:
        """first_step: before it, a network that starts at the mean face is static by rights."""
        self._first_step = first_step
        self._low: dict[str, int] = {}  # reports in a row, by name
        self._high: dict[str, int] = {}

    def hear(self, step: int, values: Any) -> list[str]:
        """values: dataclass of a report; fields whose names hold amplitude_ratio or velocity_ratio are watched."""
        if step < self._first_step:
            return []
        alarms = []
        for name, value in asdict(values).items():
            if any(watched in name for watched in _WATCHED) and not math.isnan(value):
                if _due(self._low, name, value < LOWEST_RATIO):
                    alarms.append(_too_small(name, value))
                if _due(self._high, name, value > HIGHEST_RATIO):
                    alarms.append(_too_large(name, value))
        return alarms


def _due(streaks: dict[str, int], name: str, is_off: bool) -> bool:
    """Count reports in a row; due when patience ends, and seldom after that."""
    streaks[name] = streaks.get(name, 0) + 1 if is_off else 0
    return streaks[name] >= PATIENCE_REPORTS and (streaks[name] - PATIENCE_REPORTS) % REPEAT_REPORTS == 0


def _too_small(name: str, value: float) -> str:
    return (
        f"ALARM  {_words(name)} is {value:.2f} for {PATIENCE_REPORTS} reports in a row (1 is right): the face moves "
        f"far less than in the corpus and is going {'static' if 'amplitude' in name else 'smooth'}. If it does not "
        "rise in the next few hundred steps, stop and start again in an empty folder with a larger velocity weight or "
        "a smaller learning rate, and look at the corpus (corpus show): silent clips teach a face to rest."
    )


def _too_large(name: str, value: float) -> str:
    return (
        f"ALARM  {_words(name)} is {value:.2f} for {PATIENCE_REPORTS} reports in a row (1 is right): the face "
        f"{'overshoots' if 'amplitude' in name else 'jitters'}. If it does not fall in the next few hundred steps, "
        "stop and resume from an earlier copy of the checkpoint with a smaller learning rate (or --precision fp32), "
        "and check the statistics of the corpus: a channel that never moves is scaled up without bound."
    )


def _words(name: str) -> str:
    return name.replace("_", " ")
