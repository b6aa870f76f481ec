# SPDX-License-Identifier: GPL-3.0-or-later
"""What the readers of motion files share."""

from __future__ import annotations

import os
from pathlib import Path

from diffusion_talker.errors import FormatError

MAX_RATE_HZ = 1000.0


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """Content of the file. Raises FormatError where it cannot be had."""
    try:
        return Path(path).read_bytes()
    except FileNotFoundError as error:
        raise FormatError(f"There is no file '{path}'. Check the path.") from error
    except IsADirectoryError as error:
        raise FormatError(f"'{path}' is a folder. Choose a motion file.") from error
    except OSError as error:
        raise FormatError(f"'{path}' could not be read: {error.strerror}. Check the file and its permissions.") from error


def read_text(path: str | os.PathLike[str]) -> str:
    """Content as UTF-8 text, with or without a byte order mark. Raises FormatError."""
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(f"'{path}' is not a text file. Choose a file of the format its extension names.") from error


def checked_rate(path: str | os.PathLike[str], field: str, value: object) -> float:
    """Frame rate from a file's field. Raises FormatError unless it is a number in (0, 1000]."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= MAX_RATE_HZ:
        raise FormatError(f"'{path}': '{field}' must be a frame rate such as 30 or 60, not {value!r}. Correct the file.")
    return float(value)
