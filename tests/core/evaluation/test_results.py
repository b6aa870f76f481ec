# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of results says what the rows say: goals met and missed, the same bytes every time, nothing mixed."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from diffusion_talker.cli import BAD_ARGUMENTS, DONE, main
from diffusion_talker.errors import SettingsError
from diffusion_talker.evaluation.goals import Verdict, judge, lip_error_ratio_interval, wilson_lower_bound
from diffusion_talker.evaluation.results_page import summary, write_page
from diffusion_talker.evaluation.rows import ModelInfo, MouthScores, Row, sort_rows, write_row
from tests.core.evaluation.made_rows import make_accuracy, make_figures, make_row

MOUTH = MouthScores("a scorer", "f" * 64, {"emodb": {"bil_auc": (0.90, 0.85, 0.95), "sync_lag_ms": (-12.0, -20, -4)}})


def _rows(lve_mm2: float = 4.0, ratio: float = 1.0, frames_per_s: float = 9000.0) -> list[Row]:
    teacher = make_row("teacher", 16, 900.0, 30_000_000, make_accuracy())
    return [teacher, make_row("student", 2, frames_per_s, 3_000_000, make_accuracy(lve_mm2, ratio), MOUTH)]


def _find(rows: list[Row], words: str) -> Verdict:
    return next(verdict for verdict in judge(rows) if words in verdict.goal)


def test_goals_are_computed_from_the_two_rows() -> None:
    rows = _rows(lve_mm2=5.0)
    assert _find(rows, "speed, audio encoding").measured == pytest.approx(10.0)
    assert _find(rows, "storage saved, trainable").measured == pytest.approx(90.0)
    lips = _find(rows, "LVE ratio")
    assert lips.measured == pytest.approx(1.25) and not lips.is_met and lips.shortfall == pytest.approx(0.2)
    assert _find(rows, "EVE ratio").is_met
    assert _find(rows, "NumPy").measured == 9000 and _find(rows, "NumPy").is_met
    assert _find(rows, "top-1").is_met
    assert _find(rows, "emotion").is_met


def test_every_goal_can_be_missed() -> None:
    good = {v.goal: v for v in judge(_rows()) if v.is_known}
    bad = {v.goal: v for v in judge(_rows(lve_mm2=40.0, ratio=0.5, frames_per_s=100.0)) if v.is_known}
    for words in ("speed, audio", "LVE ratio", "velocity ratio", "NumPy", "PyTorch"):
        goal = next(name for name in good if words in name)
        assert good[goal].is_met and not bad[goal].is_met
    restless = {v.goal: v for v in judge(_rows(ratio=1.4))}
    jerk = next(v for goal, v in restless.items() if "jerk ratio" in goal)
    assert jerk.measured == pytest.approx(0.4) and not jerk.is_met


def test_real_voices_are_judged_by_what_the_scorer_said() -> None:
    rows = _rows()
    assert not _find(rows, "emodb: bil_auc").is_met
    assert _find(rows, "|sync_lag_ms|").measured == 12.0 and _find(rows, "|sync_lag_ms|").is_met
    assert not _find(rows, "facegood").is_known


def test_without_a_row_nothing_is_claimed() -> None:
    assert not any(verdict.is_known for verdict in judge([]))
    assert not any(verdict.is_met for verdict in judge([]))


def test_without_a_distilled_student_the_goals_are_those_of_the_other_one() -> None:
    rows = [replace(row, role="undistilled", steps=5) if row.role == "student" else row for row in _rows()]
    assert _find(rows, "NumPy").measured == 9000
    assert "Goals of: student trained directly, without distillation, 5 steps." in write_page(rows, [])
    both = [*rows, make_row("student", 2, 7000.0)]
    assert _find(both, "NumPy").measured == 7000


def test_an_interval_holds_its_ratio_and_a_share_its_bound() -> None:
    low, high = lip_error_ratio_interval(make_figures(5.0), make_figures(4.0))
    assert low <= 1.25 <= high
    assert math.isnan(lip_error_ratio_interval(None, make_figures())[0])
    assert wilson_lower_bound(0.5, 100) == pytest.approx(0.404, abs=0.002)
    assert wilson_lower_bound(0.5, 10) < wilson_lower_bound(0.5, 1000) < 0.5
    assert math.isnan(wilson_lower_bound(0.5, 0))


