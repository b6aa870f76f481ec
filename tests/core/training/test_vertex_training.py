# SPDX-License-Identifier: GPL-3.0-or-later
"""Vertices the whole way: a small VOCASET, imported, every stage, a bundle, and lips that follow a recording.

What is learned is asked of a mesh of few vertices, and in minutes also of FLAME's 5023; that all of it runs with 5023
vertices, of every suite.
"""

from __future__ import annotations

import csv
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: training cannot be tested")
pytest.importorskip("safetensors", reason="safetensors is not installed: training cannot be tested")

from diffusion_talker.audio import ArraySource, write_wav  # noqa: E402
from diffusion_talker.cli import BAD_ARGUMENTS, DONE, main  # noqa: E402
from diffusion_talker.corpus.datasets import vocaset  # noqa: E402
from diffusion_talker.corpus.datasets.importer import import_dataset  # noqa: E402
from diffusion_talker.corpus.shards import Clip, read_manifest  # noqa: E402
from diffusion_talker.errors import BundleError, CorpusError, SettingsError  # noqa: E402
from diffusion_talker.formats import read_vertex_npz  # noqa: E402
from diffusion_talker.models.sampling import open_teacher  # noqa: E402
from diffusion_talker.student import GenerateSettings, Student, load_student  # noqa: E402
from diffusion_talker.student.bundle import load_bundle, packaged_bundle_path  # noqa: E402
from diffusion_talker.student.numpy_network import NumpyNetwork  # noqa: E402
from diffusion_talker.training.export import export_student  # noqa: E402
from diffusion_talker.training.finetune import FinetuneTrainer  # noqa: E402
from diffusion_talker.training.pipeline import Pipeline  # noqa: E402
from diffusion_talker.training.recogniser import RecogniserTrainer  # noqa: E402
from tests.core.training.made_corpus import make_clip, write_made_corpus  # noqa: E402
from tests.core.training.made_vocaset import FEW, OPEN_M, SUBJECTS, MadeHead, write_talking_vocaset  # noqa: E402
from tests.core.training.tiny_plan import tiny_plan  # noqa: E402

FLAME, SMALL = MadeHead(), MadeHead(FEW)


def import_made(folder: Path, head: MadeHead, sentences: int, length_s: int) -> Path:
    """The training split of a made VOCASET as a corpus."""
    with pytest.MonkeyPatch.context() as patch:  # the reader knows one mesh: tell it of another
        patch.setattr(vocaset, "VERTEX_COUNT", len(head.kept))
        patch.setattr(vocaset.Vocaset, "vertex_count", len(head.kept))
        source = write_talking_vocaset(folder / "VOCASET", head, sentences, length_s)
        import_dataset(vocaset.Vocaset(source), folder / "corpus", ("train", "test"))
    return folder / "corpus" / "train"


def train(corpus: Path, ear: Path, out: Path, **steps: int) -> Path:
    """All stages; returns the folder of the last."""
    return Pipeline(corpus, out, tiny_plan(**steps), "cpu", "train all", lambda line: None).everything(ear)


