# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding a clip in a corpus, and what of it can be shown: curves, sound, marks of its phones, words about it."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from diffusion_talker.audio import MOTION_RATE_HZ, SAMPLE_RATE_HZ, ArraySource
from diffusion_talker.channels import MODEL_CHANNELS
from diffusion_talker.corpus.phones import UNKNOWN_PHONE
from diffusion_talker.corpus.shards import Clip, Manifest, read_manifest, read_shard
from diffusion_talker.errors import CorpusError, SettingsError
from diffusion_talker.evaluation.rendering.plot import Mark
from diffusion_talker.motion import Motion

_SEALED_CLASSES: Final = ("bilabial_stop", "bilabial_nasal")


@dataclass(frozen=True)
class ClipEntry:
    """Where a clip lies and what it is. number counts through the whole corpus from 0."""

    number: int
    shard: str
    index: int
    duration_s: float
    identity: str
    emotion: str
    intensity: float
    language: str
    voice: str
    text: str

    def __str__(self) -> str:
        emotion = self.emotion if self.intensity == 0 else f"{self.emotion} {self.intensity:.2f}"
        return (
            f"clip {self.number}: {self.duration_s:.1f} s, {self.identity}, {emotion}, {self.language}, {self.voice}: "
            f"{self.text or '(silence)'}"
        )


@dataclass(frozen=True)
class Stretch:
    """A stretch of a clip: curves, sound, marks whose times count from its start."""

    motion: Motion
    source: ArraySource
    marks: tuple[Mark, ...]


def open_curves_corpus(folder: Path) -> Manifest:
    """Manifest of a corpus that holds curves. Raises CorpusError, for a corpus of vertices too."""
    manifest = read_manifest(folder)
    if manifest.vertex_count:
        raise CorpusError(f"{folder} holds vertices of a mesh; only curves can be shown. Choose a corpus of curves.")
    return manifest


def list_clips(folder: Path, manifest: Manifest) -> list[ClipEntry]:
    """All clips of the corpus in order; sound and motion are not read. Raises CorpusError."""
    entries: list[ClipEntry] = []
    for shard in manifest.shards:
        entries += _entries(folder / shard.name, manifest, len(entries))
    return entries


def _entries(path: Path, manifest: Manifest, first: int) -> list[ClipEntry]:
    names = [identity.name for identity in manifest.identities]
    try:
        with np.load(path, allow_pickle=False) as data:
            frames = np.diff(data["motion_start"])
            columns = [data[key] for key in ("identity", "emotion", "intensity", "language", "engine", "voice", "text")]
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise CorpusError(f"{path} is no readable shard: {error}. Delete it and run corpus build again.") from error
    return [
        ClipEntry(
            number=first + i,
            shard=path.name,
            index=i,
            duration_s=frames[i] / MOTION_RATE_HZ,
            identity=names[identity] if 0 <= identity < len(names) else "unknown",
            emotion=manifest.emotions[emotion] if 0 <= emotion < len(manifest.emotions) else "unknown",
            intensity=float(intensity),
            language=str(language),
            voice=f"{engine} {voice}",
            text=str(text),
        )
        for i, (identity, emotion, intensity, language, engine, voice, text) in enumerate(zip(*columns, strict=True))
    ]


def matching(
    entries: list[ClipEntry], identity: str | None = None, emotion: str | None = None, language: str | None = None
) -> list[ClipEntry]:
    """Clips of this identity, emotion and language, None for any. Raises SettingsError when the corpus has none."""
    for name, wanted in (("identity", identity), ("emotion", emotion), ("language", language)):
        if wanted is None:
            continue
        known = sorted({getattr(entry, name) for entry in entries})
        entries = [entry for entry in entries if getattr(entry, name).lower() == wanted.lower()]
        if not entries:
            raise SettingsError(f"There is no clip with the {name} '{wanted}' here. There are: {', '.join(known)}.")
    return entries


def load_clip(folder: Path, entry: ClipEntry) -> Clip:
    """The clip of an entry. Raises CorpusError."""
    return read_shard(folder / entry.shard)[entry.index]


def cut(clip: Clip, manifest: Manifest, start_s: float = 0.0, end_s: float | None = None) -> Stretch:
    """The stretch [start_s, end_s] of a clip. Raises SettingsError when the clip has none."""
    frame_count = len(clip.motion)
    stop_s = frame_count / MOTION_RATE_HZ if end_s is None else end_s
    first, stop = round(start_s * MOTION_RATE_HZ), min(round(stop_s * MOTION_RATE_HZ), frame_count)
    if first >= stop:
        raise SettingsError(
            f"There is nothing between {start_s:g} and {stop_s:g} s: the clip is "
            f"{frame_count / MOTION_RATE_HZ:.2f} s long. Choose a range inside it."
        )
    samples = clip.samples[first * SAMPLE_RATE_HZ // MOTION_RATE_HZ : stop * SAMPLE_RATE_HZ // MOTION_RATE_HZ]
    motion = Motion(clip.motion[first:stop].astype(np.float32), MODEL_CHANNELS, MOTION_RATE_HZ)
    return Stretch(motion, ArraySource(samples, SAMPLE_RATE_HZ), phone_marks(clip.phone[first:stop], manifest))


def phone_marks(labels: np.ndarray, manifest: Manifest) -> tuple[Mark, ...]:
    """Marks of frame labels (T,) into the manifest's phones; stretches that nobody labelled have none."""
    edges = [0, *(np.flatnonzero(np.diff(labels.astype(np.int64))) + 1).tolist(), len(labels)]
    marks = []
    for first, stop in zip(edges, edges[1:], strict=False):
        label = int(labels[first]) if stop > first else UNKNOWN_PHONE
        if label < len(manifest.phones):
            kind = manifest.phone_classes[manifest.class_of_phone[label]]
            times_s = first / MOTION_RATE_HZ, stop / MOTION_RATE_HZ
            marks.append(Mark(manifest.phones[label], *times_s, closed=kind in _SEALED_CLASSES))
    return tuple(marks)
