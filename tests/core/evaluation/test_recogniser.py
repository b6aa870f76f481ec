# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures of the recogniser, on made probabilities whose answer is known, and through the command."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy", reason="SciPy is not installed: the corpus package cannot be tested")

from diffusion_talker.audio import write_wav  # noqa: E402
from diffusion_talker.cli import main  # noqa: E402
from diffusion_talker.corpus.phones import PHONE_CLASSES, PHONE_NAMES, PHONES  # noqa: E402
from diffusion_talker.corpus.recordings.split import HELD_OUT_SPEAKERS  # noqa: E402
from diffusion_talker.corpus.timing import TimedPhone  # noqa: E402
from diffusion_talker.evaluation.recogniser import (  # noqa: E402
    Heard,
    area_under_curve,
    describe,
    evaluate_recogniser,
    lip_events,
    measure,
    threshold_at,
)

STOP, OPEN, SILENCE = (PHONE_CLASSES.index(name) for name in ("bilabial_stop", "open", "silence"))


def heard(names: list[str], classes: list[int], frames: int = 12) -> Heard:
    """Phones of `frames` frames each, every one heard as the class beside it with certainty."""
    phones = tuple(
        TimedPhone(PHONES[name], i * frames / 60, (i + 1) * frames / 60, (i + 1) * frames / 60)
        for i, name in enumerate(names)
    )
    return Heard(phones, np.eye(len(PHONE_CLASSES))[np.repeat(classes, frames)])


def test_perfect_hearing_scores_perfectly() -> None:
    report = measure([heard(["sil", "p", "a", "p", "a", "sil"], [SILENCE, STOP, OPEN, STOP, OPEN, SILENCE])], ("x:1",))
    assert report.frames == 72 and report.bilabials == 2 and report.vowels == 2
    assert report.class_accuracy == 1.0 and report.found == 1.0 and report.false == 0.0 and report.auc == 1.0


def test_a_missed_bilabial_and_a_false_one_are_counted() -> None:
    names = ["p", "a"] * 20
    classes = [STOP, OPEN] * 19 + [OPEN, STOP]
    report = measure([heard(names, classes)], ("x:1",))
    assert report.bilabials == 20 and report.vowels == 20
    assert report.false <= 0.05 and report.auc < 1.0
    assert report.confusion[STOP, OPEN] >= 11 and report.confusion[OPEN, STOP] >= 11
    assert "open" in describe(report) and "bilabials found (20)" in describe(report)


def test_vowels_next_to_lip_sounds_are_not_isolated() -> None:
    names = ["p", "a", "t", "a", "t"]
    events = lip_events(heard(names, [STOP, OPEN, OPEN, OPEN, OPEN]))
    assert events.isolated.tolist() == [False, True]
    assert events.bilabials.tolist() == [1.0] and events.vowels.tolist() == [0.0, 0.0]


def test_threshold_lets_no_more_than_the_allowed_share_pass() -> None:
    scores = np.random.default_rng(0).random(101)
    assert (scores > threshold_at(scores, 0.05)).mean() <= 0.05
    assert (scores > threshold_at(scores, 0.0)).sum() == 0


def test_area_under_curve_counts_ties_half() -> None:
    assert area_under_curve(np.array([1.0, 0.5]), np.array([0.0, 0.5])) == pytest.approx((2 + 1.5) / 4)


def test_the_command_measures_labelled_recordings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: the recogniser cannot run")
    pytest.importorskip("soundfile", reason="soundfile is not installed: recordings cannot be read")
    from diffusion_talker.models.recogniser import Recogniser, RecogniserConfig, save_recogniser

    torch.manual_seed(0)
    classes = tuple(PHONES[name].class_index for name in PHONE_NAMES)
    save_recogniser(tmp_path / "ear.safetensors", Recogniser(RecogniserConfig(PHONE_NAMES, classes, 16, (1,))))
    folder = tmp_path / "speech" / "own"
    (folder / "anna").mkdir(parents=True)
    (folder / "about.json").write_text('{"licence": "CC0", "language": "en"}', encoding="utf-8")
    write_wav(folder / "anna" / "one.wav", 0.1 * np.random.default_rng(0).standard_normal(16000), 16000)
    (folder / "anna" / "one.phones.tsv").write_text("0.0\t0.3\tm\n0.3\t0.8\ta\n0.8\t1.0\tp\n", encoding="utf-8")
    command = ["evaluate", "recogniser", str(tmp_path / "ear.safetensors"), "--recordings", str(tmp_path / "speech")]
    code = main([*command, "--speakers", "own:anna", "--out", str(tmp_path / "out")])
    printed = capsys.readouterr()
    assert code == 0, printed.err
    assert "| bilabials found (2) |" in printed.out
    table = (tmp_path / "out" / "confusion.csv").read_text(encoding="utf-8").splitlines()
    assert table[0].split(",")[1:] == list(PHONE_CLASSES) and len(table) == len(PHONE_CLASSES) + 1
    assert main([*command, "--speakers", "own:nobody"]) == 1
    assert "--speakers" in capsys.readouterr().err


@pytest.mark.heavy
def test_the_trained_recogniser_finds_closed_lips_of_speakers_it_never_heard(shared_dir: Path) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed: the recogniser cannot run")
    pytest.importorskip("safetensors", reason="safetensors is not installed: the recogniser cannot be read")
    weights = Path(__file__).parents[3] / "core" / "weights" / "recogniser.safetensors"
    report = evaluate_recogniser(weights, shared_dir / "speech")
    assert report.speakers == tuple(sorted(HELD_OUT_SPEAKERS))
    assert report.found >= 0.95 and report.false <= 0.05 and report.class_accuracy >= 0.72
