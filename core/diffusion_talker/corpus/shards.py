# SPDX-License-Identifier: GPL-3.0-or-later
"""The corpus on disk: shards of clips and a manifest that describes them.

shard_00000.npz (no pickles): audio int16 (sum N,) at 16 kHz; audio_start int64 (K+1,); motion float16 at 60 Hz with
T = ceil(60 N / 16000), (sum T, 55) in MODEL_CHANNELS order or (sum T, V, 3) metres from the talker's neutral face;
motion_start int64 (K+1,); phone uint8 (sum T,) into the manifest's phones, 255 unknown; per clip identity int16,
emotion int8, intensity float32, identity_heard and emotion_heard bool, language, engine, voice, text unicode.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from diffusion_talker.errors import CorpusError
from diffusion_talker.files import atomic_write

CORPUS_VERSION = 2
MANIFEST_NAME = "manifest.json"


@dataclass(frozen=True)
class Clip:
    """One clip. samples: (N,) int16 at 16 kHz; motion: (T, 55) or (T, V, 3) float16 at 60 Hz; phone: (T,) uint8 into
    the manifest's phones.

    identity and emotion: how the face moves. identity_heard, emotion_heard: whether the sound tells them, so that a
    network may learn to hear them; a recorded stranger lends the voice only.
    """

    samples: np.ndarray
    motion: np.ndarray
    phone: np.ndarray
    identity: int
    emotion: int
    intensity: float
    language: str
    engine: str
    voice: str
    text: str
    identity_heard: bool = True
    emotion_heard: bool = True


@dataclass(frozen=True)
class IdentityEntry:
    """An identity as the manifest describes it."""

    name: str
    description: str
    axes: dict[str, float]


@dataclass(frozen=True)
class ShardEntry:
    """A shard file of the corpus."""

    name: str
    sha256: str
    clips: int
    seconds: float


@dataclass(frozen=True)
class RecordedSource:
    """Recorded speech of one origin. recordings: files read; pieces: stretches kept; unsure_pieces: dropped because the
    recogniser was not sure enough; unheard_recordings: left out because they have no phones and no recogniser was
    given; held_out_recordings: of speakers kept for evaluation; in a test set: of all others."""

    name: str
    licence: str
    recordings: int
    pieces: int
    unsure_pieces: int
    unheard_recordings: int
    held_out_recordings: int
    minutes: float


@dataclass(frozen=True)
class Manifest:
    """What a corpus holds. mean, std, minimum, maximum: per channel over all frames, in the order of channels.

    phones: names behind the shards' labels; class_of_phone: index into phone_classes of each. missing_channels:
    channels that the source does not have (0 throughout). vertex_count: 0 for blendshapes, else motion is vertices and
    templates.npz beside the manifest holds each talker's neutral face. recorded_sources, held_out_speakers and
    recogniser_sha256 tell of recorded speech in the mix. engine_versions: as the engines report them; missing_voices:
    voice -> why it was left out. licence: terms of the data, where they are not ours; remarks:
    what was done to single recordings, "recording: what".
    """

    version: int
    seed: int
    command: str
    hours: float
    channels: tuple[str, ...]
    phones: tuple[str, ...]
    phone_classes: tuple[str, ...]
    class_of_phone: tuple[int, ...]
    identities: tuple[IdentityEntry, ...]
    emotions: tuple[str, ...]
    shards: tuple[ShardEntry, ...]
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    minimum: tuple[float, ...] = ()
    maximum: tuple[float, ...] = ()
    clips_per_language: dict[str, int] = field(default_factory=dict)
    clips_per_engine: dict[str, int] = field(default_factory=dict)
    clips_per_identity: dict[str, int] = field(default_factory=dict)
    clips_per_emotion: dict[str, int] = field(default_factory=dict)
    phone_share: dict[str, float] = field(default_factory=dict)
    phone_share_per_language: dict[str, dict[str, float]] = field(default_factory=dict)
    program_version: str = ""
    engine_versions: dict[str, str] = field(default_factory=dict)
    missing_voices: dict[str, str] = field(default_factory=dict)
    skipped_clips: tuple[str, ...] = ()
    missing_engines: tuple[str, ...] = ()
    missing_channels: tuple[str, ...] = ()
    vertex_count: int = 0
    recorded_sources: tuple[RecordedSource, ...] = ()
    held_out_speakers: tuple[str, ...] = ()
    recogniser_sha256: str = ""
    licence: str = ""
    remarks: tuple[str, ...] = ()


def shard_name(index: int) -> str:
    """File name of a shard."""
    return f"shard_{index:05d}.npz"


def write_shard(path: Path, clips: Sequence[Clip]) -> None:
    """Write clips to one shard, atomically. Raises OutputError."""
    motion = [clip.motion.astype(np.float16) for clip in clips]
    arrays = {
        "audio": np.concatenate([clip.samples for clip in clips]),
        "audio_start": _starts([len(clip.samples) for clip in clips]),
        "motion": np.concatenate(motion),
        "motion_start": _starts([len(part) for part in motion]),
        "phone": np.concatenate([clip.phone for clip in clips]),
        "identity": np.array([clip.identity for clip in clips], np.int16),
        "emotion": np.array([clip.emotion for clip in clips], np.int8),
        "intensity": np.array([clip.intensity for clip in clips], np.float32),
        "identity_heard": np.array([clip.identity_heard for clip in clips], bool),
        "emotion_heard": np.array([clip.emotion_heard for clip in clips], bool),
    }
    for name in ("language", "engine", "voice", "text"):
        arrays[name] = np.array([getattr(clip, name) for clip in clips], dtype=np.str_)
    _write_npz(path, arrays)


def _write_npz(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """An npz whose bytes depend on its arrays alone (no clock), moved into place when whole."""
    with atomic_write(path) as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)), "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.ascontiguousarray(array), allow_pickle=False)


def _starts(lengths: Sequence[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def read_shard(path: Path) -> list[Clip]:
    """Clips of one shard. Raises CorpusError when it is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as data:
            arrays = {name: data[name] for name in data.files}
        audio_start, motion_start = arrays["audio_start"], arrays["motion_start"]
        return [_clip(arrays, i, audio_start, motion_start) for i in range(len(audio_start) - 1)]
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise CorpusError(
            f"{path} is no readable shard: {error}. Delete it and run corpus build again; it resumes."
        ) from error


