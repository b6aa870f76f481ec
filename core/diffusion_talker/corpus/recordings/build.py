# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorded speech as shards of a corpus: heard once, then lent to as many faces as the wanted share needs.

recorded_pieces.jsonl keeps what was heard; recorded_00000.npz and on are shards like all others. Pieces are a function
of the recordings and the recogniser, clips of those and the seed; a build that was interrupted goes on, one of other
settings is refused.
"""

from __future__ import annotations

import collections
import concurrent.futures
import concurrent.futures.process
import hashlib
import json
import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from diffusion_talker.corpus.phones import PHONE_NAMES
from diffusion_talker.corpus.recordings.faces import ClipPlan, PiecePlace, make_recorded_clip, named_rng
from diffusion_talker.corpus.recordings.listening import load_listener
from diffusion_talker.corpus.recordings.pieces import (
    CONFIDENT,
    CONFIDENT_OF_WORDS,
    LEAST_CONFIDENT_SHARE,
    LEAST_PIECE_S,
    LONGEST_PIECE_S,
    HeardPhone,
    Listener,
    Piece,
    find_pieces,
    load_samples,
)
from diffusion_talker.corpus.recordings.sources import Recording, Source, find_sources
from diffusion_talker.corpus.recordings.split import HELD_OUT_SPEAKERS
from diffusion_talker.corpus.shards import RecordedSource, hash_file, write_shard
from diffusion_talker.corpus.workers import end_with_parent, use_one_thread
from diffusion_talker.errors import AudioError, CorpusError, OutputError, SettingsError
from diffusion_talker.files import atomic_write

MOST_VARIANTS: Final = 6
#: Variants per round: hand-made labels and moods are rarer and worth more than what a recogniser guesses.
_LABELLED_VARIANTS: Final = 2
_PIECES_NAME: Final = "recorded_pieces.jsonl"
_PAUSES_AROUND_S: Final = 0.9  # what a clip's pauses last on average, to plan with
_PAUSE_BETWEEN_S: Final = 0.4
_FORMAT: Final = 1

_Job = TypeVar("_Job")
_Result = TypeVar("_Result")
#: Pieces of a recording; None without a way to find its phones; words when it cannot be used.
_Outcome = tuple[Piece, ...] | None | str
#: (what is being done, done, in all)
Report = Callable[[str, int, int], None]


@dataclass(frozen=True)
class RecordedSettings:
    """Which recordings to use. recogniser: file or folder, None uses labelled recordings alone; share: of the corpus'
    hours that is to be recorded; only_held_out: use the speakers of `held_out` and nobody else, for a test set."""

    folder: Path
    recogniser: Path | None = None
    share: float = 0.2
    held_out: frozenset[str] = HELD_OUT_SPEAKERS
    only_held_out: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise SettingsError(f"The share of recorded speech must lie between 0 and 1, not at {self.share:g}.")


@dataclass(frozen=True)
class RecordedPart:
    """What recordings gave: names of the shards, an account of every source, and the recogniser that listened."""

    shard_names: tuple[str, ...] = ()
    sources: tuple[RecordedSource, ...] = ()
    recogniser_sha256: str = ""


@dataclass(frozen=True)
class _Heard:
    """Pieces of one recording; None when there was no way to find its phones."""

    recording: Recording
    pieces: tuple[Piece, ...] | None


def recorded_shard_name(index: int) -> str:
    """File name of a shard of recorded speech."""
    return f"recorded_{index:05d}.npz"


def check_recorded(folder: Path, settings: RecordedSettings, seed: int) -> None:
    """Find out before an hour of synthesis what would stop the recorded part after it, and claim the folder for it.

    Raises CorpusError, BundleError, OutputError.
    """
    wanted = _wanted(find_sources(settings.folder), settings)
    if settings.recogniser is not None:
        load_listener(settings.recogniser)
    _read_outcomes(folder / _PIECES_NAME, _plan(settings, wanted, seed))


def _wanted(sources: Iterable[Source], settings: RecordedSettings) -> list[Recording]:
    """Recordings of the speakers to use. Raises CorpusError when a test set finds none of those that are held out."""
    every = [recording for source in sources for recording in source.recordings]
    wanted = [item for item in every if (item.speaker in settings.held_out) == settings.only_held_out]
    if settings.only_held_out and not wanted:
        raise CorpusError(
            f"'{settings.folder}' has no recording of {', '.join(sorted(settings.held_out)) or 'nobody'}. Name the "
            "speakers of the test set with --hold-out."
        )
    return wanted


def build_recorded(
    folder: Path,
    settings: RecordedSettings,
    seed: int,
    spoken_hours: float,
    clips_per_shard: int,
    workers: int = 1,
    report: Report | None = None,
    listener: Listener | None = None,
) -> RecordedPart:
    """Make the shards of recorded speech that belong beside `spoken_hours` of synthetic speech.

    listener: used in place of the recogniser's file, in this process. Raises CorpusError, BundleError, OutputError.
    """
    sources = find_sources(settings.folder)
    heard = _hear_all(folder, settings, _wanted(sources, settings), seed, workers, report, listener)
    places = [
        PiecePlace(item.recording, piece, number)
        for item in heard
        for number, piece in enumerate(item.pieces or ())
        if piece.is_sure
    ]
    target_s = spoken_hours * 3600 * settings.share / (1 - settings.share)
    shards = list(_shards_to_reach(plan_clips(places, seed), clips_per_shard, target_s))
    _make_shards(folder, shards, seed, workers, report)
    for surplus in sorted(folder.glob("recorded_*.npz"))[len(shards) :]:
        surplus.unlink()
    minutes = _minutes_by_source(shards)
    account = tuple(
        _account(source, heard, settings, minutes[source.recordings[0].source]) for source in sources
    )
    names = tuple(recorded_shard_name(i) for i in range(len(shards)))
    return RecordedPart(names, account, _hash_recogniser(settings.recogniser))


def _account(source: Source, heard: Iterable[_Heard], settings: RecordedSettings, minutes: float) -> RecordedSource:
    own = [item for item in heard if item.recording.source == source.recordings[0].source]
    pieces = [piece for item in own for piece in item.pieces or ()]
    return RecordedSource(
        name=source.name,
        licence=source.licence,
        recordings=len(source.recordings),
        pieces=sum(piece.is_sure for piece in pieces),
        unsure_pieces=sum(not piece.is_sure for piece in pieces),
        unheard_recordings=sum(item.pieces is None for item in own),
        held_out_recordings=sum((r.speaker in settings.held_out) != settings.only_held_out for r in source.recordings),
        minutes=minutes,
    )


def plan_clips(places: Sequence[PiecePlace], seed: int) -> Iterator[ClipPlan]:
    """All clips that pieces can make, best spread first: rounds in which every piece is said by other faces, labelled
    ones twice a round, none more than MOST_VARIANTS times."""
    labelled = [place for place in places if place.recording.labels is not None]
    others = [place for place in places if place.recording.labels is None]
    for turn in range(MOST_VARIANTS):
        plans = _compose(others, turn, seed)
        for variant in range(turn * _LABELLED_VARIANTS, min((turn + 1) * _LABELLED_VARIANTS, MOST_VARIANTS)):
            plans += _compose(labelled, variant, seed)
        order = named_rng(seed, "order", str(turn)).permutation(len(plans))
        yield from (plans[i] for i in order)


def _compose(places: Sequence[PiecePlace], variant: int, seed: int) -> list[ClipPlan]:
    """Every piece in one clip: short ones of the same speaker in the same mood are said one after another."""
    groups: dict[tuple[str, str, bool], list[PiecePlace]] = collections.defaultdict(list)
    for place in places:
        groups[place.recording.speaker, place.recording.emotion, place.recording.emotion_heard].append(place)
    plans: list[ClipPlan] = []
    for key, group in groups.items():
        rng = named_rng(seed, "compose", str(variant), *map(str, key))
        chain: list[PiecePlace] = []
        target_s = 0.0
        for i in rng.permutation(len(group)):
            place = group[i]
            if place.piece.duration_s >= LEAST_PIECE_S:
                plans.append(ClipPlan((place,), variant))
                continue
            if chain and _planned_s((*chain, place)) > max(target_s, LEAST_PIECE_S):
                plans.append(ClipPlan(tuple(chain), variant))
                chain = []
            if not chain:
                target_s = float(rng.uniform(LEAST_PIECE_S, LONGEST_PIECE_S))
            chain.append(place)
        if chain:
            plans.append(ClipPlan(tuple(chain), variant))
    return plans


def _planned_s(places: Sequence[PiecePlace]) -> float:
    return sum(place.piece.duration_s + _PAUSE_BETWEEN_S for place in places) - _PAUSE_BETWEEN_S + _PAUSES_AROUND_S


def _shards_to_reach(
    plans: Iterable[ClipPlan], clips_per_shard: int, target_s: float
) -> Iterator[tuple[ClipPlan, ...]]:
    """Whole shards until the wanted length is planned, or no plan is left."""
    planned_s = 0.0
    shard: list[ClipPlan] = []
    for plan in plans:
        if planned_s >= target_s and not shard:
            return
        shard.append(plan)
        planned_s += _planned_s(plan.places)
        if len(shard) == clips_per_shard:
            yield tuple(shard)
            shard = []
    if shard:
        yield tuple(shard)


def _minutes_by_source(shards: Iterable[Sequence[ClipPlan]]) -> collections.Counter[str]:
    minutes: collections.Counter[str] = collections.Counter()
    for shard in shards:
        for plan in shard:
            minutes[plan.places[0].recording.source] += sum(place.piece.duration_s for place in plan.places) / 60
    return minutes


def _make_shards(
    folder: Path, shards: Sequence[tuple[ClipPlan, ...]], seed: int, workers: int, report: Report | None
) -> None:
    jobs = [(folder, index, plans, seed) for index, plans in enumerate(shards)]
    for done, _ in enumerate(_in_workers(_make_shard, jobs, workers), 1):
        if report is not None:
            report("shards of recorded speech", done, len(jobs))


def _make_shard(job: tuple[Path, int, tuple[ClipPlan, ...], int]) -> None:
    """One shard, unless it is there. Runs in a worker process."""
    folder, index, plans, seed = job
    path = folder / recorded_shard_name(index)
    if path.exists():
        return
    clips, skipped = [], []
    for plan in plans:
        try:
            clips.append(make_recorded_clip(plan, seed))
        except (CorpusError, AudioError) as error:
            skipped.append(f"{plan.places[0].name}: {error}")
    if not clips:
        raise CorpusError(f"No clip of recorded shard {index} could be made. The first reason: {skipped[0]}")
    if skipped:
        path.with_suffix(".skipped").write_text("\n".join(skipped) + "\n", encoding="utf-8")
    write_shard(path, clips)


def _in_workers(work: Callable[[_Job], _Result], jobs: Sequence[_Job], workers: int) -> Iterator[_Result]:
    """Results in the order of the jobs, from processes that start fresh; from this one when there is one worker."""
    if workers <= 1 or len(jobs) < 2:
        yield from map(work, jobs)
        return
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(workers, mp_context=context, initializer=_prepare_worker) as pool:
        try:
            yield from pool.map(work, jobs)
        except concurrent.futures.process.BrokenProcessPool as error:
            raise CorpusError(
                "A worker process was killed, perhaps for memory. Run the command again; it resumes."
            ) from error
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _prepare_worker() -> None:
    use_one_thread()
    end_with_parent()


def _hear_all(
    folder: Path,
    settings: RecordedSettings,
    recordings: Sequence[Recording],
    seed: int,
    workers: int,
    report: Report | None,
    listener: Listener | None,
) -> list[_Heard]:
    """Pieces of all recordings; what this folder has already is not heard again."""
    path = folder / _PIECES_NAME
    outcomes = _read_outcomes(path, _plan(settings, recordings, seed))
    missing = [recording for recording in recordings if _key(recording) not in outcomes]
    jobs = [(recording, settings.recogniser, listener) for recording in missing]
    for recording, outcome in zip(missing, _in_workers(_hear, jobs, 1 if listener else workers), strict=True):
        outcomes[_key(recording)] = outcome
        _append_line(path, json.dumps([_key(recording), _rows(outcome)], ensure_ascii=False))
        if report is not None:
            report("recordings heard", len(outcomes), len(recordings))
    failed = [f"{key}: {outcome}\n" for key, outcome in sorted(outcomes.items()) if isinstance(outcome, str)]
    if failed:
        path.with_suffix(".skipped").write_text("".join(failed), encoding="utf-8")
    found = ((recording, outcomes[_key(recording)]) for recording in recordings)
    return [_Heard(recording, outcome) for recording, outcome in found if not isinstance(outcome, str)]


def _key(recording: Recording) -> str:
    return f"{recording.source}/{recording.name}"


def _hear(job: tuple[Recording, Path | None, Listener | None]) -> _Outcome:
    """What one recording gives. Runs in a worker process."""
    recording, recogniser, listener = job
    if recording.labels is None and listener is None:
        if recogniser is None:
            return None
        listener = load_listener(recogniser)
    try:
        return find_pieces(recording, load_samples(recording), listener)
    except (CorpusError, AudioError) as error:
        return str(error)


def _plan(settings: RecordedSettings, recordings: Sequence[Recording], seed: int) -> dict[str, str]:
    """What the recorded part of a corpus is a function of."""
    known = "\n".join(f"{r.source}/{r.name} {r.path.stat().st_size} {r.text} {r.labels}" for r in recordings)
    return {
        "format": str(_FORMAT),
        "seed": str(seed),
        "recogniser": _hash_recogniser(settings.recogniser),
        "held-out speakers": ",".join(sorted(settings.held_out)),
        "recordings": hashlib.sha256(known.encode()).hexdigest(),
        "phone inventory": hashlib.sha256(" ".join(PHONE_NAMES).encode()).hexdigest(),
        "confidence": f"{CONFIDENT} {CONFIDENT_OF_WORDS} {LEAST_CONFIDENT_SHARE}",
    }


def _hash_recogniser(path: Path | None) -> str:
    """SHA-256 of the recogniser's files; empty without one."""
    if path is None:
        return ""
    if path.is_file():
        return hash_file(path)
    return ",".join(hash_file(file) for file in sorted(path.glob("*.safetensors")))


