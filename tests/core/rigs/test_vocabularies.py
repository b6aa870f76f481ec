# SPDX-License-Identifier: GPL-3.0-or-later
"""Shape keys are recognised by the names that real heads carry, and what means nothing stays unknown."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffusion_talker.channels import ARKIT_52
from diffusion_talker.rigs.visemes import pose
from diffusion_talker.rigs.vocabularies import (
    ARKIT,
    COMMON,
    OCULUS,
    VOCABULARIES,
    KeyKind,
    recognize,
    vocabulary_named,
)

OCULUS_15 = "sil PP FF TH DD kk CH SS nn RR aa E ih oh ou".split()
READY_PLAYER_15 = [f"viseme_{name}" for name in "sil PP FF TH DD kk CH SS nn RR aa E I O U".split()]
REALLUSION_15 = "AE Ah B_M_P Ch_J EE Er F_V Ih K_G_H_NG Oh R S_Z T_L_D_N Th W_OO".split()
CHARACTER_CREATOR_8 = "V_Open V_Explosive V_Dental_Lip V_Tight_O V_Tight V_Wide V_Affricate V_Lip_Open".split()
CHARACTER_CREATOR_FACE = """Brow_Raise_Inner_L Brow_Raise_Inner_R Brow_Raise_Outer_L Brow_Drop_R Cheek_Raise_L
    Eye_L_Look_L Eye_R_Look_L Eye_L_Look_Up Mouth_Up_Upper_L Mouth_Down_Lower_R Mouth_Roll_In_Upper_L""".split()
DAZ_VISEMES = "AA EE EH ER F IH IY K L M OW S SH T TH UW W".split()
MICROSOFT_22 = """aa_02 aa_ah_ax_01 ao_03 aw_09 ay_11 d_t_n_19 er_05 ey_eh_uh_04 f_v_18 h_12 k_g_ng_20 l_14 ow_08 oy_10
    p_b_m_21 r_13 sh_ch_jh_zh_16 sil_00 s_z_15 th_dh_17 w_uw_07 y_iy_ih_ix_06""".split()
PRESTON_BLAIR_10 = "AI E O U WQ L MBP FV etc rest".split()
VRM_1_FACE = "aa ih ou ee oh happy angry sad relaxed surprised blink blinkLeft blinkRight lookUp lookLeft".split()
VRM_0_FACE = "A I U E O Blink Joy Angry Sorrow Fun".split()
VROID_FACE = [f"Fcl_{name}" for name in "MTH_A MTH_I MTH_U MTH_E MTH_O EYE_Close EYE_Close_L BRW_Angry ALL_Joy".split()]
MMD_FACE = ["あ", "い", "う", "え", "お", "まばたき", "ウィンク", "笑い"]

#: Names as exporters write them, and the vocabulary they belong to.
LISTS = [
    (list(ARKIT_52), "ARKit"),
    ([name[0].upper() + name[1:] for name in ARKIT_52], "ARKit"),
    ([f"Wolf3D_Head.{name}" for name in ARKIT_52], "ARKit"),
    ([f"facs_bs_{name[0].upper() + name[1:]}_div2" for name in ARKIT_52], "ARKit"),
    (OCULUS_15, "Oculus visemes"),
    ([name.upper() for name in OCULUS_15], "Oculus visemes"),
    ([f"Head_{name}.001" for name in OCULUS_15], "Oculus visemes"),
    (READY_PLAYER_15, "Ready Player Me visemes"),
    ([f"Wolf3D_Head:{name}" for name in READY_PLAYER_15], "Ready Player Me visemes"),
    (["viseme_ih", "viseme_oh", "viseme_ou", "Viseme_AA", "viseme.PP"], "Ready Player Me visemes"),
    ([f"vrc.v_{name.lower()}" for name in OCULUS_15], "VRChat visemes"),
    ([f"Body_vrc.v_{name}" for name in OCULUS_15], "VRChat visemes"),
    (VRM_0_FACE[:5], "VRM 0"),
    (["Face.A", "Face.I", "Face.U", "Face.E", "Face.O"], "VRM 0"),
    (VRM_1_FACE[:5], "VRM 1"),
    (VROID_FACE, "VRoid"),
    ([f"Face.M_F00_000_00_{name}" for name in VROID_FACE], "VRoid"),
    (MMD_FACE, "MikuMikuDance"),
    (REALLUSION_15, "Reallusion 15 visemes"),
    (CHARACTER_CREATOR_8, "Reallusion 8 visemes"),
    (CHARACTER_CREATOR_FACE, "Character Creator"),
    ([f"head__eCTRLv{name}" for name in DAZ_VISEMES], "Daz visemes"),
    ([f"v{name}" for name in DAZ_VISEMES], "Daz visemes"),
    (MICROSOFT_22, "MPFB visemes (Microsoft)"),
    (PRESTON_BLAIR_10, "Preston Blair"),
    (list("ABCDEFGHX"), "Rhubarb"),
    ([f"Exp{i}" for i in range(1, 51)], "FLAME expressions"),
    ([f"Exp{i:03d}" for i in range(10)], "FLAME expressions"),
]


@pytest.mark.parametrize(("names", "vocabulary"), LISTS, ids=[f"{name} {names[0]}" for names, name in LISTS])
def test_every_name_of_a_vocabulary_is_recognized(names: list[str], vocabulary: str) -> None:
    found = recognize(["Basis", *names])
    assert found[0] is None
    assert {item.vocabulary for item in found[1:] if item} == {vocabulary}, [
        name for name, item in zip(names, found[1:], strict=True) if item is None or item.vocabulary != vocabulary
    ]
    assert None not in found[1:]
    meanings = [item.meaning.name for item in found[1:] if item]
    assert len(set(meanings)) == len(names), "every name has a meaning of its own"


def test_several_vocabularies_on_one_face_are_told_apart() -> None:
    names = [*READY_PLAYER_15, *ARKIT_52, "mouthOpen", "mouthSmile", "eyesClosed", "fist_left"]
    found = Counter(item.vocabulary if item else None for item in recognize(names))
    assert found == {"ARKit": 53, "Ready Player Me visemes": 15, "Common names": 2, None: 1}
    vrchat = [f"vrc.v_{name.lower()}" for name in OCULUS_15] + MMD_FACE
    assert set(Counter(item.vocabulary if item else None for item in recognize(vrchat))) == {
        "VRChat visemes", "MikuMikuDance"
    }  # fmt: skip


def test_vrm_and_oculus_vowels_are_not_confused() -> None:
    assert {item.vocabulary for item in recognize(VRM_1_FACE) if item} == {"VRM 1", "Common names"}
    assert {item.vocabulary for item in recognize(VRM_0_FACE) if item} == {"VRM 0", "Common names"}
    (ee,) = recognize(["ee", "aa", "ih", "ou", "oh"])[:1]
    assert dict(ee.meaning.pose) == dict(vocabulary_named("VRM 1").keys[3].pose)


@pytest.mark.parametrize("names", [["A", "Cube", "Key 1"], ["E", "L"], ["oh", "rest"], ["AI", "M"], ["Exp1"]])
def test_short_names_alone_mean_nothing(names: list[str]) -> None:
    assert recognize(names) == (None,) * len(names)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("browInnerUp_L", pose(browInnerUp=0.5)),
        ("cheekPuff_R", pose(cheekPuff=0.5)),
        ("facs_bs_BrowInnerUpRight_div2", pose(browInnerUp=0.5)),
        ("facs_bs_MouthCloseLowerLeft", pose(mouthClose=0.25)),
        ("facs_bs_MouthPurseUpperRight", pose(mouthPucker=0.25)),
        ("Mouth_Funnel_Up_L", pose(mouthFunnel=0.25)),
        ("MouthRollLowerLeft", pose(mouthRollLower=0.5)),
        ("mouthSmile", pose(mouthSmile=1.0)),
        ("Head.EyeBlink", pose(eyeBlink=1.0)),
        ("facs_jnt_EyesWideLeft", (("eyeWideLeft", 1.0),)),
        ("Mouth_Roll_In_Lower_R", pose(mouthRollLower=0.5)),
        ("Eye_R_Look_L", (("eyeLookInRight", 1.0),)),
        ("eyesClosed", pose(eyeBlink=1.0)),
        ("blink_L", (("eyeBlinkLeft", 1.0),)),
        ("Jaw_Open", (("jawOpen", 1.0),)),
    ],
)
def test_parts_pairs_and_vendor_names_have_their_pose(name: str, expected: tuple[tuple[str, float], ...]) -> None:
    (found,) = recognize([name])
    assert found is not None and found.meaning.pose == expected


def test_of_duplicates_the_most_exact_spelling_has_the_meaning() -> None:
    found = recognize(["Head_jawOpen.001", "JawOpen", "jawOpen", "viseme_aa.001", "viseme_aa"])
    assert [item.meaning.name if item else None for item in found] == [None, None, "jawOpen", None, "viseme_aa"]
    assert found[2].exact
    assert not recognize(["JawOpen"])[0].exact


@pytest.mark.parametrize("vocabulary", VOCABULARIES, ids=lambda item: item.name)
def test_tables_are_sound(vocabulary) -> None:
    names = [meaning.name for meaning in vocabulary.keys]
    assert len(set(names)) == len(names)
    for meaning in vocabulary.keys:
        channels = [channel for channel, _ in meaning.pose]
        assert set(channels) <= set(ARKIT_52) and len(set(channels)) == len(channels)
        assert all(0 < weight <= 1 for _, weight in meaning.pose), meaning.name
        if meaning.kind is KeyKind.VISEME and dict(meaning.pose).get("mouthClose"):
            assert dict(meaning.pose)["mouthClose"] == dict(meaning.pose)["jawOpen"], "sealed lips"


def test_tables_are_complete() -> None:
    assert [meaning.name for meaning in ARKIT.keys[:52]] == list(ARKIT_52)
    assert [meaning.name for meaning in OCULUS.keys] == OCULUS_15
    assert len({vocabulary.name for vocabulary in VOCABULARIES}) == len(VOCABULARIES)
    assert COMMON.least == 1


def test_poses_name_both_sides_and_refuse_strangers() -> None:
    assert pose(jawOpen=0.5, mouthSmile=0.2) == (
        ("jawOpen", 0.5), ("mouthSmileLeft", 0.2), ("mouthSmileRight", 0.2)
    )  # fmt: skip
    with pytest.raises(ValueError, match="earWiggle"):
        pose(earWiggle=1.0)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=12), max_size=8))
def test_any_names_are_recognized_or_not(names: list[str]) -> None:
    found = recognize(names)
    assert len(found) == len(names)
    meanings = [(item.vocabulary, item.meaning.name) for item in found if item]
    assert len(set(meanings)) == len(meanings), "no meaning is given twice"
