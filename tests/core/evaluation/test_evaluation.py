# SPDX-License-Identifier: GPL-3.0-or-later
"""Measuring: the report is complete, the numbers are numbers, the curves lie where a scorer looks for them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from diffusion_talker.audio import write_wav
from diffusion_talker.channels import ARKIT_52
from diffusion_talker.cli import DONE, FAILED, main
from diffusion_talker.evaluation import benchmark
from diffusion_talker.evaluation.machine import describe_machine
from diffusion_talker.evaluation.sound import speech_like
from diffusion_talker.formats import read_motion
from tests.core.student.tiny_bundle import write_tiny_bundle

CORE = Path(__file__).resolve().parents[3] / "core"


@pytest.fixture
def student(tmp_path: Path) -> Path:
    return write_tiny_bundle(tmp_path / "student.npz")


def test_benchmark_measures_everything_it_promises(
    tmp_path: Path, student: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, length_s in (("COLD_CLIP_S", 1.0), ("WARM_CLIP_S", 2.0), ("LONG_CLIP_S", 3.0)):
        monkeypatch.setattr(benchmark, name, length_s)
    monkeypatch.setattr(benchmark, "_torch_speed", lambda _: [])
    monkeypatch.setenv("PYTHONPATH", str(CORE))
    assert main(["benchmark", "--student", str(student), "--out", str(tmp_path / "report.json")]) == DONE
    report = json.loads((tmp_path / "report.json").read_text())
    values = {row["name"]: row["value"] for row in report["measurements"]}
    assert values["Student bundle"] == pytest.approx(student.stat().st_size / 1e6)
    assert values["Speed (numpy, 2 s of speech)"] > 1
    assert 0.05 < values["Cold start (1 s file, new process)"] < 60
    for name in ("Extra memory (numpy, 2 s file)", "Extra memory (numpy, 3 s file)"):
        assert values[name] is None or 0 < values[name] < 1000
    assert report["machine"]["cores"] >= 1
    table = capsys.readouterr().out
    assert all(name in table for name in values)
    assert report["machine"]["processor"] in table


def test_benchmark_of_a_missing_student_fails_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["benchmark", "--student", str(tmp_path / "absent.npz")]) == FAILED
    assert "absent.npz" in capsys.readouterr().err


def test_peak_memory_sees_an_allocation() -> None:
    script = ("import numpy; from diffusion_talker.evaluation.machine import peak_memory_mb as peak; before = peak();"
              "block = numpy.ones(200 * 2**17); del block; print(before is None or peak() - before)")
    result = subprocess.run([sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": str(CORE)},
                            capture_output=True, text=True, check=True, timeout=60).stdout.strip()
    if result == "True":
        pytest.skip("this system does not tell a process its peak memory")
    assert 190 < float(result) < 230  # the block is gone again, its peak is remembered


def test_the_machine_is_described() -> None:
    machine = describe_machine()
    assert machine.processor and machine.system and machine.python.startswith("3.")
    assert machine.memory_gb is None or machine.memory_gb > 0.1


def test_the_measuring_sound_is_the_same_every_time_and_has_pauses() -> None:
    sound = speech_like(3.0)
    assert np.array_equal(sound, speech_like(3.0))
    assert 0.2 < np.abs(sound).max() < 1
    assert np.abs(sound[int(2.5 * 16000) : int(2.9 * 16000)]).max() == 0


def test_predict_lays_curves_out_by_set(tmp_path: Path, student: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder, stems in (("first/audio", "ab"), ("second", "c")):
        (tmp_path / "data" / folder).mkdir(parents=True)
        for stem in stems:
            write_wav(tmp_path / "data" / folder / f"{stem}.wav", speech_like(0.5), 16000)
    (tmp_path / "data" / "first" / "labels.json").write_text("{}")
    arguments = ["evaluate", "predict", "--data", tmp_path / "data", "--out", tmp_path / "out", "--student", student]
    assert main([str(part) for part in (*arguments, "--sets", "first,second")]) == DONE
    assert sorted(os.listdir(tmp_path / "out" / "first")) == ["a.npz", "b.npz"]
    motion = read_motion(tmp_path / "out" / "second" / "c.npz")
    assert motion.channels == ARKIT_52
    assert (motion.frame_count, motion.rate_hz) == (30, 60.0)
    assert main([str(part) for part in (*arguments, "--sets", "third")]) == FAILED
    assert "name of the set" in capsys.readouterr().err
