# SPDX-License-Identifier: GPL-3.0-or-later
"""Mapping: found, shown, edited and applied to one mesh or several."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffusion_talker.channels import ARKIT_52, MODEL_CHANNELS, MOUTH_CHANNELS
from diffusion_talker.errors import SettingsError
from diffusion_talker.evaluation.retargeting import made_head
from diffusion_talker.motion import Motion, select_channels
from diffusion_talker.rigs.known_heads import landmarks_of
from diffusion_talker.rigs.mapping import (
    ChannelEdit,
    Entry,
    Mapping,
    MeasuredFace,
    Sureness,
    apply_mapping,
    apply_to_meshes,
    keys_to_arkit,
    map_keys,
    map_meshes,
)
from diffusion_talker.rigs.mesh_files import Mesh as HeadMesh
from diffusion_talker.rigs.mesh_files import triangulated
from diffusion_talker.rigs.retarget import FaceBasis, demo_basis, generated_basis, retarget_error
from diffusion_talker.rigs.shape_keys import generate_shape_keys
from tests.core.rigs.spoken_heads import OCULUS, RATE_HZ, VRM, spoken_line


@pytest.fixture(scope="module")
def motion() -> Motion:
    rng = np.random.default_rng(0)
    return Motion(rng.uniform(0, 1, (8, len(MODEL_CHANNELS))), MODEL_CHANNELS, 30.0)


def on_basis(motion: Motion, basis: FaceBasis) -> np.ndarray:
    """Key weights in the order of a basis; keys without a curve rest at 0."""
    return select_channels(motion, basis.names).weights


def gap_mm(motion: Motion, basis: FaceBasis) -> np.ndarray:
    arkit = select_channels(spoken_line().motion, ARKIT_52).weights
    return retarget_error(demo_basis(), basis, arkit, on_basis(motion, basis)).solved_gap_mm


def test_arkit_keys_pass_straight_through(motion: Motion) -> None:
    mapping = map_keys(["Basis", *ARKIT_52])
    moved = apply_mapping(motion, mapping)
    assert moved.channels == ARKIT_52 and moved.rate_hz == 30.0
    np.testing.assert_array_equal(moved.weights, motion.weights[:, :52])
    assert {channel.sureness for channel in mapping.channels} == {Sureness.EXACT}
    assert mapping.vocabularies == ("ARKit",) and mapping.unused == ("Basis",) and not mapping.needs_solver


def test_other_spellings_and_parts_are_driven_directly(motion: Motion) -> None:
    names = [name.replace("Left", "_L").replace("Right", "_R") for name in ARKIT_52]
    names[names.index("browInnerUp")] = "browInnerUp_L"
    names += ["browInnerUp_R"]
    mapping = map_keys(names)
    moved = apply_mapping(motion, mapping)
    assert mapping.channel("browInnerUp").sureness is Sureness.SPELLING
    for name, channel in (("browInnerUp_L", "browInnerUp"), ("browInnerUp_R", "browInnerUp"), ("jaw_L", "jawLeft")):
        np.testing.assert_array_equal(moved.column(name), motion.column(channel))
    assert mapping.channel("browInnerUp").explained == 1.0
    assert map_keys(["browInnerUp_L"]).channel("browInnerUp").explained == 0.5


def test_one_key_for_both_sides_takes_their_mean(motion: Motion) -> None:
    names = [name for name in ARKIT_52 if not name.startswith("eyeBlink")] + ["eyeBlink"]
    mapping = map_keys(names)
    moved = apply_mapping(motion, mapping)
    assert mapping.channel("eyeBlinkLeft").sureness is Sureness.APPROXIMATED
    assert mapping.channel("eyeBlinkLeft").entries[0].key == "eyeBlink"
    mean = (motion.column("eyeBlinkLeft") + motion.column("eyeBlinkRight")) / 2
    np.testing.assert_allclose(moved.column("eyeBlink"), mean, atol=0.06)
    np.testing.assert_array_equal(moved.column("jawOpen"), motion.column("jawOpen"))


def test_what_no_key_can_show_is_missing_and_disturbs_nothing(motion: Motion) -> None:
    mapping = map_keys([name for name in ARKIT_52 if name != "tongueOut"])
    assert mapping.channel("tongueOut").sureness is Sureness.MISSING and not mapping.needs_solver
    np.testing.assert_array_equal(apply_mapping(motion, mapping).weights, motion.weights[:, :51])


def test_visemes_stay_out_of_an_arkit_mouth(motion: Motion) -> None:
    visemes = [f"viseme_{name}" for name in "PP FF aa E I O U CH SS".split()]
    mapping = map_keys([*(name for name in ARKIT_52 if name != "mouthClose"), *visemes])
    assert set(visemes) <= set(mapping.unused)
    assert not set(visemes) & set(apply_mapping(motion, mapping).channels)
    assert mapping.channel("mouthClose").sureness is Sureness.APPROXIMATED


def test_shapes_for_what_has_its_own_keys_are_spare() -> None:
    sides = ["Fcl_EYE_Close", "Fcl_EYE_Close_L", "Fcl_EYE_Close_R", *(f"Fcl_MTH_{vowel}" for vowel in "AIUEO")]
    assert map_keys(sides).unused == ("Fcl_EYE_Close",)
    doubled = ["mouthOpen", "mouthSmile", "eyesClosed", *(name for name in ARKIT_52 if name != "mouthClose")]
    assert set(map_keys(doubled).unused) == {"mouthOpen", "mouthSmile", "eyesClosed"}
    parts = map_keys(["mouthFunnel_L", "mouthFunnel_R", "jawOpen"])
    assert all(key.solved for key in parts.keys), "parts of a channel are its own"


def test_the_richest_set_of_visemes_is_used_alone() -> None:
    mapping = map_keys([*(f"vrc.v_{name}" for name in OCULUS), "あ", "い", "う", "え", "お"])
    assert {key.vocabulary for key in mapping.keys if key.solved} == {"VRChat visemes"}
    assert set(mapping.unused) >= {"あ", "お"}


@pytest.mark.parametrize("names", [OCULUS, VRM], ids=["visemes only", "five vowels and a blink"])
@pytest.mark.parametrize("measured", [False, True], ids=["by name", "measured"])
def test_a_line_is_spoken_on_visemes_alone(names: tuple[str, ...], measured: bool) -> None:
    line, head = spoken_line(), made_head(names)
    face = MeasuredFace(demo_basis(), head) if measured else None
    moved = apply_mapping(line.motion, map_keys(names, measured=face), face)
    assert moved.frame_count == line.motion.frame_count and moved.rate_hz == RATE_HZ
    assert moved.weights.min() >= 0.0 and moved.weights.max() <= 1.0
    gaps = gap_mm(moved, head)
    direct = gap_mm(select_channels(line.motion, ARKIT_52), demo_basis())
    assert line.closures_mm(gaps).max() < 0.6
    assert np.corrcoef(gaps, direct)[0, 1] > 0.985


def test_keys_whose_names_say_nothing_are_used_once_measured() -> None:
    line, basis = spoken_line(), demo_basis()
    rng = np.random.default_rng(2)
    mixes = np.linalg.qr(rng.normal(size=(30, 30)))[0] @ basis.offsets.reshape(52, -1)[22:]
    names = tuple(f"Exp{i}" for i in range(1, 31))
    head = replace(basis, names=names, offsets=mixes.reshape(30, -1, 3).astype(np.float32))
    ranges = dict.fromkeys(names, (-2.0, 2.0))
    assert not apply_mapping(line.motion, map_keys(names, ranges)).channels
    face = MeasuredFace(basis, head)
    mapping = map_keys(names, ranges, face)
    moved = apply_mapping(line.motion, mapping, face)
    assert moved.weights.min() < 0, "measured keys may go below 0"
    assert mapping.channel("jawOpen").explained > 0.9
    weights = select_channels(line.motion, ARKIT_52).weights
    error = retarget_error(basis, head, weights, on_basis(moved, head))
    assert error.mean_mm < 0.1 and line.closures_mm(error.solved_gap_mm).max() < 0.5


def test_flame_expressions_speak_on_generated_shapes(flame_template: HeadMesh) -> None:
    """FLAME's own keys are principal components: here those of the generated shapes stand in for them."""
    line = spoken_line()
    triangles = triangulated(flame_template.polygons)
    keys = generate_shape_keys(flame_template.vertices, triangles, landmarks_of(flame_template))
    arkit = generated_basis(flame_template.vertices, keys)
    assert arkit.names == ARKIT_52 and len(arkit.lip_pairs) > 8
    _, sizes, directions = np.linalg.svd(arkit.offsets.reshape(52, -1), full_matrices=False)
    offsets = (directions * sizes[:, None] / 3)[:40].reshape(40, -1, 3).astype(np.float32)
    own = replace(arkit, names=tuple(f"Exp{i}" for i in range(1, 41)), offsets=offsets)
    face = MeasuredFace(arkit, own)
    mapping = map_keys(own.names, dict.fromkeys(own.names, (-5.0, 5.0)), face)
    solved = on_basis(apply_mapping(line.motion, mapping, face), own)
    weights = select_channels(line.motion, ARKIT_52).weights
    unit_m = keys.frame.mm_per_unit / 1000.0
    error = retarget_error(arkit, own, weights, solved, unit_m)
    assert error.mean_mm < 0.1 and error.gap_correlation > 0.995


