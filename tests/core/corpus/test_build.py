# SPDX-License-Identifier: GPL-3.0-or-later
"""A corpus is a function of its seed, whatever the number of workers, and a killed build goes on."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the corpus needs SciPy")

from diffusion_talker import __version__  # noqa: E402
from diffusion_talker.audio import motion_frame_count  # noqa: E402
from diffusion_talker.channels import MODEL_CHANNELS  # noqa: E402
from diffusion_talker.cli import corpus as cli  # noqa: E402
from diffusion_talker.corpus.build import (  # noqa: E402
    BuildSettings,
    build_corpus,
    missing_engines,
    missing_voices,
)
from diffusion_talker.corpus.census import rare_phones  # noqa: E402
from diffusion_talker.corpus.clips import usable_voices  # noqa: E402
from diffusion_talker.corpus.emotions import EMOTION_NAMES  # noqa: E402
from diffusion_talker.corpus.phones import PHONE_CLASSES, PHONE_NAMES  # noqa: E402
from diffusion_talker.corpus.shards import IdentityEntry, hash_file, iterate_clips, read_manifest, shard_name  # noqa: E402
from diffusion_talker.corpus.strangers import STRANGERS  # noqa: E402
from diffusion_talker.corpus.talkers import AXIS_NAMES, TALKERS  # noqa: E402
from diffusion_talker.corpus.voices import festival  # noqa: E402
from diffusion_talker.errors import CorpusError  # noqa: E402
from tests.core.corpus.corpus_support import lip_gap, workers_after_kill  # noqa: E402


def _settings(engine: str = "espeak", hours: float = 0.008) -> BuildSettings:
    reason = missing_engines((engine,)).get(engine)
    if reason:
        pytest.skip(reason)
    return BuildSettings(hours=hours, seed=11, engines=(engine,), clips_per_shard=2)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    build_corpus(folder, _settings(), workers=1, command="corpus build")
    return folder


@pytest.mark.parametrize("engine", ["espeak", "flite", "festival"])
def test_the_same_seed_gives_the_same_bytes(engine: str, tmp_path: Path) -> None:
    settings = _settings(engine, hours=0.001)
    first = build_corpus(tmp_path / "a", settings, workers=1)
    second = build_corpus(tmp_path / "b", settings, workers=2)
    assert [shard.sha256 for shard in first.shards] == [shard.sha256 for shard in second.shards]
    assert first.clips_per_engine == {engine: 2 * len(first.shards)}


def test_shards_hold_what_the_contract_says(corpus: Path) -> None:
    manifest = read_manifest(corpus)
    assert manifest.channels == MODEL_CHANNELS
    assert manifest.phones == PHONE_NAMES
    assert manifest.phone_classes == PHONE_CLASSES
    assert len(manifest.class_of_phone) == len(PHONE_NAMES)
    assert manifest.emotions == EMOTION_NAMES
    assert [identity.name for identity in manifest.identities] == [talker.name for talker in TALKERS]
    assert all(tuple(identity.axes) == AXIS_NAMES for identity in manifest.identities)
    assert manifest.hours >= 0.008
    for clip in iterate_clips(corpus):
        frame_count = motion_frame_count(len(clip.samples))
        assert clip.samples.dtype == np.int16
        assert clip.motion.shape == (frame_count, len(MODEL_CHANNELS))
        assert clip.motion.dtype == np.float16
        assert clip.phone.shape == (frame_count,)
        assert np.isfinite(clip.motion).all()
        assert 0 <= clip.intensity <= 1
        assert clip.engine == "espeak"


def test_every_bilabial_of_the_corpus_seals_and_long_silence_rests(corpus: Path) -> None:
    sealed = {PHONE_NAMES.index(name) for name in "pbm"}
    for clip in iterate_clips(corpus):
        gap = lip_gap(clip.motion.astype(np.float64))
        edges = np.flatnonzero(np.diff(clip.phone.astype(int))) + 1
        for run in np.split(np.arange(len(clip.phone)), edges):
            if clip.phone[run[0]] in sealed:
                assert gap[max(run[0] - 2, 0) : run[-1] + 2].min() <= 0.02
            elif clip.phone[run[0]] == 0 and len(run) > 36:
                assert np.median(gap[run[12:-12]]) <= 0.02


def test_statistics_describe_the_motion(corpus: Path) -> None:
    manifest = read_manifest(corpus)
    motion = np.concatenate([clip.motion.astype(np.float64) for clip in iterate_clips(corpus)])
    np.testing.assert_allclose(manifest.mean, motion.mean(axis=0), atol=1e-9)
    np.testing.assert_allclose(manifest.std, motion.std(axis=0), atol=1e-6)
    np.testing.assert_array_equal(manifest.maximum, motion.max(axis=0))
    assert sum(manifest.phone_share.values()) == pytest.approx(1.0)


def test_the_manifest_tells_versions_and_what_is_covered(corpus: Path) -> None:
    manifest = read_manifest(corpus)
    assert manifest.program_version == __version__
    assert manifest.engine_versions.keys() == {"espeak"}
    assert any(character.isdigit() for character in manifest.engine_versions["espeak"])
    assert manifest.missing_voices == {}
    assert manifest.phone_share_per_language.keys() == manifest.clips_per_language.keys()
    for shares in manifest.phone_share_per_language.values():
        assert sum(shares.values()) == pytest.approx(1.0, abs=1e-3)


def test_rare_phones_are_named_rarest_first() -> None:
    assert rare_phones({"sil": 0.5, "m": 0.0004, "œ": 0.0, "a": 0.4996}) == {"œ": 0.0, "m": 0.0004}
    assert rare_phones({"sil": 0.5, "a": 0.5}) == {}


def test_a_voice_that_is_not_installed_is_named_and_does_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = _settings("festival", hours=0.001)
    monkeypatch.setattr(festival, "_installed", lambda: ("kal_diphone",))
    absent = missing_voices(("festival", "flite"))
    assert "kal_diphone" not in absent
    assert "festvox-kdlpc16k" in absent["ked_diphone"]
    assert {spec.voice for specs in usable_voices(settings.engines).values() for spec in specs} == {"kal_diphone"}


def test_a_killed_build_resumes_to_the_same_corpus(corpus: Path, tmp_path: Path) -> None:
    whole = read_manifest(corpus)
    build_corpus(tmp_path, _settings(), workers=1)
    (tmp_path / "manifest.json").unlink()
    (tmp_path / shard_name(len(whole.shards) - 1)).unlink()
    (tmp_path / ".shard_00009.npz.77.part").write_bytes(b"half a shard")
    kept = tmp_path / shard_name(0)
    before = kept.stat().st_mtime_ns
    resumed = build_corpus(tmp_path, _settings(), workers=1)
    assert kept.stat().st_mtime_ns == before
    assert [shard.sha256 for shard in resumed.shards] == [shard.sha256 for shard in whole.shards]


def test_a_folder_of_other_settings_is_refused(corpus: Path) -> None:
    other = BuildSettings(hours=0.008, seed=12, engines=("espeak",), clips_per_shard=2)
    with pytest.raises(CorpusError, match="seed"):
        build_corpus(corpus, other, workers=1)


def test_a_damaged_shard_and_a_missing_manifest_say_what_to_do(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="corpus build"):
        read_manifest(tmp_path)
    path = tmp_path / shard_name(0)
    path.write_bytes((corpus / shard_name(0)).read_bytes()[:1000])
    (tmp_path / "manifest.json").write_text((corpus / "manifest.json").read_text())
    assert hash_file(path) != read_manifest(tmp_path).shards[0].sha256
    with pytest.raises(CorpusError, match="Delete it"):
        list(iterate_clips(tmp_path))


def test_the_command_builds_and_refuses_unknown_engines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _settings()
    parser = argparse.ArgumentParser()
    cli.add_arguments(parser)
    arguments = ["build", "--hours", "0.0005", "--out", str(tmp_path), "--workers", "1", "--engines"]
    assert cli.run(parser.parse_args([*arguments, "nosuch"])) == 2
    assert "nosuch" in capsys.readouterr().err
    assert cli.run(parser.parse_args([*arguments, "espeak", "--quiet"])) == 0
    assert read_manifest(tmp_path).clips_per_engine.keys() == {"espeak"}


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="children are found in /proc")
def test_a_killed_build_leaves_no_worker_behind(tmp_path: Path) -> None:
    """The process itself is killed, as by a power switch."""
    call = [sys.executable, "-m", "diffusion_talker", "corpus", "build", "--hours", "1", "--engines", "espeak"]
    workers, left = workers_after_kill([*call, "--out", str(tmp_path), "--quiet", "--workers", "2"])
    assert len(workers) >= 2 and not left


def test_a_test_set_is_spoken_by_strangers_and_never_mixed_with_training(tmp_path: Path) -> None:
    settings = replace(_settings(hours=0.002), test_set=True)
    manifest = build_corpus(tmp_path, settings)
    assert manifest.identities[: len(TALKERS)] == tuple(
        IdentityEntry(talker.name, talker.description, asdict(talker.axes)) for talker in TALKERS
    )
    assert {manifest.identities[clip.identity].name for clip in iterate_clips(tmp_path)} <= {t.name for t in STRANGERS}
    with pytest.raises(CorpusError, match="test_set"):
        build_corpus(tmp_path, replace(settings, test_set=False))
