# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of the page of results: what was measured on what, and how each figure is defined."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from diffusion_talker.evaluation.evaluation_set import TALKERS, TEXTS, VOICES

INTRODUCTION: Final = """# Results

This page is written by `python -m diffusion_talker evaluate results ROWS... --out docs/results.md`. Every number on it
comes from a file that `evaluate model` wrote after measuring one model; nothing is typed by hand.

All models animate the same clips with the same seeds. The training corpus leaves these texts, talkers and recorded
speakers out as a whole, never pieces of clips.

```sh
python -m diffusion_talker corpus build --test-set --hours 0.34 --seed 2 --engines espeak --recordings speech \\
    --recorded-share 0.3 --out test_corpus
python -m diffusion_talker evaluate model student.npz --role student --corpus corpus --test-corpus test_corpus \\
    --out rows/student_2.json
python -m diffusion_talker evaluate results rows/*.json --out docs/results.md
```
"""

SET_TITLES: Final[Mapping[str, str]] = {
    TEXTS: "Unseen texts",
    TALKERS: "Unseen talkers",
    VOICES: "Unseen recorded voices",
}

DEFINITIONS: Final = """## Definitions

**Sets.** *Unseen texts*: talkers of the library in their synthetic voices; a hash keeps 3 % of the texts from training,
and only clips are used of which no line occurs in any training clip. The model is told who speaks, with which emotion
and how strong. *Unseen talkers*: six talkers with styles and synthetic voices that no training corpus has (`corpus
build --test-set`); the model gets the sound alone. *Unseen recorded voices*: the two EmoDB speakers that training holds
out, on faces that our articulation makes from hand-labelled phones; the model is told whose face to make and the
emotion. (EmoDB's ten sentences are known to training from other speakers.) The reference is always the corpus' own
face, so errors tell how well a model has learned our articulation; brows, blinks, gaze and head are drawn at random in
it, and no model can guess them: a model that moves them less has a smaller EVE, which is why the ratios stand beside
it.

**Rows.** Rounds of distillation with 8, 4 and 1 steps stand as they came out. A student without a part of the method
went through the same rounds without it; compare it with the student without ground-truth stage, for it has had none
either.

**Face.** Vertex figures are taken on the demo head's outer skin, a linear face with the 52 ARKit shapes, in
millimetres, without head rotation. *Lips L*: vertices whose displacement, as a share of the most that any vertex moves,
is at least 0.4 on average over five movements (roll, press, part, funnel, pucker). *Upper face U*: vertices that a
brow, lid, cheek-squint or nose-sneer shape moves by at least 0.5 mm and farther than any mouth shape. Both sets are
found by code, and are not those of FLAME or BIWI: numbers of other publications do not compare.
"""

#: How each figure is defined.
FIGURES: Final[Mapping[str, str]] = {
    "LVE": (
        "mean over frames (all clips pooled) of the largest squared distance of a lip vertex: mean_t max_{v in L} "
        "|vhat - v|^2, mm²; in brackets the 95 % interval over clips"
    ),
    "EVE": "the same formula on U",
    "FDD": (
        "per clip: mean over U of std_t |m_v| of the reference, less that of the prediction (m: displacement from "
        "rest, not squared), mm; signed: mean over clips, above 0 the model moves too little; absolute: mean of "
        "absolute values"
    ),
    "MVE": "mean over frames and all vertices of |vhat - v|, mm, not squared",
    "MBE, LBE": "mean absolute error over frames and all 52 channels, over the mouth's channels",
    "velocity, jerk": (
        "root of the mean squared first, third difference of the curves over that of the reference, frames and "
        "channels pooled"
    ),
    "std": "the same of the deviation from each clip's mean",
    "groups": (
        "all: 52 ARKit channels; mouth: jaw, lips, cheek puff, tongue; upper: the others; head: yaw, pitch, roll"
    ),
    "bilabials met": (
        "share of labelled /p b m/ in which the lip gap falls to 0.05 or less (fully open jaw: 1), one frame wider on"
        " each side, and reaches 0.10 within 0.3 s: lips that are always shut close nothing"
    ),
    "false closures": (
        "share of vowels of an open jaw (50 ms or longer, no lip consonant or silence within 60 ms) with a gap of "
        "0.05 or less"
    ),
    "F1": "harmonic mean of recall and of recall / (recall + false closures)",
    "lag": (
        "lag of the best mean correlation between lip gap and the openness of the labelled phones, speech only; above"
        " 0 the mouth is late. The corpus' own faces show what is right"
    ),
    "gap, motion in silence": (
        "mean lip gap in silences longer than 0.2 s, without their first 0.1 s and last 0.05 s; mean change of the "
        "gap there over that in speech"
    ),
    "rest": "median time from the start of a silence until the gap stays under 0.03 for 0.1 s",
    "beats": (
        "mean over audio beats of exp(-d^2 / (2 (0.1 s)^2)), d the distance to the nearest local minimum of mean "
        "speed of the curves (SAiD). Faces have many such minima, so all values are high"
    ),
    "opening, jerk, zigzag": (
        "any sound: 95th less 5th percentile of the lip aperture (fully open jaw: 1); RMS third over RMS first "
        "difference of the aperture at 30 Hz (white noise 3.2, a sine of 4 Hz 0.66); share of frames in three steps of "
        "more than 2 % of the opening with alternating signs"
    ),
    "diversity": (
        "mean vertex distance, mm, between two takes of one sound: over six identities with one seed, over six seeds "
        "with one identity"
    ),
    "identity, emotion": (
        "share of recordings for which the library's best answer is right (top-1), or one of the five best (top-5); "
        "commonest: share of the commonest right answer, which needs no hearing"
    ),
    "frames/s": (
        "from samples to curves, audio encoding included, a minute of sound, model loaded and warm, fastest of "
        "fifteen runs; students run as they ship, with convolutions of few multiplications, the others as they train"
    ),
    "cold": "a new process from its start to the curves of a ten-second recording",
    "trainable parameters x 4 B": (
        "what the papers call size; a frozen ear is not trained but has to be shipped, so all parameters stand beside"
        " it"
    ),
}

#: Metrics of mouths that are printed, in order, and what they mean.
MOUTH_METRICS: Final[Mapping[str, str]] = {
    "bil_auc": "lips closer in /p b m/ than in vowels, area under the curve",
    "bil_auc_cons": "lips closer in /p b m/ than in other consonants",
    "bil_contact": "share of /p b m/ with lips in contact",
    "bil_recall": "share of /p b m/ that close",
    "bil_false": "open vowels that close",
    "bil_f1": "of the two",
    "lab_auc": "lower lip tucked in /f v/",
    "open_auc": "open against close vowels",
    "round_auc": "rounded against spread",
    "viseme_bacc": "six visemes told apart, chance 0.167",
    "sync_lag_ms": "lag, ms",
    "sync_spread_ms": "its spread, ms",
    "sil_gap": "lip gap in silence",
    "rest_ms": "time to rest, ms",
    "jerk_norm": "third over first difference, a real face has about 1",
    "zigzag": "share of frames in a zigzag",
    "hold_share": "share of frames that hold",
    "fg_open_partial": "opening beyond loudness against hand-made animation",
    "fg_open_r": "opening against hand-made animation",
    "fg_round_r": "rounding against hand-made animation",
}
