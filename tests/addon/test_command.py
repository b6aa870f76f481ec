# SPDX-License-Identifier: GPL-3.0-or-later
"""blender --command lip_sync: one line, a table of lines, and every way in which they fail."""

from __future__ import annotations

import contextlib
import csv
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import bpy
import pytest

from diffusion_talker.library import UserIdentity, UserLibrary
from diffusion_talker.student.settings import region_of
from tests.addon.scenes import (
    HAS_AUDASPACE,
    NO_AUDASPACE,
    action_curves,
    add_strip,
    keys_of,
    make_face,
    make_plain_mesh,
    speech_like,
    write_sound,
)
from tests.addon.students import write_student

needs_audaspace = pytest.mark.skipif(not HAS_AUDASPACE, reason=NO_AUDASPACE)
Command = Callable[..., int]


@pytest.fixture
def command(addon: ModuleType) -> Command:
    return lambda *arguments: addon.command.lip_sync([str(argument) for argument in arguments])


@pytest.fixture
def line(tmp_path: Path) -> Path:
    return write_sound(tmp_path / "line.wav", speech_like(1.0))


@pytest.fixture
def blend(fresh_scene: object, tmp_path: Path, line: Path) -> Path:
    """A saved file with two faces; open afterwards."""
    make_face(name="Ann")
    make_face(name="Bob")
    make_plain_mesh("Table")
    if HAS_AUDASPACE:
        add_strip(line, frame_start=10)
    path = tmp_path / "scene.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    return path


def reopened(path: Path, name: str) -> dict[int, float]:
    """Keys of one face's jaw in a saved file."""
    bpy.ops.wm.open_mainfile(filepath=str(path))
    return keys_of(bpy.data.objects[name], "jawOpen")


def is_animated(name: str) -> bool:
    data = bpy.data.objects[name].data.shape_keys.animation_data
    return data is not None and data.action is not None


def test_a_file_is_animated_and_saved_over_the_scene(command: Command, blend: Path, line: Path, capsys: object) -> None:
    assert command("--audio", line, "--object", "Ann", "--start-frame", 5) == 0
    assert "line.wav on Ann: done. Ann line Take 01, " in capsys.readouterr().out
    assert sorted(reopened(blend, "Ann")) == [*range(5, 29)]
    assert not is_animated("Bob")


@needs_audaspace
def test_a_strip_is_animated_into_another_file(command: Command, blend: Path, tmp_path: Path) -> None:
    before = blend.read_bytes()
    output = tmp_path / "out.blend"
    options = (
        "--identity",
        "auto",
        "--emotion",
        "auto",
        "--intensity",
        0.5,
        "--seed",
        3,
        "--steps",
        2,
        "--runtime",
        "numpy",
    )
    assert command("--strip", "Dialogue", "--object", "Bob", *options, "--output", output) == 0
    assert blend.read_bytes() == before
    assert min(reopened(output, "Bob")) == 10


def test_teeth_go_along_and_a_preset_is_laid_over_the_face(
    addon: ModuleType, command: Command, blend: Path, line: Path, tmp_path: Path
) -> None:
    make_face(["jawOpen"], name="Teeth")
    bpy.context.scene.diffusion_talker.target = bpy.data.objects["Ann"]
    bpy.ops.diffusion_talker.mapping_show()
    bpy.data.objects["Ann"].diffusion_talker_mapping.channels["jawOpen"].gain = 0.5
    bpy.ops.diffusion_talker.mapping_export(filepath=str(tmp_path / "quiet.json"))
    bpy.ops.diffusion_talker.mapping_reset(whole=True)
    bpy.ops.wm.save_mainfile()
    both = ("--object", "Ann", "--object", "Teeth")
    assert command("--audio", line, *both, "--output", tmp_path / "loud.blend") == 0
    loud = reopened(tmp_path / "loud.blend", "Ann")
    assert keys_of(bpy.data.objects["Teeth"], "jawOpen") == loud
    bpy.ops.wm.open_mainfile(filepath=str(blend))
    preset = ("--mapping", tmp_path / "quiet.json")
    assert command("--audio", line, *both, *preset, "--output", tmp_path / "quiet.blend") == 0
    quiet = reopened(tmp_path / "quiet.blend", "Ann")
    assert quiet == pytest.approx({frame: 0.5 * value for frame, value in loud.items()}, abs=1e-5)


