# SPDX-License-Identifier: GPL-3.0-or-later
"""A small model of one's own with all emotions and style sliders, and scenes that use it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np

from diffusion_talker.student.bundle import StyleAxis, save_bundle
from tests.core.student.tiny_bundle import TINY_CONFIG, make_bundle

MODULE = "bl_ext.user_default.diffusion_talker"
EMOTIONS = ("neutral", "happiness", "anger", "sadness", "fear", "surprise", "disgust", "contempt")
TALKERS = ("Plain", "Lively", "Calm", "Crisp")
AXES = ("jaw", "lips", "rounding", "upper_lip", "precision", "corners", "asymmetry", "smile", "brows", "blinks",
        "head", "lead")  # fmt: skip


def write_student(path: Path, axes: tuple[str, ...] = AXES, seed: int = 0) -> Path:
    """A student of random weights: curves near 0.2 that move with the sound, the style and the emotion."""
    config = replace(TINY_CONFIG, identities=TALKERS, emotions=EMOTIONS)
    bundle = make_bundle(config, seed)
    random = np.random.default_rng(7)
    width = config.style_tokens * config.style_width
    sliders = tuple(StyleAxis(name, f"The {name}", tuple(random.standard_normal(width).tolist())) for name in axes)
    save_bundle(path, replace(bundle, metadata=replace(bundle.metadata, style_axes=sliders)))
    return path


@contextmanager
def model_in_use(path: Path) -> Iterator[None]:
    """This file takes the place of the built-in model."""
    bpy.context.preferences.addons[MODULE].preferences.model = str(path)
    try:
        yield
    finally:  # asked for again: registering the add-on anew replaces its preferences
        bpy.context.preferences.addons[MODULE].preferences.model = ""
