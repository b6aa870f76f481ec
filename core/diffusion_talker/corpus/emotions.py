# SPDX-License-Identifier: GPL-3.0-or-later
"""Eight emotions as data: what each does to the whole face, to articulation, to the voice and to head, brows and
blinks.

Face offsets follow the action units of Ekman & Friesen's FACS translated to ARKit; voice changes follow Scherer
(2003), table 2. All numbers are at intensity 1 and scale linearly with intensity.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from diffusion_talker.corpus.articulation import Manner
from diffusion_talker.corpus.voices.base import Prosody
from diffusion_talker.errors import LibraryError


@dataclass(frozen=True)
class Emotion:
    """One emotion. A channel without side stands for both.

    face: offsets that hold all the time. speech: offsets only while speaking (what would part resting lips). Factors
    are exponents' bases: at intensity x the effect is factor ** x.
    """

    name: str
    face: Mapping[str, float] = field(default_factory=dict)
    speech: Mapping[str, float] = field(default_factory=dict)
    jaw_range: float = 1.0
    lip_range: float = 1.0
    rounding: float = 1.0
    upper_lip: float = 1.0
    pressing: float = 1.0
    speed: float = 1.0
    voice_rate: float = 1.0
    voice_pitch: float = 1.0
    voice_range: float = 1.0
    voice_level_db: float = 0.0
    blink_rate: float = 1.0
    head_motion: float = 1.0
    brow_activity: float = 1.0
    head_pitch_rad: float = 0.0


EMOTIONS: Final[tuple[Emotion, ...]] = (
    Emotion("neutral"),
    Emotion(
        "happiness",
        face={"mouthSmile": 0.42, "cheekSquint": 0.40, "eyeSquint": 0.18, "mouthDimple": 0.10, "browOuterUp": 0.10},
        speech={"mouthUpperUp": 0.07, "mouthStretch": 0.08},
        jaw_range=1.12,
        lip_range=1.15,
        rounding=0.85,
        speed=1.05,
        voice_rate=1.08,
        voice_pitch=1.12,
        voice_range=1.35,
        voice_level_db=2.0,
        head_motion=1.3,
        brow_activity=1.4,
        blink_rate=0.9,
    ),
    Emotion(
        "anger",
        face={
            "browDown": 0.84,
            "eyeSquint": 0.42,
            "noseSneer": 0.36,
            "mouthFrown": 0.14,
            "mouthPress": 0.15,
            "jawForward": 0.12,
        },
        speech={"mouthUpperUp": 0.10, "mouthLowerDown": 0.10, "mouthStretch": 0.08},
        jaw_range=1.18,
        lip_range=1.22,
        upper_lip=1.3,
        pressing=1.35,
        speed=1.15,
        voice_rate=1.10,
        voice_pitch=1.10,
        voice_range=1.25,
        voice_level_db=5.0,
        head_motion=1.25,
        brow_activity=0.7,
        blink_rate=0.7,
        head_pitch_rad=0.04,
    ),
    Emotion(
        "sadness",
        face={
            "browInnerUp": 0.52,
            "browDown": 0.12,
            "mouthFrown": 0.36,
            "mouthShrugLower": 0.12,
            "eyeLookDown": 0.14,
            "eyeBlink": 0.12,
        },
        jaw_range=0.78,
        lip_range=0.80,
        rounding=0.9,
        upper_lip=0.8,
        pressing=0.85,
        speed=0.85,
        voice_rate=0.84,
        voice_pitch=0.92,
        voice_range=0.6,
        voice_level_db=-4.0,
        head_motion=0.6,
        brow_activity=0.6,
        blink_rate=1.2,
        head_pitch_rad=0.09,
    ),
    Emotion(
        "fear",
        face={
            "browInnerUp": 0.60,
            "browOuterUp": 0.28,
            "browDown": 0.15,
            "eyeWide": 0.52,
            "mouthStretch": 0.24,
            "mouthFrown": 0.08,
        },
        speech={"mouthLowerDown": 0.08},
        jaw_range=0.92,
        lip_range=1.05,
        speed=1.15,
        voice_rate=1.14,
        voice_pitch=1.22,
        voice_range=0.9,
        voice_level_db=-1.0,
        head_motion=0.8,
        brow_activity=0.8,
        blink_rate=1.35,
        head_pitch_rad=-0.03,
    ),
    Emotion(
        "surprise",
        face={"browInnerUp": 0.48, "browOuterUp": 0.60, "eyeWide": 0.55},
        speech={"jawOpen": 0.05, "mouthFunnel": 0.05},
        jaw_range=1.22,
        lip_range=1.05,
        voice_rate=1.03,
        voice_pitch=1.20,
        voice_range=1.5,
        voice_level_db=2.0,
        head_motion=1.1,
        brow_activity=1.3,
        blink_rate=0.6,
        head_pitch_rad=-0.04,
    ),
    Emotion(
        "disgust",
        face={
            "noseSneer": 0.74,
            "browDown": 0.45,
            "cheekSquint": 0.38,
            "eyeSquint": 0.34,
            "mouthFrown": 0.28,
            "mouthShrugLower": 0.14,
        },
        speech={"mouthUpperUp": 0.18, "mouthLowerDown": 0.06},
        jaw_range=0.95,
        lip_range=1.05,
        upper_lip=1.4,
        rounding=0.9,
        speed=0.95,
        voice_rate=0.92,
        voice_pitch=0.95,
        voice_range=0.9,
        voice_level_db=0.0,
        head_motion=0.8,
        brow_activity=0.7,
    ),
    Emotion(
        "contempt",
        face={
            "mouthSmileLeft": 0.34,
            "mouthDimpleLeft": 0.36,
            "mouthPressLeft": 0.10,
            "eyeSquint": 0.16,
            "browOuterUpRight": 0.22,
            "browDownLeft": 0.12,
        },
        jaw_range=0.88,
        lip_range=0.9,
        upper_lip=1.1,
        speed=0.95,
        voice_rate=0.92,
        voice_pitch=0.96,
        voice_range=0.8,
        voice_level_db=-1.0,
        head_motion=0.8,
        brow_activity=0.8,
        head_pitch_rad=-0.06,
    ),
)

EMOTION_NAMES: Final[tuple[str, ...]] = tuple(emotion.name for emotion in EMOTIONS)


def emotion_named(name: str) -> Emotion:
    """The emotion of that name. Raises LibraryError when there is none."""
    for emotion in EMOTIONS:
        if emotion.name == name:
            return emotion
    raise LibraryError(f"There is no emotion {name!r}. Choose one of: {', '.join(EMOTION_NAMES)}.")


def colour_manner(manner: Manner, emotion: Emotion, intensity: float) -> Manner:
    """Articulation of a speaker under an emotion."""
    return Manner(
        jaw_range=manner.jaw_range * emotion.jaw_range**intensity,
        lip_range=manner.lip_range * emotion.lip_range**intensity,
        rounding=manner.rounding * emotion.rounding**intensity,
        upper_lip=manner.upper_lip * emotion.upper_lip**intensity,
        precision=manner.precision,
        corner_pull=manner.corner_pull,
        pressing=manner.pressing * emotion.pressing**intensity,
        speed=manner.speed * emotion.speed**intensity,
        lead_s=manner.lead_s,
    )


def colour_prosody(prosody: Prosody, emotion: Emotion, intensity: float) -> Prosody:
    """Voice of a speaker under an emotion."""
    return Prosody(
        rate=prosody.rate * emotion.voice_rate**intensity,
        pitch=prosody.pitch * emotion.voice_pitch**intensity,
        pitch_range=prosody.pitch_range * emotion.voice_range**intensity,
    )


def expand_sides(channel: str, known: frozenset[str]) -> tuple[str, ...]:
    """The ARKit channels a name without side stands for."""
    return (channel,) if channel in known else (channel + "Left", channel + "Right")
