# SPDX-License-Identifier: GPL-3.0-or-later
"""From a model and two corpora to a row: the same twice, told by name or by sound, speed in a process of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from diffusion_talker.cli import DONE, FAILED, main
from diffusion_talker.corpus.text_split import is_held_out
from diffusion_talker.errors import DiffusionTalkerError
from diffusion_talker.evaluation import model_speed
from diffusion_talker.evaluation.evaluation_set import SetSizes, load_evaluation_set
from diffusion_talker.evaluation.measuring import measure_accuracy, seed_of, settings_for
from diffusion_talker.evaluation.models import describe_model, open_model, own_steps
from diffusion_talker.evaluation.rows import read_row
from diffusion_talker.student import AUTO, load_student
from tests.core.evaluation.made_clips import make_clip, recorded, write_corpus
from tests.core.student.tiny_bundle import TINY_CONFIG, make_bundle, write_tiny_bundle

CORE = Path(__file__).resolve().parents[3] / "core"
UNSEEN = [text for text in (f"Line {i}." for i in range(200)) if is_held_out(text)]
SIZES = SetSizes(texts=2, talkers=1, voices=1, queries=3, moods=1, diversity=1)


@pytest.fixture
def corpora(tmp_path: Path) -> tuple[Path, Path]:
    library = TINY_CONFIG.identities
    training = [make_clip(i, i % len(library), text) for i, text in enumerate([*UNSEEN[:4], "Line 1."])]
    test = [make_clip(10, len(library), "New."), recorded(make_clip(11, 0, "Prompt."), "set:two")]
    return (
        write_corpus(tmp_path / "corpus", training, library),
        write_corpus(tmp_path / "test", test, (*library, "Stranger")),
    )


@pytest.fixture
def student(tmp_path: Path) -> Path:
    return write_tiny_bundle(tmp_path / "student.npz")


def test_all_figures_of_a_model_twice_the_same(corpora: tuple[Path, Path], student: Path) -> None:
    clips = load_evaluation_set(*corpora, SIZES)
    heard: list[float] = []
    first, second = (measure_accuracy(load_student(student, "numpy"), clips, 2, heard.append) for _ in range(2))
    assert first == second
    assert {name: len(figures.clips) for name, figures in first.sets.items()} == {"texts": 2, "talkers": 1, "voices": 1}
    for figures in first.sets.values():
        assert figures.seconds == pytest.approx(3.0 * len(figures.clips))
        assert min(clip.lve_mm2 for clip in figures.clips) > 0
        assert figures.reference.bilabial.recall == 1 and figures.reference.bilabial.f1 > 0.9
    assert first.identity.recordings == 3 and first.identity.top5 == 1  # a library of three
    assert first.emotion_recorded.recordings == 1
    assert first.diversity_identities_mm > 0 and first.diversity_seeds_mm > 0
    once = heard[: len(heard) // 2]
    assert once[-1] == pytest.approx(1.0) and sorted(once) == once


def test_a_model_is_told_the_names_that_its_library_has(corpora: tuple[Path, Path], student: Path) -> None:
    clips = load_evaluation_set(*corpora, SIZES)
    model = load_student(student, "numpy")
    known, stranger = clips.texts[0], clips.talkers[0]
    told = settings_for(model, known, 2, by_name=True)
    assert (told.identity, told.emotion, told.intensity) == (known.identity, known.emotion, known.clip.intensity)
    assert settings_for(model, stranger, 2, by_name=True).identity == AUTO
    alone = settings_for(model, known, 2, by_name=False)
    assert (alone.identity, alone.emotion, alone.seed) == (AUTO, AUTO, told.seed)
    assert seed_of(known) != seed_of(stranger)


def test_a_regression_model_hears_no_noise(corpora: tuple[Path, Path], student: Path) -> None:
    item = load_evaluation_set(*corpora, SIZES).texts[0]
    takes = [
        open_model(student, "numpy", 1, is_regression).generate(
            item.source, replace(settings_for(load_student(student, "numpy"), item, 1, by_name=True), seed=seed)
        ).weights
        for is_regression in (True, False) for seed in (0, 1)
    ]  # fmt: skip
    assert np.array_equal(takes[0], takes[1]) and not np.array_equal(takes[2], takes[3])
    assert not np.array_equal(takes[0], takes[2]) and np.ptp(takes[0], axis=0).max() > 0.01


def test_a_bundle_is_described_by_what_it_holds(student: Path) -> None:
    info = describe_model(student)
    statistics = 2 * 80 + 2 * 55
    assert info.parameters == sum(array.size for array in make_bundle().weights.values()) - statistics
    assert info.trainable == info.parameters
    assert info.file_bytes == student.stat().st_size
    assert info.corpus_sha256 == "0" * 64
    assert own_steps(student) == TINY_CONFIG.sampling_steps


def test_the_command_keeps_what_was_measured_before(
    corpora: tuple[Path, Path], student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("PYTHONPATH", str(CORE))
    monkeypatch.setattr(model_speed, "CLIP_S", 1.0)
    monkeypatch.setattr(model_speed, "RUNS", 2)
    out = tmp_path / "row.json"
    command = ["evaluate", "model", str(student), "--role", "student", "--runtimes", "numpy", "--out", str(out)]
    assert main([*command, "--parts", "speed", "--threads", "1"]) == DONE
    speed = read_row(out).speed
    assert [(s.runtime, s.threads, s.clip_s, s.runs) for s in speed] == [("numpy", 1, 1.0, 2)]
    assert speed[0].frames_per_s > 60 and 0.05 < speed[0].cold_s < 60
    folders = ["--corpus", str(corpora[0]), "--test-corpus", str(corpora[1])]
    assert main([*command, "--parts", "accuracy", *folders]) == DONE
    row = read_row(out)
    assert row.speed == speed and row.accuracy is not None and row.role == "student" and row.steps == 2
    assert str(tmp_path) not in row.command and "--test-corpus test" in row.command
    assert "--parts speed" in row.part_commands["speed"] and "--parts accuracy" in row.part_commands["accuracy"]
    assert "texts: LVE" in capsys.readouterr().out
    assert main([*command, "--steps", "4", "--parts", "none"]) == DONE  # another model: nothing is kept
    assert read_row(out).accuracy is None


def test_a_model_that_is_none_fails_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "model", str(tmp_path / "absent.npz"), "--parts", "speed", "--out",
                 str(tmp_path / "row.json")]) == FAILED  # fmt: skip
    assert "absent.npz" in capsys.readouterr().err


def test_a_failing_measurement_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(CORE))
    np.savez(tmp_path / "foreign.npz", a=np.zeros(1))
    with pytest.raises(DiffusionTalkerError, match="not a Diffusion Talker student"):
        model_speed.measure_speed(tmp_path / "foreign.npz", "numpy", 2, 1)


def test_a_teacher_is_measured_through_the_same_sampler(corpora: tuple[Path, Path], tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="a teacher needs PyTorch")
    pytest.importorskip("safetensors", reason="a teacher is a file of safetensors")
    from diffusion_talker.models.recogniser import RecogniserConfig
    from diffusion_talker.models.teacher import FILE_NAME, TeacherNetwork, save_teacher

    ear = RecogniserConfig(("sil", "a"), (0, 1), width=8, dilations=(1,))
    torch.manual_seed(0)
    teacher = TeacherNetwork(TINY_CONFIG, ear)
    for weights in teacher.decoder.parameters():  # an untrained decoder answers nought to everything
        torch.nn.init.normal_(weights, std=0.2)
    teacher.decoder.motion_mean.fill_(0.2)
    teacher.decoder.motion_std.fill_(0.1)
    (tmp_path / "teacher").mkdir()
    save_teacher(tmp_path / "teacher" / FILE_NAME, teacher, ("a", "b", "c"))
    info = describe_model(tmp_path / "teacher")
    frozen = sum(weights.numel() for weights in teacher.encoder.ear.parameters())
    assert frozen > 0 and info.parameters - info.trainable == frozen
    assert own_steps(tmp_path / "teacher") == 16
    clips = load_evaluation_set(*corpora, SIZES)
    few, many = (
        measure_accuracy(open_model(tmp_path / "teacher", "torch", steps), clips, steps, lambda _: None)
        for steps in (1, 4)
    )
    assert few.sets["texts"].clips != many.sets["texts"].clips
    assert np.isfinite([clip.lve_mm2 for clip in many.sets["texts"].clips]).all()
