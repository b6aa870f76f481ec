# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing files so that a full disk or an interrupt never leaves half of one behind."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from diffusion_talker.errors import OutputError

_ADVICE = {
    errno.ENOSPC: "the disk is full. Free some space or choose another folder",
    errno.EDQUOT: "your disk quota is used up. Free some space or choose another folder",
    errno.EACCES: "permission was denied. Choose a folder you may write to",
    errno.EPERM: "permission was denied. Choose a folder you may write to",
    errno.EROFS: "this disk is read-only. Choose another folder",
    errno.ENOENT: "its folder does not exist. Create the folder or choose another",
    errno.ENOTDIR: "a part of its path is a file, not a folder. Choose another path",
    errno.EISDIR: "it is a folder. Choose a file name",
    errno.ENAMETOOLONG: "the name is too long. Choose a shorter one",
}


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Binary file that appears under `path` only when the block ends well; an older file stays untouched until then.

    Anything raised inside, an interrupt too, removes the partial file. Raises OutputError where writing fails.
    """
    target = Path(path)
    # A device or pipe has no "half-written" state and must not be replaced by a regular file.
    in_place = os.path.exists(target) and not os.path.isfile(target) and not os.path.isdir(target)
    partial = target if in_place else target.with_name(f".{target.name[:100]}.{os.getpid()}.part")
    try:
        if os.path.isdir(target):
            raise IsADirectoryError(errno.EISDIR, "is a directory")
        with open(partial, "wb") as stream:
            yield stream
            stream.flush()
            if not in_place:
                os.fsync(stream.fileno())
        if not in_place:
            os.replace(partial, target)
    except OSError as error:
        raise OutputError(f"Could not write '{target}': {_advice(error)}.") from error
    finally:
        if not in_place:
            with suppress(OSError):
                partial.unlink(missing_ok=True)


def _advice(error: OSError) -> str:
    reason = error.strerror or str(error)
    return _ADVICE.get(error.errno or 0, f"{reason}. Choose another place")
