# SPDX-License-Identifier: GPL-3.0-or-later
"""Vertex caches: PC2 (header and float32, little endian) and MDD (header, times, float32, big endian), whole positions
of every vertex in every frame, read back without loading them.

PC2: "POINTCACHE2\\0", version 1, vertices, start frame, frames a sample, samples; then samples x vertices x (x, y, z).
MDD: frames, vertices; then the time of every frame in seconds; then frames x vertices x (x, y, z).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from diffusion_talker.errors import FormatError
from diffusion_talker.files import atomic_write

EXTENSIONS: Final = (".pc2", ".mdd")
_PC2_HEADER: Final = struct.Struct("<12siiffi")
_PC2_MAGIC: Final = b"POINTCACHE2\0"
_MDD_HEADER: Final = struct.Struct(">2i")


@dataclass(frozen=True)
class PointCache:
    """A cache on disk: points (T, V, 3) float32, mapped into memory, not loaded."""

    points: np.ndarray

    @property
    def frame_count(self) -> int:
        """T."""
        return self.points.shape[0]

    @property
    def vertex_count(self) -> int:
        """V."""
        return self.points.shape[1]


def cache_bytes(extension: str, frame_count: int, vertex_count: int) -> int:
    """Size of a cache's file. Raises FormatError for an extension that is no cache's."""
    points = 12 * frame_count * vertex_count
    return points + (_PC2_HEADER.size if _is_pc2(extension) else _MDD_HEADER.size + 4 * frame_count)


def write_point_cache(
    path: str | os.PathLike[str], frames: Iterable[np.ndarray], frame_count: int, vertex_count: int, rate_hz: float
) -> None:
    """Write frames (V, 3) one after the other, atomically; only one is in memory at a time.

    The extension chooses PC2 or MDD. Raises FormatError for any other, OutputError for the disk, ValueError where the
    frames are not as many, or not as large, as was said.
    """
    is_pc2 = _is_pc2(Path(path).suffix)
    number = np.dtype("<f4" if is_pc2 else ">f4")
    written = 0
    with atomic_write(path) as stream:
        stream.write(_header(is_pc2, frame_count, vertex_count, rate_hz))
        for points in frames:
            if points.shape != (vertex_count, 3):
                raise ValueError(f"a frame of {points.shape}, where {vertex_count} vertices were announced")
            stream.write(np.ascontiguousarray(points, number).tobytes())
            written += 1
        if written != frame_count:
            raise ValueError(f"{written} frames, where {frame_count} were announced")


def read_point_cache(path: str | os.PathLike[str]) -> PointCache:
    """Open a cache. Raises FormatError where it is absent, of another kind, or shorter than its header says."""
    is_pc2 = _is_pc2(Path(path).suffix)
    try:
        size = os.path.getsize(path)
        with open(path, "rb") as stream:
            head = stream.read(_PC2_HEADER.size if is_pc2 else _MDD_HEADER.size)
    except OSError as error:
        raise FormatError(f"'{path}' could not be read: {error.strerror}. Generate the cache again.") from error
    try:
        frame_count, vertex_count, start = _layout(is_pc2, head)
    except (struct.error, ValueError) as error:
        raise FormatError(f"'{path}' is not a vertex cache or is damaged. Generate it again.") from error
    if size != start + 12 * frame_count * vertex_count or frame_count < 1 or vertex_count < 1:
        raise FormatError(f"'{path}' is cut short or damaged. Generate the cache again.")
    number = np.dtype("<f4" if is_pc2 else ">f4")
    return PointCache(np.memmap(path, number, "r", start, (frame_count, vertex_count, 3)))


def _is_pc2(extension: str) -> bool:
    if extension.lower() not in EXTENSIONS:
        raise FormatError(f"'{extension}' is no vertex cache. Use {' or '.join(EXTENSIONS)}.")
    return extension.lower() == ".pc2"


def _header(is_pc2: bool, frame_count: int, vertex_count: int, rate_hz: float) -> bytes:
    if is_pc2:
        return _PC2_HEADER.pack(_PC2_MAGIC, 1, vertex_count, 0.0, 1.0, frame_count)
    return _MDD_HEADER.pack(frame_count, vertex_count) + (np.arange(frame_count) / rate_hz).astype(">f4").tobytes()


def _layout(is_pc2: bool, head: bytes) -> tuple[int, int, int]:
    """(frames, vertices, byte at which the points begin). Raises ValueError for another file."""
    if not is_pc2:
        frame_count, vertex_count = _MDD_HEADER.unpack(head)
        return frame_count, vertex_count, _MDD_HEADER.size + 4 * frame_count
    magic, version, vertex_count, _, _, frame_count = _PC2_HEADER.unpack(head)
    if magic != _PC2_MAGIC or version != 1:
        raise ValueError("not PC2")
    return frame_count, vertex_count, _PC2_HEADER.size
