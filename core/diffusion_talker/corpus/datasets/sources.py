# SPDX-License-Identifier: GPL-3.0-or-later
"""What the importer asks of a data set, and the file handling that the readers share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np

from diffusion_talker.audio import AudioSource, FileSource
from diffusion_talker.channels import MODEL_CHANNELS, canonical_channel
from diffusion_talker.errors import AudioError, CorpusError

#: Blendshape weights are 0 to 1 and trackers overshoot a little; beyond this they are something else.
_LARGEST_WEIGHT: Final = 2.0


@dataclass(frozen=True)
class Take:
    """One recording of a data set, known but not read yet.

    name: unique in its data set; split: where the publication puts it; seconds: about how long; emotion: one of the
    manifest's; emotion_heard: whether the data set labels it; text: transcript, or the name; motion_file, sound_file:
    below the data set's folder, empty where one file holds all takes.
    """

    name: str
    subject: str
    split: str
    seconds: float
    text: str
    emotion: str = "neutral"
    intensity: float = 0.0
    emotion_heard: bool = False
    language: str = "en"
    motion_file: str = ""
    sound_file: str = ""


@dataclass(frozen=True)
class Recording:
    """A take that is read. sound: 16 kHz; times_s: (T,) increasing, seconds of the sound; values: (T, 55) float32 in
    MODEL_CHANNELS order, or (T, V, 3) float32 metres from the subject's neutral face; frame_s: how long a frame lasts.
    """

    sound: AudioSource
    times_s: np.ndarray
    values: np.ndarray
    frame_s: float


@dataclass(frozen=True)
class Survey:
    """What a folder holds. subjects: all of them, in the order of their identity numbers; skipped: takes that cannot
    be used, "take: reason"."""

    takes: tuple[Take, ...]
    subjects: tuple[str, ...]
    skipped: tuple[str, ...] = ()
    missing_channels: tuple[str, ...] = ()


class Dataset(Protocol):
    """A data set in a folder. Cheap to make and to send to another process; reads when asked."""

    name: str
    title: str
    licence: str
    splits: tuple[str, ...]
    vertex_count: int

    def survey(self) -> Survey:
        """List the takes without reading their motion. Raises CorpusError when the layout is not the published one."""

    def read(self, take: Take) -> Recording:
        """Read one take. Raises CorpusError or AudioError when it cannot be used."""

    def templates(self) -> Mapping[str, np.ndarray]:
        """Subject -> neutral face (V, 3) float32 in metres; empty for blendshapes. Raises CorpusError."""


def index_files(folder: Path, suffix: str) -> dict[str, Path]:
    """Stem -> file for every file of that suffix (lower case) below a folder; of equal stems the first by path."""
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() == suffix and not path.name.startswith("."):
            found.setdefault(path.stem, path)
    return found


def require_folder(folder: Path, title: str) -> None:
    """Raises CorpusError unless the folder is there."""
    if not folder.is_dir():
        raise CorpusError(f"There is no folder '{folder}'. Give the folder that {title} was unpacked to.")


@dataclass(frozen=True)
class FilePair:
    """Motion and sound of one name. folder: what the take's paths start from."""

    name: str
    folder: Path
    motion: Path
    sound: Path
    seconds: float
    text: str

    def take(self, subject: str, split: str) -> Take:
        """A take of these files."""
        motion_file, sound_file = (path.relative_to(self.folder).as_posix() for path in (self.motion, self.sound))
        return Take(self.name, subject, split, self.seconds, self.text, motion_file=motion_file, sound_file=sound_file)


@dataclass(frozen=True)
class FilePairs:
    """Names that have both files, and the others with what they lack."""

    pairs: tuple[FilePair, ...]
    skipped: tuple[str, ...]


def paired_files(folder: Path, motion: Path, sound: Path, suffix: str = ".npy", has_texts: bool = True) -> FilePairs:
    """Motion files below `motion` with the WAV files of the same name below `sound`, both inside `folder`, by name.

    has_texts: whether a NAME.txt anywhere in the folder is the transcript.
    """
    sounds = index_files(sound, ".wav")
    texts = index_files(folder, ".txt") if has_texts else {}
    pairs: list[FilePair] = []
    skipped: list[str] = []
    for name, path in sorted(index_files(motion, suffix).items()):
        if name not in sounds:
            skipped.append(f"{name}: there is no {name}.wav in '{sound}'")
            continue
        try:
            with FileSource(sounds[name]) as source:
                seconds = source.duration_s
        except AudioError as error:
            skipped.append(f"{name}: {error}")
            continue
        pairs.append(FilePair(name, folder, path, sounds[name], seconds, _transcript(texts.get(name), name)))
    return FilePairs(tuple(pairs), tuple(skipped))


def _transcript(path: Path | None, otherwise: str) -> str:
    """Text of a transcript file in one line, or `otherwise` where there is none."""
    if path is None:
        return otherwise
    try:
        return " ".join(path.read_text(encoding="utf-8", errors="replace").split()) or otherwise
    except OSError:
        return otherwise


def load_array(path: Path) -> np.ndarray:
    """Array of an npy file, left on disk until it is used. Raises CorpusError when it is damaged or holds objects."""
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, SyntaxError) as error:
        raise CorpusError(f"'{path}' is no readable array ({error}). It may be cut short: copy it again.") from error


def arkit_columns(names: Sequence[str], where: str) -> dict[str, int]:
    """Our channel -> column, by name. Raises CorpusError for a name that is no ARKit channel, or twice the same."""
    columns: dict[str, int] = {}
    for column, name in enumerate(names):
        channel = canonical_channel(name)
        if channel is None or channel in columns:
            reason = "is no ARKit channel" if channel is None else "stands for a channel that is there already"
            raise CorpusError(f"{where}: '{name}' {reason}. Check that this is the data set's own file.")
        columns[channel] = column
    return columns


def model_weights(weights: np.ndarray, columns: Mapping[str, int], where: str) -> np.ndarray:
    """Weights (T, C) in MODEL_CHANNELS order, (T, 55) float32 in [0, 1]; channels without a column are 0.

    Raises CorpusError where values are no blendshape weights.
    """
    largest = float(np.abs(weights).max()) if weights.size else 0.0
    if not largest <= _LARGEST_WEIGHT:  # also when it is not a number
        raise CorpusError(f"{where}: weights reach {largest:g}, and they should be 0 to 1. Leave this file out.")
    ordered = np.zeros((len(weights), len(MODEL_CHANNELS)), np.float32)
    for channel, column in columns.items():
        ordered[:, MODEL_CHANNELS.index(channel)] = weights[:, column]
    return np.clip(ordered, 0.0, 1.0)
