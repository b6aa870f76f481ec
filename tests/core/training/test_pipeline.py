# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole way: corpus to recogniser, teacher, rounds, lips, bundle and curves; it learns and resumes."""

from __future__ import annotations

import argparse
import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: training cannot be tested")
pytest.importorskip("safetensors", reason="safetensors is not installed: training cannot be tested")

from diffusion_talker.audio import ArraySource  # noqa: E402
from diffusion_talker.corpus.shards import Clip  # noqa: E402
from diffusion_talker.errors import CheckpointError, CorpusError, SettingsError  # noqa: E402
from diffusion_talker.models.sampling import open_teacher  # noqa: E402
from diffusion_talker.student import GenerateSettings, Student, load_student  # noqa: E402
from diffusion_talker.training import distill_command, export_command, finetune_command, train_command  # noqa: E402
from diffusion_talker.training.export import export_student  # noqa: E402
from diffusion_talker.training.pipeline import Pipeline  # noqa: E402
from diffusion_talker.training.voices import VoicesTrainer  # noqa: E402
from tests.core.training.made_corpus import JAW, make_clip, write_made_corpus  # noqa: E402
from tests.core.training.tiny_plan import tiny_plan  # noqa: E402


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_made_corpus(tmp_path_factory.mktemp("corpus"))


def pipeline(corpus: Path, out: Path, lines: list[str] | None = None, **steps: int) -> Pipeline:
    return Pipeline(corpus, out, tiny_plan(**steps), "cpu", "train all", (lines if lines is not None else []).append)