def test_strength_offset_and_switch_of_a_channel(motion: Motion) -> None:
    mapping = map_keys(ARKIT_52)
    edited = mapping.with_channel("jawOpen", gain=0.5, offset=0.1).with_channel("eyeBlinkLeft", enabled=False)
    moved = apply_mapping(motion, edited)
    np.testing.assert_allclose(moved.column("jawOpen"), 0.5 * motion.column("jawOpen") + 0.1, atol=1e-6)
    assert not moved.column("eyeBlinkLeft").any()
    np.testing.assert_array_equal(moved.column("jawLeft"), motion.column("jawLeft"))
    assert mapping.channel("jawOpen").gain == 1.0, "edits leave the old mapping as it is"


def test_keys_set_by_hand_are_obeyed(motion: Motion) -> None:
    mapping = map_keys(["MyJaw", "MyJaw2", *(name for name in ARKIT_52 if name != "jawOpen")])
    assert mapping.channel("jawOpen").sureness is not Sureness.EXACT
    edited = mapping.with_entry("jawOpen", "MyJaw", 0.8).with_entry("jawOpen", "MyJaw2", 0.2, 0.05)
    assert edited.channel("jawOpen").sureness is Sureness.BY_HAND
    moved = apply_mapping(motion, edited)
    np.testing.assert_allclose(moved.column("MyJaw"), 0.8 * motion.column("jawOpen"), atol=1e-6)
    np.testing.assert_allclose(moved.column("MyJaw2"), 0.2 * motion.column("jawOpen") + 0.05, atol=1e-6)
    fewer = edited.without_entry("jawOpen", "MyJaw").without_entry("jawOpen", "MyJaw2")
    assert fewer.channel("jawOpen").sureness is Sureness.MISSING


