# SPDX-License-Identifier: GPL-3.0-or-later
"""`rig measure` and `rig sheet` on a head of our own, with its marked points in a file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from diffusion_talker.channels import ARKIT_52
from diffusion_talker.cli import BAD_ARGUMENTS, DONE, FAILED, main
from diffusion_talker.formats import write_motion
from diffusion_talker.motion import Motion
from diffusion_talker.rigs.demo_head import build_demo_head, layout
from diffusion_talker.rigs.demo_head.sculpt import head_field
from diffusion_talker.rigs.demo_head.skin import make_skin


@pytest.fixture(scope="module")
def head_files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A mesh without keys as .npz, and its marked points."""
    folder, head, skin = tmp_path_factory.mktemp("head"), build_demo_head(), make_skin(head_field())
    np.savez(folder / "head.npz", vertices=head.vertices, faces=head.faces)
    contact = skin.layout.mouth[layout.LIP_CONTACT]
    quarter = len(contact) // 4
    marks: dict[str, object] = {
        "chin": head.vertices[np.argmin(np.linalg.norm(skin.vertices - np.array([0.0, -8.9, -9.8]), axis=1))].tolist(),
        "nose_tip": int(np.argmin(skin.vertices[:, 1])),
        "upper_lip": int(contact[quarter]),
        "lower_lip": int(contact[3 * quarter]),
        "mouth_corner_left": int(contact[0]),
        "mouth_corner_right": int(contact[2 * quarter]),
    }
    for side, sign, rings in (("left", 1, skin.layout.eye_left), ("right", -1, skin.layout.eye_right)):
        edge = rings[layout.EYE_EDGE]
        for name, place in (("eye_outer", 0), ("upper_lid", 1), ("eye_inner", 2), ("lower_lid", 3)):
            marks[f"{name}_{side}"] = int(edge[place * len(edge) // 4])
        for name, spot in (
            ("brow_inner", (1.6, -8.6, 2.5)),
            ("brow_outer", (5, -7.2, 2.9)),
            ("jaw_hinge", (7.2, 0.2, -2.6)),
        ):
            near = np.linalg.norm(skin.vertices - np.array(spot) * (sign, 1.0, 1.0), axis=1)
            marks[f"{name}_{side}"] = int(np.argmin(near))
    (folder / "marks.json").write_text(json.dumps(marks))
    return folder / "head.npz", folder / "marks.json"


def test_measure_prints_and_writes(
    head_files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mesh, marks = head_files
    assert main(["rig", "measure", str(mesh), "--marks", str(marks), "--out", str(tmp_path / "out")]) == DONE
    printed = capsys.readouterr().out
    assert "jawOpen = mouthClose" in printed and all(name in printed for name in ARKIT_52)
    numbers = json.loads((tmp_path / "out" / "rig.json").read_text())
    assert max(seal["gap_mm"] for seal in numbers["seals"]) < 1.0
    with np.load(tmp_path / "out" / "keys.npz") as keys:
        assert tuple(keys["names"]) == ARKIT_52
        assert keys["jawOpen_offsets"].shape == (len(keys["jawOpen_indices"]), 3)


def test_sheet_draws(head_files: tuple[Path, Path], tmp_path: Path) -> None:
    image = pytest.importorskip("matplotlib.image")
    mesh, marks = head_files
    out = tmp_path / "sheet.png"
    assert (
        main(["rig", "sheet", str(mesh), "--marks", str(marks), "--out", str(out), "--tile", "32", "--quiet"]) == DONE
    )
    picture = image.imread(out)
    assert picture.shape[0] > 10 * 32 and picture[..., :3].std() > 0.05


def test_sheet_draws_a_spoken_line(head_files: tuple[Path, Path], tmp_path: Path) -> None:
    image = pytest.importorskip("matplotlib.image")
    mesh, marks = head_files
    weights = np.zeros((120, len(ARKIT_52)), np.float32)
    weights[:, ARKIT_52.index("jawOpen")] = 0.5 + 0.5 * np.sin(np.arange(120) / 8)
    motion, out = tmp_path / "line.npz", tmp_path / "line.png"
    write_motion(motion, Motion(weights, ARKIT_52, 60.0))
    command = ["rig", "sheet", str(mesh), "--marks", str(marks), "--out", str(out), "--tile", "32", "--quiet"]
    assert main([*command, "--line", str(motion), "--close"]) == DONE
    picture = image.imread(out)
    assert picture.shape[0] < 4 * 32 and picture.shape[1] > 5 * 32 and picture[..., :3].std() > 0.05


def test_own_keys_have_to_be_there(
    head_files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib.image")
    mesh, marks = head_files
    assert main(["rig", "sheet", str(mesh), "--marks", str(marks), "--out", str(tmp_path / "s.png"), "--own"]) == 2
    assert "no sculpted ARKit shapes" in capsys.readouterr().err


def test_what_is_wrong_ends_in_a_sentence(head_files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    mesh, _ = head_files
    assert main(["rig", "measure", str(mesh)]) == BAD_ARGUMENTS
    assert "not FLAME" in capsys.readouterr().err
    assert main(["rig", "measure", "nowhere.ply"]) == FAILED
    assert "nowhere.ply" in capsys.readouterr().err
