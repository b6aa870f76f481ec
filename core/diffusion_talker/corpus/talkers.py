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


#: Sensible limits of every axis: beyond them a face is a caricature. The library spans nearly all of each.
AXIS_LIMITS: Final[dict[str, tuple[float, float]]] = {
    "jaw_range": (0.5, 1.45),
    "lip_range": (0.6, 1.4),
    "rounding": (0.6, 1.5),
    "upper_lip": (0.5, 1.5),
    "precision": (0.75, 1.3),
    "corner_pull": (-0.04, 0.15),
    "asymmetry": (-0.25, 0.25),
    "smile_at_rest": (0.0, 0.2),
    "brow_activity": (0.4, 1.9),
    "blink_rate_per_min": (8.0, 28.0),
    "head_motion": (0.4, 1.8),
    "lead_s": (-0.012, 0.012),
}


@dataclass(frozen=True)
class VoiceSpec:
    """A voice of a family. voice: an eSpeak variant, or a flite or festival voice.

    tract: factor on all resonances and on pitch by resampling (above 1 a smaller speaker); pitch: eSpeak's 0-99
    scale, or factor / 50 elsewhere. Clips vary tract by 5 % each way, so families of one voice keep 10 % apart.
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


def _espeak(*variants: str, pitch: int, tract: float = 1.0) -> tuple[VoiceSpec, ...]:
    return tuple(VoiceSpec("espeak", variant, tract, pitch) for variant in variants)


TALKERS: Final[tuple[Talker, ...]] = (
    Talker(
        "Newsreader",
        "Even, crisp and composed: every consonant is clear, the face stays calm.",
        Axes(0.95, 1.0, 1.0, 1.0, 1.25, 0.02, 0.0, 0.03, 0.6, 14, 0.6, 0.0),
        (
            *_espeak("f2", "f1", "aunty", pitch=48),
            VoiceSpec("flite", "slt"),
            VoiceSpec("festival", "cmu_us_slt_arctic_hts"),
        ),
    ),
    Talker(
        "Storyteller",
        "Warm and unhurried, with round lips, lively brows and a slow, swaying head.",
        Axes(1.05, 0.95, 1.3, 0.95, 0.95, 0.03, 0.05, 0.08, 1.5, 13, 1.3, 0.006),
        (
            *_espeak("m3", "victor", "Hugo", "paul", pitch=46),
            VoiceSpec("flite", "rms", tract=0.96),
            VoiceSpec("festival", "czech_ph"),
        ),
        pace=0.9,
    ),
    Talker(
        "Grandfather",
        "Tired jaw and heavy lids: small, soft movements that come a little late.",
        Axes(0.72, 0.75, 0.9, 0.6, 0.80, -0.01, -0.16, 0.0, 0.6, 24, 0.7, -0.009),
        (
            *_espeak("grandpa", "croak", "m8", "david", pitch=30),
            VoiceSpec("flite", "rms", tract=0.85),
            VoiceSpec("festival", "hy_fi_mv_diphone", tract=0.88),
        ),
        pace=0.82,
    ),
    Talker(
        "Teenager",
        "Quick and lopsided: a lively mouth that pulls to one side and a restless head.",
        Axes(0.9, 1.15, 0.8, 1.1, 0.9, 0.09, 0.22, 0.06, 1.2, 24, 1.5, 0.004),
        (
            *_espeak("f4", "f5", "anika", "Annie", pitch=60, tract=1.05),
            VoiceSpec("flite", "slt", tract=1.12),
            VoiceSpec("festival", "cmu_us_slt_arctic_hts", tract=1.12),
            VoiceSpec("festival", "czech_krb", tract=1.13),
        ),
        pace=1.15,
    ),
    Talker(
        "Coach",
        "Loud and wide open: a big jaw, bared teeth and emphatic nods.",
        Axes(1.38, 1.2, 0.85, 1.15, 1.12, 0.04, 0.0, 0.0, 1.2, 16, 1.75, 0.003),
        (
            *_espeak("m7", "Michael", "rob", "Storm", "Mario", pitch=56),
            VoiceSpec("flite", "awb", tract=0.98),
            VoiceSpec("festival", "hy_fi_mv_diphone", tract=1.1),
        ),
        pace=1.05,
    ),
    Talker(
        "Ventriloquist",
        "Speaks through nearly still lips: the jaw hardly drops, the seals are short and firm.",
        Axes(0.52, 0.62, 0.65, 0.6, 1.05, 0.0, 0.0, 0.05, 0.8, 15, 0.8, 0.0),
        (
            *_espeak("m5", "robert", "klatt2", "Lee", "Jacky", pitch=50),
            VoiceSpec("flite", "kal16", tract=0.97),
            VoiceSpec("festival", "kal_diphone", tract=0.97),
        ),
    ),
    Talker(
        "Presenter",
        "Bright smile and wide corners, raised upper lip, always engaged with the viewer.",
        Axes(1.1, 1.2, 0.85, 1.4, 1.1, 0.13, 0.0, 0.18, 1.3, 18, 1.1, 0.004),
        (
            *_espeak("f3", "belinda", "Andrea", pitch=56),
            VoiceSpec("flite", "awb", tract=1.21, pitch=70),
            VoiceSpec("festival", "upc_ca_ona_hts"),
        ),
        pace=1.08,
    ),
    Talker(
        "Chansonnier",
        "Sings every vowel: far-forward lips, deep jaw, long anticipation and dreamy brows.",
        Axes(1.2, 0.85, 1.5, 0.75, 0.82, -0.03, -0.10, 0.02, 1.8, 11, 0.9, 0.011),
        (
            *_espeak("m6", "michel", "miguel", "antonio", pitch=60),
            VoiceSpec("flite", "kal16", tract=1.08),
            VoiceSpec("festival", "kal_diphone", tract=1.08),
            VoiceSpec("festival", "pc_diphone"),
        ),
        pace=0.92,
    ),
    Talker(
        "Librarian",
        "Hushed and exact: hardly opens the mouth, yet every letter is shaped; blinks a lot, head still.",
        Axes(0.60, 0.9, 1.15, 0.85, 1.28, -0.01, 0.04, 0.15, 0.5, 26, 0.45, 0.008),
        (
            *_espeak("steph2", "steph3", pitch=40, tract=0.95),
            *_espeak("edward2", pitch=74, tract=1.13),
            VoiceSpec("festival", "czech_dita"),
        ),
        pace=0.88,
    ),
    Talker(
        "Auctioneer",
        "Rattles on with flapping lips over a flat jaw; consonants blur and eyes blink fast.",
        Axes(0.70, 1.3, 0.75, 0.9, 0.78, 0.02, -0.05, 0.0, 0.9, 25, 1.1, -0.006),
        (
            *_espeak("Gene", "Gene2", "ed", pitch=58),
            VoiceSpec("festival", "ked_diphone", tract=1.07),
            VoiceSpec("festival", "pc_diphone", tract=1.12),
        ),
        pace=1.35,
    ),
    Talker(
        "Child",
        "Big jaw, sloppy lips a little behind the voice, brows and head never at rest.",
        Axes(1.3, 0.8, 1.2, 1.3, 0.76, 0.06, 0.03, 0.10, 1.8, 20, 1.75, -0.010),
        (
            *_espeak("zac", pitch=50),
            *_espeak("anika", pitch=68, tract=1.2),
            *_espeak("f5", pitch=70, tract=1.22),
            VoiceSpec("flite", "slt", tract=1.26),
            VoiceSpec("festival", "czech_krb"),
        ),
        pace=0.95,
    ),
    Talker(
        "Grandmother",
        "Kindly rounded mouth with a lasting smile; slow to follow her own words.",
        Axes(0.85, 0.8, 1.35, 0.7, 1.05, 0.10, 0.08, 0.20, 1.0, 23, 0.9, -0.011),
        (
            *_espeak("grandma", "shelby", pitch=44, tract=0.93),
            VoiceSpec("flite", "slt", tract=0.8, pitch=58),
            VoiceSpec("festival", "suo_fi_lj_diphone", tract=0.9),
            VoiceSpec("festival", "lp_diphone", tract=0.9),
        ),
        pace=0.8,
    ),
    Talker(
        "Sergeant",
        "Barks: jaw drops and snaps shut, corners down, eyes fixed, hardly a blink.",
        Axes(1.2, 0.7, 0.7, 0.75, 1.28, -0.04, 0.06, 0.0, 0.45, 9, 1.0, -0.003),
        (
            *_espeak("m1", "max", "boris", pitch=36, tract=0.94),
            VoiceSpec("flite", "awb", tract=0.88),
            VoiceSpec("festival", "hindi_NSK_diphone", tract=0.9),
        ),
        pace=1.08,
    ),
    Talker(
        "Poet",
        "Soft, far-forward lips that lead the voice, corners low, a head that sways with the line.",
        Axes(0.75, 1.05, 1.45, 1.1, 1.15, -0.03, -0.15, 0.12, 1.1, 10, 1.7, 0.011),
        (
            *_espeak("steph", "linda", pitch=44),
            VoiceSpec("flite", "rms", tract=1.19, pitch=76),
            VoiceSpec("festival", "upc_ca_ona_hts", tract=0.9),
        ),
        pace=0.85,
    ),
    Talker(
        "Skeptic",
        "Speaks from the right side with a lifted upper lip and a brow for every doubt.",
        Axes(0.8, 0.95, 0.9, 1.35, 1.0, 0.03, -0.24, 0.01, 1.85, 12, 0.5, -0.007),
        (
            *_espeak("iven", "iven2", "iven3", pitch=50),
            VoiceSpec("flite", "kal16", tract=0.87),
            VoiceSpec("festival", "kal_diphone", tract=0.87),
            VoiceSpec("festival", "telugu_NSK_diphone", tract=1.1),
        ),
        pace=0.97,
    ),
    Talker(
        "Diplomat",
        "Pleasant and guarded: lips barely part, a constant faint smile, many blinks.",
        Axes(1.0, 0.75, 1.1, 0.65, 1.15, 0.05, 0.02, 0.15, 0.9, 28, 1.3, 0.002),
        (
            *_espeak("klatt3", "klatt4", "klatt5", "edward", pitch=48),
            VoiceSpec("flite", "rms", tract=1.07),
            VoiceSpec("festival", "hy_fi_mv_diphone", tract=0.99),
        ),
        pace=0.95,
    ),
    Talker(
        "Comedian",
        "Rubber face: wide lips, jumping brows, everything a size too large and off centre.",
        Axes(1.25, 1.38, 1.25, 1.2, 0.9, 0.08, -0.18, 0.07, 1.75, 21, 1.0, 0.0),
        (
            *_espeak("Marco", "Nguyen", "travis", "pablo", pitch=60),
            VoiceSpec("flite", "awb", tract=1.09),
            VoiceSpec("festival", "czech_machac", tract=1.05),
        ),
        pace=1.12,
    ),
    Talker(
        "Professor",
        "Spreads the lips and lifts the brows to explain, always a moment after the thought.",
        Axes(1.1, 1.1, 0.8, 0.7, 1.2, -0.02, 0.15, 0.03, 1.6, 19, 0.8, -0.010),
        (
            *_espeak("Mr serious", "Andy", "quincy", "john", pitch=42, tract=0.97),
            VoiceSpec("festival", "ked_diphone", tract=0.96),
            VoiceSpec("festival", "marathi_NSK_diphone"),
        ),
        pace=0.92,
    ),
    Talker(
        "Slacker",
        "Mumbles: small lazy movements, late and crooked, with brows that do not care.",
        Axes(0.6, 0.7, 1.1, 1.0, 0.76, 0.02, 0.18, 0.02, 0.4, 11, 0.45, -0.012),
        (
            *_espeak("Denis", "sandro", "Diogo", "Henrique", pitch=38, tract=0.96),
            VoiceSpec("festival", "czech_machac", tract=0.94),
        ),
        pace=0.9,
    ),
    Talker(
        "Diva",
        "Opera on every syllable: huge jaw, round lips, corners pulled, mouth ready before the note.",
        Axes(1.42, 1.3, 1.4, 0.9, 1.2, 0.12, 0.10, 0.04, 0.8, 15, 0.7, 0.012),
        (
            *_espeak("norbert", pitch=82, tract=1.18),
            *_espeak("m2", "Alex", pitch=80, tract=1.17),
            VoiceSpec("festival", "lp_diphone"),
            VoiceSpec("festival", "suo_fi_lj_diphone", tract=1.12),
        ),
        pace=0.95,
    ),
    Talker(
        "Attendant",
        "Professional smile: small jaw, wide spread lips, crisp delivery and a friendly tilting head.",
        Axes(0.75, 1.2, 0.7, 1.0, 1.25, 0.15, -0.12, 0.19, 0.6, 17, 1.4, 0.001),
        (
            *_espeak("m4", "pedro", pitch=80, tract=1.2),
            VoiceSpec("flite", "kal16", tract=1.2, pitch=78),
            VoiceSpec("festival", "kal_diphone", tract=1.2, pitch=78),
            VoiceSpec("festival", "czech_dita", tract=1.12),
            VoiceSpec("festival", "suo_fi_lj_diphone"),
        ),
        pace=1.1,
    ),
    Talker(
        "Detective",
        "Talks from the left corner of a tight mouth; stares, and moves before the words come.",
        Axes(1.05, 0.65, 0.85, 1.25, 0.9, 0.06, 0.24, 0.0, 0.55, 8, 1.2, 0.009),
        (
            *_espeak("announcer", "iven4", "gustave", "marcelo", pitch=34, tract=0.93),
            VoiceSpec("festival", "ked_diphone", tract=0.86),
            VoiceSpec("festival", "czech_ph", tract=0.9),
            VoiceSpec("festival", "pc_diphone", tract=0.9),
        ),
        pace=0.93,
    ),
    Talker(
        "Meditator",
        "Open lips over a calm jaw: soft edges, quiet brows, almost no blinks, a floating smile.",
        Axes(1.0, 1.0, 1.2, 1.45, 0.8, 0.01, -0.02, 0.16, 0.45, 9, 0.4, 0.009),
        (
            *_espeak("Alicia", pitch=36, tract=0.9),
            *_espeak("f1", pitch=38, tract=0.88),
            VoiceSpec("flite", "slt", tract=0.9),
            VoiceSpec("festival", "cmu_us_slt_arctic_hts", tract=0.9),
            VoiceSpec("festival", "czech_dita", tract=0.9),
        ),
        pace=0.78,
    ),
    Talker(
        "Crier",
        "Calls across the market: wide jaw, bared upper teeth, unrounded, in a hurry to be heard.",
        Axes(1.4, 0.95, 0.65, 1.48, 0.85, -0.01, -0.2, 0.08, 0.7, 27, 0.8, -0.002),
        (
            *_espeak("kaukovalta", pitch=84, tract=1.18),
            *_espeak("adam", pitch=84, tract=1.2),
            VoiceSpec("festival", "ked_diphone", tract=1.18, pitch=75),
            VoiceSpec("festival", "lp_diphone", tract=1.12),
            VoiceSpec("festival", "upc_ca_ona_hts", tract=1.12),
        ),
        pace=1.18,
    ),
)

AXIS_NAMES: Final[tuple[str, ...]] = tuple(Axes.__dataclass_fields__)
