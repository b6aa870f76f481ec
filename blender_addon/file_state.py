# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a file changed since it was looked at last. No bpy here."""

from __future__ import annotations

from pathlib import Path

FileState = tuple[int, int] | None


def file_state(path: str | Path) -> FileState:
    """What changes with a file, or with the content of a folder: its time in ns and its size; None where there is none,
    and for an empty path."""
    if path == "":
        return None
    try:
        state = Path(path).stat()
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size
