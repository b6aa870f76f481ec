# SPDX-License-Identifier: GPL-3.0-or-later
"""Names: complete, unique, and recognized in the spellings that animators meet."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffusion_talker.channels import (
    ARKIT_52,
    HEAD_CHANNELS,
    LIVE_LINK_COLUMNS,
    MIRROR_PAIRS,
    MODEL_CHANNELS,
    MOUTH_CHANNELS,
    UPPER_FACE_CHANNELS,
    canonical_channel,
    canonical_motion_channel,
    match_arkit,
)


def spellings(name: str) -> list[str]:
    """How exporters write an ARKit name."""
    words = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    short = name.removesuffix("Left").removesuffix("Right")
    sided = [f"{short}_{side}" for side in (["L"] if name.endswith("Left") else ["R"])] if short != name else []
    dotted = [spelling.replace("_", ".") for spelling in sided] + [spelling.replace("_", "") for spelling in sided]
    pascal = name[0].upper() + name[1:]
    return [name, pascal, name.lower(), name.upper(), words, words.title(), f"Face.M_F00_{name}", f"A25_{words}",
            f"{name}.001", f"facs_bs_{pascal}_div2", f"blendShape1.{name}", *sided, *dotted]


def test_the_tables_are_complete_and_unique() -> None:
    assert len(ARKIT_52) == len(set(ARKIT_52)) == 52
    assert list(ARKIT_52) == sorted(ARKIT_52)
    assert ARKIT_52 + HEAD_CHANNELS == MODEL_CHANNELS
    assert len(LIVE_LINK_COLUMNS) == len(set(LIVE_LINK_COLUMNS)) == 61
    assert {canonical_motion_channel(name) for name in LIVE_LINK_COLUMNS} >= set(MODEL_CHANNELS)
    assert LIVE_LINK_COLUMNS.index("JawRight") < LIVE_LINK_COLUMNS.index("JawLeft")


def test_mouth_and_upper_face_share_the_face_between_them() -> None:
    assert sorted(MOUTH_CHANNELS + UPPER_FACE_CHANNELS) == list(ARKIT_52)
    assert "cheekPuff" in MOUTH_CHANNELS
    assert "cheekSquintLeft" in UPPER_FACE_CHANNELS


def test_mirror_pairs_name_existing_channels_of_opposite_sides() -> None:
    sided = {name for name in ARKIT_52 if "Left" in name or "Right" in name}
    assert {name for pair in MIRROR_PAIRS for name in pair} == sided
    assert ("jawLeft", "jawRight") in MIRROR_PAIRS


@pytest.mark.parametrize("name", ARKIT_52)
def test_every_usual_spelling_is_recognized(name: str) -> None:
    for spelling in spellings(name):
        assert canonical_channel(spelling) == name, spelling


@pytest.mark.parametrize(
    "name", ["", "...", "Basis", "jaw", "open", "mouthLeftCorner", "lowerMouthLeft", "browInnerUp_L", "viseme_aa",
             "mouthSmile", "smileLeft", "eyeBlink", "HeadYaw", "jawOpenWide"],
)
def test_other_names_are_not_mistaken_for_arkit(name: str) -> None:
    assert canonical_channel(name) is None


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_a_channel_or_none(text: str) -> None:
    assert canonical_channel(text) in {None, *ARKIT_52}


def test_the_most_exact_spelling_wins() -> None:
    found = match_arkit(["Head_jawOpen.001", "JawOpen", "jawOpen", "JAWOPEN", "mouthSmile_L", "Basis"])
    assert found == {"jawOpen": "jawOpen", "mouthSmileLeft": "mouthSmile_L"}
    assert match_arkit(["A_jawOpen", "JawOpen"]) == {"jawOpen": "JawOpen"}
    assert match_arkit(["JawOpen", "JAWOPEN"]) == {"jawOpen": "JawOpen"}


def test_motion_files_keep_what_is_not_arkit() -> None:
    assert canonical_motion_channel("headYaw") == "HeadYaw"
    assert canonical_motion_channel("LeftEyeYaw") == "LeftEyeYaw"
    assert canonical_motion_channel("JawOpen") == "jawOpen"