def _read_outcomes(path: Path, plan: dict[str, str]) -> dict[str, _Outcome]:
    """What was heard so far, by recording. The file starts with the plan and has a line for each recording; one that
    was being written when the build was killed is cut off. Raises CorpusError for another plan and OutputError."""
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")[:-1] if path.exists() else []
    try:
        changed = [key for key in plan if json.loads(lines[0]).get(key) != plan[key]] if lines else []
        outcomes = {key: _outcome(rows) for key, rows in map(json.loads, lines[1:])}
    except (ValueError, TypeError, AttributeError) as error:
        raise CorpusError(f"{path} is damaged ({error}). Delete it and run the command again.") from error
    if changed:
        raise CorpusError(
            f"{path.parent} holds recorded speech of another {', '.join(changed)}. "
            "Choose an empty folder, or delete it."
        )
    with atomic_write(path) as stream:
        stream.write("".join(f"{line}\n" for line in lines or [json.dumps(plan)]).encode())
    return outcomes


def _append_line(path: Path, line: str) -> None:
    try:
        with open(path, "a", encoding="utf-8") as stream:
            stream.write(line + "\n")
    except OSError as error:
        raise OutputError(f"'{path}' cannot be written: {error.strerror}. Free some space and run it again.") from error


def _rows(outcome: _Outcome) -> list | str | None:
    if outcome is None or isinstance(outcome, str):
        return outcome
    return [
        [piece.start_s, piece.end_s, piece.confidence, [[p.name, p.start_s, p.end_s, p.is_sure] for p in piece.phones]]
        for piece in outcome
    ]


def _outcome(rows: list | str | None) -> _Outcome:
    if rows is None or isinstance(rows, str):
        return rows
    return tuple(
        Piece(start_s, end_s, tuple(HeardPhone(*phone) for phone in phones), confidence)
        for start_s, end_s, confidence, phones in rows
    )
