# SPDX-License-Identifier: GPL-3.0-or-later
"""Clips made from phone labels alone: a sound, and a face that opens on vowels and closes on p b m."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from diffusion_talker.audio import MOTION_RATE_HZ, SAMPLE_RATE_HZ
from diffusion_talker.channels import MODEL_CHANNELS
from diffusion_talker.corpus.phones import CLASS_OF_PHONE, PHONE_CLASSES, PHONE_NAMES, PHONES
from diffusion_talker.corpus.shards import (
    CORPUS_VERSION,
    Clip,
    IdentityEntry,
    Manifest,
    ShardEntry,
    hash_file,
    shard_name,
    write_manifest,
    write_shard,
)
from diffusion_talker.evaluation.sound import speech_like

SPOKEN = ("sil", "b", "a", "p", "ɑ", "t", "a", "s", "ɑ", "m", "a", "sil")
PHONE_FRAMES = 15


def phone_labels(spoken: tuple[str, ...] = SPOKEN, frames: int = PHONE_FRAMES) -> np.ndarray:
    """(T,) uint8, every phone equally long."""
    return np.repeat([PHONE_NAMES.index(name) for name in spoken], frames).astype(np.uint8)


def face_of(labels: np.ndarray, late_frames: int = 0) -> np.ndarray:
    """(T, 55): the jaw of each phone's apex, none in p b m and silence, smoothed; blinks and a nod besides."""
    target = np.array([0.0 if PHONES[PHONE_NAMES[i]].contact == "seal" else PHONES[PHONE_NAMES[i]].pose.jaw
                       for i in labels])  # fmt: skip
    weights = np.zeros((len(labels), len(MODEL_CHANNELS)), np.float32)
    jaw = np.convolve(np.pad(target, 2, mode="edge"), np.ones(5) / 5, "valid")
    weights[:, MODEL_CHANNELS.index("jawOpen")] = np.roll(jaw, late_frames)
    blink = np.exp(-(((np.arange(len(labels)) % 60) - 30) ** 2) / 18.0)
    for name in ("eyeBlinkLeft", "eyeBlinkRight"):
        weights[:, MODEL_CHANNELS.index(name)] = blink
    weights[:, MODEL_CHANNELS.index("HeadPitch")] = 0.05 * np.sin(np.arange(len(labels)) / 20)
    return weights


def make_clip(number: int, identity: int, text: str, voice: str = "made") -> Clip:
    """One clip of three seconds, another sound for every number."""
    labels = phone_labels()
    count = len(labels) * SAMPLE_RATE_HZ // MOTION_RATE_HZ
    samples = speech_like(count / SAMPLE_RATE_HZ, seed=number)[:count]
    return Clip(
        samples=np.round(samples * 32767).astype(np.int16),
        motion=face_of(labels).astype(np.float16),
        phone=labels,
        identity=identity,
        emotion=number % 2,
        intensity=0.5 * (number % 2),
        language="en",
        engine="made",
        voice=voice,
        text=text,
    )


def recorded(clip: Clip, speaker: str) -> Clip:
    """The same as a recording of a stranger."""
    return replace(clip, voice=speaker, identity_heard=False)


def write_corpus(folder: Path, clips: list[Clip], identities: tuple[str, ...], **manifest: object) -> Path:
    """A corpus of one shard with a manifest; returns its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / shard_name(0)
    write_shard(path, clips)
    seconds = sum(len(clip.samples) for clip in clips) / SAMPLE_RATE_HZ
    values = {
        "version": CORPUS_VERSION,
        "seed": 0,
        "command": "made for a test",
        "hours": seconds / 3600,
        "channels": MODEL_CHANNELS,
        "phones": PHONE_NAMES,
        "phone_classes": PHONE_CLASSES,
        "class_of_phone": CLASS_OF_PHONE,
        "identities": tuple(IdentityEntry(name, f"{name}.", {}) for name in identities),
        "emotions": ("neutral", "happiness"),
        "shards": (ShardEntry(path.name, hash_file(path), len(clips), seconds),),
    }
    write_manifest(folder, Manifest(**{**values, **manifest}))
    return folder