def test_the_page_shows_the_numbers_of_the_rows() -> None:
    page = write_page(_rows(lve_mm2=5.0), ["results_lip_error.png"])
    assert "teacher, 16 steps" in page and "student, 2 steps" in page
    overview = page.split("## Goals")[0].splitlines()
    assert "| student, 2 steps | 8.75 | 2.00 | 0.100 | 1.00 | 1.00 | 0.900 | 95.0% | 9000 | 12000 | 6.00 |" in overview
    assert "8.75 (" in page  # pooled over frames: (100 x 5 + 300 x 10) / 400
    assert "**missed by 0.200**" in page and "| met |" in page
    assert "0.900 (0.850..0.950)" in page and "a scorer" in page
    assert "![results_lip_error.png](images/results_lip_error.png)" in page
    assert "evaluate model student.npz" in page and "Test Processor" in page


def test_every_line_of_a_table_has_as_many_cells_as_its_heading() -> None:
    cells = 0
    for line in write_page(_rows(), []).splitlines():
        if line.startswith("|"):
            found = line.count("|") - line.count("\\|")
            assert cells in (0, found)
            cells = found
        else:
            cells = 0


def test_a_model_of_another_corpus_is_named() -> None:
    rows = _rows()
    rows[1] = replace(rows[1], model=replace(rows[1].model, corpus_sha256="9" * 64))
    assert "Trained on another corpus" in write_page(rows, []) and "Trained on another" not in write_page(_rows(), [])


def test_rows_of_different_clips_do_not_mix() -> None:
    rows = _rows()
    assert rows[1].accuracy is not None
    rows[1] = replace(rows[1], accuracy=replace(rows[1].accuracy, corpus_sha256="0" * 64))
    with pytest.raises(SettingsError, match="different clips"):
        write_page(rows, [])


def test_stages_are_scored_beside_models_and_have_no_speed() -> None:
    stage = replace(make_row("labels", 0, mouth=MOUTH), speed=(), model=ModelInfo("", 0, 0, 0))
    page = write_page(sort_rows([*_rows(), stage]), [])
    assert "our articulation from hand-labelled phones |" in page
    assert page.count("| our articulation from hand-labelled phones |") == 1


def test_a_summary_fits_a_terminal() -> None:
    assert "texts: LVE" in summary(_rows()[1]) and "9000 frames/s" in summary(_rows()[1])


def test_the_command_writes_the_same_page_twice(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="plots need matplotlib")
    paths = []
    for number, row in enumerate([*_rows(), make_row("teacher", 2, 5000.0, 30_000_000, make_accuracy(8.0, 0.5))]):
        paths.append(str(tmp_path / f"{number}.json"))
        write_row(Path(paths[-1]), row)
    pages, pictures = [], []
    for name, order in (("a", paths), ("b", paths[::-1])):
        assert main(["evaluate", "results", *order, "--out", str(tmp_path / name / "results.md")]) == DONE
        pages.append((tmp_path / name / "results.md").read_text(encoding="utf-8"))
        pictures.append({path.name: path.read_bytes() for path in (tmp_path / name / "images").iterdir()})
    assert pages[0] == pages[1] and pictures[0] == pictures[1] and len(pictures[0]) == 4
    assert [row.title for row in sort_rows(_rows())][0] in pages[0]


def test_accuracy_without_clips_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tests.core.student.tiny_bundle import write_tiny_bundle

    student = str(write_tiny_bundle(tmp_path / "student.npz"))
    assert main(["evaluate", "model", student, "--out", str(tmp_path / "row.json")]) == BAD_ARGUMENTS
    assert "--test-corpus" in capsys.readouterr().err
    command = ["evaluate", "model", student, "--parts", "looks", "--out", str(tmp_path / "row.json")]
    assert main(command) == BAD_ARGUMENTS
