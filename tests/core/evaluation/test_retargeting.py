# SPDX-License-Identifier: GPL-3.0-or-later
"""Retargeting measured and shown: closures found, heads made, the command's table, curves and picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from diffusion_talker.channels import ARKIT_52
from diffusion_talker.cli import main
from diffusion_talker.evaluation.retargeting import closures, describe, made_head, made_heads, measure_head
from diffusion_talker.formats import read_motion, write_motion
from diffusion_talker.motion import Motion
from tests.core.rigs.spoken_heads import OCULUS, spoken_line


@pytest.fixture
def line(tmp_path: Path) -> Path:
    """Two seconds of the demo's line in a file."""
    motion = spoken_line().motion
    path = tmp_path / "line.npz"
    write_motion(path, Motion(motion.weights[30:150], motion.channels, motion.rate_hz))
    return path


def keys_file(tmp_path: Path, names: tuple[str, ...]) -> Path:
    path = tmp_path / "keys.txt"
    path.write_text("\n".join(names) + "\n\n", encoding="utf-8")
    return path


def test_closures_lie_between_openings() -> None:
    gap = np.array([0.0, 0.1, 3.0, 0.2, 0.1, 1.0, 4.0, 1.0, 5.0, 0.0, 0.0])
    assert closures(gap) == [slice(3, 6)]
    assert closures(np.zeros(5)) == []


def test_made_heads_have_the_keys_of_their_vocabulary_alone() -> None:
    heads = {head.title: head for head in made_heads()}
    assert heads["Oculus visemes"].basis.names == OCULUS
    assert "mouthClose" not in heads["ARKit without mouthClose"].basis.names
    np.testing.assert_array_equal(heads["Oculus visemes"].basis.offsets[0], 0.0)
    poses = heads["ARKit without mouthClose"].arkit_poses
    assert ((poses == 0) | (poses == 1)).all(), "a key that is an ARKit shape is that shape"
    with pytest.raises(ValueError, match="nose"):
        made_head(("nose",))


@pytest.mark.parametrize("measured", [False, True])
def test_every_made_head_speaks(measured: bool) -> None:
    motion = spoken_line().motion
    reports = [measure_head(motion, head, measured) for head in made_heads()]
    for report in reports:
        assert report.closures >= 10
        assert report.widest_closure_mm < 0.6, report.title
        assert report.gap_correlation > 0.98 and 0.8 < report.opening < 1.2, report.title
        assert report.mean_mm < 0.35 * report.moved_mm, report.title
    table = describe(reports)
    assert len(table.splitlines()) == len(reports) + 2 and "VRM 0" in table


def test_command_writes_curves_of_other_keys(line: Path, tmp_path: Path, capsys) -> None:
    names = ("Basis", "A", "I", "U", "E", "O", "Blink")
    out = tmp_path / "avatar.npz"
    assert main(["retarget", str(line), "--keys", str(keys_file(tmp_path, names)), "--out", str(out)]) == 0
    motion = read_motion(out)
    assert set(motion.channels) == set(names[1:]) and motion.frame_count == 120 and motion.rate_hz == 60.0
    assert 0.3 < motion.weights.max() <= 1.0
    printed = capsys.readouterr().out
    assert "jawOpen" in printed and "VRM 0" in printed


def test_command_refuses_in_a_sentence(line: Path, tmp_path: Path, capsys) -> None:
    unknown = keys_file(tmp_path, ("left arm", "right arm"))
    assert main(["retarget", str(line), "--keys", str(unknown)]) == 2
    assert "in any known vocabulary" in capsys.readouterr().err
    assert main(["retarget", str(line), "--keys", str(tmp_path / "absent.txt")]) == 1
    assert "absent.txt" in capsys.readouterr().err
    assert main(["retarget", str(line), "--out", str(tmp_path / "x.npz")]) == 2
    assert main(["retarget", str(line), "--keys", str(unknown), "--out", str(tmp_path / "x.csv")]) == 2
    assert main(["retarget", str(line), "--sheet", str(tmp_path / "x.gif")]) == 2


def test_the_sheet_shows_every_head(line: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: labels cannot be drawn")
    from diffusion_talker.evaluation.retarget_sheet import draw_retarget_sheet, telling_frames

    motion = read_motion(line)
    moments = telling_frames(motion)
    assert {"closed", "open", "round", "spread"} <= {label for label, _ in moments}
    assert all(0 <= frame < motion.frame_count for _, frame in moments)
    heads = [head for head in made_heads() if head.title == "VRM 0"]
    picture = draw_retarget_sheet(motion, heads, 48)
    assert picture.dtype == np.uint8 and picture.shape[1] > len(moments) * 48
    assert picture[-40:, -200:].std() > 5, "the last row is drawn"


def test_the_key_sheet_shows_every_viseme() -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: labels cannot be drawn")
    from diffusion_talker.evaluation.retarget_sheet import draw_made_keys

    heads = [head for head in made_heads() if head.title == "VRM 0"]
    picture = draw_made_keys(heads, 40, columns=3)
    assert picture.shape[0] > 2 * 40 and picture.shape[1] > 3 * 40  # five vowels and a blink, three in a row
    tiles = [picture[4 + row * 62 : 40 + row * 62, 4 + col * 44 : 40 + col * 44] for row in (0, 1) for col in range(3)]
    assert all(tile.std() > 5 for tile in tiles)
    assert all((first != second).any() for first, second in zip(tiles[:-1], tiles[1:], strict=True))


def test_arkit_motion_without_closures_is_measured_too() -> None:
    still = Motion(np.zeros((10, 52)), ARKIT_52, 30.0)
    report = measure_head(still, made_heads()[-1], measured=False)
    assert report.closures == 0 and report.mean_mm == pytest.approx(0.0, abs=1e-6)
