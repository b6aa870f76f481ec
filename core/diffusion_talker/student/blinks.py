# SPDX-License-Identifier: GPL-3.0-or-later
"""A lid that comes half way closes; one that only twitches stays where it is.

What is between a blink and none is a network's doubt about when to blink, spread over both. On a face it is a lid that
falls by a third and rises again, which nobody's does so often. Every fall of the lids is therefore settled: from
COMPLETED_FROM on it is stretched until the eye is shut, below that it is pressed flat. Whole blinks stay as they are.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from diffusion_talker.motion import true_runs

COMPLETED_FROM: Final = 0.5  # share of a whole closure
SHUT: Final = 0.8
TWITCH: Final = 0.2  # falls that end below are no attempt at a blink
RESTING: Final = 0.1  # lids above this are on their way or droop
PRESSED: Final = 0.05  # of a fall that is no blink, above where the lids rest
LONGEST_S: Final = 0.6  # what lasts longer is a squint or a doze
_AROUND_S: Final = 0.5  # on both sides of a frame, to see where the lids rest
#: How far from a change of the lids other frames of theirs may change.
REACH_S: Final = LONGEST_S + _AROUND_S
_LIDS: Final = ("eyeBlinkLeft", "eyeBlinkRight")


def settle_blinks(weights: np.ndarray, channels: tuple[str, ...], rate_hz: float) -> np.ndarray:
    """ARKit curves (T, C) without half blinks; both lids by what their mean does, each with its own shape.

    Where lids droop, a fall begins and ends where they rest. Channels that a bundle does not carry leave the curves as
    they are.
    """
    if not set(_LIDS) <= set(channels):
        return weights
    columns = [channels.index(name) for name in _LIDS]
    lids = weights[:, columns]
    fallen = lids.mean(axis=1)
    rest = _resting(fallen, int(_AROUND_S * rate_hz))
    for start, stop in true_runs(fallen > rest):
        if stop - start <= LONGEST_S * rate_hz:
            fall = slice(start, stop)
            deepest = start + int(np.argmax(fallen[fall] - rest[fall]))
            depth = np.maximum(lids[fall] - rest[fall, None], 0.0)
            lids[fall] += (_stretch(float(fallen[deepest]), float(rest[deepest])) - 1.0) * depth
    out = weights.copy()
    out[:, columns] = np.clip(lids, 0.0, 1.0)
    return out


def _resting(fallen: np.ndarray, around: int) -> np.ndarray:
    """(T,) where the lids rest: their median near each frame, at least RESTING."""
    rest = np.full(len(fallen), RESTING, fallen.dtype)
    above = np.flatnonzero(fallen > RESTING)
    if len(above):
        near = np.lib.stride_tricks.sliding_window_view(np.pad(fallen, around, "edge"), 2 * around + 1)
        rest[above] = np.maximum(np.median(near[above], axis=1), RESTING)
    return rest


def _stretch(deepest: float, rest: float) -> float:
    """What a fall to `deepest` from lids at `rest` is multiplied by."""
    if deepest < TWITCH or deepest >= SHUT:
        return 1.0
    wanted = SHUT if deepest >= COMPLETED_FROM else min(rest + PRESSED, deepest)
    return (wanted - rest) / (deepest - rest)
