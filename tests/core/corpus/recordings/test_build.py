# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorded clips: a stranger's voice, a talker's face, and shards that are a function of recordings and seed."""

from __future__ import annotations

import argparse
import collections
import functools
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the corpus needs SciPy")

from diffusion_talker.audio import SAMPLE_RATE_HZ, motion_frame_count, write_wav  # noqa: E402
from diffusion_talker.cli import corpus as cli  # noqa: E402
from diffusion_talker.corpus.build import BuildSettings, build_corpus, missing_engines  # noqa: E402
from diffusion_talker.corpus.emotions import EMOTION_NAMES  # noqa: E402
from diffusion_talker.corpus.phones import PHONE_NAMES, UNKNOWN_PHONE  # noqa: E402
from diffusion_talker.corpus.recordings.build import (  # noqa: E402
    MOST_VARIANTS,
    RecordedPart,
    RecordedSettings,
    build_recorded,
)
from diffusion_talker.corpus.shards import Clip, hash_file, iterate_clips, read_manifest, read_shard  # noqa: E402
from diffusion_talker.errors import BundleError, CorpusError, SettingsError  # noqa: E402
from tests.core.corpus.corpus_support import lip_gap  # noqa: E402
from tests.core.corpus.recordings.recordings_support import (  # noqa: E402
    LINE,
    listen,
    listen_unsurely,
    make_emodb,
    make_own,
    sing,
)

STEMS = ("03a01Fa", "03a02Fc", "03a01La", "11a02Wc", "09a01Fa", "12a01Na")


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recordings")
    make_emodb(folder / "emodb", STEMS)
    make_own(folder / "mine", {"anna/one": LINE, "ben/one": LINE})
    return folder


def build(folder: Path, recordings: Path, hours: float = 0.01, listener=listen, **kwargs) -> RecordedPart:
    folder.mkdir(exist_ok=True)
    settings = RecordedSettings(recordings, share=0.5, **kwargs)
    return build_recorded(folder, settings, seed=4, spoken_hours=hours, clips_per_shard=4, listener=listener)


def clips_of(folder: Path, part: RecordedPart) -> list[Clip]:
    return [clip for name in part.shard_names for clip in read_shard(folder / name)]


@pytest.fixture(scope="module")
def built(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RecordedPart]:
    folder = tmp_path_factory.mktemp("built")
    return folder, build(folder, recordings)


def test_a_stranger_lends_the_voice_and_a_known_mood(built: tuple[Path, RecordedPart]) -> None:
    clips = clips_of(*built)
    assert {clip.voice for clip in clips} == {"emodb:03", "emodb:11", "mine:anna", "mine:ben"}
    for clip in clips:
        assert not clip.identity_heard
        assert clip.emotion_heard == (clip.engine == "emodb" and (clip.emotion > 0))
        assert (clip.language, clip.engine) in {("de", "emodb"), ("en", "mine")}
        assert clip.motion.shape == (motion_frame_count(len(clip.samples)), 55)
        assert clip.phone.shape == clip.motion.shape[:1]
        assert (0.5 <= clip.intensity <= 1) == (clip.emotion > 0)
    moods = {(clip.voice, EMOTION_NAMES[clip.emotion]) for clip in clips}
    assert {("emodb:03", "happiness"), ("emodb:03", "neutral"), ("emodb:11", "anger")} <= moods


def test_the_face_says_what_is_heard_when_it_is_heard(built: tuple[Path, RecordedPart]) -> None:
    sealed = [PHONE_NAMES.index(name) for name in "pbm"]
    for clip in clips_of(*built):
        heard = listen(clip.samples / 32768.0).argmax(axis=1)
        agree = heard == clip.phone
        assert agree.mean() > 0.85
        gap = lip_gap(clip.motion.astype(np.float64))
        edges = np.flatnonzero(np.diff(clip.phone.astype(int))) + 1
        for run in np.split(np.arange(len(clip.phone)), edges):
            if clip.phone[run[0]] in sealed:
                assert gap[run].min() <= 0.02


