# SPDX-License-Identifier: GPL-3.0-or-later
"""The user's own identities: a folder with one small file for each, which several programs may use at once.

Nothing is locked. A new file appears under its name whole and only if nobody took the name first; a change replaces
a file in one step. What cannot be read is set aside under another name, with a message, and never deleted.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
import uuid
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from diffusion_talker.errors import IdentityFileError, LibraryError, OutputError, SettingsError
from diffusion_talker.files import atomic_write
from diffusion_talker.library.identity import MAX_NAME_LENGTH, UserIdentity, encode_identity, read_identity
from diffusion_talker.library.names import find_name, folded

SUFFIX = ".identity.npz"
DAMAGED_SUFFIX = ".damaged"
_RESERVED = ("auto",)


@dataclass(frozen=True)
class Listing:
    """What a library holds. identities: by name; messages: sentences about files that were set aside or not read."""

    identities: tuple[UserIdentity, ...]
    messages: tuple[str, ...] = ()


def default_library_folder() -> Path:
    """Where the command line keeps identities: the user's data folder of this platform. It need not exist yet."""
    home = Path.home()
    if sys.platform == "win32":
        base = Path(os.environ.get("APPDATA") or home / "AppData" / "Roaming")
    elif sys.platform == "darwin":
        base = home / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    return base / "diffusion_talker" / "identities"