def _clip(arrays: dict[str, np.ndarray], i: int, audio_start: np.ndarray, motion_start: np.ndarray) -> Clip:
    frames = slice(int(motion_start[i]), int(motion_start[i + 1]))
    return Clip(
        samples=arrays["audio"][int(audio_start[i]) : int(audio_start[i + 1])],
        motion=arrays["motion"][frames],
        phone=arrays["phone"][frames],
        identity=int(arrays["identity"][i]),
        emotion=int(arrays["emotion"][i]),
        intensity=float(arrays["intensity"][i]),
        language=str(arrays["language"][i]),
        engine=str(arrays["engine"][i]),
        voice=str(arrays["voice"][i]),
        text=str(arrays["text"][i]),
        identity_heard=bool(arrays["identity_heard"][i]),
        emotion_heard=bool(arrays["emotion_heard"][i]),
    )


def hash_file(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write manifest.json, atomically. Raises OutputError."""
    text = json.dumps(asdict(manifest), indent=1, ensure_ascii=False) + "\n"
    with atomic_write(folder / MANIFEST_NAME) as stream:
        stream.write(text.encode("utf-8"))


def read_manifest(folder: Path | str) -> Manifest:
    """The manifest of a finished corpus. Raises CorpusError when there is none or it is of another version."""
    path = Path(folder) / MANIFEST_NAME
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["version"] != CORPUS_VERSION:
            raise CorpusError(
                f"{path} is version {data['version']}, this program reads {CORPUS_VERSION}. Build the corpus again."
            )
        data["identities"] = tuple(IdentityEntry(**entry) for entry in data["identities"])
        data["shards"] = tuple(ShardEntry(**entry) for entry in data["shards"])
        lists = (
            "channels",
            "phones",
            "phone_classes",
            "class_of_phone",
            "emotions",
            "mean",
            "std",
            "minimum",
            "maximum",
            "skipped_clips",
            "missing_engines",
            "missing_channels",
        )
        data["held_out_speakers"] = tuple(data.get("held_out_speakers", ()))
        data["remarks"] = tuple(data.get("remarks", ()))
        data["recorded_sources"] = tuple(RecordedSource(**entry) for entry in data.get("recorded_sources", ()))
        return Manifest(**{**data, **{name: tuple(data[name]) for name in lists}})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CorpusError(
            f"{folder} holds no finished corpus ({error}). Run: python -m diffusion_talker corpus build"
        ) from error


def iterate_clips(folder: Path | str) -> Iterator[Clip]:
    """All clips of a finished corpus, in order. Raises CorpusError."""
    for entry in read_manifest(folder).shards:
        yield from read_shard(Path(folder) / entry.name)
