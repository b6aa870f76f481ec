# SPDX-License-Identifier: GPL-3.0-or-later
"""The user's own identities on disk: kept, shared between programs, and never lost."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import diffusion_talker
from diffusion_talker.errors import IdentityFileError, LibraryError, OutputError, SettingsError
from diffusion_talker.library import UserIdentity, UserLibrary, default_library_folder, read_identity
from diffusion_talker.library.identity import encode_identity
from diffusion_talker.library.voiceprint import STATISTICS

WRITE_MANY = """
import sys; sys.path.insert(0, sys.argv[1])
from pathlib import Path
from diffusion_talker.errors import LibraryError
from diffusion_talker.library import UserIdentity, UserLibrary
library, mine, taken = UserLibrary(Path(sys.argv[2])), sys.argv[3], 0
for number in range(12):
    library.add(UserIdentity(f"{mine} {number}"))
    library.rename(f"{mine} {number}", f"{mine} no. {number}")
    try:
        library.add(UserIdentity(f"Shared {number}", description=mine))
    except LibraryError:
        taken += 1
print(taken)
"""


def make_identity(name: str = "Ada") -> UserIdentity:
    random = np.random.default_rng(1)
    return UserIdentity(
        name, "a voice", (("Plain", 0.75), ("Calm", 0.25)), "abc", random.random(STATISTICS).astype(np.float32),
        (random.integers(0, 255, (240, 80)).astype(np.uint8),), 4.5,
    )


def names(library: UserLibrary) -> list[str]:
    return [identity.name for identity in library.listing().identities]


def test_what_is_kept_is_read(tmp_path: Path) -> None:
    UserLibrary(tmp_path / "new" / "folder").add(make_identity())
    (read,) = UserLibrary(tmp_path / "new" / "folder").listing().identities
    original = make_identity()
    assert (read.name, read.description, read.shares, read.space) == ("Ada", "a voice", original.shares, "abc")
    np.testing.assert_array_equal(read.statistics, original.statistics)
    np.testing.assert_array_equal(read.sketches[0], original.sketches[0])


def test_a_folder_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert UserLibrary(tmp_path / "none").listing().identities == ()
    with pytest.raises(LibraryError, match="is empty"):
        UserLibrary(tmp_path / "none").get("Ada")


def test_rename_duplicate_remove(tmp_path: Path) -> None:
    library = UserLibrary(tmp_path)
    library.add(make_identity())
    assert library.duplicate("ada") == "Ada 2" and library.duplicate("Ada 2") == "Ada 3"
    library.rename("Ada 2", "Büro")
    library.rename("büro", "BÜRO")
    assert names(library) == ["Ada", "Ada 3", "BÜRO"]
    library.remove("ADA")
    assert names(library) == ["Ada 3", "BÜRO"] and len(list(tmp_path.iterdir())) == 2
    with pytest.raises(LibraryError, match="Did you mean BÜRO"):
        library.remove("bürro")


def test_export_and_import(tmp_path: Path) -> None:
    library, other = UserLibrary(tmp_path / "a"), UserLibrary(tmp_path / "b")
    library.add(make_identity())
    library.export_to("Ada", tmp_path / "ada.npz")
    assert (tmp_path / "ada.npz").stat().st_size < 40_000
    assert other.import_from(tmp_path / "ada.npz").name == "Ada"
    assert other.import_from(tmp_path / "ada.npz").name == "Ada 2"
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(IdentityFileError, match="damaged or no identity"):
        other.import_from(tmp_path / "text.npz")
    with pytest.raises(IdentityFileError, match="could not be read"):
        other.import_from(tmp_path / "none.npz")


@pytest.mark.parametrize("name", ["", "  ", "auto", "Auto", "a:b", "a,b", "x" * 61, "a\x00b"])
def test_names_that_cannot_be(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match="cannot be a name"):
        UserLibrary(tmp_path).add(make_identity(name))


def test_a_name_is_taken_once(tmp_path: Path) -> None:
    library = UserLibrary(tmp_path)
    library.add(make_identity())
    with pytest.raises(LibraryError, match="already"):
        library.add(make_identity("ADA"))


@pytest.mark.parametrize("damage", [b"", b"hello", "cut", "pickle", "foreign", "nameless", "nan"])
def test_damaged_files_are_set_aside_and_kept(tmp_path: Path, damage: bytes | str) -> None:
    library = UserLibrary(tmp_path)
    library.add(make_identity())
    library.add(make_identity("Bea"))
    path = library._path("Ada")
    content = damage if isinstance(damage, bytes) else damaged(path, damage)
    path.write_bytes(content)
    listing = library.listing()
    assert [identity.name for identity in listing.identities] == ["Bea"]
    (message,) = listing.messages
    assert "set aside" in message and "nothing was deleted" in message
    kept = path.with_name(path.name + ".damaged")
    assert kept.read_bytes() == content
    assert library.listing().messages == ()
    library.add(make_identity())
    path.write_bytes(b"again")
    assert library.listing().messages and kept.read_bytes() == content
    assert path.with_name(path.name + ".damaged.2").read_bytes() == b"again"


def damaged(path: Path, how: str) -> bytes:
    if how == "cut":
        return path.read_bytes()[:-200]
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    values = json.loads(str(arrays["metadata"]))
    if how == "pickle":
        arrays["metadata"] = np.array([{"format": "x"}], dtype=object)
    elif how == "nan":
        arrays["statistics"] = np.full(STATISTICS, np.nan)
    else:
        changes = {"format": "other"} if how == "foreign" else {"name": " "}
        arrays["metadata"] = np.array(json.dumps(values | changes))
    np.savez(path, **arrays)
    return path.read_bytes()


def test_later_versions_may_add_fields(tmp_path: Path) -> None:
    path = tmp_path / "ada.identity.npz"
    path.write_bytes(encode_identity(make_identity()))
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    values = json.loads(str(arrays["metadata"])) | {"version": 9, "mood": "good"}
    np.savez(path, **arrays | {"metadata": np.array(json.dumps(values)), "more": np.zeros(3)})
    assert read_identity(path).name == "Ada"
    assert names(UserLibrary(tmp_path)) == ["Ada"]


def test_a_file_copied_by_hand_gets_a_number(tmp_path: Path) -> None:
    library = UserLibrary(tmp_path)
    library.add(make_identity())
    (tmp_path / "copy.identity.npz").write_bytes(library._path("Ada").read_bytes())
    assert names(library) == ["Ada", "Ada 2"]


def test_two_programs_at_once_lose_nothing(tmp_path: Path) -> None:
    root = str(Path(diffusion_talker.__file__).parent.parent)
    programs = [
        subprocess.Popen([sys.executable, "-c", WRITE_MANY, root, str(tmp_path), mine], stdout=subprocess.PIPE)
        for mine in ("One", "Two")
    ]
    outputs = [program.communicate(timeout=120)[0] for program in programs]
    assert [program.returncode for program in programs] == [0, 0]
    assert sum(int(output) for output in outputs) == 12  # each shared name went to one of the two
    listing = UserLibrary(tmp_path).listing()
    expected = {f"{mine} no. {number}" for mine in ("One", "Two") for number in range(12)}
    expected |= {f"Shared {number}" for number in range(12)}
    assert {identity.name for identity in listing.identities} == expected
    assert listing.messages == () and len(list(tmp_path.iterdir())) == len(expected)


def test_a_full_disk_leaves_the_old_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = UserLibrary(tmp_path)
    library.add(make_identity())

    def fail(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    for change in (lambda: library.add(make_identity("Bea")), lambda: library.rename("Ada", "Bea")):
        with pytest.raises(OutputError, match="Free some space"):
            change()
    assert names(library) == ["Ada"] and len(list(tmp_path.iterdir())) == 1


def test_without_links_a_name_is_still_taken_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    library = UserLibrary(tmp_path)
    library.add(make_identity())
    assert names(library) == ["Ada"] and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("platform", ["win32", "darwin", "linux"])
def test_the_default_folder_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, platform: str) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv("APPDATA", str(tmp_path / "roaming"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    folder = default_library_folder()
    assert folder.is_relative_to(tmp_path) and folder.name == "identities"
