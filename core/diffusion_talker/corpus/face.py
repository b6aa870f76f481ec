# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole face of one clip: mouth, expression, performance, then contact; MODEL_CHANNELS at one rate."""

from __future__ import annotations

from typing import Final

import numpy as np

from diffusion_talker.channels import ARKIT_52, HEAD_CHANNELS, MODEL_CHANNELS
from diffusion_talker.corpus.articulation import DIALS, Manner, Mouth, articulate, enforce_contact
from diffusion_talker.corpus.emotions import Emotion, colour_manner, expand_sides
from diffusion_talker.corpus.performance import Columns, Liveliness, add_breath, add_performance, smooth_noise
from diffusion_talker.corpus.talkers import Axes
from diffusion_talker.corpus.timing import TimedPhone

_ARKIT = frozenset(ARKIT_52)
_DIAL_CHANNELS = {
    "jaw": ("jawOpen",),
    "funnel": ("mouthFunnel",),
    "pucker": ("mouthPucker",),
    "smile": ("mouthSmileLeft", "mouthSmileRight"),
    "stretch": ("mouthStretchLeft", "mouthStretchRight"),
    "lower": ("mouthLowerDownLeft", "mouthLowerDownRight"),
    "upper": ("mouthUpperUpLeft", "mouthUpperUpRight"),
    "tuck": ("mouthRollLower",),
    "tongue": ("tongueOut",),
}
_TARGET_JITTER = 0.06
#: Muscles that move together on recorded faces: (source, follower, share), in this order.
_COUPLINGS: Final[tuple[tuple[str, str, float], ...]] = (
    ("jawOpen", "jawForward", 0.10),
    ("jawOpen", "mouthStretch", 0.05),
    ("mouthSmile", "cheekSquint", 0.12),
    ("mouthUpperUp", "noseSneer", 0.18),
    ("noseSneer", "cheekSquint", 0.12),
    ("mouthUpperUp", "mouthShrugUpper", 0.25),
    ("mouthLowerDown", "mouthShrugUpper", 0.15),
    ("mouthPucker", "cheekPuff", 0.07),
)
#: What a living face shows at rest; nothing that parts the lips. Lips give theirs up while they speak.
_LIP_TONE: Final[dict[str, float]] = {
    "mouthPress": 0.025, "mouthRollLower": 0.02, "mouthRollUpper": 0.025, "mouthShrugLower": 0.05,
    "mouthFrown": 0.03, "mouthStretch": 0.03,
}  # fmt: skip
_FACE_TONE: Final[dict[str, float]] = {
    "browInnerUp": 0.04, "eyeSquint": 0.06, "cheekSquint": 0.015, "noseSneer": 0.02, "mouthDimple": 0.03,
    "jawForward": 0.02,
}  # fmt: skip


