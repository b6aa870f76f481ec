# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion of vertices on a user's mesh: keys at weights become points, a student's offsets are brought into the mesh's
frame and to the scene's frames, and onto the keys of a face."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np

from diffusion_talker.channels import ARKIT_52
from diffusion_talker.errors import SettingsError
from diffusion_talker.motion import Motion, VertexMotion, interpolate_rows, pull_to_minima, select_channels
from diffusion_talker.rigs.mapping import MeasuredFace
from diffusion_talker.rigs.retarget import FaceBasis, make_retarget, solve_offsets

_CHUNK_FRAMES: Final = 32
#: Lips nearer than this share of their widest parting count as closed.
_CLOSED_SHARE: Final = 0.12


def posed_frames(vertices: np.ndarray, offsets: np.ndarray, weights: np.ndarray) -> Iterator[np.ndarray]:
    """Points (V, 3) float32 of every frame: vertices (V, 3) and the keys' offsets (K, V, 3) at weights (T, K)."""
    flat = offsets.reshape(len(offsets), -1).astype(np.float32)
    for first in range(0, len(weights), _CHUNK_FRAMES):
        moved = weights[first : first + _CHUNK_FRAMES].astype(np.float32) @ flat
        yield from vertices.astype(np.float32) + moved.reshape(len(moved), -1, 3)


def key_weights(motion: Motion, names: tuple[str, ...]) -> np.ndarray:
    """Weights (T, K) float32 of a motion in the order of these keys; 0 for keys it does not carry."""
    return np.stack([motion.column(name) for name in names], axis=1) if names else np.zeros((motion.frame_count, 0))


def onto_mesh(motion: VertexMotion, vertices: np.ndarray) -> VertexMotion:
    """The motion in the frame and unit of a mesh (V, 3) of the same vertex order, wherever it stands.

    The similarity that carries the motion's neutral to the mesh's (Umeyama 1991) turns and scales the offsets; another
    person's larger face moves further. Raises SettingsError for another mesh, or a motion without its neutral.
    """
    if motion.neutral is None or motion.offsets.shape[1] != len(vertices):
        raise SettingsError(
            f"The motion moves {motion.offsets.shape[1]} vertices and the mesh has {len(vertices)}. "
            "Choose the mesh it was made for."
            if motion.neutral is not None
            else "The motion does not say which face it was made for. Export it again, with its template."
        )
    turn = similarity(motion.neutral, vertices)
    return replace(motion, offsets=(motion.offsets @ turn.T).astype(np.float32), neutral=vertices)


def similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Scaled rotation (3, 3) that best carries source (V, 3) onto target (V, 3), places aside (Umeyama 1991)."""
    ours, theirs = source - source.mean(axis=0), target - target.mean(axis=0)
    left, sizes, right = np.linalg.svd(theirs.T @ ours)
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    scale = float((sizes * sign).sum() / (ours**2).sum())
    return scale * (left * sign) @ right


def sample_vertices(motion: VertexMotion, times_s: np.ndarray, lip_pairs: np.ndarray) -> VertexMotion:
    """The motion at these increasing times, as frames one after the other; a closure of the lips that would fall
    between two of them is shown on the nearest. lip_pairs (P, 2): upper and lower vertices that meet, may be empty.

    The whole face is read at the moment of the closure: at most half a frame of the scene away.
    """
    frames = np.asarray(times_s, np.float64) * motion.rate_hz
    if motion.frame_count and len(lip_pairs):
        parted = lip_parting(motion.offsets, lip_pairs)
        frames = pull_to_minima(parted, _CLOSED_SHARE * float(parted.max(initial=0.0)), frames)
    rows = interpolate_rows(motion.offsets.reshape(motion.frame_count, -1), frames)
    rate_hz = 1.0 / float(times_s[1] - times_s[0]) if len(times_s) > 1 else motion.rate_hz
    return replace(motion, offsets=rows.reshape(len(frames), -1, 3), rate_hz=rate_hz)


def lip_parting(offsets: np.ndarray, lip_pairs: np.ndarray) -> np.ndarray:
    """How far the lips are parted in the mean (T,), against the neutral: 0 is as the neutral has them."""
    upper, lower = lip_pairs.T
    return np.linalg.norm(offsets[:, upper] - offsets[:, lower], axis=2).mean(axis=1)


def vertices_to_keys(
    motion: VertexMotion, face: MeasuredFace, lower: np.ndarray | None = None, upper: np.ndarray | None = None
) -> Motion:
    """Weights of the face's keys whose movement comes closest to the vertices', within the keys' bounds (default
    [0, 1]); motion in the frame and unit of the face's mesh."""
    problem = make_retarget(face.arkit, face.keys, lower, upper)
    return Motion(solve_offsets(problem, face.keys, motion.offsets), face.keys.names, motion.rate_hz)


def arkit_weights(motion: VertexMotion, arkit: FaceBasis) -> Motion:
    """The same movement as ARKit's 52 channels, by ARKit's shapes on the same mesh."""
    return select_channels(vertices_to_keys(motion, MeasuredFace(arkit, arkit)), ARKIT_52)