@pytest.fixture(scope="module")
def trained(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with all stages."""
    out = tmp_path_factory.mktemp("stages")
    assert pipeline(corpus, out).everything() == out / "voices_2"
    return out


def correlation(student: Student, clip: Clip) -> float:
    """Of the jaw with the truth."""
    motion = student.generate(ArraySource(clip.samples, 16000), GenerateSettings())
    return float(np.corrcoef(motion.weights[:, JAW], clip.motion[:, JAW].astype(np.float32))[0, 1])


def losses(folder: Path, name: str) -> list[float]:
    with (folder / "log.csv").open() as file:
        return [float(row[name]) for row in csv.DictReader(file) if row["split"] == "train"]


def test_the_student_opens_the_jaw_on_hiss_and_closes_it_on_hum(corpus: Path, trained: Path, tmp_path: Path) -> None:
    bundle = export_student(trained / "voices_2", corpus, tmp_path / "student.npz")
    assert bundle.config.sampling_steps == 2 and "60 steps" in bundle.metadata.notes
    student, clip = load_student(tmp_path / "student.npz", "numpy"), make_clip(1001)
    jaw = student.generate(ArraySource(clip.samples, 16000), GenerateSettings()).weights[:, JAW]
    energy = np.abs(clip.samples.astype(float)).reshape(-1, 800).mean(axis=1).repeat(3)
    truth = clip.motion[:, JAW].astype(float)
    assert correlation(student, clip) > max(0.8, np.corrcoef(energy, truth)[0, 1])  # hums are loud and closed
    assert jaw[clip.phone == 2].mean() > 3 * jaw[clip.phone != 2].mean()


def test_the_teacher_speaks_through_the_same_sampler(trained: Path) -> None:
    teacher, clip = open_teacher(trained / "teacher", steps=4), make_clip(1002)
    assert teacher.config.sampling_steps == 4 and not teacher.config.mouth_first
    assert any(teacher.config.smoothing_frames)  # as slow as the corpus, so that it compares with its students
    assert teacher.identities[0].description == "deep tone"
    assert correlation(teacher, clip) > 0.5  # seconds of training


def test_every_stage_learns(trained: Path) -> None:
    falling = {"recogniser": "phone", "teacher": "total", "warm_up": "alignment", "finetune_2": "total"}
    for stage, name in falling.items():
        first, *_, last = losses(trained / stage, name)
        assert last < 0.8 * first, stage
    for steps in (8, 4, 2, 1):
        assert 0.7 < losses(trained / f"round_{steps}", "amplitude_ratio")[-1] < 1.4


def test_finished_stages_are_not_trained_again(corpus: Path, trained: Path) -> None:
    lines: list[str] = []
    pipeline(corpus, trained, lines).everything()
    assert len(lines) == 9 and all("finished before" in line for line in lines)


def test_a_finished_stage_of_another_training_is_refused(corpus: Path, trained: Path) -> None:
    plan = tiny_plan()
    other = replace(plan, recogniser=replace(plan.recogniser, seed=7))
    with pytest.raises(CheckpointError, match="seed"):
        Pipeline(corpus, trained, other, "cpu", "train recogniser", lambda line: None).recogniser()


def test_the_ear_stays_frozen(trained: Path) -> None:
    from diffusion_talker.models.recogniser import load_recogniser
    from diffusion_talker.models.teacher import load_teacher

    ear = load_recogniser(trained / "recogniser").state_dict()
    kept = load_teacher(trained / "teacher")[0].encoder.ear.state_dict()
    for name, tensor in ear.items():
        torch.testing.assert_close(kept[name], tensor, atol=1e-6, rtol=0)


def test_voices_are_learned_over_a_finished_encoder(corpus: Path, trained: Path, tmp_path: Path) -> None:
    """From keys that know nothing to every voice of clips it has not heard; styles, ears and lips stay."""
    trainer = VoicesTrainer(corpus, tmp_path, tiny_plan(voices=100).voices, trained / "finetune_2")
    for head in (trainer._network.personalizer.identity, trainer._network.personalizer.emotion):
        torch.nn.init.normal_(head.keys, generator=torch.Generator().manual_seed(5))
    before = {name: tensor.clone() for name, tensor in trainer._network.state_dict().items()}
    ignorant = trainer.losses(trainer._held_out_batch(np.random.default_rng(0)), torch.Generator())[1]
    trainer.run(lambda line: None)
    changed = {name for name, tensor in trainer._network.state_dict().items() if not torch.equal(before[name], tensor)}
    learned = {"attention", "query_in", "query", "keys", "log_scale"}
    assert changed and {name.split(".")[2] for name in changed} <= learned
    assert {".".join(name.split(".")[:2]) for name in changed} == {"personalizer.identity", "personalizer.emotion"}
    validation = trainer.validate()
    assert validation.identity_accuracy == 1.0 and validation.identity < 0.3 * ignorant.identity


def test_a_corpus_of_strangers_teaches_no_voices(trained: Path, tmp_path: Path) -> None:
    corpus = write_made_corpus(tmp_path / "corpus", strangers=True)
    trainer = VoicesTrainer(corpus, tmp_path / "voices", tiny_plan().voices, trained / "finetune_2")
    with pytest.raises(CorpusError, match="voices"):
        trainer.run(lambda line: None)


@pytest.mark.parametrize("stage", ["teacher", "finetune"])
def test_resumed_training_equals_an_uninterrupted_one(corpus: Path, trained: Path, tmp_path: Path, stage: str) -> None:
    from diffusion_talker.training.finetune import FinetuneTrainer
    from diffusion_talker.training.teacher import TeacherTrainer

    torch.set_num_threads(1)  # sums in one order: the comparison is exact
    plan, student = tiny_plan(**{stage: 8}), pipeline(corpus, tmp_path)._manifest()

    def start(folder: str) -> TeacherTrainer | FinetuneTrainer:
        if stage == "teacher":
            shape = plan.student_shape(student)
            return TeacherTrainer(corpus, tmp_path / folder, plan.teacher, trained / "recogniser", shape)
        return FinetuneTrainer(corpus, tmp_path / folder, plan.finetune, trained / "round_2")

    whole = start("whole")
    whole.run(lambda line: None)
    start("halves").run(lambda line: None, stop_step=5)
    resumed = start("halves")
    assert resumed.step == 5
    resumed.run(lambda line: None)
    for name, tensor in whole._network.state_dict().items():
        torch.testing.assert_close(resumed._network.state_dict()[name], tensor, atol=1e-6, rtol=0)
        torch.testing.assert_close(resumed._average[name], whole._average[name], atol=1e-6, rtol=0)


def test_parts_can_be_left_out() -> None:
    plan = tiny_plan()
    assert plan.without("enhancer").distill.enhancer_weight == 0 == plan.without("enhancer").finetune.enhancer_weight
    assert plan.without("alignment").warm_up.alignment_weight == 0 == plan.without("alignment").distill.alignment_weight
    assert plan.without("personalizer").finetune.style_dropout == 1 and plan.without("personalizer").ear == plan.ear
    assert plan.without("alignment").distill.enhancer_weight == plan.distill.enhancer_weight > 0


def test_a_style_left_out_is_the_same_for_everyone(corpus: Path, trained: Path, tmp_path: Path) -> None:
    from diffusion_talker.training.distill import DistillTrainer

    config = replace(tiny_plan(distill=2).without("personalizer").distill, student_steps=8)
    trainer = DistillTrainer(corpus, tmp_path, config, trained / "warm_up", trained / "teacher")
    before = {name: tensor.clone() for name, tensor in trainer._network.personalizer.state_dict().items()}
    trainer.run(lambda line: None)
    after = trainer._network.personalizer.state_dict()
    assert not torch.equal(after["null"], before["null"])
    torch.testing.assert_close(after["identity.tokens"], before["identity.tokens"], atol=1e-3, rtol=0)


def test_the_alignment_fades_over_a_round(corpus: Path, trained: Path, tmp_path: Path) -> None:
    from diffusion_talker.training.distill import DistillTrainer

    config = replace(tiny_plan(distill=10).distill, student_steps=8)
    trainer = DistillTrainer(corpus, tmp_path, config, trained / "warm_up", trained / "teacher")
    assert trainer._alignment_weight() == config.alignment_weight
    trainer.step = 5
    assert trainer._alignment_weight() == pytest.approx(config.alignment_weight / 2)


def run_command(module, *words: str | Path) -> int:
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    return module.run(parser.parse_args([str(word) for word in words]))


def test_commands(corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shared = ("--corpus", corpus, "--preset", "smoke", "--steps", "1", "--device", "cpu")
    run_command(train_command, "all", *shared, "--out", tmp_path, "--bundle", tmp_path / "all.npz")
    assert load_student(tmp_path / "all.npz", "numpy").emotions == ("neutral", "happiness")
    teacher = tmp_path / "teacher"
    run_command(distill_command, "--teacher", teacher, *shared, "--out", tmp_path / "again", "--rounds", "8,4",
                "--without", "enhancer")
    run_command(finetune_command, "--start", tmp_path / "again" / "round_4", *shared, "--out", tmp_path / "again",
                "--student-steps", "4")
    run_command(export_command, tmp_path / "again" / "voices_4", "--corpus", corpus, "--out", tmp_path / "s.npz",
                "--sampling-steps", "4")
    assert load_student(tmp_path / "s.npz", "numpy").config.sampling_steps == 4
    assert "million parameters" in capsys.readouterr().out


def test_rounds_must_halve() -> None:
    with pytest.raises(SystemExit):
        run_command(distill_command, "--teacher", "t", "--corpus", "c", "--out", "o", "--rounds", "8,3")


def test_a_teacher_without_an_ear_is_asked_for_one(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--ear"):
        run_command(train_command, "teacher", "--corpus", corpus, "--out", tmp_path)


def test_export_without_checkpoint_says_what_to_do(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="run the train command"):
        export_student(tmp_path, corpus, tmp_path / "s.npz")


def test_export_with_another_corpus_is_refused(trained: Path, tmp_path: Path) -> None:
    other = write_made_corpus(tmp_path / "other", clips=5)
    with pytest.raises(CorpusError, match="was not trained on"):
        export_student(trained / "finetune_2", other, tmp_path / "s.npz")
