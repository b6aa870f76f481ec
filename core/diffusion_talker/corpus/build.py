# SPDX-License-Identifier: GPL-3.0-or-later
"""Building a corpus: shards made by worker processes, resumable, the same for any number of workers.

Clip n of a corpus is a function of (seed, n); shard s holds clips [s * CLIPS_PER_SHARD, (s + 1) * CLIPS_PER_SHARD).
Shards are made in order until the wanted hours are reached, so the set of shards is a function of (seed, hours,
voices) too. What was made by other settings is refused, not mixed.
"""

from __future__ import annotations

import collections
import concurrent.futures
import json
import time
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from diffusion_talker import __version__
from diffusion_talker.audio import SAMPLE_RATE_HZ
from diffusion_talker.channels import MODEL_CHANNELS
from diffusion_talker.corpus import clips as clip_maker
from diffusion_talker.corpus.census import Census
from diffusion_talker.corpus.emotions import EMOTION_NAMES
from diffusion_talker.corpus.isolation import make_clip_isolated
from diffusion_talker.corpus.phones import CLASS_OF_PHONE, PHONE_CLASSES, PHONE_NAMES
from diffusion_talker.corpus.recordings.build import (
    RecordedPart,
    RecordedSettings,
    Report,
    build_recorded,
    check_recorded,
)
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
from diffusion_talker.corpus.strangers import EVERYBODY, STRANGERS
from diffusion_talker.corpus.talkers import TALKERS, Talker
from diffusion_talker.corpus.workers import end_with_parent, start_context
from diffusion_talker.errors import CorpusError
from diffusion_talker.files import atomic_write

CLIPS_PER_SHARD = 48
ENGINES = ("espeak", "flite", "festival")
_PLAN_NAME = "plan.json"


@dataclass(frozen=True)
class BuildSettings:
    """What to build. hours: audio to reach; clips_per_shard is part of the corpus' identity (tests make it small).

    test_set: talkers that no training corpus has, in place of the library's.
    """

    hours: float
    seed: int = 0
    engines: tuple[str, ...] = ENGINES
    clips_per_shard: int = CLIPS_PER_SHARD
    test_set: bool = False


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


def missing_voices(engines: tuple[str, ...], test_set: bool = False) -> dict[str, str]:
    """Voice -> why it cannot be used here, of the engines that can."""
    usable = tuple(engine for engine in engines if clip_maker.missing_reason(engine) is None)
    talkers = STRANGERS if test_set else TALKERS
    specs = {(spec.engine, spec.voice) for talker in talkers for spec in talker.voices if spec.engine in usable}
    reasons = {voice: clip_maker.missing_reason(engine, voice) for engine, voice in sorted(specs)}
    return {voice: reason for voice, reason in reasons.items() if reason is not None}


def build_corpus(
    folder: Path,
    settings: BuildSettings,
    workers: int = 1,
    command: str = "",
    report: Callable[[Progress], None] | None = None,
    recorded: RecordedSettings | None = None,
    report_recorded: Report | None = None,
) -> Manifest:
    """Build a corpus, or finish one that was interrupted. Raises CorpusError, BundleError and OutputError.

    recorded: recordings to add to the hours of synthetic speech.
    """
    absent = missing_engines(settings.engines)
    usable = tuple(engine for engine in settings.engines if engine not in absent)
    if not usable:
        raise CorpusError("No speech engine is usable. " + " ".join(absent.values()))
    folder.mkdir(parents=True, exist_ok=True)
    _claim(folder, settings, usable)
    if recorded is not None:
        check_recorded(folder, recorded, settings.seed)
    count = _make_shards(folder, settings, usable, workers, report)
    for surplus in sorted(folder.glob("shard_*.npz"))[count:]:
        surplus.unlink()  # made ahead of need by a larger number of workers
    part = _add_recorded(folder, settings, recorded, workers, report_recorded)
    manifest = _describe(folder, settings, count, command, tuple(sorted(absent)), part)
    if recorded is not None and not recorded.only_held_out:
        manifest = replace(manifest, held_out_speakers=tuple(sorted(recorded.held_out)))
    write_manifest(folder, manifest)
    return manifest


def _add_recorded(
    folder: Path, settings: BuildSettings, recorded: RecordedSettings | None, workers: int, report: Report | None
) -> RecordedPart:
    if recorded is None:
        return RecordedPart()
    return build_recorded(folder, recorded, settings.seed, settings.hours, settings.clips_per_shard, workers, report)


def _claim(folder: Path, settings: BuildSettings, usable: tuple[str, ...]) -> None:
    """Note what this folder is being built with; refuse to go on with other settings."""
    plan = {**asdict(settings), "engines": list(usable), "version": CORPUS_VERSION}
    absent = sorted(missing_voices(usable, settings.test_set))
    if absent:
        plan["missing_voices"] = absent
    path = folder / _PLAN_NAME
    if path.exists():
        found = {"test_set": False, **json.loads(path.read_text(encoding="utf-8"))}
        changed = [key for key in plan if key != "hours" and found.get(key) != plan[key]]
        if changed:
            raise CorpusError(
                f"{folder} holds a corpus of another {', '.join(changed)}. Choose an empty folder, or delete it."
            )
    with atomic_write(path) as stream:
        stream.write(json.dumps(plan).encode())


