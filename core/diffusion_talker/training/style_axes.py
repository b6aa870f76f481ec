# SPDX-License-Identifier: GPL-3.0-or-later
"""The sliders: named directions of the personalized embedding, found from talkers whose style is known.

Every talker of the corpus has a value on each of a dozen axes. The embedding is fitted as a linear function of them
(ridge regression), so a direction is what changes when one axis moves and the others stay. The directions are made
orthogonal together (Loewdin 1950: the orthonormal set nearest to them) and scaled so that -1 to 1 spans the talkers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from diffusion_talker.corpus.shards import IdentityEntry
from diffusion_talker.student.bundle import Bundle, StyleAxis
from diffusion_talker.student.network import StyleRequest
from diffusion_talker.student.numpy_network import NumpyNetwork

RIDGE: Final = 0.02  # of the talkers' number, axes in units of their half range
MIN_TALKERS: Final = 4
_DIGITS: Final = 6


@dataclass(frozen=True)
class Slider:
    """A slider and the axis of the talkers that it stands for."""

    name: str
    axis: str
    description: str


SLIDERS: Final[tuple[Slider, ...]] = (
    Slider("jaw", "jaw_range", "How far the jaw opens"),
    Slider("lips", "lip_range", "How far the lips part and spread"),
    Slider("rounding", "rounding", "How far the lips come forward in round sounds"),
    Slider("upper_lip", "upper_lip", "How much the upper lip lifts"),
    Slider("precision", "precision", "From mumbled to crisp: how clearly each sound is shaped"),
    Slider("corners", "corner_pull", "How far the mouth's corners are pulled while speaking"),
    Slider("asymmetry", "asymmetry", "Which half of the mouth moves more: the left above 0, the right below"),
    Slider("smile", "smile_at_rest", "Smile of the resting face"),
    Slider("brows", "brow_activity", "How much the brows move"),
    Slider("blinks", "blink_rate_per_min", "How often the eyes blink"),
    Slider("head", "head_motion", "How much the head moves"),
    Slider("lead", "lead_s", "Lips ahead of the sound above 0, behind it below"),
)


def with_style_axes(bundle: Bundle, talkers: Sequence[IdentityEntry]) -> Bundle:
    """The bundle with its sliders; without any if too little is known of its talkers (a data set's speakers)."""
    known = {talker.name: talker.axes for talker in talkers}
    rows = [number for number, name in enumerate(bundle.config.identities) if known.get(name)]
    styles = [known[bundle.config.identities[number]] for number in rows]
    sliders = [slider for slider in SLIDERS if len({style.get(slider.axis) for style in styles} - {None}) > 1
               and all(slider.axis in style for style in styles)]
    if len(rows) < MIN_TALKERS or not sliders:
        return bundle
    values = np.array([[style[slider.axis] for slider in sliders] for style in styles])
    directions = fit_directions(talker_embeddings(bundle)[rows], values)
    axes = tuple(StyleAxis(slider.name, slider.description, tuple(np.round(direction, _DIGITS).tolist()))
                 for slider, direction in zip(sliders, directions, strict=True))
    return replace(bundle, metadata=replace(bundle.metadata, style_axes=axes))


def talker_embeddings(bundle: Bundle) -> np.ndarray:
    """(K, D) personalized embedding of each talker, mean over the emotions."""
    network = NumpyNetwork(bundle)
    everyone = np.eye(len(bundle.config.identities), dtype=np.float32)
    moods = np.eye(len(bundle.config.emotions), dtype=np.float32)
    return np.mean([network.style(StyleRequest(everyone, mood)) for mood in moods], axis=0)


def fit_directions(embeddings: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(A, D) orthogonal directions, in embedding per slider unit, for talkers (K, D) with axis values (K, A)."""
    middle, half = (values.max(0) + values.min(0)) / 2, (values.max(0) - values.min(0)) / 2
    settings = (values - middle) / half  # -1 to 1
    settings = settings - settings.mean(axis=0)
    embeddings = embeddings - embeddings.mean(axis=0)
    gram = settings.T @ settings + RIDGE * len(values) * np.eye(values.shape[1])
    slopes = np.linalg.solve(gram, settings.T @ embeddings)
    units = orthogonalized(slopes)
    along = embeddings @ units.T  # (K, A): where the talkers are on each direction
    spans = (along * settings).sum(0) / (settings**2).sum(0)
    return units * np.maximum(spans, 0.0)[:, None]


def orthogonalized(directions: np.ndarray) -> np.ndarray:
    """The orthonormal rows nearest to the rows' own directions: (U U')^-1/2 U."""
    units = directions / np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1e-12)
    left, _, right = np.linalg.svd(units, full_matrices=False)
    return left @ right
