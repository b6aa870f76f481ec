# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders of recorded speech as lists of recordings: who speaks, in which language and mood, and what is known of it.

One reader for each public set, for copies of it as published or flattened, and one for folders of anybody's own:
sound files with about.json (license, language) beside them and, for each sound, a transcript NAME.txt or phones
NAME.phones.tsv (start_s, end_s, phone), or nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from diffusion_talker.corpus.emotions import EMOTION_NAMES
from diffusion_talker.corpus.voices.base import PhoneSpan
from diffusion_talker.errors import CorpusError

ABOUT_NAME: Final = "about.json"
_SOUNDS: Final = frozenset({".flac", ".wav", ".ogg", ".mp3"})
_ALPHABETS: Final = ("ipa", "sampa", "arpabet")


@dataclass(frozen=True)
class Recording:
    """One sound file. speaker: "source:speaker"; text: its transcript, or ""; prompt: what names its words where there
    is none (recordings of one prompt say the same).

    labels: phones by hand, or None; alphabet: theirs. emotion_heard: whether the sound is known to have `emotion`.
    """

    source: str
    name: str
    path: Path
    speaker: str
    language: str
    prompt: str
    text: str = ""
    emotion: str = "neutral"
    emotion_heard: bool = False
    labels: tuple[PhoneSpan, ...] | None = None
    alphabet: str = "ipa"


@dataclass(frozen=True)
class Source:
    """A folder's recordings, in the order of their names, and the licence they come with."""

    name: str
    licence: str
    recordings: tuple[Recording, ...]


def find_sources(folder: Path) -> tuple[Source, ...]:
    """What `folder`, or the folders in it, hold: sets known by their folder's name, and folders with an about.json.

    Raises CorpusError when there is nothing to read, or when something that should describe it is damaged.
    """
    places = [folder, *(sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else ())]
    found = [source for place in places if (source := _read_source(place)) is not None and source.recordings]
    if not found:
        known = ", ".join(_READERS)
        raise CorpusError(
            f"'{folder}' holds no recordings that can be read. Name folders in it after their set ({known}), or put "
            f'{ABOUT_NAME} with {{"license": ..., "language": ...}} beside recordings of your own.'
        )
    return tuple(found)


def _read_source(folder: Path) -> Source | None:
    if (folder / ABOUT_NAME).is_file():
        return _read_own(folder)
    if folder.name not in _READERS:
        return None
    licence, read = _READERS[folder.name]
    return Source(folder.name, licence, tuple(read(folder)))


def _sounds(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SOUNDS and path.is_file())


_EMODB_EMOTIONS: Final = {
    "W": "anger",
    "E": "disgust",
    "A": "fear",
    "F": "happiness",
    "T": "sadness",
    "N": "neutral",
}


def _read_emodb(folder: Path) -> Iterator[Recording]:
    """Berlin Database of Emotional Speech (Burkhardt et al. 2005): 03a01Fa is speaker 03, sentence a01, Freude.

    Boredom ("L") is none of our emotions: the face stays neutral and the sound teaches no emotion.
    """
    labels = _read_json(folder / "phones.json")
    for path in _sounds(folder):
        name = path.stem
        if len(name) != 7 or name not in labels:
            continue
        emotion = _EMODB_EMOTIONS.get(name[5])
        yield Recording(
            source="emodb",
            name=name,
            path=path,
            speaker=f"emodb:{name[:2]}",
            language="de",
            prompt=f"EmoDB sentence {name[2:5]}",
            emotion=emotion or "neutral",
            emotion_heard=emotion is not None,
            labels=tuple(PhoneSpan(str(symbol), float(start), float(end)) for start, end, symbol in labels[name]),
            alphabet="sampa",
        )


def _read_librispeech(folder: Path) -> Iterator[Recording]:
    """LibriSpeech (Panayotov et al. 2015): SPEAKER-CHAPTER-NUMBER, transcripts in SPEAKER-CHAPTER.trans.txt."""
    texts: dict[str, str] = {}
    for path in sorted(folder.rglob("*.trans.txt")):
        lines = (line.partition(" ") for line in path.read_text(encoding="utf-8").splitlines())
        texts.update((name, text.lower()) for name, _, text in lines if text)
    for path in _sounds(folder):
        speaker = path.stem.split("-")[0]
        yield Recording(
            "librispeech", path.stem, path, f"librispeech:{speaker}", "en", path.stem, texts.get(path.stem, "")
        )