def _make_shards(
    folder: Path,
    settings: BuildSettings,
    usable: tuple[str, ...],
    workers: int,
    report: Callable[[Progress], None] | None,
) -> int:
    """Make what is missing, in order; returns how many shards reach the wanted hours."""
    tally = _Tally(settings.hours, report)
    pending: collections.deque[concurrent.futures.Future[tuple[float, bool]]] = collections.deque()
    context = start_context(preload=__name__)  # workers have loaded the program and used no engine yet
    try:
        with concurrent.futures.ProcessPoolExecutor(workers, context, initializer=end_with_parent) as pool:
            while not tally.is_reached:
                while len(pending) < workers:
                    pending.append(pool.submit(_make_shard, folder, settings, usable, tally.shards + len(pending)))
                tally.add(*pending.popleft().result())
            for future in pending:
                future.cancel()
    except BrokenProcessPool as error:
        raise CorpusError(
            "A worker process was killed, perhaps for memory. Run the command again; it resumes."
        ) from error
    return tally.shards


class _Tally:
    """Hours that are done, told to whoever wants to know."""

    def __init__(self, target_hours: float, report: Callable[[Progress], None] | None) -> None:
        self.shards = 0
        self._hours = 0.0
        self._new_hours = 0.0
        self._target_hours = target_hours
        self._report = report
        self._begun_s = time.monotonic()

    @property
    def is_reached(self) -> bool:
        return self._hours >= self._target_hours

    def add(self, hours: float, is_new: bool) -> None:
        """Count one more shard."""
        self.shards += 1
        self._hours += hours
        self._new_hours += hours * is_new
        if self._report is not None:
            pace_s = (time.monotonic() - self._begun_s) / self._new_hours if self._new_hours else None
            eta_s = None if pace_s is None else pace_s * max(self._target_hours - self._hours, 0.0)
            self._report(Progress(self.shards, self._hours, self._target_hours, eta_s))


def _make_shard(folder: Path, settings: BuildSettings, usable: tuple[str, ...], index: int) -> tuple[float, bool]:
    """Make one shard unless it is there; returns (its hours, whether it is new). Runs in a worker process."""
    path = folder / shard_name(index)
    if path.exists():
        return _hours(read_shard(path)), False
    voices = clip_maker.usable_voices(usable, settings.test_set)
    clips: list[Clip] = []
    skipped: list[str] = []
    first = index * settings.clips_per_shard
    for number in range(first, first + settings.clips_per_shard):
        try:
            clips.append(make_clip_isolated(settings.seed, number, voices))
        except CorpusError as error:
            skipped.append(f"{number}: {error}")
    if not clips:
        raise CorpusError(f"No clip of shard {index} could be made. The first reason: {skipped[0]}")
    if skipped:
        (folder / f"shard_{index:05d}.skipped").write_text("\n".join(skipped) + "\n", encoding="utf-8")
    write_shard(path, clips)
    return _hours(clips), True


def _hours(clips: list[Clip]) -> float:
    return sum(len(clip.samples) for clip in clips) / SAMPLE_RATE_HZ / 3600


def _describe(
    folder: Path, settings: BuildSettings, count: int, command: str, absent: tuple[str, ...], recorded: RecordedPart
) -> Manifest:
    """Read everything back: hashes, counts and statistics of what is really on disk."""
    entries: list[ShardEntry] = []
    census = Census()
    for name in (*map(shard_name, range(count)), *recorded.shard_names):
        path = folder / name
        clips = read_shard(path)
        entries.append(ShardEntry(path.name, hash_file(path), len(clips), _hours(clips) * 3600))
        for clip in clips:
            census.add(clip)
    mean, std, minimum, maximum = census.motion.result()
    return Manifest(
        version=CORPUS_VERSION,
        seed=settings.seed,
        command=command,
        hours=sum(entry.seconds for entry in entries) / 3600,
        channels=MODEL_CHANNELS,
        phones=PHONE_NAMES,
        phone_classes=PHONE_CLASSES,
        class_of_phone=CLASS_OF_PHONE,
        identities=tuple(IdentityEntry(t.name, t.description, asdict(t.axes)) for t in _talkers(settings)),
        emotions=EMOTION_NAMES,
        shards=tuple(entries),
        mean=mean,
        std=std,
        minimum=minimum,
        maximum=maximum,
        clips_per_language=census.counts("language"),
        clips_per_engine=census.counts("engine"),
        clips_per_identity=census.counts("identity"),
        clips_per_emotion=census.counts("emotion"),
        phone_share=census.phone_share(),
        phone_share_per_language=census.phone_share_per_language(),
        program_version=__version__,
        engine_versions={
            engine: clip_maker.engine_version(engine) for engine in settings.engines if engine not in absent
        },
        missing_voices=missing_voices(settings.engines, settings.test_set),
        skipped_clips=_skipped(folder),
        missing_engines=absent,
        recorded_sources=recorded.sources,
        recogniser_sha256=recorded.recogniser_sha256,
    )


def _talkers(settings: BuildSettings) -> tuple[Talker, ...]:
    """Whom clips name by number: in a test set strangers follow the library, whose faces recordings borrow."""
    return EVERYBODY if settings.test_set else TALKERS


def _skipped(folder: Path) -> tuple[str, ...]:
    return tuple(
        line for path in sorted(folder.glob("*.skipped")) for line in path.read_text(encoding="utf-8").splitlines()
    )
