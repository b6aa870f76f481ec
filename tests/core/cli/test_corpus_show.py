# SPDX-License-Identifier: GPL-3.0-or-later
"""`corpus show` and `corpus sheet`: choosing a clip, what is written where, and what is said when it cannot be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the corpus needs SciPy")
pytest.importorskip("matplotlib", reason="the package matplotlib (plots) is not installed")

from diffusion_talker.channels import MODEL_CHANNELS
from diffusion_talker.cli import main
from diffusion_talker.corpus.phones import PHONE_CLASSES, PHONE_NAMES, PHONES, UNKNOWN_PHONE
from diffusion_talker.corpus.shards import (
    CORPUS_VERSION,
    Clip,
    IdentityEntry,
    Manifest,
    ShardEntry,
    hash_file,
    read_manifest,
    shard_name,
    write_manifest,
    write_shard,
)
from diffusion_talker.evaluation.rendering.clips import cut, list_clips, phone_marks

FRAMES = 30


def made_clip(identity: int, emotion: int, language: str) -> Clip:
    motion = np.zeros((FRAMES, len(MODEL_CHANNELS)), np.float16)
    motion[:, MODEL_CHANNELS.index("jawOpen")] = np.linspace(0, 0.5, FRAMES)
    phone = np.repeat([PHONE_NAMES.index("m"), PHONE_NAMES.index("a"), UNKNOWN_PHONE], FRAMES // 3).astype(np.uint8)
    samples = np.full(FRAMES * 16000 // 60, 1000, np.int16)
    return Clip(samples, motion, phone, identity, emotion, 0.5 * emotion, language, "flite", "slt", f"in {language}")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two shards: 0 Ada neutral en, 1 Ada joy de, 2 Bob neutral en."""
    folder = tmp_path_factory.mktemp("corpus")
    shards = []
    for i, clips in enumerate(([made_clip(0, 0, "en"), made_clip(0, 1, "de")], [made_clip(1, 0, "en")])):
        write_shard(folder / shard_name(i), clips)
        shards.append(ShardEntry(shard_name(i), hash_file(folder / shard_name(i)), len(clips), 0.5 * len(clips)))
    manifest = Manifest(
        CORPUS_VERSION, 0, "made", 0.1, MODEL_CHANNELS, PHONE_NAMES, PHONE_CLASSES,
        tuple(phone.class_index for phone in PHONES.values()),
        (IdentityEntry("Ada", "", {}), IdentityEntry("Bob", "", {})), ("neutral", "joy"), tuple(shards),
    )  # fmt: skip
    write_manifest(folder, manifest)
    return folder


def test_clips_are_numbered_through_all_shards(corpus: Path) -> None:
    entries = list_clips(corpus, read_manifest(corpus))
    assert [(e.number, e.shard, e.index, e.identity, e.emotion) for e in entries] == [
        (0, shard_name(0), 0, "Ada", "neutral"), (1, shard_name(0), 1, "Ada", "joy"),
        (2, shard_name(1), 0, "Bob", "neutral"),
    ]  # fmt: skip


def test_a_stretch_keeps_sound_motion_and_marks_together(corpus: Path) -> None:
    shown = cut(made_clip(0, 0, "en"), read_manifest(corpus), 0.1, 0.3)
    assert shown.motion.frame_count == 12 and shown.source.sample_count == 3200
    assert [(mark.name, round(mark.start_s, 3), round(mark.end_s, 3), mark.closed) for mark in shown.marks] == [
        ("m", 0.0, 0.067, True), ("a", 0.067, 0.2, False)
    ]  # fmt: skip


def test_what_nobody_labelled_has_no_mark(corpus: Path) -> None:
    assert phone_marks(np.full(9, UNKNOWN_PHONE, np.uint8), read_manifest(corpus)) == ()


def test_list_prints_the_clips_of_the_kind(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["corpus", "show", str(corpus), "--list", "--identity", "ada"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["clip 0", "clip 1"]
    assert "joy 0.50" in lines[1] and "in de" in lines[1]


def test_a_filter_chooses_the_first_match(corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["corpus", "show", str(corpus), "--language", "de", "--plot-only", "--out", str(tmp_path)]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["clip_00001.png"]
    assert "clip 1" in capsys.readouterr().out


def test_video_and_plot_lie_beside_each_other(corpus: Path, tmp_path: Path) -> None:
    av = pytest.importorskip("av", reason="the package av (video) is not installed")
    out = tmp_path / "take.mp4"
    command = ["corpus", "show", str(corpus), "2", "--out", str(out), "--size", "64", "--to-s", "0.2", "--quiet"]
    assert main(command) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["take.mp4", "take.png"]
    with av.open(str(out)) as container:
        assert len(container.streams.audio) == 1
        assert sum(1 for _ in container.decode(video=0)) == 6


@pytest.mark.parametrize(
    "arguments, code, words",
    [
        (["7"], 2, "clips 0 to 2"),
        (["2", "--identity", "Ada"], 2, "not of the kind"),
        (["--emotion", "boredom"], 2, "joy, neutral"),
        (["0", "--from-s", "3"], 2, "0.50 s long"),
        (["0", "--size", "65"], 2, "even number"),
        (["0", "--out", "take.avi"], 2, ".mp4"),
        (["0", "--plot-only", "--out", "no/such/folder/take.png"], 1, "folder does not exist"),
    ],
)
def test_mistakes_end_in_one_sentence(
    corpus: Path, arguments: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["corpus", "show", str(corpus), *arguments]) == code
    told = capsys.readouterr().err
    assert words in told and "Traceback" not in told


def test_no_corpus_and_a_corpus_of_vertices_are_told(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["corpus", "show", str(tmp_path)]) == 1
    assert "no finished corpus" in capsys.readouterr().err
    write_manifest(tmp_path, replace(read_manifest(corpus), vertex_count=5))
    assert main(["corpus", "show", str(tmp_path)]) == 1
    assert "vertices" in capsys.readouterr().err


def test_the_sheet_wants_a_picture_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["corpus", "sheet", "--out", str(tmp_path / "phones.gif")]) == 2
    assert ".jpg" in capsys.readouterr().err
    assert main(["corpus", "sheet", "--out", str(tmp_path / "p.png"), "--tile", "16", "--quiet"]) == 0
    assert (tmp_path / "p.png").stat().st_size > 1000
