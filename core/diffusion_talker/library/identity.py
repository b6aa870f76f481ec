# SPDX-License-Identifier: GPL-3.0-or-later
"""An identity of the user's own, and the small file that holds it.

One .npz, read without pickle: `metadata` (JSON text), `statistics` (float32, the voice in numbers that depend on no
student) and `sketch_0`, `sketch_1`, ... (uint8 log-mel, some seconds of each recording). Fields and arrays that a
reader does not know are passed over, so that every later version may add to it.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from diffusion_talker.audio import MELS
from diffusion_talker.errors import IdentityFileError
from diffusion_talker.library.voiceprint import STATISTICS

FORMAT = "diffusion_talker.identity"
VERSION = 1
MAX_NAME_LENGTH = 60
_UNREADABLE = (ValueError, EOFError, KeyError, TypeError, struct.error, zlib.error, zipfile.BadZipFile, RuntimeError)


@dataclass(frozen=True)
class UserIdentity:
    """A talker that the user made.

    Attributes:
        name, description: as shown in lists.
        shares: how much of each built-in talker's style is in it, (name, share), in the student of `space`.
        space: the embedding space in which the shares were found, see `Student.space`; empty for a mixture by hand,
            whose names are meant in any student.
        statistics: (STATISTICS,) of the voice; zeros if it has none (a mixture).
        sketches: (F, 80) uint8 log-mel of the recordings, from which shares in another student are found.
        voiced_s: seconds of voiced sound it was made from.
    """

    name: str
    description: str = ""
    shares: tuple[tuple[str, float], ...] = ()
    space: str = ""
    statistics: np.ndarray = field(default_factory=lambda: np.zeros(STATISTICS, np.float32), repr=False)
    sketches: tuple[np.ndarray, ...] = field(default=(), repr=False)
    voiced_s: float = 0.0

    @property
    def has_voice(self) -> bool:
        """Whether a recording can be compared with it."""
        return bool(np.any(self.statistics))


def encode_identity(identity: UserIdentity) -> bytes:
    """The file's content."""
    text = json.dumps({
        "format": FORMAT, "version": VERSION, "name": identity.name, "description": identity.description,
        "shares": [list(share) for share in identity.shares], "space": identity.space,
        "voiced_s": identity.voiced_s,
    }, ensure_ascii=False)
    arrays = {f"sketch_{number}": sketch for number, sketch in enumerate(identity.sketches)}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, metadata=np.array(text), statistics=identity.statistics.astype(np.float32), **arrays)
    return buffer.getvalue()


def read_identity(path: Path) -> UserIdentity:
    """Read one file.

    Raises:
        IdentityFileError: what is there is damaged or no identity.  OSError: it cannot be opened just now.
    """
    content = path.read_bytes()
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise ValueError("an array alone")
            return _decode(archive)
    except _UNREADABLE as error:
        raise IdentityFileError(f"'{path.name}' is damaged or no identity file ({error}): export it again, or enrol "
                                "the voice again.") from error


def _decode(archive: Any) -> UserIdentity:
    values = json.loads(str(archive["metadata"]))
    if values["format"] != FORMAT:
        raise ValueError("of another program")
    statistics = archive["statistics"].astype(np.float32)
    sketches = tuple(archive[name] for name in sorted(archive.files) if name.startswith("sketch_"))
    fits = statistics.shape == (STATISTICS,) and np.isfinite(statistics).all()
    if not fits or any(part.ndim != 2 or part.shape[1] != MELS or part.dtype != np.uint8 for part in sketches):
        raise ValueError("its arrays do not fit")
    return UserIdentity(
        name=_name(values["name"]), description=str(values.get("description", "")), space=str(values.get("space", "")),
        shares=_pairs(values.get("shares", ())), statistics=statistics, sketches=sketches,
        voiced_s=float(values.get("voiced_s", 0.0)),
    )


def _name(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("it has no name")
    return value.strip()[:MAX_NAME_LENGTH]


def _pairs(values: Any) -> tuple[tuple[str, float], ...]:
    pairs = tuple((str(name), float(value)) for name, value in values)
    if not np.isfinite([value for _, value in pairs]).all():
        raise ValueError("a share is no number")
    return pairs
