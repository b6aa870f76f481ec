# SPDX-License-Identifier: GPL-3.0-or-later
"""A file appears whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from diffusion_talker import files
from diffusion_talker.errors import OutputError
from diffusion_talker.files import atomic_write


def test_the_file_appears_at_the_end_only(tmp_path: Path) -> None:
    target = tmp_path / "take.csv"
    with atomic_write(target) as stream:
        stream.write(b"half")
        assert not target.exists()
    assert target.read_bytes() == b"half"
    assert os.listdir(tmp_path) == ["take.csv"]


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, ValueError, MemoryError])
def test_an_interrupt_leaves_the_old_file_and_nothing_else(tmp_path: Path, interruption: type[BaseException]) -> None:
    target = tmp_path / "take.csv"
    target.write_bytes(b"old")
    with pytest.raises(interruption), atomic_write(target) as stream:
        stream.write(b"new")
        raise interruption
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["take.csv"]


def test_a_full_disk_says_so_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OutputError, match="disk is full. Free some space"):
        with atomic_write(tmp_path / "take.csv") as stream:
            stream.write(b"curves")
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_device_is_reported_and_survives() -> None:
    with pytest.raises(OutputError, match="disk is full"), atomic_write("/dev/full") as stream:
        stream.write(b"x" * 100_000)
    assert Path("/dev/full").is_char_device()


def test_the_message_tells_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    cases = {tmp_path / "none" / "x.csv": "Create the folder", tmp_path / "file" / "x.csv": "Choose another path",
             tmp_path / "folder": "Choose a file name", tmp_path / ("x" * 300): "shorter"}
    for target, advice in cases.items():
        with pytest.raises(OutputError, match=advice), atomic_write(target) as stream:
            stream.write(b"x")


def test_new_files_have_the_usual_permissions(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    with atomic_write(tmp_path / "take.csv") as stream:
        stream.write(b"x")
    assert (tmp_path / "take.csv").stat().st_mode == (tmp_path / "plain").stat().st_mode
