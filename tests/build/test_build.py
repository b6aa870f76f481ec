# SPDX-License-Identifier: GPL-3.0-or-later
"""build.py: environments, the wheel, the extension zip, and what it says when something is missing."""

from __future__ import annotations

import csv
import hashlib
import importlib.util
import io
import subprocess
import sys
import tomllib
import zipfile
from base64 import urlsafe_b64decode
from pathlib import Path

import pytest

import build

ROOT = Path(build.__file__).parent
HAS_BPY = importlib.util.find_spec("bpy") is not None
needs_bpy = pytest.mark.skipif(not HAS_BPY, reason="Blender's extension tool comes with the bpy module")


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    return build.build_wheel(tmp_path, build.single_version())


def site_packages() -> Path:
    """Where bpy lies, without importing it."""
    spec = importlib.util.find_spec("bpy")
    assert spec is not None and spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0]).parent


def test_version_is_the_same_everywhere() -> None:
    import diffusion_talker

    manifest = tomllib.loads((ROOT / "blender_manifest.toml").read_text("utf-8"))
    assert build.single_version() == diffusion_talker.__version__ == manifest["version"]


def test_disagreeing_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = tmp_path / "blender_manifest.toml"
    manifest.write_text(
        build.MANIFEST.read_text("utf-8").replace(f'version = "{build.single_version()}"', 'version = "9.9.9"'), "utf-8"
    )
    monkeypatch.setattr(build, "MANIFEST", manifest)
    with pytest.raises(build.BuildError, match="blender_manifest.toml"):
        build.single_version()


