# SPDX-License-Identifier: GPL-3.0-or-later
"""enrol, match, identities, generate and remove with the user's own identities."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from diffusion_talker.audio import write_wav
from diffusion_talker.cli import BAD_ARGUMENTS, DONE, FAILED, main
from diffusion_talker.student.bundle import save_bundle
from tests.core.library.test_enrolment import make_voice
from tests.core.student.test_style import bundle_with_axes


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Two lines of each of two voices, a student with sliders, and an empty library."""
    paths = {"student": tmp_path / "student.npz", "library": tmp_path / "library", "out": tmp_path / "out.npz"}
    save_bundle(paths["student"], bundle_with_axes())
    for name, voice, line in (("ada1", 1, 0), ("ada2", 1, 1), ("bea1", 4, 0)):
        sound = make_voice(voice, line, 6.0)
        paths[name] = tmp_path / f"{name}.wav"
        write_wav(paths[name], sound.read(0, sound.sample_count), 16000)
    return paths


def run(files: dict[str, Path], verb: str, *arguments: object) -> int:
    options = ["--library", files["library"]]
    options += [] if verb == "remove" else ["--student", files["student"]]
    return main([verb, *map(str, arguments), *map(str, options)])


def test_enrol_match_generate_remove(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(files, "enrol", "Ada", files["ada1"], "--description", "A friend") == DONE
    assert "'Ada' is now in" in capsys.readouterr().out
    assert run(files, "enrol", "Bea", files["bea1"], "--json") == DONE
    assert json.loads(capsys.readouterr().out)["voiced_s"] > 3
    assert run(files, "match", files["ada2"], "--json") == DONE
    ranking = [entry for entry in json.loads(capsys.readouterr().out)["identities"] if entry.get("own")]
    assert [entry["name"] for entry in ranking] == ["Ada", "Bea"]
    assert run(files, "identities", "--json") == DONE
    listing = json.loads(capsys.readouterr().out)
    assert {"name": "Ada", "description": "A friend", "own": True} in listing["identities"]
    assert [axis["name"] for axis in listing["axes"]] == ["jaw", "brows"]
    assert run(files, "generate", files["ada2"], files["out"], "--identity", "ada", "--quiet") == DONE
    assert run(files, "remove", "ADA") == DONE
    assert run(files, "remove", "Ada") == BAD_ARGUMENTS
    assert "There is no identity 'Ada'" in capsys.readouterr().err
    assert run(files, "identities") == DONE
    assert "Ada" not in capsys.readouterr().out


def curves(files: dict[str, Path], *arguments: object) -> np.ndarray:
    assert run(files, "generate", files["ada1"], files["out"], "--end-s", "1", "--quiet", *arguments) == DONE
    with np.load(files["out"]) as archive:
        return archive["weights"]


def test_style_mixtures_and_regions_reach_the_take(files: dict[str, Path]) -> None:
    plain = curves(files, "--identity", "plain", "--emotion", "happiness")
    assert np.abs(curves(files, "--identity", "plain", "--emotion", "happiness:0.5") - plain).max() > 1e-4
    assert np.abs(curves(files, "--identity", "plain:1,calm:3", "--emotion", "happiness") - plain).max() > 1e-4
    named = ("--identity", "plain", "--emotion", "happiness")
    assert np.abs(curves(files, *named, "--style", "Jaw=0.5", "--style", "brows=-1") - plain).max() > 1e-4
    assert np.abs(curves(files, *named, "--region", "mouth=0,head=0.5") - plain).max() > 1e-4


@pytest.mark.parametrize(("arguments", "words"), [
    (("--style", "jow=1"), "Did you mean jaw"),
    (("--style", "jaw"), "has no value"),
    (("--style", "jaw=wide"), "is not a number"),
    (("--style", "jaw=3"), "from -2.0 to 2.0"),
    (("--identity", "plian"), "Did you mean Plain"),
    (("--emotion", "hapiness:0.6"), "Did you mean happiness"),
    (("--emotion", "happiness:much"), "is not a number"),
    (("--region", "nose=1"), "mouth, brows, eyes, head"),
])
def test_slips_are_answered_with_what_was_meant(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    assert run(files, "generate", files["ada1"], files["out"], "--quiet", *arguments) == BAD_ARGUMENTS
    assert words in capsys.readouterr().err and not files["out"].exists()


def test_what_cannot_be_enrolled(files: dict[str, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    write_wav(tmp_path / "short.wav", make_voice(1).read(0, 16000), 16000)
    for arguments, code, words in (
        (("Ada", tmp_path / "short.wav"), FAILED, "3 s are needed"),
        (("Plain", files["ada1"]), BAD_ARGUMENTS, "built-in talker"),
        (("auto", files["ada1"]), BAD_ARGUMENTS, "cannot be a name"),
        (("Ada",), BAD_ARGUMENTS, "Give either recordings"),
        (("Ada", "--mix", "Plian"), BAD_ARGUMENTS, "Did you mean Plain"),
    ):
        assert run(files, "enrol", *arguments) == code
        assert words in capsys.readouterr().err
    assert not files["library"].exists()


def test_a_mixture_is_enrolled_by_name(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(files, "enrol", "Both", "--mix", "plain:1,calm:3") == DONE
    assert "75% Calm, 25% Plain" in capsys.readouterr().out
    assert run(files, "enrol", "both", "--mix", "plain") == BAD_ARGUMENTS
    assert "already" in capsys.readouterr().err


def test_a_damaged_file_is_a_warning(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    files["library"].mkdir()
    (files["library"] / "x.identity.npz").write_text("hello")
    assert run(files, "identities", "--json") == DONE
    output = capsys.readouterr()
    assert "set aside" in output.err and json.loads(output.out)["emotions"]


def test_sliders_are_measured_by_a_command(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["evaluate", "sliders", files["ada1"], "--student", files["student"], "--seeds", "1", "--out",
                 files["library"].with_name("rows.json")]
    assert main(list(map(str, arguments))) == DONE
    assert "jaw" in capsys.readouterr().out
    rows = json.loads(files["library"].with_name("rows.json").read_text())
    assert [row["slider"] for row in rows] == ["jaw", "brows"] and len(rows[0]["measured"]) == 5
