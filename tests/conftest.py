# SPDX-License-Identifier: GPL-3.0-or-later
"""What every test may use. The core is imported from the working tree, except in the add-on's suite."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ADDON_TESTS = ROOT / "tests" / "addon"


def is_addon_run(config: pytest.Config) -> bool:
    """True when every path on the command line lies in tests/addon."""
    paths = [Path(argument.split("::")[0]).resolve() for argument in config.args]
    return bool(paths) and all(path.is_relative_to(ADDON_TESTS) for path in paths)


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A job started in the background of a script inherits that, and so would the processes that tests interrupt.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if not is_addon_run(config):
        sys.path.insert(0, str(ROOT / "core"))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """bpy is one global state: the add-on's suite needs a process of its own."""
    return True if collection_path == ADDON_TESTS and not is_addon_run(config) else None


def pytest_report_header(config: pytest.Config) -> str:
    return (
        "suite: add-on, inside Blender" if is_addon_run(config) else "suite: core (tests/addon needs a run of its own)"
    )


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """Folder of reference recordings and takes that are not part of the repository."""
    folder = Path(os.environ.get("DIFFUSION_TALKER_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip("reference recordings are absent: set DIFFUSION_TALKER_SHARED to their folder")
    return folder