@pytest.mark.parametrize(("mode", "vertices"), [("cache", "line.wav on Ann: done. Ann line Take 01.pc2"),
                                                ("shape-per-frame", "done. 24 shape keys")])  # fmt: skip
def test_vertices_are_written_too(
    command: Command, blend: Path, line: Path, capsys: object, mode: str, vertices: str
) -> None:
    assert command("--audio", line, "--object", "Ann", "--mode", mode) == 0
    assert vertices in capsys.readouterr().out
    bpy.ops.wm.open_mainfile(filepath=str(blend))
    ann = bpy.data.objects["Ann"]
    assert len(ann.modifiers) == (mode == "cache") and bpy.context.scene.diffusion_talker_drive.mode == "KEYS"
    assert len(ann.data.shape_keys.key_blocks) == (53 if mode == "cache" else 77)
    assert (blend.parent / "lip_sync").is_dir() == (mode == "cache")


def test_a_table_names_meshes_and_modes(command: Command, blend: Path, tmp_path: Path, capsys: object) -> None:
    row = {"audio": "line.wav", "object": "Ann | Bob", "mode": "keys", "mapping": "", "output": "out.blend"}
    table = write_table(tmp_path / "lines.csv", [row, {**row, "mode": "dance"}, {**row, "mapping": "nobody"}])
    assert command("--jobs", table) == 1
    captured = capsys.readouterr()
    assert "There is no mode 'dance': use keys, cache, shape-per-frame" in captured.err
    assert "There is no face preset 'nobody' (saved are: none)" in captured.err and "1 of 3 lines done" in captured.out
    assert reopened(tmp_path / "out.blend", "Ann") == keys_of(bpy.data.objects["Bob"], "jawOpen")


def test_the_take_can_be_exported_without_saving(command: Command, blend: Path, line: Path, tmp_path: Path) -> None:
    from diffusion_talker.formats import read_motion

    before = blend.read_bytes()
    assert command("--audio", line, "--object", "Ann", "--no-save", "--export", tmp_path / "take.csv") == 0
    assert blend.read_bytes() == before and read_motion(tmp_path / "take.csv").frame_count == 24


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--object", "Zoe"), "There is no object 'Zoe' in scene 'Scene': check --object"),
        (("--object", "Table"), "'Table' has no shape keys"),
        ((), "several meshes with face shapes (Ann, Bob): name the mesh with --object"),
        (("--object", "Ann", "--identity", "Nobody At All"), "Nobody At All"),
        (("--object", "Ann", "--emotion", "hungry"), "hungry"),
        (("--object", "Ann", "--intensity", "-1"), "-1"),
        (("--object", "Ann", "--runtime", "numpy", "--device", "cuda"), "device"),
        (("--object", "Ann", "--scene", "Act 2"), "There is no scene 'Act 2': the file has Scene"),
    ],
)
def test_a_line_that_cannot_be_done_fails_with_a_sentence(
    command: Command, blend: Path, line: Path, capsys: object, arguments: tuple[str, ...], sentence: str
) -> None:
    before = blend.read_bytes()
    assert command("--audio", line, *arguments) == 1
    captured = capsys.readouterr()
    assert sentence in captured.err and "Traceback" not in captured.err + captured.out
    assert blend.read_bytes() == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("--bogus",),
        ("--strip", "A", "--audio", "b.wav"),
        ("--seed", "many"),
        ("--runtime", "abacus"),
        ("--start-frame", "3"),
        ("--jobs", "gone.csv"),
        ("--jobs", "lines.csv", "--output", "x.blend"),
        ("--no-save", "--output", "x.blend"),
    ],
)
def test_bad_arguments_exit_with_2(
    command: Command, fresh_scene: object, capsys: object, arguments: tuple[str, ...]
) -> None:
    assert command(*arguments) == 2
    error = capsys.readouterr().err
    assert error.strip() and "Traceback" not in error