def animate(
    phones: tuple[TimedPhone, ...],
    frame_count: int,
    rate_hz: float,
    axes: Axes,
    emotion: Emotion,
    intensity: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Face of a talker saying `phones` (without holes), (frame_count, 55) float32 in MODEL_CHANNELS order."""
    manner = colour_manner(axes.manner(), emotion, intensity)
    jitter = np.clip(rng.normal(1.0, _TARGET_JITTER, len(phones)), 0.8, 1.2)
    mouth = articulate(phones, frame_count, rate_hz, manner, jitter)
    columns = _columns(frame_count)
    write_mouth(columns, mouth, axes.asymmetry)
    add_side_drift(columns, mouth, axes.asymmetry, rate_hz, rng)
    add_emotion(columns, emotion, intensity, mouth.activity, _wander(frame_count, rate_hz, rng))
    add_tone(columns, mouth.activity, rate_hz, rng)
    _add_resting_smile(columns, axes.smile_at_rest)
    liveliness = Liveliness(
        blink_rate_per_min=axes.blink_rate_per_min * emotion.blink_rate**intensity,
        brow_activity=axes.brow_activity * emotion.brow_activity**intensity,
        head_motion=axes.head_motion * emotion.head_motion**intensity,
        head_pitch_rad=emotion.head_pitch_rad * intensity,
    )
    add_performance(columns, phones, rate_hz, liveliness, rng)
    add_breath(columns, phones, rate_hz, rng)
    finish(columns, mouth, manner, rate_hz)
    return _stack(columns)


def mouth_curves(phones: tuple[TimedPhone, ...], frame_count: int, rate_hz: float, manner: Manner) -> np.ndarray:
    """The mouth alone, neutral: (frame_count, 55) float32, all else 0."""
    mouth = articulate(phones, frame_count, rate_hz, manner)
    columns = _columns(frame_count)
    write_mouth(columns, mouth, 0.0)
    finish(columns, mouth, manner, rate_hz)
    return _stack(columns)


def _columns(frame_count: int) -> Columns:
    return {name: np.zeros(frame_count) for name in MODEL_CHANNELS}


def _stack(columns: Columns) -> np.ndarray:
    return np.stack([columns[name] for name in MODEL_CHANNELS], axis=1).astype(np.float32)


def write_mouth(columns: Columns, mouth: Mouth, asymmetry: float) -> None:
    """Dials to ARKit channels; asymmetry makes the left side move more and pulls the open mouth that way."""
    for i, dial in enumerate(DIALS):
        names = _DIAL_CHANNELS[dial]
        for name in names:
            side = 0.0 if len(names) == 1 else (0.5 if name.endswith("Left") else -0.5)
            columns[name] += mouth.dials[:, i] * (1 + asymmetry * side * 2)
    pull = 0.35 * abs(asymmetry) * mouth.dials[:, DIALS.index("jaw")]
    columns["mouthLeft" if asymmetry > 0 else "mouthRight"] += pull
    columns["jawLeft" if asymmetry > 0 else "jawRight"] += 0.5 * pull
    columns["jawForward"] += 0.06 * mouth.dials[:, DIALS.index("funnel")]


def add_side_drift(columns: Columns, mouth: Mouth, asymmetry: float, rate_hz: float, rng: np.random.Generator) -> None:
    """No jaw drops quite straight and no mouth stays quite in the middle: slow drifts that grow with the opening."""
    times_s = np.arange(len(columns["jawOpen"])) / rate_hz
    opening = mouth.dials[:, DIALS.index("jaw")]
    jaw = (0.08 * smooth_noise(times_s, 0.25, rng) + rng.normal(0.0, 0.06) + 0.2 * asymmetry) * opening
    lips = 0.02 * smooth_noise(times_s, 0.4, rng) * mouth.activity
    for left, right, shift in (("jawLeft", "jawRight", jaw), ("mouthLeft", "mouthRight", lips + 0.5 * jaw)):
        columns[left] += np.maximum(shift, 0.0)
        columns[right] += np.maximum(-shift, 0.0)


def add_tone(columns: Columns, activity: np.ndarray, rate_hz: float, rng: np.random.Generator) -> None:
    """Slight tension that no face is without, each muscle wandering by itself."""
    times_s = np.arange(len(activity)) / rate_hz
    for tone, gate in ((_FACE_TONE, np.ones(len(activity))), (_LIP_TONE, 1.0 - 0.8 * activity)):
        for channel, level in tone.items():
            wander = 1.0 + 0.5 * np.tanh(smooth_noise(times_s, 0.2, rng))
            for name in expand_sides(channel, _ARKIT):
                columns[name] += level * gate * wander


def couple_muscles(columns: Columns) -> None:
    """Add each follower's share of its source, side by side; shares fitted to recorded takes (docs/corpus.md)."""
    for source, follower, share in _COUPLINGS:
        sources, followers = expand_sides(source, _ARKIT), expand_sides(follower, _ARKIT)
        both = sum(columns[name] for name in sources) / len(sources)
        for i, name in enumerate(followers):
            columns[name] += share * (columns[sources[i]] if len(sources) == len(followers) else both)


def add_emotion(columns: Columns, emotion: Emotion, intensity: float, activity: np.ndarray, wander: np.ndarray) -> None:
    """The emotion's offsets: face all the time, speech only while speaking. wander: (T,) slow factor around 1."""
    for offsets, gate in ((emotion.face, wander), (emotion.speech, wander * activity)):
        for channel, offset in offsets.items():
            for name in expand_sides(channel, _ARKIT):
                columns[name] += intensity * offset * gate


def _wander(frame_count: int, rate_hz: float, rng: np.random.Generator) -> np.ndarray:
    """An expression is never held quite still."""
    return 1.0 + 0.12 * np.tanh(smooth_noise(np.arange(frame_count) / rate_hz, 0.3, rng))


def _add_resting_smile(columns: Columns, smile: float) -> None:
    for side in ("Left", "Right"):
        columns["mouthSmile" + side] += smile
        columns["cheekSquint" + side] += 0.4 * smile


def finish(columns: Columns, mouth: Mouth, manner: Manner, rate_hz: float) -> None:
    """Mutual limits of the muscles, contact, and the range [0, 1] of every weight; in place."""
    _rounding_relaxes_corners(columns)
    couple_muscles(columns)
    for name in ARKIT_52:
        np.clip(columns[name], 0.0, 1.0, out=columns[name])
    enforce_contact(columns, mouth, manner.pressing, rate_hz)
    for name in ARKIT_52:
        np.clip(columns[name], 0.0, 1.0, out=columns[name])
    for name in HEAD_CHANNELS:
        np.clip(columns[name], -0.6, 0.6, out=columns[name])


def _rounding_relaxes_corners(columns: Columns) -> None:
    """Orbicularis oris against zygomaticus: lips that pucker cannot spread as far."""
    keep = 1.0 - 0.65 * np.clip(columns["mouthPucker"] + 0.5 * columns["mouthFunnel"], 0.0, 1.0)
    for side in ("Left", "Right"):
        columns["mouthSmile" + side] *= keep
        columns["mouthStretch" + side] *= keep
