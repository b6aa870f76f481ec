# SPDX-License-Identifier: GPL-3.0-or-later
"""What limits a mouth: articulation from labels, from recognised phones, for the speakers that are asked for."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the corpus needs SciPy")

from diffusion_talker.channels import ARKIT_52  # noqa: E402
from diffusion_talker.cli import BAD_ARGUMENTS, DONE, FAILED, main  # noqa: E402
from diffusion_talker.errors import CorpusError  # noqa: E402
from diffusion_talker.evaluation.predict import find_recordings  # noqa: E402
from diffusion_talker.evaluation.realism import lip_gap  # noqa: E402
from diffusion_talker.evaluation.rows import read_row  # noqa: E402
from diffusion_talker.evaluation.stages import (  # noqa: E402
    labels_stage,
    of_speakers,
    recogniser_stage,
    stage_curves,
    with_labels,
)
from diffusion_talker.formats import read_motion  # noqa: E402
from diffusion_talker.motion import Motion  # noqa: E402
from tests.core.corpus.recordings.recordings_support import LINE, listen, make_emodb, write_recording  # noqa: E402

STEMS = ("03a01Fa", "09a01Fa", "12a01Na")
UNLABELLED = "09a02Wc"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A labelled set of three speakers with one recording that has no labels, and a set that nobody describes."""
    make_emodb(tmp_path / "emodb", STEMS)
    write_recording(tmp_path / "emodb" / "audio" / f"{UNLABELLED}.wav", LINE)
    write_recording(tmp_path / "takes" / "one.wav", LINE)
    write_recording(tmp_path / "facegood" / "one.wav", LINE)
    write_recording(tmp_path / "facegood_unpaired" / "two.wav", LINE)
    return tmp_path


def _gaps(motion: Motion) -> dict[str, tuple[float, float]]:
    """Smallest and largest lip gap inside every phone of LINE."""
    gap, found, time_s = lip_gap(motion.weights, motion.channels), {}, 0.0
    for phone, seconds in LINE:
        frames = slice(round(time_s * motion.rate_hz), round((time_s + seconds) * motion.rate_hz) + 1)
        found[phone] = float(gap[frames].min()), float(gap[frames].max())
        time_s += seconds
    return found


@pytest.mark.parametrize("stage", ["labels", "recogniser"])
def test_both_stages_close_lips_and_open_vowels(stage: str, data: Path) -> None:
    curves = labels_stage(data) if stage == "labels" else recogniser_stage(listen)
    motion = stage_curves(curves, find_recordings(data, ["emodb"])[0])
    gaps = _gaps(motion)
    assert max(gaps[phone][0] for phone in "mpb") < 0.03
    assert min(gaps[phone][1] for phone in "ai") > 0.08
    assert motion.duration_s == pytest.approx(sum(seconds for _, seconds in LINE), abs=0.02)


def test_speakers_are_chosen_and_unlabelled_recordings_left_out(data: Path) -> None:
    every = find_recordings(data, ["emodb", "facegood", "facegood_unpaired", "takes"])
    chosen = of_speakers(data, every, frozenset({"emodb:03", "emodb:12"}))
    assert [f"{item.set_name}/{item.path.stem}" for item in chosen] == [
        "emodb/03a01Fa", "emodb/12a01Na", "facegood/one", "takes/one",
    ]  # fmt: skip
    assert {item.path.stem for item in with_labels(data, every)} == set(STEMS)
    with pytest.raises(CorpusError, match="emodb:99"):
        of_speakers(data, every[:3], frozenset({"emodb:99"}))
    with pytest.raises(CorpusError, match="phones by hand"):
        with_labels(data, every[-1:])
    with pytest.raises(CorpusError, match="phones by hand"):
        stage_curves(labels_stage(data), every[-1])


def test_the_command_writes_curves_of_a_stage(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "curves"
    command = ["evaluate", "predict", "--data", str(data), "--sets", "emodb", "--out", str(out), "--quiet"]
    assert main([*command, "--stage", "labels", "--speakers", "emodb:03"]) == DONE
    assert [path.stem for path in (out / "emodb").iterdir()] == ["03a01Fa"]
    motion = read_motion(out / "emodb" / "03a01Fa.npz")
    assert motion.channels == ARKIT_52 and np.isfinite(motion.weights).all()
    assert main([*command, "--stage", "recogniser"]) == BAD_ARGUMENTS
    assert "--recogniser" in capsys.readouterr().err


def test_scores_of_a_stage_become_a_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scores = tmp_path / "labels.json"
    scores.write_text(json.dumps({"sets": {"emodb": {"metrics": {"bil_auc": [1.0, 0.99, 1.0]}}}}))
    out = tmp_path / "row.json"
    command = ["evaluate", "stage", "labels", "--mouth-scores", str(scores), "--scorer", "a scorer", "--out", str(out)]
    assert main(command) == DONE
    row = read_row(out)
    assert row.title == "our articulation from hand-labelled phones" and row.accuracy is None and not row.speed
    assert row.mouth is not None and row.mouth.sets["emodb"]["bil_auc"][0] == 1.0
    assert main([*command[:3], "--mouth-scores", str(tmp_path / "absent.json"), "--out", str(out)]) == FAILED
    assert "absent.json" in capsys.readouterr().err
