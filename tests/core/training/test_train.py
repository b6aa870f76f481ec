# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole way: corpus to checkpoint to bundle to curves, resumable to the step, and it learns."""

from __future__ import annotations

import argparse
import csv
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: training cannot be tested")
pytest.importorskip("safetensors", reason="safetensors is not installed: training cannot be tested")

from diffusion_talker.audio import ArraySource  # noqa: E402
from diffusion_talker.errors import CorpusError  # noqa: E402
from diffusion_talker.student import GenerateSettings, load_student  # noqa: E402
from diffusion_talker.student.config import StudentConfig  # noqa: E402
from diffusion_talker.training import export_command, train_command  # noqa: E402
from diffusion_talker.training.config import StudentTrainingConfig, smoke  # noqa: E402
from diffusion_talker.training.export import export_student  # noqa: E402
from diffusion_talker.training.loop import learning_rate  # noqa: E402
from diffusion_talker.training.train import StudentTrainer, contact_classes, student_config  # noqa: E402
from tests.core.training.made_corpus import JAW, PHONES, make_clip, write_made_corpus  # noqa: E402


def small(config: StudentConfig) -> StudentConfig:
    return replace(config, encoder_width=32, encoder_dilations=(1, 2, 4), speaker_block=1, decoder_width=24,
                   decoder_dilations=(1, 2), style_width=8, sampling_steps=2)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write_made_corpus(tmp_path_factory.mktemp("corpus"))


def make_trainer(corpus, folder, **changes) -> StudentTrainer:
    from diffusion_talker.corpus.shards import read_manifest

    config = replace(smoke(StudentTrainingConfig()), held_out_share=0.1, **changes)
    return StudentTrainer(corpus, folder, config, small(student_config(read_manifest(corpus))), command="train made")


def test_learns_to_open_the_jaw_on_hiss_and_to_close_it_on_hum(corpus, tmp_path):
    trainer = make_trainer(corpus, tmp_path / "run", steps=160, learning_rate=3e-3, validate_every=80)
    history = trainer.run(lambda line: None)
    assert history[-1].total < 0.6 * history[0].total
    assert history[-1].phone_accuracy > 0.7
    export_student(tmp_path / "run", corpus, tmp_path / "student.npz", sampling_steps=2)
    student = load_student(tmp_path / "student.npz", "numpy")
    clip = make_clip(1001)
    motion = student.generate(ArraySource(clip.samples, 16000), GenerateSettings())
    jaw, truth = motion.weights[:, JAW], clip.motion[:, JAW].astype(np.float32)
    assert np.corrcoef(jaw, truth)[0, 1] > 0.8
    assert jaw[clip.phone == 2].mean() > 0.15  # of 0.5: seconds of training, not the product's
    assert jaw[clip.phone == 2].mean() > 3 * jaw[clip.phone != 2].mean()
    with (tmp_path / "run" / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["split"] for row in rows} == {"train", "held_out"} and "velocity_ratio" in rows[0]
    assert student.metadata.training_manifest_sha256 != "0" * 64 and "160 steps" in student.metadata.notes


def test_resumed_training_equals_an_uninterrupted_one(corpus, tmp_path):
    torch.set_num_threads(1)  # sums in one order: the comparison is exact
    plan = {"steps": 8, "save_every": 100, "validate_every": 100}
    whole = make_trainer(corpus, tmp_path / "whole", **plan)
    whole.run(lambda line: None)
    make_trainer(corpus, tmp_path / "halves", **plan).run(lambda line: None, stop_step=5)
    resumed = make_trainer(corpus, tmp_path / "halves", **plan)
    assert resumed.step == 5
    resumed.run(lambda line: None)
    for name, tensor in whole._network.state_dict().items():
        torch.testing.assert_close(resumed._network.state_dict()[name], tensor, atol=1e-6, rtol=0)
        torch.testing.assert_close(resumed._average[name], whole._average[name], atol=1e-6, rtol=0)


def test_commands(corpus, tmp_path, capsys):
    parser = argparse.ArgumentParser()
    train_command.add_arguments(parser)
    arguments = parser.parse_args(
        ["student", "--corpus", str(corpus), "--out", str(tmp_path / "run"), "--preset", "smoke", "--steps", "2"]
    )
    assert train_command.run(arguments) == 0
    parser = argparse.ArgumentParser()
    export_command.add_arguments(parser)
    arguments = parser.parse_args(
        [str(tmp_path / "run"), "--corpus", str(corpus), "--out", str(tmp_path / "s.npz")]
    )
    assert export_command.run(arguments) == 0
    assert "million parameters" in capsys.readouterr().out
    assert load_student(tmp_path / "s.npz", "numpy").emotions == ("neutral", "happiness")


def test_export_without_checkpoint_says_what_to_do(corpus, tmp_path):
    with pytest.raises(CorpusError, match="run the train command"):
        export_student(tmp_path, corpus, tmp_path / "s.npz")


def test_export_with_another_corpus_is_refused(corpus, tmp_path):
    make_trainer(corpus, tmp_path / "run", steps=1).run(lambda line: None)
    other = write_made_corpus(tmp_path / "other", clips=5)
    with pytest.raises(CorpusError, match="was not trained on"):
        export_student(tmp_path / "run", other, tmp_path / "s.npz")


def test_contact_classes_and_learning_rate():
    assert contact_classes(PHONES).tolist() == [False, True, False]
    config = StudentTrainingConfig(steps=1000, warmup_steps=100)
    rates = [learning_rate(step, config) for step in range(1001)]
    assert max(rates) == rates[99] == pytest.approx(config.learning_rate)
    assert rates[1000] == pytest.approx(config.final_learning_rate) and rates[0] < 1e-4
