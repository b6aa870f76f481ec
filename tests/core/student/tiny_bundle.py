# SPDX-License-Identifier: GPL-3.0-or-later
"""A small student with random weights, for tests of everything around the network. NumPy only."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from diffusion_talker.student.bundle import Bundle, BundleMetadata, save_bundle
from diffusion_talker.student.config import StudentConfig
from diffusion_talker.student.layout import weight_shapes

TINY_CONFIG = StudentConfig(
    identities=("Plain", "Lively", "Calm"),
    emotions=("neutral", "happiness"),
    phone_classes=("silence", "bilabial", "vowel"),
    patch_frames=2,
    encoder_width=12,
    encoder_dilations=(1, 2),
    speaker_block=1,
    decoder_width=10,
    decoder_dilations=(1, 3),
    style_width=6,
    style_tokens=2,
    query_width=8,
    sampling_steps=2,
)


def make_bundle(config: StudentConfig = TINY_CONFIG, seed: int = 0) -> Bundle:
    """Random weights of a sensible scale: the curves stay near 0.2 and move with the sound."""
    random = np.random.default_rng(seed)
    weights = {}
    for name, shape in weight_shapes(config).items():
        fan_in = int(np.prod(shape[1:])) or 1
        values = random.standard_normal(shape) / np.sqrt(fan_in)
        weights[name] = np.asarray(values, np.float32).astype(np.float16).astype(np.float32)
    channels = config.values_per_frame
    weights["encoder.mel_mean"] = np.full(80, -5.0, np.float32)
    weights["encoder.mel_std"] = np.full(80, 3.0, np.float32)
    weights["decoder.motion_mean"] = np.full(channels, 0.2, np.float32)
    weights["decoder.motion_std"] = np.full(channels, 0.1, np.float32)
    for kind in ("identity", "emotion"):
        weights[f"personalizer.{kind}.log_scale"] = np.asarray(2.0, np.float32)
    descriptions = tuple(f"{name} talker" for name in config.identities)
    metadata = BundleMetadata("0.1.0", "GPL-3.0-or-later", "0" * 64, descriptions, "random weights for tests")
    return Bundle(config, metadata, weights)


def write_tiny_bundle(path: Path, seed: int = 0) -> Path:
    """Save a tiny bundle and return its path."""
    save_bundle(path, make_bundle(seed=seed))
    return path
