# SPDX-License-Identifier: GPL-3.0-or-later
"""Vertices on a user's mesh: posed, brought into its frame and to its frames, and onto its keys."""

from __future__ import annotations

import numpy as np
import pytest

from diffusion_talker.channels import ARKIT_52
from diffusion_talker.errors import SettingsError
from diffusion_talker.motion import Motion, VertexMotion, select_channels
from diffusion_talker.rigs.mapping import MeasuredFace
from diffusion_talker.rigs.retarget import FaceBasis, demo_basis
from diffusion_talker.rigs.vertex_motion import (
    arkit_weights,
    key_weights,
    lip_parting,
    onto_mesh,
    posed_frames,
    sample_vertices,
    similarity,
    vertices_to_keys,
)
from tests.core.rigs.spoken_heads import spoken_line


@pytest.fixture(scope="module")
def basis() -> FaceBasis:
    return demo_basis()


def moved(basis: FaceBasis, weights: np.ndarray, rate_hz: float = 60.0) -> VertexMotion:
    points = np.stack(list(posed_frames(basis.vertices, basis.offsets, weights)))
    return VertexMotion(points - basis.vertices, rate_hz, basis.vertices.astype(np.float64))


def test_points_are_the_neutral_and_the_keys_at_their_weights(basis: FaceBasis) -> None:
    weights = np.random.default_rng(0).uniform(0, 1, (70, 52)).astype(np.float32)
    frames = list(posed_frames(basis.vertices, basis.offsets, weights))
    assert len(frames) == 70 and frames[0].dtype == np.float32
    expected = basis.vertices + np.tensordot(weights[69], basis.offsets, axes=1)
    np.testing.assert_allclose(frames[69], expected, atol=1e-6)
    assert not list(posed_frames(basis.vertices, basis.offsets, weights[:0]))


def test_weights_follow_the_order_of_the_keys() -> None:
    motion = Motion(np.array([[0.1, 0.2]]), ("a", "b"), 24.0)
    np.testing.assert_allclose(key_weights(motion, ("b", "c", "a")), [[0.2, 0.0, 0.1]])


@pytest.mark.parametrize("scale", [1.0, 100.0, 0.013])
def test_offsets_follow_the_mesh_wherever_it_stands(basis: FaceBasis, scale: float) -> None:
    motion = moved(basis, np.eye(52, dtype=np.float32)[:3])
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    mesh = scale * basis.vertices @ turn.T + (4.0, -2.0, 9.0)
    carried = onto_mesh(motion, mesh)
    np.testing.assert_allclose(carried.offsets, scale * motion.offsets @ turn.T, atol=1e-5 * scale)
    np.testing.assert_allclose(similarity(basis.vertices, mesh), scale * turn, atol=1e-6 * scale)


def test_a_mirrored_mesh_is_not_turned_inside_out(basis: FaceBasis) -> None:
    assert np.linalg.det(similarity(basis.vertices, basis.vertices * (-1.0, 1.0, 1.0))) > 0


def test_another_mesh_is_refused(basis: FaceBasis) -> None:
    motion = moved(basis, np.eye(52, dtype=np.float32)[:1])
    with pytest.raises(SettingsError, match="Choose the mesh it was made for"):
        onto_mesh(motion, basis.vertices[:-1])
    with pytest.raises(SettingsError, match="Export it again, with its template"):
        onto_mesh(VertexMotion(motion.offsets, 60.0), basis.vertices)


@pytest.mark.parametrize("fps", [24.0, 25.0, 29.97, 30.0])
def test_a_closure_between_two_frames_is_kept(basis: FaceBasis, fps: float) -> None:
    jaw = np.zeros((90, 52), np.float32)
    jaw[:, ARKIT_52.index("jawOpen")] = 0.5
    closed_s = (21 / 60, 47 / 60, 70 / 60)
    jaw[[round(time_s * 60) for time_s in closed_s]] = 0.0
    times_s = np.arange(int(1.5 * fps)) / fps
    sampled = sample_vertices(moved(basis, jaw), times_s, basis.lip_pairs)
    parted = lip_parting(sampled.offsets, basis.lip_pairs)
    closed = np.flatnonzero(parted < 0.05 * parted.max())
    assert len(closed) == 3 and np.abs(closed - np.array(closed_s) * fps).max() <= 0.5 + 1e-6
    assert sampled.rate_hz == pytest.approx(fps)


def test_vertices_are_solved_onto_the_keys(basis: FaceBasis) -> None:
    line = spoken_line()
    weights = select_channels(line.motion, ARKIT_52).weights[::12]
    motion = moved(basis, weights)
    keys = arkit_weights(motion, basis)
    shown = moved(basis, keys.weights)
    error_mm = 1000 * np.linalg.norm(shown.offsets - motion.offsets, axis=2)
    assert keys.channels == ARKIT_52 and error_mm.mean() < 0.05
    assert 0.0 <= keys.weights.min() and keys.weights.max() <= 1.0
    few = basis.only(("jawOpen", "mouthClose", "mouthFunnel"))
    part = vertices_to_keys(motion, MeasuredFace(basis, few))
    assert part.channels == few.names and np.corrcoef(part.column("jawOpen"), weights[:, 24])[0, 1] > 0.9
