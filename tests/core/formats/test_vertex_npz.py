# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives of vertices: what is written is read, and what is none is named."""

from __future__ import annotations

import numpy as np
import pytest

from diffusion_talker.errors import FormatError, SettingsError
from diffusion_talker.formats import read_motion, read_vertex_npz, write_vertex_npz, write_vertices
from diffusion_talker.formats.point_cache import read_point_cache
from diffusion_talker.motion import VertexMotion, resample_vertices


def made(frames: int = 7, vertices: int = 5, neutral: bool = True) -> VertexMotion:
    random = np.random.default_rng(0)
    offsets = random.normal(0, 0.01, (frames, vertices, 3)).astype(np.float32)
    return VertexMotion(offsets, 60.0, random.normal(0, 0.1, (vertices, 3)).astype(np.float32) if neutral else None)


@pytest.mark.parametrize("neutral", [True, False])
def test_round_trip(tmp_path, neutral):
    motion = made(neutral=neutral)
    write_vertex_npz(tmp_path / "take.npz", motion)
    read = read_vertex_npz(tmp_path / "take.npz")
    np.testing.assert_array_equal(read.offsets, motion.offsets)
    assert read.rate_hz == 60.0 and read.frame_count == 7 and read.duration_s == pytest.approx(7 / 60)
    assert (read.neutral is None) != neutral
    with np.load(tmp_path / "take.npz", allow_pickle=False) as archive:
        assert archive["offsets"].dtype == np.float32 and archive["fps"] == 60.0
        assert ("template" in archive.files) == neutral


def test_no_other_format_holds_vertices(tmp_path):
    with pytest.raises(FormatError, match=r"cannot hold vertices. End its name in \.npz"):
        write_vertex_npz(tmp_path / "take.csv", made())


def test_a_cache_needs_the_neutral_face(tmp_path):
    write_vertices(tmp_path / "take.pc2", made())
    np.testing.assert_allclose(read_point_cache(tmp_path / "take.pc2").points[3], made().neutral + made().offsets[3])
    with pytest.raises(FormatError, match=r"neutral face. Write \.npz"):
        write_vertices(tmp_path / "other.mdd", made(neutral=False))


def test_vertices_are_not_mistaken_for_curves(tmp_path):
    write_vertex_npz(tmp_path / "take.npz", made())
    with pytest.raises(FormatError, match="vertices of a mesh, not curves"):
        read_motion(tmp_path / "take.npz")


@pytest.mark.parametrize(("fields", "words"), [
    ({"weights": np.zeros((2, 3)), "fps": 60.0}, "holds no vertices"),
    ({"offsets": np.zeros((2, 5, 3))}, "holds no vertices"),
    ({"offsets": np.zeros((2, 15)), "fps": 60.0}, "frames, vertices, 3"),
    ({"offsets": np.full((2, 5, 3), np.nan), "fps": 60.0}, "frames, vertices, 3"),
    ({"offsets": np.zeros((2, 5, 3)), "fps": 60.0, "template": np.zeros((4, 3))}, r"\(5, 3\)"),
    ({"offsets": np.zeros((2, 5, 3)), "fps": -1.0}, "frame rate"),
])
def test_foreign_archives_are_named(tmp_path, fields, words):
    np.savez(tmp_path / "take.npz", **fields)
    with pytest.raises(FormatError, match=words):
        read_vertex_npz(tmp_path / "take.npz")


def test_missing_and_damaged_files_are_named(tmp_path):
    with pytest.raises(FormatError, match="no file"):
        read_vertex_npz(tmp_path / "take.npz")
    (tmp_path / "take.npz").write_bytes(b"PK\x03\x04 and then nothing")
    with pytest.raises(FormatError, match="damaged"):
        read_vertex_npz(tmp_path / "take.npz")


def test_another_frame_rate_keeps_times():
    ramp = np.arange(60, dtype=np.float32)[:, None, None] * np.ones((60, 4, 3), np.float32)
    half = resample_vertices(VertexMotion(ramp, 60.0), 30.0)
    assert half.rate_hz == 30.0 and half.frame_count == 30
    np.testing.assert_allclose(half.offsets[:, 0, 0], np.arange(30) * 2)
    between = resample_vertices(VertexMotion(ramp, 60.0), 24.0)
    np.testing.assert_allclose(between.offsets[:, 3, 2], np.arange(24) * 2.5, rtol=1e-6)
    with pytest.raises(SettingsError, match="frame rate"):
        resample_vertices(VertexMotion(ramp, 60.0), 0.0)
