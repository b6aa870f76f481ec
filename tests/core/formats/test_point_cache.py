# SPDX-License-Identifier: GPL-3.0-or-later
"""Vertex caches: written frame by frame, read back exactly, refused when damaged."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from diffusion_talker.errors import FormatError, OutputError
from diffusion_talker.formats.point_cache import cache_bytes, read_point_cache, write_point_cache

POINTS = np.random.default_rng(0).normal(size=(7, 5, 3)).astype(np.float32)


def write(path: Path, points: np.ndarray = POINTS) -> Path:
    write_point_cache(path, iter(points), len(points), points.shape[1], 24.0)
    return path


@pytest.mark.parametrize("extension", [".pc2", ".mdd", ".PC2"])
def test_frames_come_back_as_they_were(tmp_path: Path, extension: str) -> None:
    path = write(tmp_path / f"take{extension}")
    cache = read_point_cache(path)
    assert (cache.frame_count, cache.vertex_count) == (7, 5)
    np.testing.assert_array_equal(cache.points, POINTS)
    assert path.stat().st_size == cache_bytes(extension, 7, 5)


def test_the_bytes_are_those_of_the_formats(tmp_path: Path) -> None:
    pc2 = write(tmp_path / "a.pc2").read_bytes()
    assert struct.unpack("<12siiffi", pc2[:32]) == (b"POINTCACHE2\0", 1, 5, 0.0, 1.0, 7)
    assert struct.unpack("<3f", pc2[32:44]) == tuple(POINTS[0, 0])
    mdd = write(tmp_path / "a.mdd").read_bytes()
    assert struct.unpack(">2i7f", mdd[:36]) == (7, 5, *(np.arange(7) / 24).astype(np.float32))
    assert struct.unpack(">3f", mdd[36:48]) == tuple(POINTS[0, 0])


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a.pc2")
    before = path.read_bytes()
    with pytest.raises(ValueError, match="7 frames, where 8 were announced"):
        write_point_cache(path, iter(POINTS), 8, 5, 24.0)
    with pytest.raises(ValueError, match="4 vertices were announced"):
        write_point_cache(path, iter(POINTS), 7, 4, 24.0)
    with pytest.raises(OutputError, match="does not exist"):
        write(tmp_path / "nowhere" / "a.pc2")
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["a.pc2"]


@pytest.mark.parametrize("extension", [".pc2", ".mdd"])
def test_damage_is_refused_with_a_sentence(tmp_path: Path, extension: str) -> None:
    path = write(tmp_path / f"a{extension}")
    whole = path.read_bytes()
    for content in (b"", whole[:20], whole[:-1], whole + b"x", b"\0" * 200):
        path.write_bytes(content)
        with pytest.raises(FormatError, match="Generate"):
            read_point_cache(path)
    path.unlink()
    with pytest.raises(FormatError, match="could not be read"):
        read_point_cache(path)
    with pytest.raises(FormatError, match="no vertex cache"):
        read_point_cache(tmp_path / "a.obj")
