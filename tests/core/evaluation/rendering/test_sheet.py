# SPDX-License-Identifier: GPL-3.0-or-later
"""The contact sheet of the phones: apex poses that do what their class says, and pictures that are saved."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the corpus needs SciPy")

from diffusion_talker.channels import MODEL_CHANNELS
from diffusion_talker.corpus.phones import PHONES
from diffusion_talker.evaluation.rendering.lip_gap import lip_gap_mm
from diffusion_talker.evaluation.rendering.sheet import apex_weights, draw_sheet, save_picture
from diffusion_talker.motion import Motion


def apex_gap_mm(name: str) -> float:
    weights = apex_weights(PHONES[name])
    row = np.array([[weights.get(channel, 0.0) for channel in MODEL_CHANNELS]], np.float32)
    return float(lip_gap_mm(Motion(row, MODEL_CHANNELS, 60))[0])


@pytest.mark.parametrize("name", ["p", "b", "m"])
def test_lips_are_closed_on_the_mesh_where_they_must_be(name: str) -> None:
    assert abs(apex_gap_mm(name)) < 0.3


def test_open_vowels_are_wider_than_close_ones() -> None:
    assert apex_gap_mm("a") > 8
    assert apex_gap_mm("a") > apex_gap_mm("e") > apex_gap_mm("i") > 1


def test_silence_is_the_rest_pose() -> None:
    assert apex_weights(PHONES["sil"]) == {}


def test_the_sheet_holds_every_phone(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the package matplotlib (labels) is not installed")
    done: list[float] = []
    sheet = draw_sheet(columns=10, tile=24, progress=done.append)
    assert len(done) == len(PHONES) + 1 and done[-1] == 1
    rows = -(-len(PHONES) // 10)
    assert sheet.shape == (rows * 48 + 4, 10 * 52 + 4, 3)
    for name, start in (("sheet.jpg", b"\xff\xd8"), ("sheet.png", b"\x89PNG")):
        save_picture(sheet, tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(start)
