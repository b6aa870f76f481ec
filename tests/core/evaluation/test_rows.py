# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows come back from disk as they were; foreign files are refused in words."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from diffusion_talker.errors import FormatError
from diffusion_talker.evaluation.mouth_scores import read_mouth_scores
from diffusion_talker.evaluation.rows import read_row, sort_rows, write_row
from tests.core.evaluation.made_rows import make_accuracy, make_row

FIGURES = {"bil_auc": [0.96, 0.9, 1.0], "flat": [0, None, None]}
SCORES = {"name": "x", "sets": {"emodb": {"clips": 3, "metrics": FIGURES}}}


def test_a_row_comes_back_whole(tmp_path: Path) -> None:
    (tmp_path / "scores.json").write_text(json.dumps(SCORES))
    mouth = read_mouth_scores(tmp_path / "scores.json", "a scorer")
    mouth = replace(mouth, sets={"emodb": {"bil_auc": (0.96, 0.9, 1.0)}})
    row = make_row(accuracy=make_accuracy(), mouth=mouth)
    write_row(tmp_path / "row.json", row)
    assert read_row(tmp_path / "row.json") == row
    write_row(tmp_path / "again.json", read_row(tmp_path / "row.json"))
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "row.json").read_bytes()


def test_what_could_not_be_measured_stays_unknown(tmp_path: Path) -> None:
    accuracy = replace(make_accuracy(), diversity_seeds_mm=math.nan)
    write_row(tmp_path / "row.json", make_row(accuracy=accuracy))
    assert "NaN" not in (tmp_path / "row.json").read_text()
    found = read_row(tmp_path / "row.json").accuracy
    assert found is not None and math.isnan(found.diversity_seeds_mm)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"role": 3}', '{"role": "student"}'])
def test_foreign_files_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "row.json").write_text(text)
    with pytest.raises(FormatError, match="evaluate model"):
        read_row(tmp_path / "row.json")


def test_unknown_roles_and_formats_are_refused(tmp_path: Path) -> None:
    for change in ({"role": "hero"}, {"format": 99}):
        write_row(tmp_path / "row.json", make_row())
        values = json.loads((tmp_path / "row.json").read_text())
        (tmp_path / "row.json").write_text(json.dumps({**values, **change}))
        with pytest.raises(FormatError, match="another version"):
            read_row(tmp_path / "row.json")


def test_rows_stand_in_the_order_of_the_table() -> None:
    rows = [make_row("regression", 1), make_row("student", 1), make_row("student", 8), make_row("teacher", 2),
            make_row("no-enhancer", 2), make_row("teacher", 16)]
    titles = [row.title for row in sort_rows(rows)]
    assert titles == ["teacher, 16 steps", "teacher respaced, 2 steps", "student, 8 steps", "student, 1 step",
                      "student without L_pc, 2 steps", "regression model of equal size, 1 step"]


def test_scores_of_mouths_keep_their_intervals(tmp_path: Path) -> None:
    path = tmp_path / "scores.json"
    path.write_text(json.dumps(SCORES))
    scores = read_mouth_scores(path, "mouth_score.py")
    assert scores.scorer == "mouth_score.py" and len(scores.source_sha256) == 64
    assert scores.sets["emodb"]["bil_auc"] == (0.96, 0.9, 1.0) and scores.clips == {"emodb": 3}
    assert math.isnan(scores.sets["emodb"]["flat"][1])
    path.write_text('{"sets": {"emodb": []}}')
    with pytest.raises(FormatError, match="scores of mouths"):
        read_mouth_scores(path, "x")
