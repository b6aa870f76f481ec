# SPDX-License-Identifier: GPL-3.0-or-later
"""Mappings on disk: the same when they come back, and refused in one sentence when they are not sound."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffusion_talker.channels import ARKIT_52
from diffusion_talker.errors import OutputError, PresetError
from diffusion_talker.rigs.mapping import MeshMappings, map_keys, map_meshes
from diffusion_talker.rigs.presets import Preset, load_preset, save_preset
from tests.core.rigs.spoken_heads import OCULUS


def edited() -> Preset:
    """A character with three meshes and everything set by hand that can be."""
    mappings = map_meshes({"Kopf": [*OCULUS, "grin", "Exp1"], "Zähne": ["jawOpen"], "まつげ": ["eyeBlink_L"]})
    face = mappings.meshes["Kopf"].with_entry("mouthSmileLeft", "grin", 0.7, 0.05).with_range("grin", -1.0, 2.0)
    face = face.with_channel("jawOpen", gain=0.8, offset=0.02).with_channel("eyeBlinkLeft", enabled=False)
    return Preset("Mein Held", MeshMappings(mappings.face, {**mappings.meshes, "Kopf": face}))


def test_a_preset_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "hero.json"
    save_preset(path, edited())
    assert load_preset(path) == edited()
    assert [file.name for file in tmp_path.iterdir()] == ["hero.json"]
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["version"] == 1 and content["title"] == "Mein Held"


@settings(max_examples=10, deadline=None)
@given(st.sets(st.sampled_from([*ARKIT_52, *OCULUS, "mouthSmile"])), st.floats(-2, 2), st.text(max_size=10))
def test_any_mapping_comes_back(tmp_path_factory, names: set[str], gain: float, title: str) -> None:
    path = tmp_path_factory.mktemp("presets") / "preset.json"
    preset = Preset(title, MeshMappings("Head", {"Head": map_keys(sorted(names)).with_channel("jawOpen", gain=gain)}))
    save_preset(path, preset)
    assert load_preset(path) == preset


def test_an_older_preset_survives_a_failed_save(tmp_path: Path) -> None:
    path = tmp_path / "hero.json"
    save_preset(path, edited())
    before = path.read_bytes()
    broken = Preset("\ud800", edited().mappings)  # no UTF-8 for this
    with pytest.raises(UnicodeEncodeError):
        save_preset(path, broken)
    assert path.read_bytes() == before
    with pytest.raises(OutputError):
        save_preset(tmp_path / "nowhere" / "hero.json", edited())


def write_changed(path: Path, place: list[Any], value: object) -> None:
    """A sound preset with one thing in it changed."""
    save_preset(path, edited())
    content = json.loads(path.read_text(encoding="utf-8"))
    inner = content
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    path.write_text(json.dumps(content), encoding="utf-8")


CHANNELS = ["meshes", "Kopf", "channels"]
KEYS = ["meshes", "Kopf", "keys"]


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (["format"], "something", "some other file"),
        (["version"], 9, "version 9"),
        (["face"], "Fuß", "not among its meshes"),
        (["meshes"], [], "'meshes' is missing or wrong"),
        (["title"], 5, "'title' is missing or wrong"),
        ([*CHANNELS, 0], None, "'channel' is missing or wrong"),
        ([*CHANNELS, 0, "channel"], "earWiggle", "52 ARKit channels"),
        ([*CHANNELS, 0, "how"], "magic", "'magic' means nothing"),
        ([*CHANNELS, 0, "gain"], "1e9", "where a number should"),
        ([*CHANNELS, 0, "offset"], True, "where a number should"),
        ([*CHANNELS, 0, "explained"], float("inf"), "where a number should"),
        ([*CHANNELS, 0, "enabled"], 1, "'enabled' is missing or wrong"),
        ([*CHANNELS, 0, "keys"], [["nose", 1.0, 0.0]], "'nose', which is not among its keys"),
        ([*CHANNELS, 0, "keys"], [["grin", 1.0]], "name, gain and offset"),
        ([*KEYS, 0, "range"], [1.0, 0.0], "range of a key is empty"),
        ([*KEYS, 0, "range"], [1.0], "a number is missing"),
        ([*KEYS, 0, "pose"], [["nose", 1.0]], "no ARKit channel"),
        ([*KEYS, 0, "name"], "grin", "same name"),
    ],
)
def test_a_damaged_preset_is_refused_in_one_sentence(tmp_path: Path, place, value, words: str) -> None:
    path = tmp_path / "hero.json"
    write_changed(path, place, value)
    with pytest.raises(PresetError, match=words) as error:
        load_preset(path)
    message = str(error.value)
    assert message.startswith(f"'{path}'") and message.endswith(".") and ". " not in message


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b"\0" * 20_000_000])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "hero.json"
    path.write_bytes(content)
    with pytest.raises(PresetError, match="hero.json"):
        load_preset(path)


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "hero.json"
    save_preset(path, edited())
    whole = path.read_bytes()
    for share in (0.1, 0.5, 0.99):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(PresetError):
            load_preset(path)


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PresetError, match="absent.json"):
        load_preset(tmp_path / "absent.json")
    with pytest.raises(PresetError):
        load_preset(tmp_path)
