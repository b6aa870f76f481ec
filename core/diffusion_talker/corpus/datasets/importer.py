# SPDX-License-Identifier: GPL-3.0-or-later
"""A published data set becomes corpora, one folder for each of its splits: OUT/train, OUT/val, OUT/test.

A folder holds shards, a manifest and, for vertices, templates.npz. Which takes a shard holds is decided before any is
read, so that an interrupted import goes on where it was, and any number of workers writes the same bytes. A worker
holds the clips of one shard at a time.
"""

from __future__ import annotations

import concurrent.futures
import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import astuple, dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

import numpy as np

from diffusion_talker.audio import MOTION_RATE_HZ, SAMPLE_RATE_HZ
from diffusion_talker.channels import MODEL_CHANNELS
from diffusion_talker.corpus.datasets.pieces import cut
from diffusion_talker.corpus.datasets.sources import Dataset, Survey, Take
from diffusion_talker.corpus.datasets.tally import Tally
from diffusion_talker.corpus.emotions import EMOTION_NAMES
from diffusion_talker.corpus.phones import CLASS_OF_PHONE, PHONE_CLASSES, PHONE_NAMES, UNKNOWN_PHONE
from diffusion_talker.corpus.shards import (
    CORPUS_VERSION,
    MANIFEST_NAME,
    Clip,
    IdentityEntry,
    Manifest,
    ShardEntry,
    hash_file,
    shard_name,
    write_manifest,
    write_shard,
)
from diffusion_talker.corpus.workers import end_with_parent, leave_interrupts_to_parent, start_context
from diffusion_talker.errors import AudioError, CorpusError, OutputError, SettingsError
from diffusion_talker.files import atomic_write

TEMPLATES_NAME: Final = "templates.npz"
#: Motion and sound of one shard together; a single take may be more.
SHARD_BYTES: Final = 64 << 20
_PLAN_NAME: Final = "plan.json"
_AXES: Final = ("x", "y", "z")


@dataclass(frozen=True)
class Progress:
    """How far an import is. eta_s is None until a shard of this run is done."""

    takes: int
    total_takes: int
    eta_s: float | None


@dataclass(frozen=True)
class Imported:
    """manifests: split -> manifest; left_out: takes of the whole data set that could not even be tried, each with the
    reason. Every manifest lists these before its own."""

    manifests: Mapping[str, Manifest]
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class _Job:
    """One shard to make."""

    dataset: Dataset
    folder: Path
    index: int
    takes: tuple[Take, ...]
    identities: tuple[int, ...]

    @property
    def shard(self) -> Path:
        return self.folder / shard_name(self.index)

    @property
    def tally(self) -> Path:
        return self.shard.with_suffix(".json")


def import_dataset(
    dataset: Dataset,
    out: Path,
    splits: Sequence[str],
    workers: int = 1,
    command: str = "",
    report: Callable[[Progress], None] | None = None,
    shard_bytes: int = SHARD_BYTES,
) -> Imported:
    """Import the given splits of a data set, or finish an import that was interrupted.

    shard_bytes bounds a shard, and with it the memory of a worker. Raises CorpusError and OutputError.
    """
    if out.resolve().is_relative_to(dataset.folder.resolve()):  # a second look would find what the first has written
        raise CorpusError(f"'{out}' lies inside the data set. Choose a folder outside of '{dataset.folder}'.")
    survey = dataset.survey()
    if not survey.takes:
        first = f" The first reason: {survey.skipped[0]}." if survey.skipped else ""
        raise CorpusError(
            f"'{dataset.folder}' holds no usable take of {dataset.title}.{first} "
            "docs/datasets.md shows the layouts that are read."
        )
    jobs = {split: _plan(dataset, survey, out / split, split, shard_bytes) for split in splits}
    jobs = {split: planned for split, planned in jobs.items() if planned}
    if not jobs:
        raise CorpusError(
            f"'{dataset.folder}' holds no take of the split {', '.join(splits)}. "
            f"It has: {', '.join(sorted({take.split for take in survey.takes}))}."
        )
    _run([job for planned in jobs.values() for job in planned], workers, report)
    manifests = {split: _finish(dataset, survey, planned, command) for split, planned in jobs.items()}
    return Imported(manifests, survey.skipped)


