# SPDX-License-Identifier: GPL-3.0-or-later
"""The identities: far apart on their axes, each with voices of its own."""

from __future__ import annotations

import itertools
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest

from diffusion_talker.corpus.talkers import AXIS_LIMITS, AXIS_NAMES, TALKERS, VoiceSpec

#: Smallest distance between two identities where every axis runs from 0 to 1. Two points drawn at random lie
#: sqrt(12 / 6) = 1.4 apart; a change of a quarter of the range on nine axes gives 0.75.
LEAST_DISTANCE = 0.75
LEAST_SPAN = 0.85
GREATEST_CORRELATION = 0.6
LEAST_TRACT_RATIO = 1.1
#: Engines' names of one and the same human speaker.
_SPEAKERS = {
    "cmu_us_slt_arctic_hts": "slt",
    "kal16": "kal",
    "kal_diphone": "kal",
    "hindi_NSK_diphone": "nsk",
    "marathi_NSK_diphone": "nsk",
    "telugu_NSK_diphone": "nsk",
}


def _normalised() -> np.ndarray:
    low, high = np.array([AXIS_LIMITS[name] for name in AXIS_NAMES]).T
    return (np.array([astuple(talker.axes) for talker in TALKERS]) - low) / (high - low)


def test_there_are_two_dozen_and_the_first_eight_keep_their_places() -> None:
    names = [talker.name for talker in TALKERS]
    assert len(names) == len(set(names)) == 24
    assert names[:8] == [
        "Newsreader",
        "Storyteller",
        "Grandfather",
        "Teenager",
        "Coach",
        "Ventriloquist",
        "Presenter",
        "Chansonnier",
    ]


@pytest.mark.parametrize("talker", TALKERS, ids=lambda talker: talker.name)
def test_each_is_described_in_one_line(talker) -> None:
    assert 40 <= len(talker.description) <= 110
    assert talker.description.endswith(".")
    assert 0.75 <= talker.pace <= 1.4


def test_identities_are_well_separated() -> None:
    points = _normalised()
    distances = {
        (TALKERS[i].name, TALKERS[k].name): float(np.linalg.norm(points[i] - points[k]))
        for i, k in itertools.combinations(range(len(TALKERS)), 2)
    }
    nearest = min(distances, key=distances.__getitem__)
    assert distances[nearest] > LEAST_DISTANCE, nearest


def test_every_axis_is_spanned_within_its_limits() -> None:
    points = _normalised()
    assert points.min() >= -1e-9
    assert points.max() <= 1 + 1e-9
    spans = dict(zip(AXIS_NAMES, np.ptp(points, axis=0), strict=True))
    assert min(spans.values()) >= LEAST_SPAN, spans


def test_no_two_axes_go_together() -> None:
    correlation = np.corrcoef(_normalised().T) - np.eye(len(AXIS_NAMES))
    i, k = np.unravel_index(np.argmax(np.abs(correlation)), correlation.shape)
    assert abs(correlation[i, k]) < GREATEST_CORRELATION, (AXIS_NAMES[i], AXIS_NAMES[k])


def test_every_identity_is_heard_in_several_voices_of_its_own() -> None:
    owners: dict[VoiceSpec, str] = {}
    for talker in TALKERS:
        assert len(set(talker.voices)) == len(talker.voices) >= 3
        for spec in talker.voices:
            assert owners.setdefault(spec, talker.name) == talker.name


def test_one_speaker_serves_two_identities_only_with_another_size_of_tract() -> None:
    owned = [
        ((spec.engine == "espeak", _SPEAKERS.get(spec.voice, spec.voice)), spec.tract, talker.name)
        for talker in TALKERS
        for spec in talker.voices
    ]
    for (speaker, tract, owner), (other, other_tract, other_owner) in itertools.combinations(owned, 2):
        if speaker == other and owner != other_owner:
            ratio = max(tract, other_tract) / min(tract, other_tract)
            assert ratio >= LEAST_TRACT_RATIO, (speaker, owner, other_owner)


def test_espeak_variants_exist_under_the_very_name() -> None:
    folders = [path for path in Path("/usr").glob("*/*/espeak-ng-data/voices/!v") if path.is_dir()]
    folders += [path for path in Path("/usr/share").glob("espeak-ng-data/voices/!v") if path.is_dir()]
    if not folders:
        pytest.skip("the data of eSpeak NG is not installed")
    known = {path.name for path in folders[0].iterdir()}
    wanted = {spec.voice for talker in TALKERS for spec in talker.voices if spec.engine == "espeak"}
    assert wanted <= known
