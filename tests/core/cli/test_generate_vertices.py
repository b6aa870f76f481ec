# SPDX-License-Identifier: GPL-3.0-or-later
"""`generate` with a student of vertices: one archive a recording, and a plain word for every other format."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from diffusion_talker.audio import write_wav
from diffusion_talker.cli import BAD_ARGUMENTS, DONE, FAILED, main
from diffusion_talker.evaluation.sound import speech_like
from diffusion_talker.formats import read_vertex_npz
from diffusion_talker.formats.point_cache import read_point_cache
from diffusion_talker.student.bundle import save_bundle
from tests.core.student.tiny_bundle import TINY_CONFIG, make_bundle, write_tiny_bundle

VERTICES = 20


@pytest.fixture
def student(tmp_path: Path) -> Path:
    save_bundle(tmp_path / "mesh.npz", make_bundle(replace(TINY_CONFIG, channels=(), vertex_count=VERTICES)))
    return tmp_path / "mesh.npz"


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    write_wav(tmp_path / "line.wav", speech_like(1.5), 16000)
    return tmp_path / "line.wav"


def generate(*arguments: object, student: Path) -> int:
    return main([str(argument) for argument in ("generate", *arguments, "--student", student, "--runtime", "numpy")])


def test_writes_vertices_with_their_neutral_face(student, speech, tmp_path, capsys):
    assert generate(speech, tmp_path / "out.npz", "--fps", 30, student=student) == DONE
    motion = read_vertex_npz(tmp_path / "out.npz")
    assert motion.offsets.shape == (45, VERTICES, 3) and motion.rate_hz == 30.0 and motion.neutral.shape == (20, 3)
    assert motion.offsets.std(axis=0).max() > 0  # it moves
    assert "45 frames" in capsys.readouterr().out


def test_a_folder_of_lines(student, speech, tmp_path):
    assert generate(speech, tmp_path / "takes", "--format", "npz", "--quiet", student=student) == DONE
    assert read_vertex_npz(tmp_path / "takes" / "line.npz").frame_count == 90


@pytest.mark.parametrize("extension", [".pc2", ".mdd"])
def test_a_cache_that_animation_programs_read(student, speech, tmp_path, extension):
    for name in ("out.npz", f"out{extension}"):
        assert generate(speech, tmp_path / name, "--fps", 30, "--quiet", student=student) == DONE
    points, motion = read_point_cache(tmp_path / f"out{extension}").points, read_vertex_npz(tmp_path / "out.npz")
    np.testing.assert_allclose(points, motion.neutral + motion.offsets, atol=1e-6)


def test_a_student_of_curves_writes_no_cache(speech, tmp_path, capsys):
    curves = write_tiny_bundle(tmp_path / "curves.npz")
    assert generate(speech, tmp_path / "out.pc2", student=curves) == FAILED
    assert "facial curves" in capsys.readouterr().err and not list(tmp_path.glob("out.*"))


@pytest.mark.parametrize("target", ["out.csv", "out.json", "takes/"])
def test_formats_of_curves_are_refused_before_any_work(student, speech, tmp_path, capsys, target):
    assert generate(speech, f"{tmp_path}/{target}", student=student) in (BAD_ARGUMENTS, FAILED)
    error = capsys.readouterr().err
    assert "vertices of a mesh" in error and ".npz" in error and "--format npz" in error
    assert not list(tmp_path.glob("out.*")) and not list(tmp_path.glob("takes/*"))


def test_commands_that_read_curves_say_so(student, speech, tmp_path, capsys):
    assert generate(speech, tmp_path / "out.npz", "--quiet", student=student) == DONE
    assert main(["convert", str(tmp_path / "out.npz"), str(tmp_path / "out.csv")]) == FAILED
    assert "not curves" in capsys.readouterr().err