def test_no_piece_is_said_by_the_same_face_twice_or_too_often(built: tuple[Path, RecordedPart]) -> None:
    faces = collections.defaultdict(list)
    for clip in clips_of(*built):
        if " / " not in clip.text:
            faces[clip.voice, clip.text].append(clip.identity)
    for said_by in faces.values():
        assert len(said_by) <= MOST_VARIANTS
        if len(said_by) > 1:
            assert len(set(said_by)) > 1


def test_the_share_is_reached_while_there_is_enough_to_repeat(recordings: Path, tmp_path: Path) -> None:
    few = build(tmp_path / "few", recordings, hours=0.005)
    seconds = sum(len(clip.samples) for clip in clips_of(tmp_path / "few", few)) / SAMPLE_RATE_HZ
    assert seconds == pytest.approx(0.005 * 3600, abs=15)
    everything = build(tmp_path / "all", recordings, hours=9.0)
    counts = collections.Counter(clip.voice for clip in clips_of(tmp_path / "all", everything))
    assert counts["mine:anna"] == counts["mine:ben"] == MOST_VARIANTS
    speech_min = {source.name: source.minutes for source in everything.sources}
    assert speech_min["mine"] == pytest.approx(2 * MOST_VARIANTS * 2.27 / 60, rel=0.03)
    assert (tmp_path / "all" / few.shard_names[0]).read_bytes() == (tmp_path / "few" / few.shard_names[0]).read_bytes()


def test_whole_speakers_stay_out_and_are_counted(built: tuple[Path, RecordedPart], recordings: Path, tmp_path) -> None:
    emodb, mine = built[1].sources
    assert (emodb.recordings, emodb.pieces, emodb.held_out_recordings) == (6, 4, 2)
    assert (mine.recordings, mine.pieces, mine.held_out_recordings) == (2, 2, 0)
    part = build(tmp_path / "x", recordings, held_out=frozenset({"mine:anna", "emodb:03"}))
    assert {clip.voice for clip in clips_of(tmp_path / "x", part)} == {"emodb:09", "emodb:11", "emodb:12", "mine:ben"}


def test_the_unsure_is_dropped_and_counted(recordings: Path, tmp_path: Path) -> None:
    part = build(tmp_path / "x", recordings, listener=listen_unsurely)
    assert {clip.engine for clip in clips_of(tmp_path / "x", part)} == {"emodb"}
    assert part.sources[1].unsure_pieces == 2 and part.sources[1].pieces == 0


def test_an_unsure_phone_in_a_kept_piece_is_said_and_not_taught(recordings: Path, tmp_path: Path) -> None:
    def doubt_hisses(samples: np.ndarray) -> np.ndarray:
        sure, unsure = listen(samples), listen_unsurely(samples)
        is_hiss = sure.argmax(axis=1) == PHONE_NAMES.index("s")
        return np.where(is_hiss[:, None], unsure, sure)

    part = build(tmp_path / "x", recordings, listener=doubt_hisses)
    mine = [clip for clip in clips_of(tmp_path / "x", part) if clip.engine == "mine"]
    assert mine
    for clip in mine:
        unknown = clip.phone == UNKNOWN_PHONE
        assert 5 <= unknown.sum() <= 13
        assert not (clip.phone == PHONE_NAMES.index("s")).any()
        teeth = lip_gap(clip.motion.astype(np.float64))[unknown]
        assert 0.02 < teeth.mean() < 0.3


def test_without_a_recogniser_labelled_recordings_enter_alone(recordings: Path, tmp_path: Path) -> None:
    part = build(tmp_path / "x", recordings, listener=None)
    assert {clip.engine for clip in clips_of(tmp_path / "x", part)} == {"emodb"}
    assert [source.unheard_recordings for source in part.sources] == [0, 2]