class UserLibrary:
    """Identities in a folder. Holds no state but its path, so that what others write is seen with the next call."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    def listing(self) -> Listing:
        """Every identity, by name; damaged files are set aside first."""
        identities: dict[str, UserIdentity] = {}
        messages: list[str] = []
        for path in self._files():
            try:
                identity = read_identity(path)
            except IdentityFileError:
                messages.append(_set_aside(path))
            except OSError as error:
                if path.exists():  # else another program removed or renamed it meanwhile
                    messages.append(f"'{path.name}' could not be read ({error.strerror}): check its permissions.")
            else:
                identity = _with_free_name(identity, identities)
                identities[folded(identity.name)] = identity
        return Listing(tuple(identities[key] for key in sorted(identities)), tuple(messages))

    def get(self, name: str) -> UserIdentity:
        """The identity of that name. Raises LibraryError."""
        identities = self.listing().identities
        if not identities:
            raise LibraryError(f"There is no identity '{name}' of your own: the library in {self.folder} is empty.")
        known = [identity.name for identity in identities]
        return identities[known.index(find_name("identity", name, known))]

    def add(self, identity: UserIdentity) -> None:
        """Keep a new identity. Raises LibraryError if the name is taken, OutputError where it cannot be written."""
        identity = replace(identity, name=checked_name(identity.name))
        if any(folded(other.name) == folded(identity.name) for other in self.listing().identities):
            raise _taken(identity.name)
        self._make_folder()
        _publish(self._path(identity.name), encode_identity(identity), identity.name)

    def replace(self, identity: UserIdentity) -> None:
        """Keep another version of an identity that is there. Raises LibraryError, OutputError."""
        with atomic_write(self._path_of(identity.name)) as stream:
            stream.write(encode_identity(identity))

    def rename(self, old: str, new: str) -> None:
        """Give another name. Raises LibraryError, OutputError."""
        identity, path = self.get(old), self._path_of(old)
        if folded(identity.name) == folded(new):
            self.replace(replace(identity, name=checked_name(new)))
            return
        self.add(replace(identity, name=new))
        _unlink(path)  # last: an interrupt leaves both, never none

    def duplicate(self, name: str) -> str:
        """Add a copy and return its name. Raises LibraryError, OutputError."""
        identity = self.get(name)
        taken = {folded(other.name): other for other in self.listing().identities}
        copy = _with_free_name(identity, taken)
        self.add(copy)
        return copy.name

    def remove(self, name: str) -> None:
        """Delete an identity. Raises LibraryError, OutputError."""
        _unlink(self._path_of(name))

    def export_to(self, name: str, path: Path) -> None:
        """Copy an identity into a file of its own. Raises LibraryError, OutputError."""
        identity = self.get(name)
        with atomic_write(path) as stream:
            stream.write(encode_identity(identity))

    def import_from(self, path: Path) -> UserIdentity:
        """Add an identity from a file; if its name is taken it gets a number.

        Raises IdentityFileError for a file that is none, OutputError where it cannot be kept.
        """
        try:
            identity = read_identity(path)
        except OSError as error:
            raise IdentityFileError(f"'{path}' could not be read ({error.strerror}): choose another file.") from error
        identity = _with_free_name(identity, {folded(other.name): other for other in self.listing().identities})
        self.add(identity)
        return identity

    # -- files ---------------------------------------------------------------------------------------------------

    def _files(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        return sorted(path for path in self.folder.glob(f"*{SUFFIX}") if path.is_file() and path.name[0] != ".")

    def _path(self, name: str) -> Path:
        """The file that this name would have: readable, and another one for every other name."""
        readable = re.sub(r"[^a-z0-9]+", "_", folded(name)).strip("_")[:40] or "identity"
        return self.folder / f"{readable}-{hashlib.sha256(folded(name).encode()).hexdigest()[:8]}{SUFFIX}"

    def _path_of(self, name: str) -> Path:
        """The file that holds this name now; somebody may have copied or renamed it by hand."""
        name = self.get(name).name
        path = self._path(name)
        if path.is_file():
            return path
        for candidate in self._files():
            if folded(read_identity(candidate).name) == folded(name):
                return candidate
        raise LibraryError(f"'{name}' has a file whose content bears another name: rename the copy first.")

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"The folder '{self.folder}' could not be made: {error.strerror}. Choose another with "
                              "--library.") from error


def checked_name(name: str) -> str:
    """A name as it can be kept. Raises SettingsError."""
    name = " ".join(name.split())
    if not name or len(name) > MAX_NAME_LENGTH or not name.isprintable():
        raise SettingsError(f"'{name[:80]}' cannot be a name: give 1 to {MAX_NAME_LENGTH} letters.")
    if folded(name) in _RESERVED or set(name) & set(":,="):
        raise SettingsError(f"'{name}' cannot be a name: 'auto' and the characters : , = have a meaning of their own.")
    return name


def _taken(name: str) -> LibraryError:
    return LibraryError(f"There is an identity '{name}' of your own already: choose another name, or remove it first.")


def _publish(path: Path, content: bytes, name: str) -> None:
    """Make a whole file appear under a name that must be free. Raises LibraryError, OutputError."""
    whole = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        with atomic_write(whole) as stream:
            stream.write(content)
        try:
            os.link(whole, path)  # fails if somebody took the name in this very moment
        except FileExistsError as error:
            raise _taken(name) from error
        except OSError:  # a file system without links
            if path.exists():
                raise _taken(name) from None
            os.replace(whole, path)
    finally:
        with suppress(OSError):
            whole.unlink(missing_ok=True)


def _set_aside(path: Path) -> str:
    """Move a damaged file out of the way, keeping it and its older namesakes, and say so."""
    for number in range(1, 1000):
        target = path.with_name(f"{path.name}{DAMAGED_SUFFIX}{'' if number == 1 else f'.{number}'}")
        if target.exists():
            continue
        try:
            path.rename(target)
        except OSError as error:
            return f"'{path.name}' is damaged and could not be moved away ({error.strerror}): remove it yourself."
        return f"'{path.name}' is damaged. It was set aside as '{target.name}' in {path.parent}; nothing was deleted."
    return f"'{path.name}' is damaged, like many before it: clear up {path.parent}."


def _unlink(path: Path) -> None:
    try:
        path.unlink()
    except FileNotFoundError:
        return  # another program removed it: what was asked for is so
    except OSError as error:
        raise OutputError(f"'{path}' could not be removed: {error.strerror}. Check its permissions.") from error


def _with_free_name(identity: UserIdentity, taken: dict[str, UserIdentity]) -> UserIdentity:
    """The identity, under a numbered name if its own is taken."""
    if folded(identity.name) not in taken:
        return identity
    stem = re.sub(r" \d+$", "", identity.name)[: MAX_NAME_LENGTH - 5]
    number = 2
    while folded(f"{stem} {number}") in taken:
        number += 1
    return replace(identity, name=f"{stem} {number}")