def test_wheel_is_pure_and_complete(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    packed = {name for name in names if name.startswith("diffusion_talker/")}
    assert packed == {path.relative_to(build.CORE).as_posix() for path in build.core_files()}
    assert "diffusion_talker/__init__.py" in packed
    assert not [name for name in names if name.endswith((".so", ".pyd", ".dll", ".dylib", ".pyc"))]


def test_wheel_record_lists_every_file_with_its_digest(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        record = next(name for name in archive.namelist() if name.endswith("/RECORD"))
        rows = {name: (digest, size) for name, digest, size in csv.reader(io.StringIO(archive.read(record).decode()))}
        assert set(rows) == set(archive.namelist())
        for name in set(rows) - {record}:
            data = archive.read(name)
            assert urlsafe_b64decode(rows[name][0].removeprefix("sha256=") + "=") == hashlib.sha256(data).digest()
            assert int(rows[name][1]) == len(data)


def test_wheel_installs_with_pip(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "installed"
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--no-index",
        "--target",
        str(target),
        str(wheel),
    ]
    if importlib.util.find_spec("pip") is None:
        pytest.skip("pip is not installed here")
    subprocess.run(command, check=True, timeout=120)
    assert (target / "diffusion_talker" / "__init__.py").is_file()


def test_foreign_file_in_the_core_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "diffusion_talker"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "fast.so").write_bytes(b"\x7fELF")
    monkeypatch.setattr(build, "CORE", tmp_path)
    with pytest.raises(build.BuildError, match="fast.so"):
        build.core_files()


@needs_bpy
def test_extension_is_valid_and_the_same_bytes_each_time(tmp_path: Path) -> None:
    first = build.package(tmp_path / "a", site_packages())
    second = build.package(tmp_path / "b", site_packages())
    assert first.read_bytes() == second.read_bytes()


@needs_bpy
def test_extension_has_manifest_code_license_and_one_wheel_at_its_root(tmp_path: Path) -> None:
    with zipfile.ZipFile(build.package(tmp_path, site_packages())) as archive:
        names = archive.namelist()
    wheels = [name for name in names if name.endswith(".whl")]
    assert {"__init__.py", "blender_manifest.toml", "LICENSE"} <= set(names)
    assert wheels == [f"wheels/{build.wheel_name(build.single_version())}"]
    assert not [name for name in names if "__pycache__" in name or name.startswith("blender_addon/")]


@pytest.mark.parametrize("bad", ["wheels/numpy-1.26.4-cp311-cp311-linux_x86_64.whl", "decoder.so"])
def test_binary_in_the_extension_is_refused_and_the_zip_removed(tmp_path: Path, bad: str) -> None:
    extension = tmp_path / "extension.zip"
    build.write_zip(extension, {"wheels/diffusion_talker-0.1.0-py3-none-any.whl": b"", bad: b""})
    with pytest.raises(build.BuildError, match="no binaries"):
        build.refuse_foreign_files(extension)
    assert not extension.exists()


@needs_bpy
def test_tag_that_blender_does_not_know_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = tmp_path / "blender_manifest.toml"
    manifest.write_text(build.MANIFEST.read_text("utf-8").replace('"Animation"', '"Lip Sync"'), "utf-8")
    monkeypatch.setattr(build, "MANIFEST", manifest)
    with pytest.raises(build.BuildError, match="Lip Sync"):
        build.package(tmp_path / "dist", site_packages())


def test_manifest_asks_for_files_only() -> None:
    manifest = tomllib.loads((ROOT / "blender_manifest.toml").read_text("utf-8"))
    assert set(manifest["permissions"]) == {"files"}
    assert manifest["license"] == ["SPDX:GPL-3.0-or-later"]
    assert manifest["blender_version_min"] == "4.2.0"
    assert len(manifest["tagline"]) <= 64 and manifest["tagline"][-1].isalnum()


@pytest.mark.parametrize("version", [(3, 10), (3, 12), (3, 14)])
def test_unsupported_python_gets_one_sentence(
    version: tuple[int, int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build.sys, "version_info", (*version, 0, "final", 0))
    assert build.main(["demo"]) == 1
    message = capsys.readouterr().err
    assert f"Python {version[0]}.{version[1]}" in message and "install Python 3.11" in message
    assert "Traceback" not in message


def test_missing_interpreter_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "python_candidates", lambda version: [("/no/such/python",)])
    other = next(blender.python for blender in build.BLENDERS if blender.python != sys.version_info[:2])
    with pytest.raises(build.BuildError, match=f"Python {other[0]}.{other[1]} was not found"):
        build.find_python(other)


def test_missing_interpreter_fails_the_test_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = next(blender for blender in build.BLENDERS if blender.python != sys.version_info[:2])
    monkeypatch.setattr(build, "ROOT", tmp_path)
    monkeypatch.setattr(build, "python_candidates", lambda version: [])
    assert build.main(["test", "--blender", other.release]) == 1
    assert "was not found" in capsys.readouterr().err


def test_prepared_environment_is_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A second run starts no process at all, except asking the interpreter for its version."""
    monkeypatch.setattr(build, "ROOT", tmp_path)
    environment = build.environment_of(build.BLENDERS[0])
    environment.python.parent.mkdir(parents=True)
    environment.python.symlink_to(sys.executable)
    blender = environment.blender
    build.remember(environment, [blender.bpy, blender.numpy, *blender.extra])
    monkeypatch.setattr(build, "python_version", lambda command: blender.python)
    monkeypatch.setattr(build, "run", lambda *arguments: pytest.fail(f"nothing to do, yet it ran {arguments}"))
    assert build.prepare(blender, for_tests=False) == environment


def test_new_pin_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    environment = build.Environment(build.BLENDERS[0], tmp_path)
    build.remember(environment, ["bpy==4.2.0", "numpy>=1.26,<2"])
    build.remember(environment, ["bpy==4.2.23"])
    assert build.installed(environment) == {"bpy==4.2.23", "numpy>=1.26,<2"}


def test_missing_recording_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert build.main(["demo", "--audio", "no_such_take.wav"]) == 1
    assert "no_such_take.wav" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["setup", "demo", "test", "package"])
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_info:
        build.main([command, "--help"])
    assert exit_info.value.code == 0
    assert "usage: build.py" in capsys.readouterr().out
