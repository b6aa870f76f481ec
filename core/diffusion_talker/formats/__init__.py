# SPDX-License-Identifier: GPL-3.0-or-later
"""Exchange formats for motion, one file each with its reader beside its writer; here they are chosen by extension."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from diffusion_talker.errors import FormatError
from diffusion_talker.formats.audio2face_json import read_audio2face_json, write_audio2face_json
from diffusion_talker.formats.live_link_csv import read_live_link_csv, write_live_link_csv
from diffusion_talker.formats.motion_npz import read_motion_npz, write_motion_npz
from diffusion_talker.formats.point_cache import EXTENSIONS as CACHE_EXTENSIONS
from diffusion_talker.formats.point_cache import write_point_cache
from diffusion_talker.formats.vertex_npz import VERTEX_EXTENSION, read_vertex_npz, write_vertex_npz
from diffusion_talker.motion import Motion, VertexMotion

__all__ = [
    "FORMATS", "VERTEX_EXTENSIONS", "MotionFormat", "motion_format", "read_motion", "read_vertex_npz", "write_motion",
    "write_vertex_npz", "write_vertices",
]


@dataclass(frozen=True)
class MotionFormat:
    """One exchange format: its file extension with the dot, a name for people, reader and writer."""

    extension: str
    label: str
    read: Callable[[str | os.PathLike[str]], Motion]
    write: Callable[[str | os.PathLike[str], Motion], None]


FORMATS: Final[tuple[MotionFormat, ...]] = (
    MotionFormat(".csv", "Live Link Face", read_live_link_csv, write_live_link_csv),
    MotionFormat(".json", "Audio2Face", read_audio2face_json, write_audio2face_json),
    MotionFormat(".npz", "NumPy", read_motion_npz, write_motion_npz),
)


#: Files that hold the motion of vertices: an archive of offsets, and the caches that animation programs read.
VERTEX_EXTENSIONS: Final[tuple[str, ...]] = (VERTEX_EXTENSION, *CACHE_EXTENSIONS)


def motion_format(path: str | os.PathLike[str]) -> MotionFormat:
    """Format that a file name's extension stands for. Raises FormatError for any other extension."""
    extension = Path(path).suffix.lower()
    for known in FORMATS:
        if known.extension == extension:
            return known
    choices = ", ".join(f"{known.extension} ({known.label})" for known in FORMATS)
    raise FormatError(f"'{path}' does not end in a motion format. Use one of {choices}.")


def read_motion(path: str | os.PathLike[str]) -> Motion:
    """Motion from a file, by extension. Raises FormatError."""
    return motion_format(path).read(path)


def write_motion(path: str | os.PathLike[str], motion: Motion) -> None:
    """Motion to a file, by extension, atomically. Raises FormatError for the extension and OutputError for the disk."""
    motion_format(path).write(path, motion)


def write_vertices(path: str | os.PathLike[str], motion: VertexMotion) -> None:
    """Vertices to a file, by extension, atomically: offsets and neutral face, or a cache of whole positions.

    Raises FormatError for another extension, or a cache of a motion whose neutral face nobody knows; OutputError for
    the disk.
    """
    if Path(path).suffix.lower() not in CACHE_EXTENSIONS:
        return write_vertex_npz(path, motion)
    if motion.neutral is None:
        raise FormatError(f"'{path}' holds positions, and this motion does not know its neutral face. "
                          f"Write {VERTEX_EXTENSION} instead.")
    positions = (motion.neutral + offsets for offsets in motion.offsets)
    return write_point_cache(path, positions, motion.frame_count, motion.offsets.shape[1], motion.rate_hz)
