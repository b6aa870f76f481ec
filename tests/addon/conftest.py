# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender for the add-on's tests: the built extension in a throw-away profile, enabled before any test is imported."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
MODULE = "bl_ext.user_default.diffusion_talker"
HAS_BPY = importlib.util.find_spec("bpy") is not None
SCRATCH = pytest.StashKey[Path]()
EXIT_CODE = pytest.StashKey[int]()

collect_ignore_glob = [] if HAS_BPY else ["test_*.py"]


def pytest_report_header(config: pytest.Config) -> str:
    if not HAS_BPY:
        return "add-on tests skipped: the bpy module is not installed here, run `python build.py test`"
    import bpy

    return f"Blender {bpy.app.version_string}"


def pytest_configure(config: pytest.Config) -> None:
    """Point Blender at an empty profile; has to happen before anything imports bpy."""
    scratch = Path(tempfile.mkdtemp(prefix="diffusion_talker_test_"))
    config.stash[SCRATCH] = scratch
    os.environ["BLENDER_USER_RESOURCES"] = str(scratch / "profile")
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != ROOT / "core"]


def pytest_sessionstart(session: pytest.Session) -> None:
    if HAS_BPY:
        install_extension(built_extension(session.config.stash[SCRATCH]))


def built_extension(scratch: Path) -> Path:
    """The zip under test: DIFFUSION_TALKER_ZIP, or one built now from the working tree."""
    given = os.environ.get("DIFFUSION_TALKER_ZIP")
    if given:
        return Path(given)
    import build

    bpy_folder = Path(importlib.util.find_spec("bpy").submodule_search_locations[0])
    return build.package(scratch / "dist", bpy_folder.parent)


def install_extension(extension: Path) -> None:
    """Install as a user does; the operator says FINISHED even when it refused, so ask the preferences."""
    import bpy

    bpy.ops.extensions.package_install_files(
        filepath=str(extension), repo="user_default", enable_on_install=True, overwrite=True
    )
    if MODULE not in bpy.context.preferences.addons:
        pytest.exit(
            f"Blender {bpy.app.version_string} did not enable {extension.name}: the lines above say why", returncode=3
        )
    import diffusion_talker

    assert Path(diffusion_talker.__file__).is_relative_to(os.environ["BLENDER_USER_RESOURCES"]), (
        "the core must come from the extension's wheel"
    )


@pytest.fixture(scope="session")
def addon() -> ModuleType:
    """The installed extension's module, as Blender imported it."""
    return sys.modules[MODULE]


@pytest.fixture
def fresh_scene() -> Iterator[object]:
    """An empty factory scene; add-ons stay enabled, unlike after read_factory_settings."""
    import bpy

    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    yield bpy.context.scene


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    session.config.stash[EXIT_CODE] = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave without the interpreter's shutdown: a leftover registration crashes Blender 4.2 and hangs 4.5 there."""
    shutil.rmtree(config.stash[SCRATCH], ignore_errors=True)
    if "bpy" in sys.modules:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(config.stash.get(EXIT_CODE, 3))
