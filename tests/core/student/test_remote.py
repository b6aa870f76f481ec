# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker in another Python gives the same curves, and its failures become sentences."""

from __future__ import annotations

import importlib.util
import io
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from diffusion_talker.audio import ArraySource
from diffusion_talker.errors import RuntimeUnavailableError
from diffusion_talker.student import GenerateSettings, load_student
from diffusion_talker.student.wire import Message, WireClosedError, read_message, write_message
from tests.core.student.tiny_bundle import write_tiny_bundle

PYTHON = Path(os.environ.get("DIFFUSION_TALKER_TORCH_PYTHON", sys.executable))
needs_torch = pytest.mark.skipif(
    "DIFFUSION_TALKER_TORCH_PYTHON" not in os.environ and importlib.util.find_spec("torch") is None,
    reason="PyTorch is not installed: set DIFFUSION_TALKER_TORCH_PYTHON to a Python that has it",
)


@pytest.fixture
def sound():
    return ArraySource((np.random.default_rng(0).standard_normal(32000) * 0.1).astype(np.float32), 16000)


@needs_torch
def test_worker_gives_the_same_curves(tmp_path, sound):
    path = write_tiny_bundle(tmp_path / "student.npz")
    settings = GenerateSettings(emotion="happiness", seed=3, steps=3)
    ours = load_student(path, "numpy").generate(sound, settings)
    remote = load_student(path, "torch", "cpu", PYTHON)
    assert remote.runtime_name == f"torch (cpu) in {PYTHON}"
    np.testing.assert_allclose(remote.generate(sound, settings).weights, ours.weights, atol=1e-4)
    assert remote.match(sound).identities[0][0] == load_student(path, "numpy").match(sound).identities[0][0]
    remote._network.close()
    remote._network.close()


@needs_torch
def test_worker_that_dies_is_reported(tmp_path, sound):
    remote = load_student(write_tiny_bundle(tmp_path / "student.npz"), "torch", "cpu", PYTHON)
    remote._network._process.kill()
    with pytest.raises(RuntimeUnavailableError, match="worker process ended.*NumPy runtime"):
        remote.generate(sound)


@needs_torch
def test_device_that_is_not_there(tmp_path):
    path = write_tiny_bundle(tmp_path / "student.npz")
    with pytest.raises(RuntimeUnavailableError, match="finds no MPS device"):
        load_student(path, "torch", "mps", PYTHON)


def test_executable_that_is_no_python(tmp_path):
    path = write_tiny_bundle(tmp_path / "student.npz")
    with pytest.raises(RuntimeUnavailableError, match="does not start.*PyTorch installed"):
        load_student(path, "torch", "cpu", tmp_path / "nothing")
    with pytest.raises(RuntimeUnavailableError, match="worker process ended"):
        load_student(path, "torch", "cpu", Path(shutil.which("true") or "/bin/true"))


def test_messages_survive_the_wire():
    message = Message({"verb": "x", "n": 3}, {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.zeros((0, 4))})
    stream = io.BytesIO()
    write_message(stream, message)
    stream.seek(0)
    read = read_message(stream)
    assert read.values == message.values and read.arrays["b"].shape == (0, 4)
    np.testing.assert_array_equal(read.arrays["a"], message.arrays["a"])
    with pytest.raises(WireClosedError):
        read_message(stream)
    with pytest.raises(WireClosedError, match="foreign"):
        read_message(io.BytesIO(b"\xff" * 64))


@needs_torch
def test_command_line_uses_the_other_python(tmp_path, capsys):
    from diffusion_talker.audio import write_wav
    from diffusion_talker.cli import main

    write_wav(tmp_path / "line.wav", np.random.default_rng(0).standard_normal(8000) * 0.1, 16000)
    student = write_tiny_bundle(tmp_path / "student.npz")
    for name, arguments in (("remote.npz", ["--torch-python", str(PYTHON)]), ("own.npz", ["--runtime", "numpy"])):
        paths = [str(tmp_path / "line.wav"), str(tmp_path / name)]
        assert main(["generate", *paths, "--student", str(student), *arguments]) == 0
    remote, own = np.load(tmp_path / "remote.npz"), np.load(tmp_path / "own.npz")
    np.testing.assert_allclose(remote["weights"], own["weights"], atol=1e-4)
