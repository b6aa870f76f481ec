# SPDX-License-Identifier: GPL-3.0-or-later
"""Talkers, emotions, sliders and parts of the face as they are written on a command line."""

from __future__ import annotations

from typing import Any

import pytest

from diffusion_talker.errors import SettingsError
from diffusion_talker.student import GenerateSettings
from diffusion_talker.student.notation import mixture, performance_settings


def settings(**given: Any) -> GenerateSettings:
    """What is read where these are given and everything else is left as a command line leaves it."""
    usual = {"identity": "auto", "emotion": "auto", "intensity": 1.0, "style_strength": 1.0, "seed": 0, "steps": None}
    return performance_settings(**{**usual, "style": (), "regions": (), **given})


def test_nothing_given_is_as_the_settings_are() -> None:
    assert settings() == GenerateSettings()


def test_numbers_go_through() -> None:
    numbers = {"intensity": 0.5, "style_strength": 2.0, "steps": 4, "seed": 7}
    assert settings(**numbers) == GenerateSettings(**numbers)


@pytest.mark.parametrize(("text", "read"), [
    ("Coach", "Coach"),
    ("auto", "auto"),
    ("Coach:0.5", (("Coach", 0.5),)),
    ("Coach:0.6,Ada:0.4", (("Coach", 0.6), ("Ada", 0.4))),
    (" Coach : 3 , Ada,, ", (("Coach", 3.0), ("Ada", 1.0))),
    (",", ()),
])
def test_one_name_or_a_mixture(text: str, read: object) -> None:
    assert settings(identity=text).identity == read
    assert settings(emotion=text).emotion == read


def test_a_mixture_of_one_name_has_a_share_of_one() -> None:
    assert mixture("--mix", "Coach") == (("Coach", 1.0),)


def test_sliders_may_be_given_together_or_apart_and_the_last_of_a_name_counts() -> None:
    assert settings(style=["jaw=0.4,brows=-1", " lips = 1", ""]).style == (("jaw", 0.4), ("brows", -1.0), ("lips", 1.0))
    assert settings(style=["jaw=0.4", "jaw=1"]).style == (("jaw", 1.0),)
    assert settings(regions=["mouth=0,head=0.5"]).regions == (("mouth", 0.0), ("head", 0.5))


@pytest.mark.parametrize(("given", "words"), [
    ({"identity": "Coach:much"}, "--identity Coach:much: 'much' is not a number"),
    ({"emotion": "anger:0.5,fear:x"}, "--emotion fear:x: 'x' is not a number"),
    ({"style": ["jaw"]}, "--style jaw has no value: write --style jaw=0.5"),
    ({"style": ["jaw=wide"]}, "--style jaw=wide: 'wide' is not a number"),
    ({"regions": ["mouth"]}, "--region mouth has no value"),
])
def test_slips_are_answered_with_the_option_they_are_in(given: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        settings(**given)