def test_a_killed_build_resumes_to_the_same_bytes(
    built: tuple[Path, RecordedPart], recordings: Path, tmp_path: Path
) -> None:
    folder, part = built
    again = build(tmp_path / "x", recordings)
    hashes = [hash_file(folder / name) for name in part.shard_names]
    assert [hash_file(tmp_path / "x" / name) for name in again.shard_names] == hashes
    (tmp_path / "x" / part.shard_names[-1]).unlink()
    kept = (tmp_path / "x" / part.shard_names[0]).stat().st_mtime_ns

    heard = tmp_path / "x" / "recorded_pieces.jsonl"
    whole = heard.read_bytes()
    heard.write_bytes(whole[: whole.rindex(b"emodb") + 40])  # killed while a labelled recording was written
    shuffled = build(tmp_path / "x", recordings)
    assert sorted(heard.read_bytes().splitlines()) == sorted(whole.splitlines())
    assert shuffled == part

    def never(samples: np.ndarray) -> np.ndarray:
        raise AssertionError("what was heard is kept")

    assert build(tmp_path / "x", recordings, listener=never) == part
    assert [hash_file(tmp_path / "x" / name) for name in part.shard_names] == hashes
    assert (tmp_path / "x" / part.shard_names[0]).stat().st_mtime_ns == kept


def test_a_folder_of_other_recordings_is_refused(built: tuple[Path, RecordedPart], recordings: Path) -> None:
    with pytest.raises(CorpusError, match="held-out speakers"):
        build(built[0], recordings, held_out=frozenset({"emodb:03"}))


def test_a_damaged_file_costs_itself_alone(tmp_path: Path) -> None:
    make_own(tmp_path / "mine", {"one": LINE, "two": LINE}, labelled=True)
    (tmp_path / "mine" / "one.wav").write_bytes(b"RIFF and then nothing")
    (tmp_path / "mine" / "two.phones.tsv").write_text("0.4\t0.5\tm\n0.5\t0.9\tqqq\n")
    make_own(tmp_path / "more", {"three": LINE}, labelled=True)
    part = build(tmp_path / "x", tmp_path, listener=None)
    assert [source.pieces for source in part.sources] == [0, 1]
    skipped = (tmp_path / "x" / "recorded_pieces.skipped").read_text().splitlines()
    assert [line.split(":")[0] for line in skipped] == ["mine/one", "mine/two"]


def test_some_pauses_are_digital_and_some_are_a_room(built: tuple[Path, RecordedPart]) -> None:
    """As in synthetic clips: a network that has heard only one kind opens the mouth at the other."""
    starts = [np.abs(clip.samples[:600]).max() for clip in clips_of(*built)]
    assert 0 < sum(level == 0 for level in starts) < len(starts)
    for clip in clips_of(*built):
        assert 1500 < np.abs(clip.samples).max() <= 32767


@pytest.mark.parametrize("share", [0.0, 1.0, -0.2])
def test_a_share_that_is_none_is_refused(share: float, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="between 0 and 1"):
        RecordedSettings(tmp_path, share=share)


def test_the_command_mixes_both_and_says_what_it_left_out(
    recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "BuildSettings", functools.partial(cli.BuildSettings, clips_per_shard=2))
    if missing_engines(("espeak",)):
        pytest.skip("eSpeak NG is not installed")
    parser = argparse.ArgumentParser()
    cli.add_arguments(parser)
    arguments = ["build", "--hours", "0.0005", "--out", str(tmp_path), "--workers", "1", "--engines", "espeak"]
    assert cli.run(parser.parse_args([*arguments, "--recordings", str(recordings), "--hold-out", "emodb:11"])) == 0
    told = capsys.readouterr().out
    assert "2 recordings have no phones by hand" in told and "CC0" in told
    manifest = read_manifest(tmp_path)
    assert manifest.held_out_speakers == ("emodb:11",)
    assert manifest.command.endswith(f"--recordings {recordings.name} --recorded-share 0.2 --hold-out emodb:11")
    assert [source.licence for source in manifest.recorded_sources] == [
        "CC0 1.0 (Berlin Database of Emotional Speech)",
        "ours",
    ]
    assert set(manifest.clips_per_engine) == {"espeak", "emodb"}
    assert {shard.name[:8] for shard in manifest.shards} == {"shard_00", "recorded"}
    assert len(list(iterate_clips(tmp_path))) == sum(shard.clips for shard in manifest.shards)
    with pytest.raises(CorpusError, match="another held-out speakers"):
        cli.run(parser.parse_args([*arguments, "--recordings", str(recordings), "--hold-out", "none"]))
    with pytest.raises(SettingsError, match="--recordings"):
        cli.run(parser.parse_args([*arguments, "--recogniser", "x.safetensors"]))


