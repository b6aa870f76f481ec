# SPDX-License-Identifier: GPL-3.0-or-later
"""Building a corpus: shards made by worker processes, resumable, the same for any number of workers.

Clip n of a corpus is a function of (seed, n); shard s holds clips [s * CLIPS_PER_SHARD, (s + 1) * CLIPS_PER_SHARD). Shards are made in order until the
wanted hours are reached, so the set of shards is a function of (seed, hours, voices) too. What was made by other settings is refused, not mixed.
"""

from __future__ import annotations

import collections
import concurrent.futures
import json
import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from diffusion_talker.audio import SAMPLE_RATE_HZ
from diffusion_talker.channels import MODEL_CHANNELS
from diffusion_talker.corpus import clips as clip_maker
from diffusion_talker.corpus.emotions import EMOTION_NAMES
from diffusion_talker.corpus.phones import PHONE_CLASSES
from diffusion_talker.corpus.shards import (
    CORPUS_VERSION,
    Clip,
    IdentityEntry,
    Manifest,
    ShardEntry,
    hash_file,
    read_shard,
    shard_name,
    write_manifest,
    write_shard,
)
from diffusion_talker.corpus.talkers import TALKERS
from diffusion_talker.errors import CorpusError
from diffusion_talker.files import atomic_write

CLIPS_PER_SHARD = 48
ENGINES = ("espeak", "flite", "festival")
_PLAN_NAME = "plan.json"
_MAX_CRASHES = 20


@dataclass(frozen=True)
class BuildSettings:
    """What to build. hours: audio to reach; clips_per_shard is part of the corpus' identity (tests make it small)."""

    hours: float
    seed: int = 0
    engines: tuple[str, ...] = ENGINES
    clips_per_shard: int = CLIPS_PER_SHARD


@dataclass(frozen=True)
class Progress:
    """How far a build is. eta_s is None until the first shard is done."""

    shards: int
    hours: float
    target_hours: float
    eta_s: float | None


def missing_engines(engines: tuple[str, ...]) -> dict[str, str]:
    """Engine -> why it cannot be used here."""
    reasons = {engine: clip_maker.missing_reason(engine) for engine in engines}
    return {engine: reason for engine, reason in reasons.items() if reason is not None}


def build_corpus(
    folder: Path, settings: BuildSettings, workers: int = 1, command: str = "", report: Callable[[Progress], None] | None = None
) -> Manifest:
    """Build a corpus, or finish one that was interrupted. Raises CorpusError and OutputError."""
    absent = missing_engines(settings.engines)
    usable = tuple(engine for engine in settings.engines if engine not in absent)
    if not usable:
        raise CorpusError("No speech engine is usable. " + " ".join(absent.values()))
    folder.mkdir(parents=True, exist_ok=True)
    _claim(folder, settings, usable)
    count = _make_shards(folder, settings, usable, workers, report)
    for surplus in sorted(folder.glob("shard_*.npz"))[count:]:
        surplus.unlink()  # made ahead of need by a larger number of workers
    manifest = _describe(folder, settings, count, command, tuple(sorted(absent)))
    write_manifest(folder, manifest)
    return manifest


def _claim(folder: Path, settings: BuildSettings, usable: tuple[str, ...]) -> None:
    """Note what this folder is being built with; refuse to go on with other settings."""
    plan = {**asdict(settings), "engines": list(usable), "version": CORPUS_VERSION}
    path = folder / _PLAN_NAME
    if path.exists():
        found = json.loads(path.read_text(encoding="utf-8"))
        changed = [key for key in plan if key != "hours" and found.get(key) != plan[key]]
        if changed:
            raise CorpusError(f"{folder} holds a corpus built with another {', '.join(changed)}. Choose an empty folder, or delete it.")
    with atomic_write(path) as stream:
        stream.write(json.dumps(plan).encode())


def _make_shards(
    folder: Path, settings: BuildSettings, usable: tuple[str, ...], workers: int, report: Callable[[Progress], None] | None
) -> int:
    """Make what is missing, in order; returns how many shards reach the wanted hours. A crash of an engine costs one clip."""
    hours: list[float] = []
    begun_s = time.monotonic()
    made_hours, crashes = 0.0, 0
    while True:
        try:
            with concurrent.futures.ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
                pending: collections.deque[concurrent.futures.Future[tuple[float, bool]]] = collections.deque()
                while sum(hours) < settings.hours:
                    while len(pending) < workers:
                        pending.append(pool.submit(_make_shard, folder, settings, usable, len(hours) + len(pending)))
                    shard_hours, is_new = pending[0].result()
                    pending.popleft()
                    hours.append(shard_hours)
                    made_hours += shard_hours * is_new
                    _report(report, len(hours), sum(hours), settings.hours, made_hours, time.monotonic() - begun_s)
                for future in pending:
                    future.cancel()
            return len(hours)
        except BrokenProcessPool as error:
            crashes += 1
            if crashes > _MAX_CRASHES:
                raise CorpusError("The speech engines crashed again and again. Leave one out with --engines.") from error
            _mark_crashed(folder)


