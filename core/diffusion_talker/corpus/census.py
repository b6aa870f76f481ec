# SPDX-License-Identifier: GPL-3.0-or-later
"""What a corpus holds, counted: clips by speaker, language and emotion, frames by phone, motion by channel."""

from __future__ import annotations

import collections
from typing import Final

import numpy as np

from diffusion_talker.channels import MODEL_CHANNELS
from diffusion_talker.corpus.emotions import EMOTION_NAMES
from diffusion_talker.corpus.phones import PHONE_NAMES, UNKNOWN_PHONE
from diffusion_talker.corpus.shards import Clip
from diffusion_talker.corpus.strangers import EVERYBODY

#: A phone with less than this share of the frames is rare: under four seconds of it in an hour.
RARE_SHARE: Final = 0.001


def rare_phones(phone_share: dict[str, float], threshold: float = RARE_SHARE) -> dict[str, float]:
    """Phone -> share of all frames, for phones below the threshold, rarest first."""
    rare = {name: share for name, share in phone_share.items() if share < threshold}
    return dict(sorted(rare.items(), key=lambda item: item[1]))


class Census:
    """Counts over clips: who speaks what, and which phones fill the frames."""

    def __init__(self) -> None:
        self.motion = Moments()
        self._counters: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
        self._phones: dict[str, np.ndarray] = collections.defaultdict(lambda: np.zeros(len(PHONE_NAMES)))

    def add(self, clip: Clip) -> None:
        """Count one more clip."""
        self.motion.add(clip.motion.astype(np.float64))
        known = clip.phone[clip.phone != UNKNOWN_PHONE]
        self._phones[clip.language] += np.bincount(known, minlength=len(PHONE_NAMES))
        values = {
            "language": clip.language,
            "engine": clip.engine,
            "identity": EVERYBODY[clip.identity].name,
            "emotion": EMOTION_NAMES[clip.emotion],
        }
        for name, value in values.items():
            self._counters[name][value] += 1

    def counts(self, name: str) -> dict[str, int]:
        """Value -> number of clips, by value."""
        return dict(sorted(self._counters[name].items()))

    def phone_share(self) -> dict[str, float]:
        """Phone -> share of all frames whose phone is known."""
        return _shares(sum(self._phones.values(), np.zeros(len(PHONE_NAMES))))

    def phone_share_per_language(self) -> dict[str, dict[str, float]]:
        """Language -> phone -> share of its frames, of the phones that it has."""
        return {
            language: {name: round(share, 6) for name, share in _shares(counts).items() if share}
            for language, counts in sorted(self._phones.items())
        }


def _shares(counts: np.ndarray) -> dict[str, float]:
    shares = counts / max(float(counts.sum()), 1.0)
    return {name: float(share) for name, share in zip(PHONE_NAMES, shares, strict=True)}


class Moments:
    """Running mean, deviation and range per channel."""

    def __init__(self) -> None:
        self._count = 0
        self._sum = np.zeros(len(MODEL_CHANNELS))
        self._squares = np.zeros(len(MODEL_CHANNELS))
        self._minimum = np.full(len(MODEL_CHANNELS), np.inf)
        self._maximum = np.full(len(MODEL_CHANNELS), -np.inf)

    def add(self, motion: np.ndarray) -> None:
        """Take in the frames of one clip, (T, channels)."""
        self._count += len(motion)
        self._sum += motion.sum(axis=0)
        self._squares += (motion**2).sum(axis=0)
        self._minimum = np.minimum(self._minimum, motion.min(axis=0))
        self._maximum = np.maximum(self._maximum, motion.max(axis=0))

    def result(self) -> tuple[tuple[float, ...], ...]:
        """(mean, std, minimum, maximum)."""
        mean = self._sum / self._count
        std = np.sqrt(np.maximum(self._squares / self._count - mean**2, 0.0))
        return tuple(tuple(float(value) for value in values) for values in (mean, std, self._minimum, self._maximum))