@pytest.fixture(scope="module")
def ear(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recogniser of the made sounds, learned with curves: vertex corpora have no phones."""
    folder = tmp_path_factory.mktemp("ear")
    sounds = write_made_corpus(folder / "sounds")
    return Pipeline(sounds, folder, tiny_plan(), "cpu", "made", lambda line: None).recogniser()


@pytest.fixture(scope="module")
def small_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return import_made(tmp_path_factory.mktemp("small"), SMALL, sentences=8, length_s=5)


@pytest.fixture(scope="module")
def small_stages(small_corpus: Path, ear: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    steps = {"teacher": 120, "warm_up": 50, "distill": 15, "finetune": 50}
    return train(small_corpus, ear, tmp_path_factory.mktemp("stages"), **steps).parent


@pytest.fixture(scope="module")
def small_student(small_corpus: Path, small_stages: Path) -> Path:
    export_student(small_stages / "finetune_2", small_corpus, small_stages / "student.npz")
    return small_stages / "student.npz"


@pytest.fixture(scope="module")
def flame_student(ear: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hardly trained, and of full size."""
    folder = tmp_path_factory.mktemp("flame")
    corpus = import_made(folder, FLAME, sentences=1, length_s=2)
    stage = train(corpus, ear, folder, teacher=3, warm_up=1, distill=1, finetune=1)
    export_student(stage, corpus, folder / "student.npz")
    return folder / "student.npz"


def gap_correlation(student: Student, head: MadeHead, clip: Clip) -> float:
    """Of the gap between the lips with the truth."""
    offsets = student.generate_vertices(ArraySource(clip.samples, 16000)).offsets
    return float(np.corrcoef(head.lip_gap_m(offsets), head.lip_gap_m(head.speaking(clip)))[0, 1])


def energy_correlation(head: MadeHead, clip: Clip) -> float:
    """What a mouth that follows loudness alone would reach."""
    energy = np.abs(clip.samples.astype(float)).reshape(-1, 800).mean(axis=1).repeat(3)
    return float(np.corrcoef(energy, head.lip_gap_m(head.speaking(clip)))[0, 1])


def assert_lips_follow(student: Student, head: MadeHead) -> None:
    """On a recording that was not trained on, better than with its loudness, and wide enough to be seen."""
    clip = make_clip(1001)
    assert gap_correlation(student, head, clip) > max(0.9, energy_correlation(head, clip) + 0.05)
    gap_m = head.lip_gap_m(student.generate_vertices(ArraySource(clip.samples, 16000)).offsets)
    assert gap_m[clip.phone == 2].mean() > 0.4 * OPEN_M  # seconds of training, not the product's
    assert gap_m[clip.phone == 2].mean() > 3 * np.abs(gap_m[clip.phone != 2]).mean()


def losses(folder: Path, name: str) -> list[float]:
    with (folder / "log.csv").open() as file:
        return [float(row[name]) for row in csv.DictReader(file) if row["split"] == "train"]


def test_lips_follow_a_recording_that_was_not_trained_on(small_student: Path) -> None:
    assert_lips_follow(load_student(small_student, "numpy"), SMALL)


def test_the_mouth_is_not_static_and_the_skull_is(small_student: Path) -> None:
    clip = make_clip(1002)
    student = load_student(small_student, "numpy")
    moved_m = student.generate_vertices(ArraySource(clip.samples, 16000)).offsets.std(axis=0).max(axis=1)
    truth_m = SMALL.speaking(clip).std(axis=0).max(axis=1)
    lively, still = truth_m > 0.5 * truth_m.max(), truth_m < 1e-4
    assert 0.5 < np.median(moved_m[lively] / truth_m[lively]) < 1.5
    assert np.median(moved_m[still]) < 0.1 * np.median(moved_m[lively])


def test_every_stage_learns(small_stages: Path) -> None:
    falling = [("teacher", "total"), ("warm_up", "alignment"), ("finetune_2", "mouth"), ("finetune_2", "spread")]
    for stage, name in falling:  # the total of the last weighs the spread more and more
        first, *_, last = losses(small_stages / stage, name)
        assert last < 0.8 * first, (stage, name)


def test_the_teacher_speaks_through_the_same_sampler(small_stages: Path) -> None:
    assert gap_correlation(open_teacher(small_stages / "teacher", steps=4), SMALL, make_clip(1003)) > 0.8


@pytest.mark.parametrize("which", ["small_student", "flame_student"])
def test_numpy_equals_pytorch_and_windows_equal_the_whole(which: str, request: pytest.FixtureRequest) -> None:
    path = request.getfixturevalue(which)
    bundle, sound = load_bundle(path), ArraySource(make_clip(1004, 4).samples, 16000)
    std_m = bundle.weights["decoder.motion_std"].reshape(-1, 3)
    whole = Student(NumpyNetwork(bundle), bundle.metadata, 10_000).generate_vertices(sound).offsets
    windowed = Student(NumpyNetwork(bundle), bundle.metadata, 60).generate_vertices(sound).offsets
    np.testing.assert_allclose(windowed / std_m, whole / std_m, atol=1e-4)
    settings = GenerateSettings(identity=SUBJECTS[0])
    ours = load_student(path, "numpy").generate_vertices(sound, settings).offsets
    reference = load_student(path, "torch", "cpu").generate_vertices(sound, settings).offsets
    np.testing.assert_allclose(ours / std_m, reference / std_m, atol=1e-4)


def test_the_bundle_knows_its_mesh(flame_student: Path) -> None:
    config = load_bundle(flame_student).config
    assert config.vertex_count == 5023 and config.channels == () and config.smoothing_frames == ()
    neutral = load_student(flame_student, "numpy").generate_vertices(ArraySource(np.zeros(800), 16000)).neutral
    np.testing.assert_allclose(neutral, np.mean([FLAME.template(name) for name in SUBJECTS], axis=0), atol=1e-6)


def test_the_library_holds_who_was_heard_and_the_terms_of_the_data(flame_student: Path) -> None:
    """The data set has twelve talkers, the corpus of this student two."""
    student = load_student(flame_student, "numpy")
    assert tuple(info.name for info in student.identities) == SUBJECTS
    assert all("VOCASET" in info.description for info in student.identities)
    assert "non-commercial" in student.metadata.licence
    result = student.match(ArraySource(make_clip(6, 1).samples, 16000))
    assert {name for name, _ in result.identities} == set(SUBJECTS)


def test_command_line_from_sound_to_vertices(flame_student: Path, tmp_path: Path) -> None:
    write_wav(tmp_path / "line.wav", make_clip(5, 2).samples.astype(np.float32) / 32768, 16000)
    words = ["generate", tmp_path / "line.wav", tmp_path / "line.npz", "--student", flame_student, "--fps", 30]
    assert main([str(word) for word in [*words, "--runtime", "numpy", "--quiet"]]) == DONE
    motion = read_vertex_npz(tmp_path / "line.npz")
    assert motion.offsets.shape == (60, 5023, 3) and motion.rate_hz == 30 and motion.neutral.shape == (5023, 3)


def test_curves_are_not_to_be_had_from_it(small_student: Path) -> None:
    with pytest.raises(BundleError, match=f"{len(FEW)} vertices"):
        load_student(small_student, "numpy").generate(ArraySource(make_clip(1, 1).samples, 16000))


def test_training_draws_the_noise_that_sampling_starts_from(small_corpus: Path, small_stages: Path) -> None:
    config = tiny_plan(finetune=50).finetune
    trainer = FinetuneTrainer(small_corpus, small_stages / "finetune_2", config, small_stages / "round_2")
    motion = SimpleNamespace(motion=torch.zeros(2, 60, 3 * len(FEW)))
    noise = trainer._noise(motion, torch.Generator().manual_seed(0))
    assert noise.std().item() == pytest.approx(trainer._network.config.noise_scale, rel=0.02)
    assert trainer._network.config.noise_scale > 2


def test_the_packaged_student_stays(small_corpus: Path, small_stages: Path, tmp_path: Path) -> None:
    before = packaged_bundle_path().stat().st_mtime_ns
    with pytest.raises(SettingsError, match="vertices of one mesh.*--out"):
        export_student(small_stages / "finetune_2", small_corpus, packaged_bundle_path())
    words = ["train", "all", "--corpus", small_corpus, "--out", tmp_path / "run", "--preset", "smoke"]
    assert main([str(word) for word in words]) == BAD_ARGUMENTS
    assert packaged_bundle_path().stat().st_mtime_ns == before and not (tmp_path / "run").exists()


def test_an_ear_cannot_learn_from_vertices(small_corpus: Path, tmp_path: Path) -> None:
    assert read_manifest(small_corpus).vertex_count == len(FEW)
    with pytest.raises(CorpusError, match="holds no phones"):
        RecogniserTrainer(small_corpus, tmp_path, tiny_plan().recogniser)


@pytest.mark.heavy
@pytest.mark.timeout(1800)
def test_lips_follow_with_all_vertices_of_flame(ear: Path, tmp_path: Path) -> None:
    corpus = import_made(tmp_path, FLAME, sentences=5, length_s=3)
    plan = tiny_plan(teacher=120, warm_up=50, distill=10, finetune=90)
    stages = Pipeline(corpus, tmp_path, plan, "cpu", "train all", lambda line: None)
    rounds = stages.distill(stages.teacher(ear), (8, 4, 2))
    export_student(stages.finetune(rounds[2], 2), corpus, tmp_path / "student.npz")
    student, clip = load_student(tmp_path / "student.npz", "numpy"), make_clip(1001)
    gap_m = FLAME.lip_gap_m(student.generate_vertices(ArraySource(clip.samples, 16000)).offsets)
    assert gap_correlation(student, FLAME, clip) > energy_correlation(FLAME, clip) + 0.02
    assert gap_m[clip.phone == 2].mean() > max(0.3 * OPEN_M, 2 * np.abs(gap_m[clip.phone != 2]).mean())
