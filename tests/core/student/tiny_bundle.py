# SPDX-License-Identifier: GPL-3.0-or-later
"""A small student with random weights, for tests of everything around the network. NumPy only."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from diffusion_talker.student.bundle import Bundle, BundleMetadata, save_bundle
from diffusion_talker.student.config import KERNEL_TAPS, TIME_FEATURES, StudentConfig

TINY_CONFIG = StudentConfig(
    identities=("Plain", "Lively", "Calm"),
    emotions=("neutral", "happiness"),
    phone_classes=("silence", "bilabial", "vowel"),
    encoder_width=12,
    encoder_dilations=(1, 2),
    speaker_block=1,
    decoder_width=10,
    decoder_dilations=(1, 3),
    style_width=6,
    style_tokens=2,
    sampling_steps=2,
)


def weight_shapes(config: StudentConfig) -> dict[str, tuple[int, ...]]:
    """Shape of every array of a bundle."""
    encoder, decoder, style = config.encoder_width, config.decoder_width, config.style_width
    channels, tokens = len(config.channels), config.style_tokens * config.style_width
    shapes: dict[str, tuple[int, ...]] = {"encoder.mel_mean": (80,), "encoder.mel_std": (80,)}
    shapes |= {"decoder.motion_mean": (channels,), "decoder.motion_std": (channels,), "personalizer.null": (tokens,)}
    shapes |= _linear("encoder.mel_in", 160, encoder) | _linear("encoder.phone_out", encoder, len(config.phone_classes))
    shapes |= _blocks("encoder", encoder, len(config.encoder_dilations))
    shapes |= _linear("decoder.motion_in", channels, decoder) | _linear("decoder.audio_in", encoder, decoder)
    shapes |= _linear("decoder.time_in", TIME_FEATURES, decoder) | _linear("decoder.style_in", tokens, decoder)
    shapes |= _blocks("decoder", decoder, len(config.decoder_dilations))
    for index in range(len(config.decoder_dilations)):
        shapes |= _linear(f"decoder.modulations.{index}", decoder, 3 * decoder)
    shapes |= _linear("decoder.motion_out", decoder, channels)
    for name in ("attend_query", "attend_key", "attend_value"):
        shapes |= _linear(f"personalizer.{name}", style, style)
    for kind, entries in (("identity", len(config.identities)), ("emotion", len(config.emotions))):
        prefix = f"personalizer.{kind}"
        shapes |= _linear(f"{prefix}.attention", encoder, 1) | _linear(f"{prefix}.query", 2 * encoder, style)
        shapes |= {f"{prefix}.keys": (entries, style), f"{prefix}.tokens": (entries, config.style_tokens, style)}
        shapes |= {f"{prefix}.log_scale": ()}
    return shapes


def _linear(name: str, inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _blocks(part: str, width: int, count: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for index in range(count):
        prefix = f"{part}.blocks.{index}"
        shapes |= {f"{prefix}.convolution.weight": (width, width, KERNEL_TAPS)}
        shapes |= {f"{prefix}.convolution.bias": (width,)} | _linear(f"{prefix}.projection", width, width)
    return shapes


def make_bundle(config: StudentConfig = TINY_CONFIG, seed: int = 0) -> Bundle:
    """Random weights of a sensible scale: the curves stay near 0.2 and move with the sound."""
    random = np.random.default_rng(seed)
    weights = {}
    for name, shape in weight_shapes(config).items():
        fan_in = int(np.prod(shape[1:])) or 1
        values = random.standard_normal(shape) / np.sqrt(fan_in)
        weights[name] = np.asarray(values, np.float32).astype(np.float16).astype(np.float32)
    channels = len(config.channels)
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
