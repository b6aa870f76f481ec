# SPDX-License-Identifier: GPL-3.0-or-later
"""What a finished shard holds, kept beside it so that an import that was interrupted need not read it again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from diffusion_talker.audio import SAMPLE_RATE_HZ
from diffusion_talker.corpus.shards import Clip
from diffusion_talker.files import atomic_write

_COUNTED: Final = ("language", "engine", "identity", "emotion")


@dataclass(frozen=True)
class Moments:
    """Sums over motion frames for mean, deviation and range: one value a channel, or one an axis for vertices."""

    count: int = 0
    total: tuple[float, ...] = ()
    squares: tuple[float, ...] = ()
    minimum: tuple[float, ...] = ()
    maximum: tuple[float, ...] = ()

    @classmethod
    def of(cls, motion: np.ndarray) -> Moments:
        """Moments of (T, C) or (T, V, 3) motion over everything but the last axis."""
        columns = [motion[..., channel].astype(np.float32).ravel() for channel in range(motion.shape[-1])]
        return cls(
            columns[0].size,
            tuple(float(column.sum(dtype=np.float64)) for column in columns),
            tuple(float(np.square(column).sum(dtype=np.float64)) for column in columns),
            tuple(float(column.min()) for column in columns),
            tuple(float(column.max()) for column in columns),
        )

    def plus(self, other: Moments) -> Moments:
        """Moments of both together."""
        if self.count == 0 or other.count == 0:
            return other if self.count == 0 else self
        return Moments(
            self.count + other.count,
            tuple(a + b for a, b in zip(self.total, other.total, strict=True)),
            tuple(a + b for a, b in zip(self.squares, other.squares, strict=True)),
            tuple(min(a, b) for a, b in zip(self.minimum, other.minimum, strict=True)),
            tuple(max(a, b) for a, b in zip(self.maximum, other.maximum, strict=True)),
        )

    def mean(self) -> tuple[float, ...]:
        return tuple(total / self.count for total in self.total)

    def std(self) -> tuple[float, ...]:
        pairs = zip(self.squares, self.mean(), strict=True)
        return tuple(max(squares / self.count - mean**2, 0.0) ** 0.5 for squares, mean in pairs)


@dataclass(frozen=True)
class Tally:
    """One shard, or several together. counts: kind ("language", "engine", "identity", "emotion") -> value -> clips;
    skipped, remarks: lines "take: reason"."""

    clips: int = 0
    seconds: float = 0.0
    takes: int = 0
    moments: Moments = Moments()
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @classmethod
    def of(cls, clips: Sequence[Clip], takes: int, skipped: Sequence[str], remarks: Sequence[str]) -> Tally:
        """Tally of the clips of one shard."""
        moments = Moments()
        for clip in clips:
            moments = moments.plus(Moments.of(clip.motion))
        counts = {kind: dict(Counter(str(getattr(clip, kind)) for clip in clips)) for kind in _COUNTED}
        seconds = sum(len(clip.samples) for clip in clips) / SAMPLE_RATE_HZ
        return cls(len(clips), seconds, takes, moments, counts, tuple(skipped), tuple(remarks))

    @classmethod
    def joined(cls, tallies: Iterable[Tally]) -> Tally:
        """Several shards together."""
        whole = cls()
        for tally in tallies:
            counts = {
                kind: dict(Counter(whole.counts.get(kind, {})) + Counter(tally.counts.get(kind, {})))
                for kind in _COUNTED
            }
            whole = cls(
                whole.clips + tally.clips,
                whole.seconds + tally.seconds,
                whole.takes + tally.takes,
                whole.moments.plus(tally.moments),
                counts,
                whole.skipped + tally.skipped,
                whole.remarks + tally.remarks,
            )
        return whole

    def counted(self, kind: str, names: Sequence[str] = ()) -> dict[str, int]:
        """Value -> clips, by value; where `names` are given, values are numbers into them."""
        found = self.counts.get(kind, {})
        return dict(sorted((names[int(value)] if names else value, count) for value, count in found.items()))

    def write(self, path: Path) -> None:
        """Raises OutputError."""
        with atomic_write(path) as stream:
            stream.write(json.dumps(asdict(self)).encode())

    @classmethod
    def read(cls, path: Path) -> Tally | None:
        """The tally in a file, or None when there is none that can be used."""
        try:
            data = json.loads(path.read_bytes())
            moments = {key: value if key == "count" else tuple(value) for key, value in data.pop("moments").items()}
            lists = {key: tuple(data.pop(key)) for key in ("skipped", "remarks")}
            return cls(**data, **lists, moments=Moments(**moments))
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None
