# SPDX-License-Identifier: GPL-3.0-or-later
"""NumPy archive: weights (T, C) float32, names (C,) unicode, fps (). Read and written without pickle."""

from __future__ import annotations

import io
import os
import struct
import zipfile
import zlib

import numpy as np

from diffusion_talker.errors import FormatError
from diffusion_talker.files import atomic_write
from diffusion_talker.formats.reading import checked_channels, checked_rate, read_bytes
from diffusion_talker.motion import Motion

_FIELDS = ("weights", "names", "fps")
#: Everything that zipfile, zlib and NumPy raise on damaged bytes.
UNREADABLE_ARCHIVE = (
    ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, struct.error, MemoryError,
    NotImplementedError, SyntaxError, TypeError, RuntimeError, OverflowError,
)


def read_motion_npz(path: str | os.PathLike[str]) -> Motion:
    """Motion from an archive. Raises FormatError naming the field that is missing or wrong."""
    content = read_bytes(path)
    weights, names, fps = (_read_field(path, content, field) for field in _FIELDS)
    if weights.ndim != 2 or weights.dtype.kind not in "fiu":
        found = f"{weights.dtype} {weights.shape}"
        raise FormatError(f"'{path}': 'weights' must be numbers (frames, channels), not {found}. Export it again.")
    if names.dtype.kind != "U" or names.shape != weights.shape[1:]:
        raise FormatError(f"'{path}': 'names' must be {weights.shape[1]} text names, one a column. Export it again.")
    if not np.isfinite(weights).all():
        frame = int(np.argwhere(~np.isfinite(weights))[0, 0])
        raise FormatError(f"'{path}': 'weights' holds a value that is not a number in frame {frame}. Export it again.")
    rate_hz = checked_rate(path, "fps", fps.item() if fps.ndim == 0 else fps.tolist())
    return Motion(weights, checked_channels(path, "'names'", names.tolist()), rate_hz)


def write_motion_npz(path: str | os.PathLike[str], motion: Motion) -> None:
    """Archive of the motion, atomically. Raises OutputError."""
    archive = io.BytesIO()  # a zip that fails half-way on a full disk complains once more when it is collected
    np.savez(archive, weights=motion.weights, names=np.array(motion.channels, dtype=np.str_),
             fps=np.float64(motion.rate_hz))
    with atomic_write(path) as stream:
        stream.write(archive.getvalue())


def _read_field(path: str | os.PathLike[str], content: bytes, field: str) -> np.ndarray:
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            if field in archive.files:
                return archive[field]
            holds_vertices = "offsets" in archive.files
    except UNREADABLE_ARCHIVE as error:
        raise FormatError(f"'{path}' is damaged or not a NumPy archive (.npz). Export it again.") from error
    if holds_vertices:
        raise FormatError(f"'{path}' holds the vertices of a mesh, not curves. Choose a motion of blendshapes.")
    raise FormatError(f"'{path}' has no field '{field}'. A motion archive holds {', '.join(_FIELDS)}.")
