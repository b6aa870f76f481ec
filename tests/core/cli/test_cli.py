# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line from the outside: exit codes, files, messages; with a tiny student of random weights."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import struct
import subprocess
import sys
import time
import wave
from pathlib import Path

import numpy as np
import pytest

from diffusion_talker import __version__, cli, files
from diffusion_talker.audio import write_wav
from diffusion_talker.channels import MODEL_CHANNELS
from diffusion_talker.cli import BAD_ARGUMENTS, DONE, FAILED, Verb, main
from diffusion_talker.cli import generate as generate_command
from diffusion_talker.evaluation.sound import speech_like
from diffusion_talker.formats import read_motion, write_motion
from diffusion_talker.motion import Motion
from tests.core.student.tiny_bundle import TINY_CONFIG, write_tiny_bundle

CORE = Path(__file__).resolve().parents[3] / "core"
RATE_HZ = 16000


@pytest.fixture
def student(tmp_path: Path) -> Path:
    return write_tiny_bundle(tmp_path / "student.npz")


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    """1.5 s of something like speech."""
    write_wav(tmp_path / "line.wav", speech_like(1.5), RATE_HZ)
    return tmp_path / "line.wav"


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def generate(*arguments: object, student: Path) -> int:
    return run("generate", *arguments, "--student", student, "--runtime", "numpy")


def leftovers(folder: Path) -> list[str]:
    return [name for name in os.listdir(folder) if name.endswith(".part")]


def write_pcm(path: Path, samples: np.ndarray, rate_hz: int) -> Path:
    write_wav(path, samples, rate_hz)
    return path


# --------------------------------------------------------------------------------------------------------- generate


@pytest.mark.parametrize("extension", ["csv", "json", "npz"])
def test_speech_becomes_a_file_of_curves(tmp_path: Path, speech: Path, student: Path, extension: str) -> None:
    target = tmp_path / f"out.{extension}"
    assert generate(speech, target, student=student) == DONE
    motion = read_motion(target)
    assert (motion.frame_count, motion.rate_hz) == (90, 60.0)
    assert set(MODEL_CHANNELS) <= set(motion.channels)
    assert motion.column("jawOpen").std() > 0
    assert not leftovers(tmp_path)


@pytest.mark.parametrize(("fps", "frames"), [("24", 36), ("25", 38), ("30", 45), ("23.976", 36), ("29.97", 45)])
def test_the_frame_rate_is_the_one_asked_for(
    tmp_path: Path, speech: Path, student: Path, fps: str, frames: int
) -> None:
    assert generate(speech, tmp_path / "out.npz", "--fps", fps, student=student) == DONE
    motion = read_motion(tmp_path / "out.npz")
    assert motion.rate_hz == float(fps)
    assert motion.frame_count == frames


def test_a_range_of_the_recording_can_be_chosen(tmp_path: Path, speech: Path, student: Path) -> None:
    assert generate(speech, tmp_path / "out.npz", "--start-s", 0.25, "--end-s", 0.75, student=student) == DONE
    assert read_motion(tmp_path / "out.npz").frame_count == 30


def test_the_seed_decides_the_take(tmp_path: Path, speech: Path, student: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert generate("--seed", seed, speech, "--steps", 2, tmp_path / f"{name}.npz", student=student) == DONE
    a, b, c = (read_motion(tmp_path / f"{name}.npz").weights for name in "abc")
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)


def test_identity_and_emotion_change_the_curves(tmp_path: Path, speech: Path, student: Path) -> None:
    choices = {"a": ("Plain", "neutral"), "b": ("Lively", "neutral"), "c": ("Plain", "happiness")}
    for name, (identity, emotion) in choices.items():
        out = tmp_path / f"{name}.npz"
        assert generate(speech, out, "--identity", identity, "--emotion", emotion, student=student) == DONE
    a, b, c = (read_motion(tmp_path / f"{name}.npz").weights for name in "abc")
    assert np.abs(a - b).max() > 1e-4
    assert np.abs(a - c).max() > 1e-4


