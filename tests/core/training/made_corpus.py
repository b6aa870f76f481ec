# SPDX-License-Identifier: GPL-3.0-or-later
"""A corpus of silence (rest), hum (closed lips) and hiss (open jaw), so plain that minutes of training learn it.

The difference is in the spectrum, not in the loudness, which augmentation changes. Two pitches of hum, two talkers.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from diffusion_talker.channels import MODEL_CHANNELS
from diffusion_talker.corpus.shards import (
    CORPUS_VERSION,
    Clip,
    IdentityEntry,
    Manifest,
    ShardEntry,
    hash_file,
    write_manifest,
    write_shard,
)

PHONES = ("silence", "bilabial_stop", "open")
JAW = MODEL_CHANNELS.index("jawOpen")


def make_clip(number: int, length_s: int = 6) -> Clip:
    """Syllables of 200 ms, each silent, hummed (closed) or hissed (open); the pitch of the hum is the identity."""
    random = np.random.default_rng(number)
    classes = random.integers(0, 3, length_s * 5)
    identity = number % 2
    time_s = np.arange(length_s * 16000) / 16000
    hum = np.sin(2 * np.pi * (220 + 400 * identity) * time_s) * np.repeat(classes > 0, 3200)
    hiss = random.standard_normal(len(time_s)) * np.repeat(classes == 2, 3200)
    samples = 0.1 * hum + 0.15 * hiss
    phone = np.repeat(classes, 12).astype(np.uint8)
    motion = np.zeros((length_s * 60, len(MODEL_CHANNELS)), np.float16)
    motion[:, JAW] = np.array([0.0, 0.0, 0.5])[phone]
    pcm = (samples.clip(-1, 1) * 32767).astype(np.int16)
    return Clip(pcm, motion, phone, identity, number % 2, 1.0, "xx", "made", "tone", f"line {number}")


def write_made_corpus(folder: Path, clips: int = 24, phones: tuple[str, ...] = PHONES, strangers: bool = False) -> Path:
    """Write it as one shard with its manifest. strangers: nobody's voice or mood is known."""
    folder.mkdir(parents=True, exist_ok=True)
    made = [make_clip(number) for number in range(clips)]
    if strangers:
        made = [replace(clip, identity_heard=False, emotion_heard=False) for clip in made]
    path = folder / "shard_00000.npz"
    write_shard(path, made)
    motion = np.concatenate([clip.motion for clip in made]).astype(np.float32)
    write_manifest(folder, Manifest(
        version=CORPUS_VERSION, seed=0, command="made for tests", hours=clips * 6 / 3600, channels=MODEL_CHANNELS,
        phones=phones, phone_classes=PHONES, class_of_phone=(0, 1, 2),
        identities=(IdentityEntry("Low", "deep tone", {}), IdentityEntry("High", "high tone", {})),
        emotions=("neutral", "happiness"), shards=(ShardEntry(path.name, hash_file(path), clips, clips * 6.0),),
        mean=tuple(motion.mean(axis=0).tolist()), std=tuple(motion.std(axis=0).tolist()),
        minimum=tuple(motion.min(axis=0).tolist()), maximum=tuple(motion.max(axis=0).tolist()),
    ))
    return folder
