# SPDX-License-Identifier: GPL-3.0-or-later
"""`show`: any exported curves beside any recording."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="the package matplotlib (plots) is not installed")

from diffusion_talker.audio import write_wav
from diffusion_talker.cli import main
from diffusion_talker.formats import write_motion
from diffusion_talker.motion import rest_motion


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    write_wav(tmp_path / "line.wav", np.zeros(4000, np.float32), 16000)
    return tmp_path / "line.wav"


def test_exported_curves_are_shown_with_their_sound(sound: Path, tmp_path: Path) -> None:
    av = pytest.importorskip("av", reason="the package av (video) is not installed")
    write_motion(tmp_path / "take.csv", rest_motion(15, 60))
    command = ["show", str(tmp_path / "take.csv"), str(sound), "--size", "64", "--out", str(tmp_path), "--quiet"]
    assert main(command) == 0
    assert (tmp_path / "take.png").exists()
    with av.open(str(tmp_path / "take.mp4")) as container:
        assert len(container.streams.audio) == 1
        assert sum(1 for _ in container.decode(video=0)) == 8


def test_curves_without_frames_are_told(sound: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_motion(tmp_path / "none.npz", rest_motion(0, 60))
    assert main(["show", str(tmp_path / "none.npz"), str(sound)]) == 2
    assert "no frames" in capsys.readouterr().err
