# SPDX-License-Identifier: GPL-3.0-or-later
"""A teacher that hears through a speech model of `transformers`: it learns, speaks, and teaches a student."""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: training cannot be tested")
pytest.importorskip("transformers", reason="transformers is not installed: a pretrained ear cannot be tested")
pytest.importorskip("scipy", reason="SciPy is not installed: training cannot be tested")

from diffusion_talker.audio import ArraySource  # noqa: E402
from diffusion_talker.errors import BundleError  # noqa: E402
from diffusion_talker.models.sampling import open_teacher  # noqa: E402
from diffusion_talker.models.teacher import load_teacher  # noqa: E402
from diffusion_talker.student import GenerateSettings  # noqa: E402
from diffusion_talker.training import train_command  # noqa: E402
from diffusion_talker.training.checkpoint import read_tensors  # noqa: E402
from diffusion_talker.training.ears import open_ear  # noqa: E402
from diffusion_talker.training.feature_cache import CACHE_FOLDER  # noqa: E402
from diffusion_talker.training.pipeline import Pipeline  # noqa: E402
from tests.core.models.tiny_ears import WIDTH, save_tiny_ear  # noqa: E402
from tests.core.training.made_corpus import JAW, make_clip, write_made_corpus  # noqa: E402
from tests.core.training.tiny_plan import tiny_plan  # noqa: E402


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_made_corpus(tmp_path_factory.mktemp("corpus"), clips=12)


@pytest.fixture(scope="module")
def ear(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_ear(tmp_path_factory.mktemp("ear"), "hubert")


def stages(corpus: Path, out: Path) -> Pipeline:
    plan = tiny_plan(teacher=150, warm_up=250, distill=3)
    return Pipeline(corpus, out, plan, "cpu", "train teacher", lambda line: None)


@pytest.fixture(scope="module")
def teacher(corpus: Path, ear: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a trained teacher."""
    return stages(corpus, tmp_path_factory.mktemp("stages")).teacher(ear)


def losses(folder: Path, name: str) -> list[float]:
    with (folder / "log.csv").open() as file:
        return [float(row[name]) for row in csv.DictReader(file) if row["split"] == "train"]


def test_it_learns_from_kept_features(corpus: Path, teacher: Path) -> None:
    first, *_, last = losses(teacher, "reconstruction")
    assert last < 0.8 * first
    assert len(list((corpus / CACHE_FOLDER).glob("*/shard_00000.npy"))) == 1


def test_the_ear_is_named_and_not_copied(ear: Path, teacher: Path) -> None:
    network, _ = load_teacher(teacher)
    assert (network.ear_config.source, network.ear_config.width) == (ear.as_posix(), WIDTH)
    assert network.ear_config.parameters > 1000
    assert not [name for name in read_tensors(teacher, "network") if name.startswith("encoder.ear.")]


def test_it_speaks_and_hears_samples(teacher: Path) -> None:
    student, clip = open_teacher(teacher, steps=2), make_clip(1003)
    jaw = student.generate(ArraySource(clip.samples, 16000), GenerateSettings()).weights[:, JAW]
    truth = clip.motion[:, JAW].astype(np.float32)
    assert len(jaw) == len(truth)
    shifted = {shift: np.corrcoef(np.roll(jaw, -shift), truth)[0, 1] for shift in (-3, 0, 3)}
    assert shifted[0] > 0.6 and max(shifted, key=shifted.get) == 0  # the lips keep the time of the sound
    assert student.match(ArraySource(clip.samples, 16000)).identities[0][1] <= 1


def test_windows_agree_with_the_whole(teacher: Path) -> None:
    """A window hears what the whole recording hears: features stand at absolute times."""
    student, clip = open_teacher(teacher, steps=1), make_clip(1004)
    settings = GenerateSettings(identity="Low", emotion="neutral")
    whole = student.generate(ArraySource(clip.samples, 16000), settings).weights
    student._window_frames = 60
    np.testing.assert_allclose(student.generate(ArraySource(clip.samples, 16000), settings).weights, whole, atol=1e-4)


def test_it_teaches_a_student_that_needs_no_ear(corpus: Path, teacher: Path) -> None:
    rounds = stages(corpus, teacher.parent).distill(teacher, rounds=(8, 4))
    alignment = losses(teacher.parent / "warm_up", "alignment")
    assert np.mean(alignment[-3:]) < 0.85 * np.mean(alignment[:3])
    assert (rounds[4] / "checkpoint.safetensors").is_file()


def test_another_ear_under_the_same_name_is_refused(corpus: Path, tmp_path: Path) -> None:
    ear = save_tiny_ear(tmp_path / "ear", "wavlm")
    plan = tiny_plan(teacher=1)
    folder = Pipeline(corpus, tmp_path, plan, "cpu", "", lambda line: None).teacher(ear)
    save_tiny_ear(ear, "wavlm", seed=5)
    with pytest.raises(BundleError, match="other weights"):
        open_teacher(folder)


@pytest.mark.parametrize("name", ["weights/recogniser.safetensors", "/nowhere/recogniser", "my/own/ear"])
def test_a_mistyped_recogniser_is_not_looked_for_on_the_hub(corpus: Path, name: str) -> None:
    with pytest.raises(BundleError, match="no phone recogniser.*train recogniser"):
        open_ear(Path(name), "last", 2, corpus, "cpu")


def test_the_command_takes_a_folder_and_a_layer(corpus: Path, ear: Path, tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    train_command.add_arguments(parser)
    arguments = ["teacher", "--corpus", str(corpus), "--out", str(tmp_path), "--preset", "smoke", "--steps", "1",
                 "--ear", str(ear), "--ear-layer", "1"]
    assert train_command.run(parser.parse_args(arguments)) == 0
    assert load_teacher(tmp_path / "teacher")[0].ear_config.layer == "1"
