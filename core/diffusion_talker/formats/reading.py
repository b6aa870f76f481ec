# SPDX-License-Identifier: GPL-3.0-or-later
"""What the readers of motion files share."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from diffusion_talker.channels import canonical_motion_channel
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
        raise FormatError(f"'{path}' could not be read: {error.strerror}. Check its permissions.") from error


def read_text(path: str | os.PathLike[str]) -> str:
    """Content as UTF-8 text, with or without a byte order mark. Raises FormatError."""
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(f"'{path}' is not a text file. Choose a file of the format its extension names.") from error


def checked_rate(path: str | os.PathLike[str], field: str, value: object) -> float:
    """Frame rate from a file's field. Raises FormatError unless it is a number in (0, 1000]."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= MAX_RATE_HZ:
        raise FormatError(f"'{path}': '{field}' must be a frame rate such as 30, not {value!r}. Correct the file.")
    return float(value)


def checked_channels(path: str | os.PathLike[str], where: str, names: Sequence[str]) -> tuple[str, ...]:
    """Names of a file's columns in our spelling. Raises FormatError if two of them mean the same channel."""
    channels = tuple(canonical_motion_channel(name) for name in names)
    seen: dict[str, str] = {}
    for channel, name in zip(channels, names, strict=True):
        if channel in seen:
            raise FormatError(f"'{path}', {where}: '{seen[channel]}' and '{name}' are the same channel. Remove one.")
        seen[channel] = name
    return channels
