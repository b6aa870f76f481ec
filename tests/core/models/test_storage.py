# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks in small files come back as they were, within half a step of a byte."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: the models cannot be tested")
pytest.importorskip("safetensors", reason="safetensors is not installed: the models cannot be tested")

from diffusion_talker.models.storage import UNREADABLE, load_compact, save_compact  # noqa: E402


def test_large_matrices_are_bytes_and_the_rest_is_exact(tmp_path: Path) -> None:
    tensors = {"large": torch.randn(64, 32, 5), "small": torch.randn(7, 3), "vector": torch.randn(9000),
               "number": torch.tensor(2.5)}
    save_compact(tmp_path / "w.safetensors", tensors, {"shape": "any"})
    read, metadata = load_compact(tmp_path / "w.safetensors")
    assert read.keys() == tensors.keys() and metadata == {"shape": "any"}
    for name in ("small", "vector", "number"):
        assert torch.equal(read[name], tensors[name])
    step = tensors["large"].flatten(1).abs().amax(1) / 127
    assert ((read["large"] - tensors["large"]).flatten(1).abs().amax(1) <= 0.5001 * step).all()
    assert (tmp_path / "w.safetensors").stat().st_size < 64 * 32 * 5 + 4 * 9000 + 2000


def test_a_foreign_file_raises_what_callers_expect(tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(b"no tensors here")
    with pytest.raises(UNREADABLE):
        load_compact(tmp_path / "x.safetensors")