def _report(report: Callable[[Progress], None] | None, shards: int, hours: float, target: float, made: float, elapsed_s: float) -> None:
    if report is not None:
        eta_s = elapsed_s / made * max(target - hours, 0.0) if made > 0 else None
        report(Progress(shards, hours, target, eta_s))


def _make_shard(folder: Path, settings: BuildSettings, usable: tuple[str, ...], index: int) -> tuple[float, bool]:
    """Make one shard unless it is there; returns (its hours, whether it is new). Runs in a worker process."""
    path = folder / shard_name(index)
    if path.exists():
        return _hours(read_shard(path)), False
    voices = clip_maker.usable_voices(usable)
    attempt = folder / f"shard_{index:05d}.attempt"
    crashed = _crashed_clips(folder)
    clips: list[Clip] = []
    skipped: list[str] = []
    first = index * settings.clips_per_shard
    for number in range(first, first + settings.clips_per_shard):
        if number in crashed:
            skipped.append(f"{number}: the engine crashed")
            continue
        attempt.write_text(str(number))
        try:
            clips.append(clip_maker.make_clip(settings.seed, number, voices))
        except CorpusError as error:
            skipped.append(f"{number}: {error}")
    if not clips:
        raise CorpusError(f"No clip of shard {index} could be made. The first reason: {skipped[0]}")
    if skipped:
        (folder / f"shard_{index:05d}.skipped").write_text("\n".join(skipped) + "\n", encoding="utf-8")
    write_shard(path, clips)
    attempt.unlink(missing_ok=True)
    return _hours(clips), True


def _hours(clips: list[Clip]) -> float:
    return sum(len(clip.samples) for clip in clips) / SAMPLE_RATE_HZ / 3600


def _mark_crashed(folder: Path) -> None:
    """Note the clips that were being made when a worker died. Its healthy neighbours are noted too: a few clips are no loss."""
    numbers = {int(path.read_text() or -1) for path in folder.glob("*.attempt")}
    with open(folder / "crashed.txt", "a", encoding="utf-8") as file:
        file.writelines(f"{number}\n" for number in sorted(numbers))
    for path in folder.glob("*.attempt"):
        path.unlink()


def _crashed_clips(folder: Path) -> frozenset[int]:
    path = folder / "crashed.txt"
    return frozenset(int(line) for line in path.read_text().split()) if path.exists() else frozenset()


def _describe(folder: Path, settings: BuildSettings, count: int, command: str, absent: tuple[str, ...]) -> Manifest:
    """Read everything back: hashes, counts and statistics of what is really on disk."""
    entries: list[ShardEntry] = []
    counters: dict[str, collections.Counter[str]] = {name: collections.Counter() for name in ("language", "engine", "identity", "emotion")}
    phones = np.zeros(len(PHONE_CLASSES))
    moments = _Moments()
    for index in range(count):
        path = folder / shard_name(index)
        clips = read_shard(path)
        entries.append(ShardEntry(path.name, hash_file(path), len(clips), _hours(clips) * 3600))
        for clip in clips:
            counters["language"][clip.language] += 1
            counters["engine"][clip.engine] += 1
            counters["identity"][TALKERS[clip.identity].name] += 1
            counters["emotion"][EMOTION_NAMES[clip.emotion]] += 1
            phones += np.bincount(clip.phone, minlength=len(PHONE_CLASSES))
            moments.add(clip.motion.astype(np.float64))
    mean, std, minimum, maximum = moments.result()
    return Manifest(
        version=CORPUS_VERSION,
        seed=settings.seed,
        command=command,
        hours=sum(entry.seconds for entry in entries) / 3600,
        channels=MODEL_CHANNELS,
        phone_classes=PHONE_CLASSES,
        identities=tuple(IdentityEntry(talker.name, talker.description, asdict(talker.axes)) for talker in TALKERS),
        emotions=EMOTION_NAMES,
        shards=tuple(entries),
        mean=mean,
        std=std,
        minimum=minimum,
        maximum=maximum,
        clips_per_language=dict(sorted(counters["language"].items())),
        clips_per_engine=dict(sorted(counters["engine"].items())),
        clips_per_identity=dict(sorted(counters["identity"].items())),
        clips_per_emotion=dict(sorted(counters["emotion"].items())),
        phone_share={name: float(share) for name, share in zip(PHONE_CLASSES, phones / max(phones.sum(), 1))},
        skipped_clips=_skipped(folder),
        missing_engines=absent,
    )


def _skipped(folder: Path) -> tuple[str, ...]:
    return tuple(line for path in sorted(folder.glob("*.skipped")) for line in path.read_text(encoding="utf-8").splitlines())


class _Moments:
    """Running mean, deviation and range per channel."""

    def __init__(self) -> None:
        self._count = 0
        self._sum = np.zeros(len(MODEL_CHANNELS))
        self._squares = np.zeros(len(MODEL_CHANNELS))
        self._minimum = np.full(len(MODEL_CHANNELS), np.inf)
        self._maximum = np.full(len(MODEL_CHANNELS), -np.inf)

    def add(self, motion: np.ndarray) -> None:
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
