# SPDX-License-Identifier: GPL-3.0-or-later
"""How a take was made, as text and back: to the last bit, and whatever another version or an accident did to it."""

from __future__ import annotations

import json
from types import ModuleType

import numpy as np
import pytest

from diffusion_talker.student import Curve


@pytest.fixture
def stored(addon: ModuleType) -> object:
    """A take with everything that can be said of one."""
    kept = addon.stored_settings
    rising = Curve(tuple(index / 24.0 for index in range(50)), tuple(np.linspace(-1, 1, 50).tolist()))
    growing = Curve(rising.times_s, tuple(np.linspace(0, 1, 50).tolist()))
    uneven = Curve((0.0, 0.1, 0.9), (0.25, 1.0 / 3.0, 0.5))
    options = addon.generation.Options(
        identity=(("Coach", 0.6000000238418579), ("Ada", uneven)),
        emotion=(("happiness", 0.30000001192092896), ("anger", growing)),
        intensity=growing,
        style_strength=1.25,
        seed=7,
        steps=3,
        style=(("jaw", rising), ("lead", -0.5)),
        regions=(("mouth", 0.5),),
    )
    line = kept.StoredLine(kept.STRIP, "Dialogue", "//line.wav", 12, 48, 23.976023976023978, 0.041666666, 2.0)
    return kept.StoredTake(options, line, ("mouth", "brows"), "0123456789abcdef", "fedcba")


def test_everything_comes_back_to_the_last_bit(addon: ModuleType, stored: object) -> None:
    text = addon.stored_settings.take_text(stored)
    assert addon.stored_settings.read_take(text) == stored
    assert addon.stored_settings.take_text(addon.stored_settings.read_take(text)) == text


@pytest.mark.parametrize("fps", (24.0, 24000 / 1001, 25.0, 30000 / 1001, 60.0))
def test_a_curve_of_a_value_a_frame_is_kept_without_its_times(addon: ModuleType, stored: object, fps: float) -> None:
    from dataclasses import replace

    times_s = tuple(index / fps for index in range(100))
    curve = Curve(times_s, tuple(np.random.default_rng(0).random(100).tolist()))
    options, line = replace(stored.options, intensity=curve), replace(stored.line, fps=fps)
    text = addon.stored_settings.take_text(replace(stored, options=options, line=line))
    assert "times_s" not in json.loads(text)["options"]["intensity"]
    assert addon.stored_settings.read_take(text).options.intensity == curve


def test_where_it_was_computed_is_nobody_elses_business(addon: ModuleType, stored: object) -> None:
    from dataclasses import replace

    options = replace(stored.options, torch_python="/Users/ada/python", library="/Users/ada/voices", runtime="torch")
    text = addon.stored_settings.take_text(replace(stored, options=options))
    assert "ada" not in text.replace("Ada", "") and "torch" not in text


def test_fields_of_later_versions_are_passed_over(addon: ModuleType, stored: object) -> None:
    later = json.loads(addon.stored_settings.take_text(stored))
    later["version"], later["mood_board"], later["line"]["language"] = 9, [1], "fi"
    later["options"]["breath"] = 0.5
    assert addon.stored_settings.read_take(json.dumps(later)) == stored


def test_fields_that_an_earlier_version_lacked_take_their_usual_value(addon: ModuleType, stored: object) -> None:
    earlier = json.loads(addon.stored_settings.take_text(stored))
    del earlier["options"]["regions"], earlier["moved"], earlier["setup"]
    read = addon.stored_settings.read_take(json.dumps(earlier))
    assert read.options.regions == () and read.moved == () and read.options.seed == 7


@pytest.mark.parametrize(
    "damage",
    (
        lambda text: "",
        lambda text: "not ours",
        lambda text: "[1, 2]",
        lambda text: text[: len(text) // 2],
        lambda text: text.replace('"intensity": {', '"intensity": "loud", "x": {'),
        lambda text: text.replace('"seed": 7', '"seed": 7, "style_strength": NaN'),
        lambda text: text.replace('"line": {', '"line": 3, "was": {'),
    ),
)
def test_damaged_text_is_no_take(addon: ModuleType, stored: object, damage: object) -> None:
    assert addon.stored_settings.read_take(damage(addon.stored_settings.take_text(stored))) is None


def test_headers_come_back_and_others_are_refused(addon: ModuleType) -> None:
    kept = addon.stored_settings
    header = kept.TakeHeader("a1", "b2", "Head", "KEY", True, "Dialogue", "2026-01-01T00:00:00.000+00:00", 4, "Coach")
    assert kept.read_header(kept.header_text(header)) == header
    assert kept.read_header(kept.header_text(header)[:-1] + ', "later": 1}') == header
    assert kept.read_header("{}") is kept.read_header("x") is kept.read_header('{"take": 1, "owner": 2}') is None


@pytest.mark.parametrize(
    ("change", "is_same"),
    (
        ({}, True),
        ({"model": "another"}, False),
        ({"setup": "another"}, False),
        ({"moved": ("brows", "mouth")}, True),
        ({"moved": ("mouth",)}, False),
    ),
)
def test_takes_that_would_become_the_same_keys(
    addon: ModuleType, stored: object, change: dict[str, object], is_same: bool
) -> None:
    from dataclasses import replace

    assert stored.says_the_same(replace(stored, **change)) == is_same


def test_another_seed_place_or_trim_is_another_take(addon: ModuleType, stored: object) -> None:
    from dataclasses import replace

    assert not stored.says_the_same(replace(stored, options=replace(stored.options, seed=8)))
    assert not stored.says_the_same(replace(stored, line=replace(stored.line, first_frame=13)))
    assert not stored.says_the_same(replace(stored, line=replace(stored.line, start_s=0.5)))
    assert stored.says_the_same(replace(stored, line=replace(stored.line, path="/elsewhere/line.wav")))
    assert not stored.says_the_same(replace(stored, options=None))


def test_the_words_say_what_differs_from_the_usual(addon: ModuleType, stored: object) -> None:
    kept, options = addon.stored_settings, addon.generation.Options
    assert kept.sentence_of(options(seed=3)) == "From the Recording, seed 3"
    assert kept.spoken_by(options(identity="Coach", emotion="anger")) == "Coach, anger"
    assert kept.sentence_of(stored.options) == (
        "Coach 0.6 + Ada keyed, happiness 0.3 + anger keyed, intensity keyed, style strength 1.25, jaw keyed, "
        "lead -0.5, emotion of the mouth 0.5, seed 7"
    )


def test_the_model_is_told_by_its_file(addon: ModuleType, tmp_path: object) -> None:
    one, two = tmp_path / "one.npz", tmp_path / "two.npz"
    one.write_bytes(b"one")
    two.write_bytes(b"two")
    mark = addon.stored_settings.model_mark
    assert mark(str(one)) != mark(str(two)) and mark(str(tmp_path / "gone.npz")) == "" and len(mark("")) == 16
