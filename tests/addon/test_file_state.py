# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a file changed since it was looked at."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType


def test_another_content_is_another_state(addon: ModuleType, tmp_path: Path) -> None:
    path, state = tmp_path / "model.npz", addon.file_state.file_state
    assert state(path) is None
    path.write_bytes(b"one")
    before = state(path)
    assert before == state(str(path)) and before is not None and before[1] == 3
    path.write_bytes(b"another")
    assert state(path) != before


def test_no_path_has_no_state(addon: ModuleType) -> None:
    assert addon.file_state.file_state("") is None, "not that of the working folder"