def test_a_jaw_set_by_hand_works_with_visemes() -> None:
    line = spoken_line()
    mapping = map_keys([*OCULUS, "Mund auf"]).with_entry("jawOpen", "Mund auf", 0.5)
    moved = apply_mapping(line.motion, mapping)
    np.testing.assert_allclose(moved.column("Mund auf"), 0.5 * line.motion.column("jawOpen"), atol=1e-6)
    without = apply_mapping(line.motion, map_keys(OCULUS))
    assert moved.column("aa").max() < without.column("aa").max(), "visemes leave to the jaw what it does already"


def test_values_stay_in_the_sliders_range(motion: Motion) -> None:
    wide = map_keys(ARKIT_52, {"jawOpen": (0.0, 2.0)})
    loud = wide.with_channel("jawOpen", gain=3.0).with_channel("jawLeft", gain=3.0)
    moved = apply_mapping(motion, loud)
    assert moved.column("jawLeft").max() == 1.0
    assert 1.0 < moved.column("jawOpen").max() <= 2.0
    narrow = loud.with_range("jawOpen", 0.1, 0.3)
    assert apply_mapping(motion, narrow).column("jawOpen").max() == pytest.approx(0.3)


@settings(max_examples=15, deadline=None)
@given(st.sets(st.sampled_from([*ARKIT_52, *OCULUS, "eyeBlink", "mouthSmile", "odd"]), max_size=30))
def test_any_set_of_keys_can_be_driven(names: set[str]) -> None:
    mapping = map_keys(sorted(names))
    assert tuple(channel.channel for channel in mapping.channels) == ARKIT_52
    motion = Motion(np.random.default_rng(1).uniform(0, 1, (4, 52)), ARKIT_52, 24.0)
    moved = apply_mapping(motion, mapping)
    assert set(moved.channels) <= names and np.isfinite(moved.weights).all()
    assert 0.0 <= moved.weights.min(initial=0.0) and moved.weights.max(initial=0.0) <= 1.0
    assert not set(moved.channels) & set(mapping.unused)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda mapping: mapping.with_entry("jawOpen", "nose"), "no shape key 'nose'"),
        (lambda mapping: mapping.with_entry("earWiggle", "jawOpen"), "no ARKit channel"),
        (lambda mapping: mapping.with_entry("jawOpen", "jawOpen", float("nan")), "must be numbers"),
        (lambda mapping: mapping.with_range("jawOpen", 1.0, 0.0), "empty"),
        (lambda mapping: map_meshes({}), "No mesh"),
    ],
)
def test_wrong_edits_are_refused_with_a_sentence(edit, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        edit(map_keys(["jawOpen"]))


def test_the_table_tells_everything() -> None:
    mapping = map_keys(["jawOpen", "browInnerUp_L", "browInnerUp_R", "mouthSmile", "viseme_U", "Corrective 3"])
    lines = mapping.with_channel("jawOpen", gain=0.5).table().splitlines()
    assert len(lines) == 55
    rows = {line.split()[0]: line for line in lines}
    assert "exact x0.5" in rows["jawOpen"] and "100%" in rows["jawOpen"]
    assert "browInnerUp_L, browInnerUp_R" in rows["browInnerUp"]
    assert "approximated" in rows["mouthSmileLeft"] and "mouthSmile x0.5" in rows["mouthSmileLeft"]
    assert "only along with others, in viseme_U" in rows["mouthPucker"]
    assert "missing" in rows["noseSneerLeft"]
    assert "Corrective 3" in lines[-1]
    assert mapping.summary().startswith("ARKit and Ready Player Me visemes: 2 of 52 channels have their own keys")


def test_a_mapping_moves_to_another_face() -> None:
    edited = map_keys([*ARKIT_52, "grin"]).with_entry("mouthSmileLeft", "grin", 0.7).with_channel("jawOpen", gain=0.6)
    other = edited.for_keys(["JawOpen", "grin", "mouthSmile_L"])
    assert other.channel("mouthSmileLeft").entries[0].key == "grin"
    assert other.channel("jawOpen").gain == 0.6 and other.channel("jawOpen").entries[0].key == "JawOpen"
    bare = edited.for_keys(["JawOpen", "mouthSmile_L"])
    assert bare.channel("mouthSmileLeft").entries[0].key == "mouthSmile_L"


def test_edits_are_what_differs_from_the_automatic_mapping() -> None:
    names = [*ARKIT_52, "grin"]
    assert map_keys(names).edits() == ()
    by_hand = (Entry("grin", 0.7),)
    edits = (ChannelEdit("jawOpen", gain=0.6, enabled=False), ChannelEdit("mouthSmileLeft", entries=by_hand))
    edited = map_keys(names).with_edits(edits)
    assert edited.edits() == edits
    assert edited.channel("mouthSmileLeft").entries == by_hand and not edited.channel("jawOpen").enabled
    gone = map_keys(ARKIT_52).with_edits((ChannelEdit("mouthSmileLeft", entries=by_hand),))
    assert gone.channel("mouthSmileLeft").entries[0].key == "mouthSmileLeft", "the key by hand is not there"


@pytest.mark.parametrize("names", [ARKIT_52, OCULUS + ("blink",)], ids=["ARKit", "visemes"])
def test_a_part_of_the_channels_leaves_the_other_keys_alone(names: tuple[str, ...]) -> None:
    line = spoken_line()
    moved = apply_mapping(line.motion, map_keys(names).only(MOUTH_CHANNELS))
    assert not {"blink", "eyeBlinkLeft", "browInnerUp"} & set(moved.channels)
    whole = apply_mapping(line.motion, map_keys(names))
    for name in moved.channels:
        np.testing.assert_allclose(moved.column(name), whole.column(name), atol=0.05)
    assert len(moved.channels) > 10


def test_what_is_set_by_hand_on_teeth_holds_there() -> None:
    line = spoken_line()
    mappings = map_meshes(character())
    teeth = mappings.meshes["Teeth"].with_channel("jawOpen", gain=0.5)
    moved = apply_to_meshes(line.motion, replace(mappings, meshes={**mappings.meshes, "Teeth": teeth}))
    np.testing.assert_allclose(moved["Teeth"].column("jawOpen"), 0.5 * line.motion.column("jawOpen"), atol=1e-6)


def character() -> dict[str, list[str]]:
    face = [name for name in ARKIT_52 if name != "mouthClose"]
    return {"Teeth": ["jawOpen", "jawLeft", "jawRight"], "Face": face, "Tongue": ["Tongue_Out", "jawOpen"],
            "Lashes": ["eyeBlink_L", "eyeBlink_R"]}  # fmt: skip


def test_several_meshes_move_together() -> None:
    line = spoken_line()
    mappings = map_meshes(character())
    assert mappings.face == "Face"
    moved = apply_to_meshes(line.motion, mappings)
    assert set(moved) == set(character())
    assert moved["Teeth"].channels == ("jawOpen", "jawLeft", "jawRight")
    np.testing.assert_array_equal(moved["Teeth"].column("jawOpen"), moved["Face"].column("jawOpen"))
    assert (moved["Face"].column("jawOpen") < line.motion.column("jawOpen") - 0.02).any(), "the jaw closes the lips"
    np.testing.assert_array_equal(moved["Tongue"].column("Tongue_Out"), line.motion.column("tongueOut"))
    np.testing.assert_array_equal(moved["Lashes"].column("eyeBlink_L"), line.motion.column("eyeBlinkLeft"))


def test_teeth_with_visemes_follow_the_face() -> None:
    line = spoken_line()
    moved = apply_to_meshes(line.motion, map_meshes({"Head": OCULUS, "Teeth": ["aa", "oh", "PP"], "Beard": ["kk"]}))
    for mesh, key in (("Teeth", "aa"), ("Teeth", "oh"), ("Beard", "kk")):
        np.testing.assert_array_equal(moved[mesh].column(key), moved["Head"].column(key))


def test_arkit_is_read_back_from_its_own_keys(motion: Motion) -> None:
    names = [name.replace("Left", "_L").replace("Right", "_R") for name in ARKIT_52] + ["My Jaw"]
    mapping = map_keys(names).with_channel("mouthFunnel", gain=0.5, offset=0.1)
    mapping = mapping.with_entry("jawOpen", "My Jaw", 0.8, 0.1)
    back = keys_to_arkit(apply_mapping(motion, mapping), mapping)
    assert back.channels == ARKIT_52
    np.testing.assert_allclose(back.weights, motion.weights[:, :52], atol=1e-5)


def test_visemes_are_read_back_by_what_they_mean() -> None:
    line = spoken_line()
    mapping = map_keys(OCULUS)
    back = keys_to_arkit(apply_mapping(line.motion, mapping), mapping)
    assert np.corrcoef(back.column("jawOpen"), line.motion.column("jawOpen"))[0, 1] > 0.9
    again = apply_mapping(back, mapping)
    gaps = gap_mm(again, made_head(OCULUS))
    assert line.closures_mm(gaps).max() < 0.6, "lips that closed still close after a second journey"


def test_mappings_are_values() -> None:
    assert map_keys(OCULUS) == map_keys(OCULUS)
    assert isinstance(map_keys([]), Mapping)
    assert apply_mapping(spoken_line().motion, map_keys([])).weights.shape == (spoken_line().motion.frame_count, 0)