def _plan(dataset: Dataset, survey: Survey, folder: Path, split: str, shard_bytes: int) -> list[_Job]:
    """The shards of a split; claims its folder, so that what was made from other takes is refused, not mixed."""
    takes = [take for take in survey.takes if take.split == split]
    if not takes:
        return []
    described = json.dumps([astuple(take) for take in takes] + [shard_bytes, survey.subjects])
    plan = {
        "version": CORPUS_VERSION,
        "dataset": dataset.name,
        "split": split,
        "takes": len(takes),
        "digest": hashlib.sha256(described.encode()).hexdigest(),
    }
    _claim(folder, plan)
    number = {subject: index for index, subject in enumerate(survey.subjects)}
    return [
        _Job(dataset, folder, index, group, tuple(number[take.subject] for take in group))
        for index, group in enumerate(_groups(takes, dataset.vertex_count, shard_bytes))
    ]


def _claim(folder: Path, plan: dict[str, object]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"Could not make the folder '{folder}': {error.strerror}. Choose another place.") from error
    path = folder / _PLAN_NAME
    if path.exists():
        try:
            found = json.loads(path.read_bytes())
        except ValueError:
            found = None
        if found != plan:
            raise CorpusError(f"'{folder}' holds an import of other files. Choose an empty folder, or delete it.")
    elif (folder / MANIFEST_NAME).exists() or any(folder.glob("shard_*.npz")):
        raise CorpusError(f"'{folder}' holds another corpus. Choose an empty folder, or delete it.")
    with atomic_write(path) as stream:
        stream.write(json.dumps(plan).encode())


def _groups(takes: Sequence[Take], vertex_count: int, shard_bytes: int) -> Iterator[tuple[Take, ...]]:
    """Takes of one shard after another, in order, each shard full but not over its size."""
    values = 3 * vertex_count or len(MODEL_CHANNELS)
    bytes_per_s = 2 * SAMPLE_RATE_HZ + 2 * values * MOTION_RATE_HZ
    shard, filled = 0, 0.0
    shards: list[int] = []
    for take in takes:
        size = take.seconds * bytes_per_s
        if filled > 0 and filled + size > shard_bytes:
            shard, filled = shard + 1, 0.0
        filled += size
        shards.append(shard)
    for _, members in groupby(zip(shards, takes, strict=True), key=lambda pair: pair[0]):
        yield tuple(take for _, take in members)


def _run(jobs: Sequence[_Job], workers: int, report: Callable[[Progress], None] | None) -> None:
    """Make every shard that is not there."""
    total = sum(len(job.takes) for job in jobs)
    done = sum(len(job.takes) for job in jobs if _is_made(job))
    missing = [job for job in jobs if not _is_made(job)]
    begun_s, new = time.monotonic(), 0
    for count in _made(missing, workers):
        done, new = done + count, new + count
        if report is not None:
            report(Progress(done, total, (time.monotonic() - begun_s) / new * (total - done)))
    if report is not None and not missing:
        report(Progress(done, total, 0.0))


def _is_made(job: _Job) -> bool:
    """A tally is written last; a shard none of whose takes could be used has nothing else."""
    tally = Tally.read(job.tally)
    return tally is not None and (tally.clips == 0 or job.shard.exists())


def _made(jobs: Sequence[_Job], workers: int) -> Iterator[int]:
    """Make shards and yield the number of takes of each that is done."""
    if workers <= 1:
        for job in jobs:
            yield _make_shard(job)
        return
    try:
        with concurrent.futures.ProcessPoolExecutor(workers, start_context(), initializer=_prepare_worker) as pool:
            futures = [pool.submit(_make_shard, job) for job in jobs]
            try:
                for future in concurrent.futures.as_completed(futures):
                    yield future.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    except BrokenProcessPool as error:
        raise CorpusError(
            "A worker process was killed, perhaps for memory. Run the command again with fewer workers; it resumes."
        ) from error


