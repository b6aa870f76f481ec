# SPDX-License-Identifier: GPL-3.0-or-later
"""An import resumes after a kill, is the same for any number of workers, and says what it did; training reads it."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the corpus needs SciPy")
pytest.importorskip("soundfile", reason="data sets are read through soundfile")

from diffusion_talker.cli import corpus as cli  # noqa: E402
from diffusion_talker.cli import main  # noqa: E402
from diffusion_talker.corpus.datasets.beat import Beat  # noqa: E402
from diffusion_talker.corpus.datasets.command import chosen_splits  # noqa: E402
from diffusion_talker.corpus.datasets.importer import Progress, import_dataset  # noqa: E402
from diffusion_talker.corpus.datasets.vocaset import Vocaset  # noqa: E402
from diffusion_talker.corpus.shards import hash_file, iterate_clips, read_manifest, read_shard  # noqa: E402
from diffusion_talker.errors import CorpusError, SettingsError  # noqa: E402
from tests.core.corpus.corpus_support import workers_after_kill  # noqa: E402
from tests.core.corpus.datasets import make_beat, make_vocaset  # noqa: E402

NAMES = tuple(f"{speaker}_{take}_{take}" for speaker in ("1_wayne_0", "2_scott_0") for take in (9, 10, 66, 74, 82))
#: Folder that the package is imported from.
#: Two takes of two seconds fill a shard.
SMALL = 4 * (32000 + 55 * 2 * 60)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_beat.write_beat(tmp_path_factory.mktemp("beat"), NAMES)


def shards(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("shard_*.npz"))}


def test_any_number_of_workers_writes_the_same(source: Path, tmp_path: Path) -> None:
    one = import_dataset(Beat(source), tmp_path / "one", ("train",), workers=1, shard_bytes=SMALL)
    two = import_dataset(Beat(source), tmp_path / "two", ("train",), workers=2, shard_bytes=SMALL)
    assert one == two
    assert len(shards(tmp_path / "one" / "train")) == 5
    assert shards(tmp_path / "one" / "train") == shards(tmp_path / "two" / "train")
    for entry in one.manifests["train"].shards:
        assert hash_file(tmp_path / "one" / "train" / entry.name) == entry.sha256
        assert (entry.clips, entry.seconds) == (2, 4.0)


def test_an_interrupted_import_goes_on(source: Path, tmp_path: Path) -> None:
    """A shard without its tally is made again, one with it is left alone."""
    whole = import_dataset(Beat(source), tmp_path / "whole", ("train",), shard_bytes=SMALL)

    class Killed(Exception):
        pass

    def kill(progress: Progress) -> None:
        if progress.takes >= 4:
            raise Killed

    out = tmp_path / "killed"
    with pytest.raises(Killed):
        import_dataset(Beat(source), out, ("train",), report=kill, shard_bytes=SMALL)
    assert len(shards(out / "train")) == 2
    with pytest.raises(CorpusError, match="no finished corpus"):
        read_manifest(out / "train")
    (out / "train" / "shard_00001.json").write_text("{\"clips\":")
    before = (out / "train" / "shard_00000.npz").stat().st_mtime_ns
    seen: list[Progress] = []
    resumed = import_dataset(Beat(source), out, ("train",), report=seen.append, shard_bytes=SMALL)
    assert resumed == whole
    assert (out / "train" / "shard_00000.npz").stat().st_mtime_ns == before
    assert [progress.takes for progress in seen] == [4, 6, 8, 10] and seen[-1].total_takes == 10
    assert seen[0].eta_s is not None and seen[0].eta_s > 0


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="children are found in /proc")
def test_a_killed_import_leaves_no_process_and_no_half_shard(source: Path, tmp_path: Path) -> None:
    """The process itself is killed, as by a power switch; then the command runs again."""
    call = [sys.executable, "-m", "diffusion_talker", "corpus", "import", "beat", str(source), "--out", str(tmp_path)]
    _, left = workers_after_kill([*call, "--quiet", "--workers", "2"])
    assert not left
    manifest = import_dataset(Beat(source), tmp_path, ("train",)).manifests["train"]
    assert len(list(iterate_clips(tmp_path / "train"))) == sum(entry.clips for entry in manifest.shards) == 10



def test_a_folder_of_something_else_is_refused(source: Path, tmp_path: Path) -> None:
    import_dataset(Beat(source), tmp_path, ("train",), shard_bytes=SMALL)
    other = make_beat.write_beat(tmp_path / "other", ("3_solomon_0_9_9",))
    with pytest.raises(CorpusError, match="other files"):
        import_dataset(Beat(other), tmp_path, ("train",), shard_bytes=SMALL)
    with pytest.raises(CorpusError, match="inside the data set"):
        import_dataset(Beat(other), other / "corpora", ("train",), shard_bytes=SMALL)
    (tmp_path / "train" / "plan.json").unlink()
    with pytest.raises(CorpusError, match="another corpus"):
        import_dataset(Beat(source), tmp_path, ("train",), shard_bytes=SMALL)


def test_a_shard_may_have_nothing_usable(tmp_path: Path) -> None:
    folder = make_beat.write_beat(tmp_path / "source", NAMES[:3], seconds=2.0)
    make_beat.write_take(folder, "1_wayne_0_9_9", np.full((120, 51), np.nan))
    for _ in range(2):  # made, and found made
        imported = import_dataset(Beat(folder), tmp_path / "out", ("train",), shard_bytes=SMALL // 2)
        manifest = imported.manifests["train"]
        assert "weights reach nan" in manifest.skipped_clips[0]
        assert len(list(iterate_clips(tmp_path / "out" / "train"))) == 2
        assert sum(entry.clips for entry in manifest.shards) == 2


def test_a_vertex_shard_stays_within_its_size(tmp_path: Path) -> None:
    folder = make_vocaset.write_published(tmp_path / "source", frames=40)
    import_dataset(Vocaset(folder), tmp_path / "out", ("train",), shard_bytes=2_000_000)
    paths = sorted((tmp_path / "out" / "train").glob("shard_*.npz"))
    assert len(paths) == 2
    assert all(path.stat().st_size < 2_000_000 and len(read_shard(path)) == 1 for path in paths)


def test_split_names() -> None:
    assert chosen_splits(Vocaset(Path()), "all") == ("train", "val", "test")
    assert chosen_splits(Vocaset(Path()), "val") == ("val",)
    with pytest.raises(SettingsError, match="all, train, val, test"):
        chosen_splits(Vocaset(Path()), "dev")


def test_a_split_that_is_not_there_is_said(source: Path, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="It has: train"):
        import_dataset(Beat(source), tmp_path, ("test",))


def test_the_command_tells_what_it_did(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    cli.add_arguments(parser)
    (source / "1" / "1_wayne_0_11_11.json").write_text("{}")
    try:
        arguments = ["import", "beat", str(source), "--out", str(tmp_path), "--workers", "1"]
        assert cli.run(parser.parse_args(arguments)) == 0
    finally:
        (source / "1" / "1_wayne_0_11_11.json").unlink()
    said = capsys.readouterr().out
    assert "10 of 10 takes" in said and "in 10 clips, 2 talkers" in said
    assert "1_wayne_0_11_11.wav" in said and "non-commercial" in said
    manifest = json.loads((tmp_path / "train" / "manifest.json").read_text())
    assert manifest["command"].startswith("corpus import beat ") and manifest["licence"]
    assert str(source.parent) not in json.dumps(manifest["command"])


def test_wrong_arguments_end_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call = ["corpus", "import", "vocaset", str(tmp_path / "none"), "--out", str(tmp_path / "out")]
    assert main(call) == 1
    assert "no folder" in capsys.readouterr().err
    assert main([*call, "--split", "dev"]) == 2
    assert not (tmp_path / "out").exists()
    assert main(["corpus", "import", "hdtf", str(tmp_path), "--out", str(tmp_path / "out")]) == 2


def test_training_learns_from_blendshapes_with_missing_channels_and_unknown_phones(
    source: Path, tmp_path: Path
) -> None:
    pytest.importorskip("torch", reason="training needs PyTorch")
    from diffusion_talker.training.presets import PRESETS
    from diffusion_talker.training.regression import RegressionTrainer

    manifest = import_dataset(Beat(source), tmp_path, ("train",)).manifests["train"]
    plan = PRESETS["smoke"]
    config = replace(plan.regression, learning_rate=3e-3, batch_clips=2, crop_frames=60)
    trainer = RegressionTrainer(tmp_path / "train", tmp_path / "student", config, plan.student_shape(manifest))
    first, last = trainer.run(lambda line: None, stop_step=50)
    assert trainer.step == 50
    assert all(np.isfinite(value) for value in vars(last).values())
    assert last.reconstruction < first.reconstruction and last.phone == 0


def test_training_refuses_vertices_in_one_sentence(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="training needs PyTorch")
    from diffusion_talker.training.presets import PRESETS
    from diffusion_talker.training.recogniser import RecogniserTrainer

    folder = make_vocaset.write_published(tmp_path / "source", frames=40)
    import_dataset(Vocaset(folder), tmp_path / "out", ("val",))
    with pytest.raises(CorpusError, match="vertices"):
        RecogniserTrainer(tmp_path / "out" / "val", tmp_path / "ear", PRESETS["smoke"].recogniser)