def _read_ljspeech(folder: Path) -> Iterator[Recording]:
    """LJ Speech (Ito & Johnson 2017): metadata.csv holds NAME|TEXT|TEXT WITH NUMBERS SPELLED OUT."""
    metadata = folder / "metadata.csv"
    lines = metadata.read_text(encoding="utf-8").splitlines() if metadata.is_file() else []
    texts = {fields[0]: fields[-1] for line in lines if len(fields := line.split("|")) > 1}
    for path in _sounds(folder):
        yield Recording("ljspeech", path.stem, path, "ljspeech:LJ", "en", path.stem, texts.get(path.stem, ""))


def _read_facegood(folder: Path) -> Iterator[Recording]:
    """FACEGOOD-Audio2Face, takes without animation; those with it are for evaluation and never learned from."""
    for path in _sounds(folder):
        yield Recording("facegood", path.stem, path, "facegood:actor", "zh", path.stem)


_READERS: Final[dict[str, tuple[str, Callable[[Path], Iterator[Recording]]]]] = {
    "emodb": ("CC0 1.0 (Berlin Database of Emotional Speech)", _read_emodb),
    "librispeech": ("CC BY 4.0 (LibriSpeech)", _read_librispeech),
    "ljspeech": ("public domain (LJ Speech)", _read_ljspeech),
    "facegood_unpaired": ("MIT (FACEGOOD-Audio2Face)", _read_facegood),
}


def _read_own(folder: Path) -> Source:
    """Anybody's own folder. about.json: license, language, and if need be name, alphabet ("ipa", "sampa", "arpabet") of
    the phones and emotions {"NAME": "anger", ...}. A folder inside is a speaker; without folders there is only one."""
    about = _read_json(folder / ABOUT_NAME)
    about.setdefault("license", about.get("licence"))  # both spellings are right somewhere
    missing = [key for key in ("license", "language") if not isinstance(about.get(key), str) or not about[key]]
    if missing:
        raise CorpusError(f"'{folder / ABOUT_NAME}' does not say: {', '.join(missing)}. Add it.")
    alphabet = about.get("alphabet", "ipa")
    if alphabet not in _ALPHABETS:
        raise CorpusError(f"'{folder / ABOUT_NAME}': alphabet {alphabet!r} is none of {', '.join(_ALPHABETS)}.")
    name = str(about.get("name", folder.name))
    emotions = about.get("emotions", {})
    unknown = sorted({str(value) for value in emotions.values()} - set(EMOTION_NAMES))
    if unknown:
        raise CorpusError(f"'{folder / ABOUT_NAME}': no emotion {', '.join(unknown)}. Use {', '.join(EMOTION_NAMES)}.")
    own = (_own_recording(path, folder, name, about, emotions, alphabet) for path in _sounds(folder))
    return Source(name, about["license"], tuple(own))


def _own_recording(
    path: Path, folder: Path, source: str, about: dict, emotions: dict[str, str], alphabet: str
) -> Recording:
    relative = path.relative_to(folder)
    transcript, labels = path.with_suffix(".txt"), path.with_suffix(".phones.tsv")
    text = transcript.read_text(encoding="utf-8").strip() if transcript.is_file() else ""
    name = relative.with_suffix("").as_posix()
    speaker = relative.parts[0] if len(relative.parts) > 1 else "own"
    return Recording(
        source=source,
        name=name,
        path=path,
        speaker=f"{source}:{speaker}",
        language=about["language"],
        prompt=text or f"{source} {name}",
        text=text,
        emotion=emotions.get(name, "neutral"),
        emotion_heard=name in emotions,
        labels=_read_labels(labels) if labels.is_file() else None,
        alphabet=alphabet,
    )


def _read_labels(path: Path) -> tuple[PhoneSpan, ...]:
    """Lines of start_s, end_s, phone with tabs between. Raises CorpusError naming the line that is not."""
    spans: list[PhoneSpan] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            start, end, symbol = line.rstrip("\n").split("\t")
            span = PhoneSpan(symbol.strip(), float(start), float(end))
        except ValueError:
            span = None
        if span is None or not (spans[-1].end_s if spans else 0.0) - 1e-6 <= span.start_s < span.end_s:
            raise CorpusError(
                f"'{path}', line {number}: expected start, end and phone with tabs between, in order of time."
            )
        spans.append(span)
    return tuple(spans)


def _read_json(path: Path) -> dict:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CorpusError(f"'{path}' cannot be read: {error}. Restore it or leave the folder out.") from error
    if not isinstance(found, dict):
        raise CorpusError(f"'{path}' holds no JSON object. Restore it or leave the folder out.")
    return found
