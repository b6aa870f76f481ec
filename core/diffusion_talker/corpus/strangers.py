# SPDX-License-Identifier: GPL-3.0-or-later
"""Talkers that no student has met: styles between those of the library, in voices that no training corpus uses.

A test corpus (`corpus build --test-set`) lets them speak, so that a student is measured on people it cannot know. Their
numbers follow those of the library's talkers.
"""

from __future__ import annotations

from typing import Final

from diffusion_talker.corpus.talkers import TALKERS, Axes, Talker, VoiceSpec

STRANGERS: Final[tuple[Talker, ...]] = (
    Talker(
        "Clerk",
        "Short jaw, busy round lips under a still upper lip; brows and head comment on everything.",
        Axes(0.58, 1.31, 1.28, 0.66, 1.25, 0.11, -0.09, 0.02, 1.5, 16, 1.66, -0.009),
        (VoiceSpec("espeak", "Mike", 1.0, 52), VoiceSpec("espeak", "Mike", 1.03, 58)),
    ),
    Talker(
        "Sailor",
        "Drops the jaw, keeps the lips flat, and pulls the line to the right with half a smile.",
        Axes(1.22, 0.81, 0.70, 0.64, 0.90, 0.08, -0.21, 0.16, 1.1, 10, 1.28, -0.010),
        (VoiceSpec("espeak", "RicishayMax", 0.93, 44), VoiceSpec("espeak", "RicishayMax2", 0.93, 44)),
        pace=1.05,
    ),
    Talker(
        "Witness",
        "Hardly dares to open the mouth, smiles to the left and shakes the head.",
        Axes(0.59, 1.28, 1.17, 0.65, 1.14, -0.02, 0.20, 0.18, 0.95, 10, 1.6, -0.009),
        (VoiceSpec("espeak", "AnxiousAndy", 1.0, 56),),
        pace=1.1,
    ),
    Talker(
        "Gardener",
        "Bares the upper teeth over a small jaw, blinks at the light, early with every word.",
        Axes(0.63, 0.77, 1.23, 1.38, 1.20, 0.13, -0.19, 0.02, 1.49, 24, 1.45, 0.009),
        (VoiceSpec("espeak", "benjamin", 1.08, 50), VoiceSpec("espeak", "klatt6", 1.08, 54)),
        pace=0.92,
    ),
    Talker(
        "Neighbor",
        "Loose jaw and lazy lips that start too soon; much smile, much brow, little else.",
        Axes(1.16, 0.69, 0.80, 0.67, 0.84, 0.12, -0.20, 0.16, 1.77, 22, 0.57, 0.009),
        (VoiceSpec("espeak", "Tweaky", 1.12, 62),),
    ),
    Talker(
        "Usher",
        "Whispers through round lips and a bared upper lip, with a nodding head and quiet brows.",
        Axes(0.62, 0.67, 1.41, 1.31, 0.90, 0.075, -0.19, 0.115, 0.58, 16, 1.69, -0.010),
        (VoiceSpec("espeak", "anikaRobot", 1.1, 60), VoiceSpec("espeak", "whisperf", 1.1, 60)),
        pace=0.9,
    ),
)

#: Everybody that a clip of any corpus may name by number.
EVERYBODY: Final[tuple[Talker, ...]] = TALKERS + STRANGERS