def test_help_exits_with_0(command: Command, fresh_scene: object, capsys: object) -> None:
    assert command("--help") == 0 and "--jobs" in capsys.readouterr().out


def test_a_scene_without_a_file_needs_an_output(
    command: Command, fresh_scene: object, line: Path, capsys: object
) -> None:
    make_face()
    assert command("--audio", line) == 1
    assert "give --output FILE.blend" in capsys.readouterr().err


@contextlib.contextmanager
def small_disk(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond a size: what a full disk looks like to the one who writes.

    Nothing of pytest may run inside: its own report may go to a file, too.
    """
    resource = pytest.importorskip("resource", reason="file size limits need a Unix system")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_leaves_the_old_file(command: Command, blend: Path, line: Path, capsys: object) -> None:
    before = blend.read_bytes()
    with small_disk(4096):
        code = command("--audio", line, "--object", "Ann")
    assert code == 1
    error = capsys.readouterr().err
    assert "could not be saved" in error and "free some space" in error and "Traceback" not in error
    assert blend.read_bytes() == before
    assert sorted(path.name for path in blend.parent.iterdir()) == ["line.wav", "scene.blend"], (
        "a half-written file is left"
    )


# ---------------------------------------------------------------- tables


def write_table(path: Path, rows: list[dict[str, object]], delimiter: str = ",") -> Path:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, columns, delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_a_table_runs_line_after_line_with_one_model(
    addon: ModuleType, command: Command, blend: Path, tmp_path: Path, capsys: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_sound(tmp_path / "answer.wav", speech_like(1.0))
    loads = []
    open_student = addon.command.open_student
    monkeypatch.setattr(addon.command, "open_student", lambda options: loads.append(1) or open_student(options))
    table = write_table(
        tmp_path / "lines.csv",
        [
            {"blend": "scene.blend", "audio": "line.wav", "object": "Ann", "start_frame": 1, "output": "out.blend"},
            {
                "blend": "scene.blend",
                "audio": "line.wav",
                "object": "Bob",
                "start_frame": 30,
                "output": "out.blend",
                "seed": 4,
            },
            {
                "blend": "scene.blend",
                "audio": "line.wav",
                "object": "Bob",
                "output": "other.blend",
                "export": "bob.csv",
            },
            {"blend": "scene.blend", "audio": "answer.wav", "object": "Ann", "start_frame": 60, "output": "out.blend"},
        ],
    )
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    assert command("--jobs", table) == 0
    out = capsys.readouterr().out
    assert "[4/4] answer.wav on Ann: done" in out and "4 of 4 lines done" in out and len(loads) == 1
    assert (tmp_path / "bob.csv").is_file()
    assert min(reopened(tmp_path / "out.blend", "Bob")) == 30
    assert sorted(keys_of(bpy.data.objects["Ann"], "jawOpen")) == [1 + n for n in range(24)] + [
        60 + n for n in range(24)
    ]


def test_a_failing_row_does_not_stop_the_others(command: Command, blend: Path, tmp_path: Path, capsys: object) -> None:
    table = write_table(
        tmp_path / "lines.csv",
        [
            {"audio": "line.wav", "object": "Zoe", "blend": "", "seed": ""},
            {"audio": "gone.wav", "object": "Ann", "blend": "", "seed": ""},
            {"audio": "line.wav", "object": "Ann", "blend": "gone.blend", "seed": ""},
            {"audio": "line.wav", "object": "Ann", "blend": "", "seed": "x"},
            {"audio": "line.wav", "object": "Bob", "blend": "", "seed": "7"},
        ],
        delimiter=";",
    )
    assert command("--jobs", table) == 1
    captured = capsys.readouterr()
    assert "1 of 5 lines done, 4 failed" in captured.out and "Traceback" not in captured.err
    for sentence in ("no object 'Zoe'", "There is no sound file at", "There is no file", "A number was expected"):
        assert sentence in captured.err
    assert len(reopened(blend, "Bob")) == 24 and not is_animated("Ann")


def test_empty_cells_take_the_options_of_the_command(command: Command, blend: Path, tmp_path: Path) -> None:
    table = write_table(tmp_path / "lines.csv", [{"audio": "line.wav", "object": ""}])
    assert command("--jobs", table, "--object", "Bob", "--quiet") == 0
    assert len(reopened(blend, "Bob")) == 24


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("audio,objekt\nline.wav,Ann\n", "unknown columns (objekt)"), ("audio,object\n", "has no rows"), ("", "has")],
)
def test_a_table_that_is_none_exits_with_2(
    command: Command, blend: Path, tmp_path: Path, capsys: object, text: str, sentence: str
) -> None:
    table = tmp_path / "lines.csv"
    table.write_text(text)
    assert command("--jobs", table) == 2
    assert sentence in capsys.readouterr().err


def test_interrupting_keeps_the_file(
    addon: ModuleType, command: Command, blend: Path, line: Path, capsys: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = blend.read_bytes()
    monkeypatch.setattr(addon.command, "generate", interrupt)
    assert command("--audio", line, "--object", "Ann") == 130
    assert blend.read_bytes() == before and "interrupted" in capsys.readouterr().err


def test_torch_is_not_imported_for_any_of_this(addon: ModuleType) -> None:
    assert "torch" not in sys.modules


@needs_audaspace
def test_a_copy_elsewhere_still_finds_its_sound(command: Command, blend: Path, line: Path, tmp_path: Path) -> None:
    bpy.data.sounds[0].filepath = "//line.wav"
    (tmp_path / "renders").mkdir()
    output = tmp_path / "renders" / "out.blend"
    assert command("--strip", "Dialogue", "--object", "Ann", "--output", output) == 0
    bpy.ops.wm.open_mainfile(filepath=str(output))
    assert Path(bpy.path.abspath(bpy.data.sounds[0].filepath)).resolve() == line.resolve()


def test_a_backup_is_kept_for_those_who_want_one(command: Command, blend: Path, line: Path) -> None:
    before = blend.read_bytes()
    assert command("--audio", line, "--object", "Ann") == 0
    assert blend.with_name("scene.blend1").read_bytes() == before


@pytest.mark.parametrize("compress", (False, True))
def test_a_torn_file_is_recognized(addon: ModuleType, blend: Path, tmp_path: Path, compress: bool) -> None:
    whole, torn = tmp_path / "whole.blend", tmp_path / "torn.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(whole), compress=compress)
    content = whole.read_bytes()
    assert addon.blend_file.is_whole(whole)
    for size in (0, 5, 4096, len(content) // 2, len(content) - 1000):
        torn.write_bytes(content[:size])
        assert not addon.blend_file.is_whole(torn)


# ---------------------------------------------------------------- who speaks, and how


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_student(tmp_path / "student.npz")


def values(command: Command, blend: Path, *arguments: object) -> list[float]:
    """The jaw of Ann as the command leaves it."""
    bpy.ops.wm.open_mainfile(filepath=str(blend))
    output = blend.with_name("out.blend")
    assert command("--object", "Ann", *arguments, "--output", output) == 0
    return [value for _, value in sorted(reopened(output, "Ann").items())]


def test_style_reaches_the_take(command: Command, blend: Path, line: Path, model: Path) -> None:
    plain = ("--audio", line, "--model", model, "--identity", "Plain", "--emotion", "neutral")
    rest = values(command, blend, *plain)
    assert values(command, blend, *plain, "--style", "jaw=0") == pytest.approx(rest, abs=1e-6)
    for option in (
        ("--style", "jaw=0.9"),
        ("--style", "jaw=0.5", "--style", "brows=-1"),
        ("--identity", "Plain:0.5,Calm:0.5"),
        ("--emotion", "anger:0.5,fear:0.5"),
        ("--emotion", "anger", "--region", "mouth=0.5"),
        ("--style-strength", "2"),
    ):
        assert values(command, blend, *plain, *option) != pytest.approx(rest, abs=1e-4), option


def test_the_mouth_can_be_left_out(command: Command, blend: Path, line: Path) -> None:
    assert command("--audio", line, "--object", "Ann", "--animate", "brows,eyes") == 0
    bpy.ops.wm.open_mainfile(filepath=str(blend))
    action = bpy.data.objects["Ann"].data.shape_keys.animation_data.action
    names = {curve.data_path.split('"')[1] for curve in action_curves(action)}
    assert names and {region_of(name) for name in names} == {"brows", "eyes"}


@pytest.mark.parametrize(
    ("parts", "reason"), [("head", "No part of the face would move"), ("mouth,ears", "no part 'ears' of the face")]
)
def test_parts_that_do_not_move_fail_the_line(
    command: Command, blend: Path, line: Path, capsys: pytest.CaptureFixture[str], parts: str, reason: str
) -> None:
    assert command("--audio", line, "--object", "Ann", "--animate", parts) == 1
    assert reason in capsys.readouterr().err


def test_own_identities_come_from_a_folder(
    addon: ModuleType, command: Command, blend: Path, line: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = UserIdentity("Ada", shares=(("Coach", 0.5), ("Newsreader", 0.5)))
    UserLibrary(tmp_path / "voices").add(made)
    spoken = ("--audio", line, "--emotion", "neutral")
    mixed = values(command, blend, *spoken, "--identity", "Coach:0.5,Newsreader:0.5")
    assert values(command, blend, *spoken, "--identity", "ada", "--library", tmp_path / "voices") == pytest.approx(
        mixed, abs=1e-5
    )
    assert command("--object", "Ann", *spoken, "--identity", "ada") == 1
    assert "There is no identity 'ada'" in capsys.readouterr().err
    addon.identities.user_library().add(made)
    try:
        assert values(command, blend, *spoken, "--identity", "ada") == pytest.approx(mixed, abs=1e-5)
    finally:
        addon.identities.user_library().remove("Ada")


def test_a_table_has_columns_for_style(
    command: Command, blend: Path, line: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    UserLibrary(tmp_path / "voices").add(UserIdentity("Ada", shares=(("Lively", 1.0),)))
    table = tmp_path / "jobs.csv"
    table.write_text(
        "audio,object,identity,emotion,style,regions,animate,library,output\n"
        "line.wav,Ann,Lively,anger,jaw=0.5|brows=-1,mouth=0.5|eyes=0,mouth,,one.blend\n"
        "line.wav,Ann,Ada,anger:1,,,mouth,voices,two.blend\n"
        "line.wav,Ann,Ada,anger:1,jaw,,,voices,three.blend\n"
        "line.wav,Ann,Plain:0.5|Calm:0.5,anger:0.5|fear:0.3,,,ears,,four.blend\n"
    )
    style = ("--style", "jaw=0.5,brows=-1", "--region", "mouth=0.5,eyes=0")
    assert command("--jobs", table, "--model", model, *style) == 1
    lines = capsys.readouterr()
    assert "--style jaw has no value: write --style jaw=0.5" in lines.err
    assert "There is no part 'ears' of the face: name some of mouth, brows, eyes, head" in lines.err
    assert lines.out.count("done.") == 2
    first, second = (reopened(tmp_path / name, "Ann") for name in ("one.blend", "two.blend"))
    assert first == pytest.approx(second, abs=1e-5), "an empty cell takes the command line's sliders"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--style", "jaw"), "--style jaw has no value"),
        (("--style", "jaw=wide"), "'wide' is not a number"),
        (("--identity", "Coach:x"), "'x' is not a number"),
        (("--region", "mouth"), "--region mouth has no value"),
    ],
)
def test_style_that_cannot_be_read_is_a_bad_argument(
    command: Command, blend: Path, line: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str], reason: str
) -> None:
    assert command("--audio", line, "--object", "Ann", *arguments) == 2
    assert reason in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--style", "jaw=9"), "style 'jaw' is 9.0: choose a value from -2.0 to 2.0"),
        (("--style", "ears=1"), "There is no style 'ears'"),
        (("--region", "ears=1"), "There is no region 'ears' of the face"),
        (("--identity", "Plian"), "Did you mean plain"),
    ],
)
def test_style_that_is_not_there_fails_the_line(
    command: Command, blend: Path, line: Path, model: Path, capsys: pytest.CaptureFixture[str],
    arguments: tuple[str], reason: str,
) -> None:  # fmt: skip
    assert command("--audio", line, "--object", "Ann", "--model", model, *arguments) == 1
    assert reason.casefold() in capsys.readouterr().err.casefold()