def test_the_room_of_a_recording_goes_on_in_the_pauses_around_it(tmp_path: Path) -> None:
    """Its hum, not a hiss of ours that would tell a network where a clip was put together."""
    samples = sing(LINE)
    hum = 0.01 * np.sin(2 * np.pi * 100 * np.arange(len(samples)) / SAMPLE_RATE_HZ)
    make_own(tmp_path / "mine", {"one": LINE}, labelled=True)
    write_wav(tmp_path / "mine" / "one.wav", samples + hum, SAMPLE_RATE_HZ)
    part = build(tmp_path / "x", tmp_path, hours=9.0)
    rooms = [clip.samples[:1600] / np.abs(clip.samples).max() for clip in clips_of(tmp_path / "x", part)]
    rooms = [room for room in rooms if np.abs(room).max() > 0]
    assert rooms
    for room in rooms:
        spectrum = np.abs(np.fft.rfft(room * np.hanning(1600)))
        assert abs(int(spectrum.argmax()) * 10 - 100) <= 60
        assert 0.3 < room.std() * np.sqrt(2) / (0.01 / 0.41) < 3


def test_more_workers_make_the_same_bytes(recordings: Path, tmp_path: Path) -> None:
    parts = []
    for name, workers in (("one", 1), ("two", 2)):
        (tmp_path / name).mkdir()
        settings = RecordedSettings(recordings, share=0.5)
        parts.append(build_recorded(tmp_path / name, settings, 4, 0.01, clips_per_shard=3, workers=workers))
    assert parts[0] == parts[1] and len(parts[0].shard_names) > 1
    for name in (*parts[0].shard_names, "recorded_pieces.jsonl"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize("found", [False, True])
def test_what_would_stop_the_recorded_part_stops_the_build_at_once(
    found: bool, recordings: Path, tmp_path: Path
) -> None:
    pytest.importorskip("torch", reason="the recogniser needs PyTorch")
    pytest.importorskip("safetensors", reason="the recogniser needs safetensors")
    if missing_engines(("espeak",)):
        pytest.skip("eSpeak NG is not installed")
    (tmp_path / "empty").mkdir()
    (tmp_path / "ear.safetensors").write_bytes(b"not one")
    recorded = RecordedSettings(recordings if found else tmp_path / "empty", tmp_path / "ear.safetensors")
    settings = BuildSettings(hours=100.0, engines=("espeak",))
    with pytest.raises((BundleError, CorpusError), match="train recogniser" if found else "no recordings"):
        build_corpus(tmp_path / "corpus", settings, recorded=recorded)
    assert not list((tmp_path / "corpus").glob("*.npz"))


def test_a_test_set_hears_the_held_out_speakers_alone(recordings: Path, tmp_path: Path) -> None:
    folder = tmp_path / "test_set"
    part = build(folder, recordings, held_out=frozenset({"emodb:09", "mine:ben"}), only_held_out=True)
    assert {clip.voice for clip in clips_of(folder, part)} == {"emodb:09", "mine:ben"}
    assert {source.name: source.held_out_recordings for source in part.sources} == {"emodb": 5, "mine": 1}
    with pytest.raises(CorpusError, match="nobody"):
        build(tmp_path / "empty", recordings, held_out=frozenset(), only_held_out=True)