def _prepare_worker() -> None:
    leave_interrupts_to_parent()
    end_with_parent()


def _make_shard(job: _Job) -> int:
    """Make one shard with its tally; returns its number of takes. Runs in a worker process."""
    clips: list[Clip] = []
    skipped: list[str] = []
    remarks: list[str] = []
    for take, identity in zip(job.takes, job.identities, strict=True):
        try:
            found, said = _clips(job.dataset, take, identity)
        except (CorpusError, AudioError, SettingsError) as error:  # a sound may claim a rate that is none
            skipped.append(f"{take.name}: {error}")
            continue
        clips.extend(found)
        remarks.extend(f"{take.name}: {remark}" for remark in said)
    if clips:
        write_shard(job.shard, clips)
    Tally.of(clips, len(job.takes) - len(skipped), skipped, remarks).write(job.tally)
    return len(job.takes)


def _clips(dataset: Dataset, take: Take, identity: int) -> tuple[list[Clip], list[str]]:
    """Clips of a take, and what a user should know. The pieces of a long take bear its name: a transcript of the
    whole would be wrong for each of them, and training keeps clips of one text together."""
    pieces, remarks = cut(dataset.read(take))
    text = take.text if len(pieces) == 1 else take.name
    clips = [
        Clip(
            samples=piece.samples,
            motion=piece.motion,
            phone=np.full(len(piece.motion), UNKNOWN_PHONE, np.uint8),
            identity=identity,
            emotion=EMOTION_NAMES.index(take.emotion),
            intensity=take.intensity,
            language=take.language,
            engine=dataset.name,
            voice=take.subject,
            text=text,
            emotion_heard=take.emotion_heard,
        )
        for piece in pieces
    ]
    return clips, remarks


def _finish(dataset: Dataset, survey: Survey, jobs: Sequence[_Job], command: str) -> Manifest:
    """Write manifest and templates of a split whose shards are all there."""
    folder = jobs[0].folder
    tallies = [tally for job in jobs if (tally := Tally.read(job.tally)) is not None]
    whole = Tally.joined(tallies)
    if whole.clips == 0:
        raise CorpusError(f"No take could be used for '{folder}'. The first reason: {whole.skipped[0]}")
    if dataset.vertex_count:
        with atomic_write(folder / TEMPLATES_NAME) as stream:
            np.savez(stream, **dataset.templates())
    shards = tuple(
        ShardEntry(job.shard.name, hash_file(job.shard), tally.clips, tally.seconds)
        for job, tally in zip(jobs, tallies, strict=True)
        if tally.clips
    )
    manifest = _manifest(dataset, survey, whole, shards, command)
    write_manifest(folder, manifest)
    return manifest


def _manifest(dataset: Dataset, survey: Survey, whole: Tally, shards: tuple[ShardEntry, ...], command: str) -> Manifest:
    return Manifest(
        version=CORPUS_VERSION,
        seed=0,
        command=command,
        hours=whole.seconds / 3600,
        channels=_AXES if dataset.vertex_count else MODEL_CHANNELS,
        phones=PHONE_NAMES,
        phone_classes=PHONE_CLASSES,
        class_of_phone=CLASS_OF_PHONE,
        identities=tuple(IdentityEntry(name, f"{name} of {dataset.title}", {}) for name in survey.subjects),
        emotions=EMOTION_NAMES,
        shards=shards,
        mean=whole.moments.mean(),
        std=whole.moments.std(),
        minimum=whole.moments.minimum,
        maximum=whole.moments.maximum,
        clips_per_language=whole.counted("language"),
        clips_per_engine=whole.counted("engine"),
        clips_per_identity=whole.counted("identity", survey.subjects),
        clips_per_emotion=whole.counted("emotion", EMOTION_NAMES),
        skipped_clips=survey.skipped + whole.skipped,
        missing_channels=survey.missing_channels,
        vertex_count=dataset.vertex_count,
        licence=dataset.licence,
        remarks=whole.remarks,
    )
