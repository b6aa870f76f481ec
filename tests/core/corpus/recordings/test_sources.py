# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders of recordings in the layouts they come in, and what a name tells of its recording."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

pytest.importorskip("scipy", reason="the corpus needs SciPy")

from diffusion_talker.corpus.recordings.sources import find_sources  # noqa: E402
from diffusion_talker.corpus.recordings.split import HELD_OUT_SPEAKERS, held_out_speakers  # noqa: E402
from diffusion_talker.errors import CorpusError, SettingsError  # noqa: E402
from tests.core.corpus.recordings.recordings_support import LINE, make_emodb, make_own, write_recording  # noqa: E402

SHARED = Path(os.environ.get("DIFFUSION_TALKER_SHARED", Path(__file__).resolve().parents[4].parent / "shared"))


def test_a_name_of_the_german_set_tells_speaker_sentence_and_mood(tmp_path: Path) -> None:
    make_emodb(tmp_path / "emodb", ("03a01Fa", "09b02Wc", "14a05Lb", "12b10Nd"))
    (source,) = find_sources(tmp_path)
    assert [(r.speaker, r.emotion, r.emotion_heard) for r in source.recordings] == [
        ("emodb:03", "happiness", True),
        ("emodb:09", "anger", True),
        ("emodb:12", "neutral", True),
        ("emodb:14", "neutral", False),
    ]
    assert source.recordings[0].prompt == "EmoDB sentence a01"
    assert source.licence.startswith("CC0")
    assert source.recordings[0].labels[0].symbol == "m"


def test_published_layouts_bring_their_transcripts(tmp_path: Path) -> None:
    chapter = tmp_path / "librispeech" / "dev-clean" / "84" / "121123"
    write_recording(chapter / "84-121123-0000.wav", LINE)
    write_recording(chapter / "84-121123-0001.wav", LINE)
    (chapter / "84-121123.trans.txt").write_text("84-121123-0000 GO DO YOU HEAR\n")
    write_recording(tmp_path / "ljspeech" / "wavs" / "LJ001-0001.wav", LINE)
    (tmp_path / "ljspeech" / "metadata.csv").write_text("LJ001-0001|in 1455|in fourteen fifty-five\n")
    write_recording(tmp_path / "facegood" / "1.wav", LINE)
    libri, lj = find_sources(tmp_path)
    assert [(r.speaker, r.text) for r in libri.recordings] == [
        ("librispeech:84", "go do you hear"),
        ("librispeech:84", ""),
    ]
    assert lj.recordings[0].text == "in fourteen fifty-five"


def test_takes_with_measured_animation_stay_out(tmp_path: Path) -> None:
    write_recording(tmp_path / "facegood" / "audio" / "1114_2_01.wav", LINE)
    write_recording(tmp_path / "facegood_unpaired" / "1114_2_06.wav", LINE)
    (source,) = find_sources(tmp_path)
    assert [r.name for r in source.recordings] == ["1114_2_06"]


def test_anybodys_folder_needs_only_a_licence_and_a_language(tmp_path: Path) -> None:
    make_own(tmp_path / "mine", {"anna/one": LINE, "anna/two": LINE, "ben/one": LINE})
    (tmp_path / "mine" / "anna" / "two.txt").write_text("Hello there.\n")
    about = {"licence": "CC0", "language": "de", "emotions": {"ben/one": "anger"}}
    (tmp_path / "mine" / "about.json").write_text(json.dumps(about))
    (source,) = find_sources(tmp_path / "mine")
    assert [(r.name, r.speaker, r.text, r.emotion, r.emotion_heard) for r in source.recordings] == [
        ("anna/one", "mine:anna", "", "neutral", False),
        ("anna/two", "mine:anna", "Hello there.", "neutral", False),
        ("ben/one", "mine:ben", "", "anger", True),
    ]


@pytest.mark.parametrize(
    "about, words",
    [
        ('{"language": "en"}', "license"),
        ("{", "cannot be read"),
        ('{"licence": "a", "language": "en", "alphabet": "x"}', "alphabet"),
        ('{"licence": "a", "language": "en", "emotions": {"one": "boredom"}}', "boredom"),
    ],
)
def test_a_folder_that_is_badly_described_says_how(about: str, words: str, tmp_path: Path) -> None:
    make_own(tmp_path, {"one": LINE})
    (tmp_path / "about.json").write_text(about)
    with pytest.raises(CorpusError, match=words):
        find_sources(tmp_path)


@pytest.mark.parametrize("row", ["0.1\t0.2", "0.2\t0.1\ta", "a\tb\tc"])
def test_a_bad_line_of_labels_is_named(row: str, tmp_path: Path) -> None:
    make_own(tmp_path, {"one": LINE}, labelled=True)
    (tmp_path / "one.phones.tsv").write_text(f"0.0\t0.1\ta\n{row}\n")
    with pytest.raises(CorpusError, match="line 2"):
        find_sources(tmp_path)


def test_nothing_to_read_says_what_to_name_folders(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(CorpusError, match="emodb, librispeech.*about.json"):
            find_sources(folder)


def test_speakers_are_held_out_by_name() -> None:
    assert held_out_speakers() == HELD_OUT_SPEAKERS
    assert held_out_speakers("emodb:03, mine:anna") == {"emodb:03", "mine:anna"}
    assert held_out_speakers("none") == held_out_speakers("") == frozenset()
    with pytest.raises(SettingsError, match="source:speaker"):
        held_out_speakers("03")


def test_the_shared_recordings_are_found() -> None:
    if not (SHARED / "speech" / "emodb").is_dir():
        pytest.skip(f"no recordings under {SHARED}")
    sources = {source.name: source for source in find_sources(SHARED / "speech")}
    assert {"emodb", "librispeech", "ljspeech", "facegood_unpaired"} <= sources.keys()
    speakers = {r.speaker for r in sources["emodb"].recordings}
    assert speakers > HELD_OUT_SPEAKERS
    assert sum(bool(r.text) for r in sources["ljspeech"].recordings) == 8
