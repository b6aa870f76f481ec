# SPDX-License-Identifier: GPL-3.0-or-later
"""The identities: style vectors on named axes, each bound to a family of voices so that it can be heard who speaks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from diffusion_talker.corpus.articulation import Manner


@dataclass(frozen=True)
class Axes:
    """Style of a talker. Factors are around 1; the rest are ARKit weights, ratios or seconds.

    asymmetry: share by which the left half of the mouth moves more (negative: the right). smile_at_rest: mouthSmile
    of the resting face. blink_rate_per_min; lead_s: lips ahead of the sound beyond the usual (negative: late).
    """

    jaw_range: float = 1.0
    lip_range: float = 1.0
    rounding: float = 1.0
    upper_lip: float = 1.0
    precision: float = 1.0
    corner_pull: float = 0.0
    asymmetry: float = 0.0
    smile_at_rest: float = 0.0
    brow_activity: float = 1.0
    blink_rate_per_min: float = 17.0
    head_motion: float = 1.0
    lead_s: float = 0.0

    def manner(self) -> Manner:
        """What of this concerns articulation."""
        return Manner(
            jaw_range=self.jaw_range,
            lip_range=self.lip_range,
            rounding=self.rounding,
            upper_lip=self.upper_lip,
            precision=self.precision,
            corner_pull=self.corner_pull,
            lead_s=self.lead_s,
        )


@dataclass(frozen=True)
class VoiceSpec:
    """A voice of a family. voice: an eSpeak variant, or a flite or festival voice.

    tract: factor on all resonances and on pitch by resampling (above 1 a smaller speaker); pitch: eSpeak's 0-99
    scale, or factor / 50 elsewhere.
    """

    engine: str
    voice: str
    tract: float = 1.0
    pitch: int = 50


@dataclass(frozen=True)
class Talker:
    """One identity. pace: factor on speaking rate."""

    name: str
    description: str
    axes: Axes
    voices: tuple[VoiceSpec, ...]
    pace: float = 1.0


def _espeak(*variants: str, pitch: int) -> tuple[VoiceSpec, ...]:
    return tuple(VoiceSpec("espeak", variant, pitch=pitch) for variant in variants)


TALKERS: Final[tuple[Talker, ...]] = (
    Talker(
        "Newsreader",
        "Even, crisp and composed: every consonant is clear, the face stays calm.",
        Axes(0.95, 1.0, 1.0, 1.0, 1.25, 0.02, 0.0, 0.03, 0.6, 14, 0.6, 0.0),
        (
            *_espeak("f2", "steph", "linda", "aunty", pitch=52),
            VoiceSpec("flite", "slt"),
            VoiceSpec("festival", "cmu_us_slt_arctic_hts"),
        ),
    ),
    Talker(
        "Storyteller",
        "Warm and unhurried, with round lips, lively brows and a slow, swaying head.",
        Axes(1.05, 0.95, 1.3, 0.95, 0.95, 0.03, 0.05, 0.08, 1.5, 13, 1.3, 0.006),
        (*_espeak("m3", "victor", "Hugo", "paul", "john", "norbert", pitch=46), VoiceSpec("flite", "rms")),
        pace=0.9,
    ),
    Talker(
        "Grandfather",
        "Tired jaw and heavy lids: small, soft movements that come a little late.",
        Axes(0.72, 0.75, 0.9, 0.6, 0.82, -0.01, -0.10, 0.0, 0.7, 22, 0.7, -0.008),
        (
            *_espeak("grandpa", "m1", "gustave", "boris", "m8", "david", pitch=32),
            VoiceSpec("festival", "ked_diphone", tract=0.93),
            VoiceSpec("flite", "rms", tract=0.88),
        ),
        pace=0.85,
    ),
    Talker(
        "Teenager",
        "Quick and lopsided: a lively mouth that pulls to one side and a restless head.",
        Axes(0.9, 1.15, 0.8, 1.1, 0.9, 0.09, 0.22, 0.06, 1.2, 24, 1.5, 0.004),
        (*_espeak("f4", "anika", "Annie", "steph2", "f5", pitch=64), VoiceSpec("flite", "slt", tract=1.12)),
        pace=1.12,
    ),
    Talker(
        "Coach",
        "Loud and wide open: a big jaw, bared teeth and emphatic nods.",
        Axes(1.35, 1.2, 0.95, 1.15, 1.1, 0.04, 0.0, 0.02, 1.3, 16, 1.6, 0.006),
        (*_espeak("m7", "michael", "rob", "Storm", "max", "mario", pitch=54), VoiceSpec("flite", "awb")),
        pace=1.05,
    ),
    Talker(
        "Ventriloquist",
        "Speaks through nearly still lips: the jaw hardly drops, the seals are short and firm.",
        Axes(0.55, 0.65, 0.65, 0.6, 1.0, 0.0, 0.0, 0.05, 0.8, 15, 0.8, 0.0),
        (
            *_espeak("m5", "robert", "klatt2", "Lee", "jacky", "benjamin", pitch=52),
            VoiceSpec("flite", "kal16"),
            VoiceSpec("festival", "kal_diphone"),
        ),
    ),
    Talker(
        "Presenter",
        "Bright smile and wide corners, raised upper lip, always engaged with the viewer.",
        Axes(1.1, 1.2, 0.85, 1.4, 1.1, 0.13, 0.0, 0.18, 1.3, 18, 1.1, 0.004),
        (*_espeak("f3", "belinda", "Andrea", "steph3", "shelby", pitch=55), VoiceSpec("flite", "awb", tract=1.17)),
        pace=1.05,
    ),
    Talker(
        "Chansonnier",
        "Sings every vowel: far-forward lips, deep jaw, long anticipation and dreamy brows.",
        Axes(1.15, 0.9, 1.5, 0.8, 0.85, -0.02, -0.06, 0.02, 1.6, 11, 1.2, 0.010),
        (
            *_espeak("m6", "Michel", "antonio", "Miguel", "sandro", pitch=60),
            VoiceSpec("festival", "kal_diphone", tract=1.14),
        ),
        pace=0.92,
    ),
)

AXIS_NAMES: Final[tuple[str, ...]] = tuple(Axes.__dataclass_fields__)