def test_a_folder_takes_many_recordings_with_one_load(
    tmp_path: Path, student: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recordings = [write_pcm(tmp_path / f"line{k}.wav", speech_like(0.2 + 0.1 * k), RATE_HZ) for k in range(3)]
    loads: list[object] = []
    original = generate_command.open_student
    monkeypatch.setattr(generate_command, "open_student", lambda args: loads.append(args) or original(args))
    assert generate(*recordings, f"{tmp_path}/new/takes/", "--format", "npz", student=student) == DONE
    assert len(loads) == 1
    assert sorted(os.listdir(tmp_path / "new" / "takes")) == ["line0.npz", "line1.npz", "line2.npz"]
    report = capsys.readouterr().out
    assert all(f"line{k}.wav -> " in report for k in range(3))
    assert "3 of 3 recordings done, 0 failed." in report


def test_one_bad_recording_does_not_stop_the_others(
    tmp_path: Path, speech: Path, student: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.wav").write_bytes(b"not a sound" * 99)
    out = tmp_path / "takes"
    assert generate(tmp_path / "broken.wav", tmp_path / "absent.wav", speech, f"{out}/", student=student) == FAILED
    assert os.listdir(out) == ["line.csv"]
    errors = capsys.readouterr().err
    assert re.search(r"failed: \S*broken.wav: .*Convert it to", errors)
    assert re.search(r"failed: \S*absent.wav: .*Check the path", errors)
    assert "1 of 3 recordings done, 2 failed." in errors


def test_quiet_says_nothing(tmp_path: Path, speech: Path, student: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate(speech, f"{tmp_path}/takes/", "--quiet", student=student) == DONE
    assert capsys.readouterr() == ("", "")


def test_without_quiet_it_says_what_it_made(
    tmp_path: Path, speech: Path, student: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert generate(speech, tmp_path / "out.csv", student=student) == DONE
    assert re.search(r"line.wav -> \S*out.csv  \(1.50 s, 90 frames, in .* on numpy\)", capsys.readouterr().out)


# -------------------------------------------------------------------------------------------------------- bad sound


def odd_sounds(folder: Path) -> dict[str, tuple[Path, int]]:
    """Sounds at the edge of what is sound, each with the frames that are to come out."""
    wide = np.tile(speech_like(0.5)[:, None], (1, 8))
    return {
        "silent": (write_pcm(folder / "silent.wav", np.zeros(8000), RATE_HZ), 30),
        "one sample": (write_pcm(folder / "one.wav", np.ones(1), RATE_HZ), 1),
        "8 kHz": (write_pcm(folder / "8k.wav", speech_like(0.5)[::2], 8000), 30),
        "192 kHz": (write_pcm(folder / "192k.wav", np.repeat(speech_like(0.5), 12), 192000), 30),
        "8 channels": (write_pcm(folder / "wide.wav", wide, RATE_HZ), 30),
        "15999 Hz": (write_pcm(folder / "odd.wav", speech_like(0.5), 15999), 31),
    }


def test_odd_sounds_become_sensible_curves(tmp_path: Path, student: Path) -> None:
    for name, (path, frame_count) in odd_sounds(tmp_path).items():
        assert generate(path, tmp_path / "out.npz", student=student) == DONE, name
        motion = read_motion(tmp_path / "out.npz")
        assert motion.frame_count == frame_count, name
        assert np.isfinite(motion.weights).all(), name


def test_samples_that_are_not_numbers_are_silence(tmp_path: Path, student: Path) -> None:
    soundfile = pytest.importorskip("soundfile", reason="soundfile is not installed")
    samples = speech_like(0.5)
    samples[1000:1100] = np.nan
    samples[2000] = np.inf
    soundfile.write(tmp_path / "nan.wav", samples, RATE_HZ, subtype="FLOAT")
    assert generate(tmp_path / "nan.wav", tmp_path / "out.npz", student=student) == DONE
    assert np.isfinite(read_motion(tmp_path / "out.npz").weights).all()


def bad_sounds(folder: Path) -> dict[Path, str]:
    """Files that are no sound, each with a part of the message that helps."""
    write_wav(folder / "whole.wav", speech_like(0.5), RATE_HZ)
    (folder / "empty.wav").write_bytes(b"")
    (folder / "corrupt.wav").write_bytes(np.random.default_rng(0).bytes(5000))
    (folder / "cut.wav").write_bytes((folder / "whole.wav").read_bytes()[:20])
    (folder / "folder.wav").mkdir()
    with wave.open(str(folder / "zero.wav"), "wb") as writer:
        writer.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
    return {
        folder / "missing.wav": "Check the path", folder / "empty.wav": "Choose a recording",
        folder / "corrupt.wav": "Convert it", folder / "cut.wav": "Convert it", folder / "folder.wav": "is a folder",
        folder / "zero.wav": "longer than zero seconds", Path("x" * 5000): "Check the path",
    }


def test_bad_sounds_end_in_one_sentence(tmp_path: Path, student: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path, advice in bad_sounds(tmp_path).items():
        assert generate(path, tmp_path / "out.csv", student=student) == FAILED
        message = capsys.readouterr().err
        assert message.startswith("error: ") and advice in message and message.count("\n") == 1
        assert not (tmp_path / "out.csv").exists()


def test_a_range_outside_the_recording_is_refused(
    tmp_path: Path, speech: Path, student: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert generate(speech, tmp_path / "out.csv", "--start-s", 5, student=student) == FAILED
    assert "1.50 s long" in capsys.readouterr().err


@pytest.mark.heavy
def test_two_hours_need_little_more_memory_than_their_curves(tmp_path: Path, student: Path) -> None:
    path, seconds = tmp_path / "long.wav", 7200
    size = seconds * RATE_HZ * 2
    with open(path, "wb") as stream:  # sparse: takes no disk
        stream.write(struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, 1, RATE_HZ,
                                 RATE_HZ * 2, 2, 16, b"data", size))
        stream.truncate(44 + size)
    probe = [sys.executable, "-m", "diffusion_talker.evaluation.memory_probe", str(student), str(path)]
    answer = subprocess.run(probe, env={**os.environ, "PYTHONPATH": str(CORE)}, capture_output=True, text=True,
                            check=True, timeout=900).stdout
    if answer.strip() == "unknown":
        pytest.skip("this system does not tell a process its peak memory")
    curves_mb = seconds * 60 * len(MODEL_CHANNELS) * 4 / 1024**2
    assert float(answer) < 3 * curves_mb + 200


# ---------------------------------------------------------------------------------------------------- bad arguments


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "COMMAND"),
        (["transmogrify"], "invalid choice"),
        (["generate"], "required"),
        (["generate", "{line}"], "required"),
        (["generate", "{line}", "{tmp}/out.wav"], "neither a folder nor a motion file"),
        (["generate", "{line}", "{tmp}/out"], "neither a folder nor a motion file"),
        (["generate", "{line}", "{line}", "{tmp}/out.csv"], "Give a folder"),
        (["generate", "{line}", "{line}", "{tmp}/out/"], "Rename one"),
        (["generate", "{line}", "{tmp}/out.csv", "--format", "npz"], "disagree"),
        (["generate", "{line}", "{tmp}/out.csv", "--fps", "0"], "is not above 0"),
        (["generate", "{line}", "{tmp}/out.csv", "--fps", "nan"], "is not a number"),
        (["generate", "{line}", "{tmp}/out.csv", "--start-s", "-1"], "below 0"),
        (["generate", "{line}", "{tmp}/out.csv", "--start-s", "2", "--end-s", "1"], "must lie after the start"),
        (["generate", "{line}", "{tmp}/out.csv", "--steps", "0"], "steps"),
        (["generate", "{line}", "{tmp}/out.csv", "--steps", "many"], "invalid int"),
        (["generate", "{line}", "{tmp}/out.csv", "--intensity", "-1"], "intensity"),
        (["generate", "{line}", "{tmp}/out.csv", "--intensity", "nan"], "intensity"),
        (["generate", "{line}", "{tmp}/out.csv", "--identity", "Nobody"], "Plain, Lively, Calm"),
        (["generate", "{line}", "{tmp}/out.csv", "--emotion", "hunger"], "neutral, happiness"),
        (["generate", "{line}", "{tmp}/out.csv", "--runtime", "abacus"], "invalid choice"),
        (["generate", "{line}", "{tmp}/out.csv", "--device", "toaster"], "invalid choice"),
        (["convert", "{line}", "{tmp}/out.csv"], "Use one of .csv, .json, .npz"),
        (["convert", "{tmp}/in.csv", "{tmp}/out.fbx"], "Use one of .csv, .json, .npz"),
        (["evaluate", "predict"], "required"),
    ],
)
def test_bad_arguments_exit_2_and_touch_nothing(
    tmp_path: Path, speech: Path, student: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    before = sorted(os.listdir(tmp_path))
    filled = [argument.format(line=speech, tmp=tmp_path) for argument in arguments]
    needs_student = filled[:1] == ["generate"] and len(filled) > 2
    assert run(*filled, *(["--student", student] if needs_student else [])) == BAD_ARGUMENTS
    errors = capsys.readouterr().err
    assert message in errors and "Traceback" not in errors
    assert sorted(os.listdir(tmp_path)) == before


@pytest.mark.parametrize("verb", [verb.name for verb in cli.VERBS if not verb.extra])
def test_every_command_explains_itself(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(verb, "--help") == DONE
    assert f"diffusion_talker {verb}" in capsys.readouterr().out


def test_help_lists_every_command_and_version_is_the_package_s(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == DONE
    text = capsys.readouterr().out
    assert all(verb.name in text and verb.help in text for verb in cli.VERBS)
    assert run("--version") == DONE
    assert capsys.readouterr().out.strip() == f"diffusion-talker {__version__}"


# ------------------------------------------------------------------------------------------- bundles, disks, cancel


def bad_bundles(folder: Path, good: Path) -> dict[str, Path]:
    content = good.read_bytes()
    (folder / "cut.npz").write_bytes(content[: len(content) // 2])
    flipped = bytes(byte ^ 255 for byte in content[9000:9100])
    (folder / "flipped.npz").write_bytes(content[:9000] + flipped + content[9100:])
    (folder / "text.npz").write_bytes(b"a letter")
    (folder / "empty.npz").write_bytes(b"")
    np.savez(folder / "foreign.npz", weights=np.zeros(3))
    np.savez(folder / "pickled.npz", metadata=np.array([{"a": 1}], object))
    names = ("cut", "flipped", "text", "empty", "foreign", "pickled", "absent")
    return {name: folder / f"{name}.npz" for name in names}


@pytest.mark.parametrize("command", ["generate", "identities", "match"])
def test_bad_bundles_are_refused_in_one_sentence(
    tmp_path: Path, speech: Path, student: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    arguments = {"generate": [speech, tmp_path / "out.csv"], "identities": [], "match": [speech]}[command]
    for name, path in bad_bundles(tmp_path, student).items():
        code = run(command, *arguments, "--student", path)
        captured = capsys.readouterr()
        if command == "identities" and name in ("flipped",):
            continue  # it reads the names alone, which may have been spared
        assert code == FAILED, name
        assert captured.err.startswith("error: ") and captured.err.count("\n") == 1, name
    assert not (tmp_path / "out.csv").exists()


def test_a_full_disk_says_so_and_keeps_the_old_file(
    tmp_path: Path, speech: Path, student: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out.csv").write_text("old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    assert generate(speech, tmp_path / "out.csv", student=student) == FAILED
    assert "the disk is full. Free some space" in capsys.readouterr().err
    assert (tmp_path / "out.csv").read_text() == "old"
    assert not leftovers(tmp_path)


def test_an_output_folder_that_cannot_be_made_is_reported(
    tmp_path: Path, speech: Path, student: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert generate(speech, tmp_path / "none" / "out.csv", student=student) == FAILED
    assert "Create the folder" in capsys.readouterr().err
    assert generate(speech, f"{speech}/takes/", student=student) == FAILED
    assert "could not be made" in capsys.readouterr().err


def test_an_interrupt_while_writing_leaves_nothing(
    tmp_path: Path, speech: Path, student: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "fsync", interrupt)
    assert generate(speech, tmp_path / "out.csv", student=student) == FAILED
    assert capsys.readouterr().err == "error: Cancelled. No unfinished file was left behind.\n"
    assert not (tmp_path / "out.csv").exists() and not leftovers(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot signal a single process")
@pytest.mark.parametrize("interrupt", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_stops_at_once_without_a_traceback(
    tmp_path: Path, student: Path, interrupt: signal.Signals
) -> None:
    write_wav(tmp_path / "long.wav", np.zeros(RATE_HZ * 900), RATE_HZ)
    command = [sys.executable, "-m", "diffusion_talker", "generate", str(tmp_path / "long.wav"),
               str(tmp_path / "out.csv"), "--student", str(student), "--runtime", "numpy", "--steps", "30"]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(CORE)}, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    first = process.stderr.readline()  # progress: it is at work
    process.send_signal(interrupt)
    started_s = time.monotonic()
    rest = process.communicate(timeout=60)[1]
    assert time.monotonic() - started_s < 30
    assert "long.wav" in first
    assert process.returncode == FAILED
    assert "Cancelled" in rest and "Traceback" not in rest
    assert not (tmp_path / "out.csv").exists() and not leftovers(tmp_path)


def test_names_that_the_terminal_cannot_show_are_no_traceback(tmp_path: Path, student: Path) -> None:
    write_wav(tmp_path / "réplique_語.wav", speech_like(0.2), RATE_HZ)
    command = [sys.executable, "-m", "diffusion_talker", "generate", str(tmp_path / "réplique_語.wav"),
               str(tmp_path / "語.csv"), "--student", str(student), "--runtime", "numpy"]
    environment = {**os.environ, "PYTHONPATH": str(CORE), "PYTHONIOENCODING": "ascii"}
    result = subprocess.run(command, env=environment, capture_output=True, check=False, timeout=60)
    assert (result.returncode, result.stderr) == (DONE, b"")
    assert rb"r\xe9plique_\u8a9e.wav" in result.stdout
    assert (tmp_path / "語.csv").exists()


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
def test_output_into_a_closed_pipe_is_no_traceback(student: Path) -> None:
    command = f'"{sys.executable}" -m diffusion_talker identities --json --student "{student}" | head -c 1'
    result = subprocess.run(command, shell=True, env={**os.environ, "PYTHONPATH": str(CORE)}, capture_output=True,
                            text=True, check=False, timeout=60)
    assert result.stdout == "{" and "Traceback" not in result.stderr


# --------------------------------------------------------------------------------------------------- other commands


def test_identities_are_listed_for_people_and_programs(student: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("identities", "--student", student) == DONE
    text = capsys.readouterr().out
    assert "Lively  Lively talker" in text and "neutral, happiness" in text
    assert run("identities", "--student", student, "--json") == DONE
    listing = json.loads(capsys.readouterr().out)
    assert [entry["name"] for entry in listing["identities"]] == list(TINY_CONFIG.identities)
    assert listing["identities"][0] == {"name": "Plain", "description": "Plain talker"}
    assert listing["emotions"] == list(TINY_CONFIG.emotions)


def test_match_ranks_best_first(speech: Path, student: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("match", speech, "--student", student, "--json") == DONE
    ranking = json.loads(capsys.readouterr().out)
    similarities = [entry["similarity"] for entry in ranking["identities"]]
    probabilities = [entry["probability"] for entry in ranking["emotions"]]
    assert {entry["name"] for entry in ranking["identities"]} == set(TINY_CONFIG.identities)
    assert similarities == sorted(similarities, reverse=True)
    assert probabilities == sorted(probabilities, reverse=True)
    assert sum(probabilities) == pytest.approx(1, abs=1e-4)
    assert run("match", speech, "--student", student) == DONE
    assert ranking["identities"][0]["name"] in capsys.readouterr().out.splitlines()[1]


def test_convert_goes_between_formats_and_rates(tmp_path: Path) -> None:
    weights = np.random.default_rng(0).random((60, 55), np.float32)
    write_motion(tmp_path / "a.npz", Motion(weights, MODEL_CHANNELS, 60.0))
    assert run("convert", tmp_path / "a.npz", tmp_path / "b.csv", "--quiet") == DONE
    assert run("convert", tmp_path / "b.csv", tmp_path / "c.json", "--fps", 25) == DONE
    assert np.allclose(read_motion(tmp_path / "b.csv").column("jawOpen"), weights[:, MODEL_CHANNELS.index("jawOpen")])
    assert (read_motion(tmp_path / "c.json").rate_hz, read_motion(tmp_path / "c.json").frame_count) == (25, 25)


def test_convert_refuses_a_broken_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.json").write_text("{")
    assert run("convert", tmp_path / "a.json", tmp_path / "b.csv") == FAILED
    assert "line 1, column 2" in capsys.readouterr().err
    assert not (tmp_path / "b.csv").exists()


def test_a_missing_package_names_the_extra_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "needs_wings.py").write_text("import wings_that_nobody_has.feathers\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(cli, "VERBS", (Verb("fly", "needs_wings", "fly", "train"),))
    assert run("fly") == FAILED
    assert capsys.readouterr().err == (
        "error: 'fly' needs the package 'wings_that_nobody_has', which is not installed. "
        "Install it with: pip install 'diffusion-talker[train]'\n"
    )
    monkeypatch.setattr(cli, "VERBS", (Verb("fly", "diffusion_talker.wings", "fly", "train"),))
    assert run("fly") == FAILED
    assert "not part of this installation" in capsys.readouterr().err
