# SPDX-License-Identifier: GPL-3.0-or-later
"""Choosing a runtime: NumPy unless PyTorch is chosen or brings a GPU, and a sentence when it cannot be had."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from diffusion_talker.errors import RuntimeUnavailableError
from diffusion_talker.student import runtime
from tests.core.student.tiny_bundle import make_bundle

CORE = Path(__file__).resolve().parents[3] / "core"
needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")


def test_auto_without_gpu_is_numpy(monkeypatch):
    monkeypatch.setattr(runtime, "find_gpu", lambda: None)
    assert runtime.open_network(make_bundle(), "auto", "auto").name == "numpy"
    assert runtime.open_network(make_bundle(), "auto", "cpu").name == "numpy"


def test_auto_does_not_import_torch_without_a_gpu_build(monkeypatch):
    monkeypatch.setattr(runtime, "gpu_build_installed", lambda: False)
    monkeypatch.setattr(runtime, "find_gpu", lambda: pytest.fail("PyTorch was imported"))
    assert runtime.open_network(make_bundle(), "auto", "auto").name == "numpy"


def test_numpy_runtime_never_loads_torch():
    code = (
        "import sys; from diffusion_talker.student import load_student; load_student(runtime='numpy');"
        "assert 'torch' not in sys.modules and 'scipy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": str(CORE)}, timeout=60)


@needs_torch
def test_torch_on_the_processor():
    assert runtime.open_network(make_bundle(), "torch", "cpu").name == "torch (cpu)"


@needs_torch
def test_auto_takes_the_gpu_that_is_there(monkeypatch):
    monkeypatch.setattr(runtime, "gpu_build_installed", lambda: True)
    monkeypatch.setattr(runtime, "find_gpu", lambda: "cpu")  # stands for a GPU on a machine without one
    assert runtime.open_network(make_bundle(), "auto", "auto").name == "torch (cpu)"


@pytest.mark.parametrize(("name", "device", "words"), [
    ("jax", "auto", "auto, numpy, torch"),
    ("numpy", "tpu", "auto, cpu, cuda, mps"),
    ("numpy", "cuda", "device cpu or runtime torch"),
])
def test_choices_that_do_not_exist(name, device, words):
    with pytest.raises(RuntimeUnavailableError, match=words):
        runtime.open_network(make_bundle(), name, device)


def test_missing_torch_is_said(monkeypatch):
    monkeypatch.setattr(runtime, "torch_installed", lambda: False)
    with pytest.raises(RuntimeUnavailableError, match="NumPy runtime"):
        runtime.open_network(make_bundle(), "torch", "auto")


def test_broken_torch_is_said(monkeypatch):
    monkeypatch.setattr(runtime, "torch_installed", lambda: True)
    monkeypatch.setitem(sys.modules, "torch", None)  # importing it raises ImportError
    monkeypatch.delitem(sys.modules, "diffusion_talker.student.torch_network", raising=False)
    with pytest.raises(RuntimeUnavailableError, match="does not load"):
        runtime.open_network(make_bundle(), "torch", "auto")
