# SPDX-License-Identifier: GPL-3.0-or-later
"""3D-ETF (Peng et al. 2023, EmoTalk: Speech-Driven Emotional Disentanglement for 3D Face Animation): faces of the
RAVDESS and HDTF videos as 52 ARKit weights at 30 fps.

NAME.npy (T, 52) in ARKit's alphabetical order and NAME.wav, in any folders (as published: RAVDESS/blendshape,
RAVDESS/audio, HDTF/blendshape, HDTF/audio).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Final

import numpy as np

from diffusion_talker.audio import load_audio
from diffusion_talker.channels import ARKIT_52, MODEL_CHANNELS
from diffusion_talker.corpus.datasets.sources import (
    Recording,
    Survey,
    Take,
    load_array,
    model_weights,
    paired_files,
    require_folder,
)
from diffusion_talker.errors import CorpusError

RATE_HZ: Final = 30
#: RAVDESS (Livingstone and Russo 2018): modality-channel-emotion-intensity-statement-repetition-actor.
_RAVDESS: Final = re.compile(r"\d\d-\d\d-(\d\d)-(\d\d)-(\d\d)-\d\d-(\d\d)(?:_\d+)*", re.ASCII)
_RAVDESS_EMOTIONS: Final = {
    "01": "neutral", "03": "happiness", "04": "sadness", "05": "anger", "06": "fear", "07": "disgust", "08": "surprise",
}  # fmt: skip
_RAVDESS_STATEMENTS: Final = {"01": "Kids are talking by the door.", "02": "Dogs are sitting by the door."}
_NORMAL_INTENSITY, _STRONG_INTENSITY = 0.6, 1.0
_CHUNK: Final = re.compile(r"(?:_\d+)+")
_SPLIT_FOLDERS: Final = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


@dataclass(frozen=True)
class ThreeDEtf:
    """3D-ETF in a folder, whole or in part."""

    folder: Path
    name = "etf"
    title = "3D-ETF"
    licence = "CC BY-NC 4.0 (EmoTalk), and the terms of RAVDESS and HDTF: non-commercial"
    splits = ("train", "val", "test")
    vertex_count = 0

    def survey(self) -> Survey:
        """All pairs of weights and sound."""
        require_folder(self.folder, self.title)
        files = paired_files(self.folder, self.folder, self.folder)
        takes = [_labelled(pair.take(speaker_of(pair.name), "")) for pair in files.pairs]
        subjects = tuple(sorted({take.subject for take in takes}))
        missing = tuple(channel for channel in MODEL_CHANNELS if channel not in ARKIT_52)
        return Survey(tuple(takes), subjects, files.skipped, missing_channels=missing)

    def read(self, take: Take) -> Recording:
        """Weights at 30 fps, with their sound."""
        path = self.folder / take.motion_file
        weights = load_array(path)
        if weights.dtype.kind != "f" or weights.ndim != 2 or weights.shape[1] != len(ARKIT_52):
            raise CorpusError(f"'{path}' holds {weights.dtype} {weights.shape}, not (frames, 52). Leave it out.")
        columns = {channel: column for column, channel in enumerate(ARKIT_52)}
        ordered = model_weights(np.asarray(weights, np.float32), columns, f"'{path}'")
        sound = load_audio(self.folder / take.sound_file)
        return Recording(sound, np.arange(len(ordered)) / RATE_HZ, ordered, 1 / RATE_HZ)

    def templates(self) -> dict[str, np.ndarray]:
        """None: these are blendshapes."""
        return {}


def speaker_of(name: str) -> str:
    """Speaker by a take's name: the actor of RAVDESS, or an HDTF video without the numbers of its pieces."""
    match = _RAVDESS.fullmatch(name)
    if match is not None:
        return f"RAVDESS_{match[4]}"
    trailing = re.search(rf"{_CHUNK.pattern}$", name)
    return name[: trailing.start()] if trailing is not None and trailing.start() > 0 else name


def split_of(take: Take) -> str:
    """The folder train, val or test that a file lies in; else a tenth of the speakers each for val and test, chosen by
    a hash of the name (no split is published)."""
    for part in PurePosixPath(take.motion_file).parts[:-1]:
        if part.lower() in _SPLIT_FOLDERS:
            return _SPLIT_FOLDERS[part.lower()]
    tenth = hashlib.sha256(take.subject.encode()).digest()[0] * 10 // 256
    return {0: "test", 1: "val"}.get(tenth, "train")


def _labelled(take: Take) -> Take:
    """The take with its split and with what a RAVDESS name tells."""
    take = replace(take, split=split_of(take))
    match = _RAVDESS.fullmatch(take.name)
    if match is None:
        return take
    text = _RAVDESS_STATEMENTS.get(match[3], take.text) if take.text == take.name else take.text
    emotion = _RAVDESS_EMOTIONS.get(match[1])
    if emotion is None:  # "calm" is none of ours
        return replace(take, text=text)
    strength = _STRONG_INTENSITY if match[2] == "02" else _NORMAL_INTENSITY
    return replace(
        take, text=text, emotion=emotion, emotion_heard=True, intensity=0.0 if emotion == "neutral" else strength
    )
