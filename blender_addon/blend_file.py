# SPDX-License-Identifier: GPL-3.0-or-later
"""Saving a .blend so that a full disk costs nothing: the old file stays until the new one is known to be whole."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import bpy

from .problems import LipSyncProblem

_UNCOMPRESSED: Final = b"BLENDER"
_LAST_BLOCK: Final = b"ENDB"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_SEEK_TABLE_END: Final = b"\xb1\xea\x92\x8f"  # zstd's seekable format, which Blender writes, ends with this number
_TAIL_BYTES: Final = 64


def save(path: Path) -> None:
    """Save the open file to `path` without changing which file is open.

    Blender 5.0 to 5.2 report success when the disk fills up during the last write of a small compressed file, and
    put the torn file in the place of the old one. So the new file is written beside the old one and looked at first.

    Raises:
        LipSyncProblem: it could not be written; what was at `path` before is still there.
    """
    partial = path.with_name(f"{path.name}.partial")
    try:
        result = bpy.ops.wm.save_as_mainfile(filepath=str(partial), check_existing=False, copy=True)
        if "FINISHED" not in result or not is_whole(partial):
            raise LipSyncProblem(_message(path, ""))
        _put_in_place(partial, path)
    except (RuntimeError, OSError) as error:
        raise LipSyncProblem(_message(path, str(error))) from error
    finally:
        partial.unlink(missing_ok=True)


def is_whole(path: Path) -> bool:
    """Whether a .blend was written to its end."""
    with path.open("rb") as file:
        head = file.read(len(_UNCOMPRESSED))
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        tail = file.read()
    if head.startswith(_ZSTD):
        return tail.endswith(_SEEK_TABLE_END)
    return head == _UNCOMPRESSED and _LAST_BLOCK in tail


def _put_in_place(partial: Path, path: Path) -> None:
    """Keep the old file as .blend1, as Blender does for those who ask for backups."""
    if path.exists() and bpy.context.preferences.filepaths.save_version > 0:
        os.replace(path, path.with_name(f"{path.name}1"))
    os.replace(partial, path)


def _message(path: Path, detail: str) -> str:
    lines = detail.strip().removeprefix("Error: ").splitlines()
    reason = f" ({lines[0]})" if lines and lines[0] != "Success" else ""  # Blender's word for a write cut short
    return f"{path} could not be saved{reason}: free some space or save elsewhere. The file that was there is unharmed"
