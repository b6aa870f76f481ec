# SPDX-License-Identifier: GPL-3.0-or-later
"""The 52 ARKit shape keys of any head, from its neutral and a dozen landmarks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from diffusion_talker.channels import ARKIT_52
from diffusion_talker.errors import SettingsError
from diffusion_talker.rigs.shape_keys.eyes import Eye, eye_keys, find_eye
from diffusion_talker.rigs.shape_keys.face import Face, make_face
from diffusion_talker.rigs.shape_keys.flesh import calm_share, flesh_keys
from diffusion_talker.rigs.shape_keys.jaw import find_jaw, jaw_keys
from diffusion_talker.rigs.shape_keys.landmarks import FaceFrame, HeadLandmarks
from diffusion_talker.rigs.shape_keys.lips import lip_keys
from diffusion_talker.rigs.shape_keys.mouth import Lips, find_lips

_SMALLEST_OFFSET_MM = 2e-3
_OPEN_MOUTH_MM = 1.0
_STILL_NOSE_MM = 9.0


@dataclass(frozen=True)
class ShapeKeys:
    """Generated keys: names (ARKit), and for each the vertices (n,) int32 that move and their offsets (n, 3) float32
    in the mesh's own frame and unit. frame: the face's frame. upper_line, lower_line: vertices of the lips' edges.

    notes: sentences for the user, such as keys that stay empty and why.
    """

    names: tuple[str, ...]
    indices: tuple[np.ndarray, ...]
    offsets: tuple[np.ndarray, ...]
    frame: FaceFrame
    upper_line: np.ndarray
    lower_line: np.ndarray
    notes: tuple[str, ...] = field(default=())

    def posed(self, vertices: np.ndarray, weights: Mapping[str, float]) -> np.ndarray:
        """Vertices (V, 3) float64 under a linear combination of keys. Raises KeyError for a name that is not there."""
        points = np.array(vertices, np.float64)
        for name, weight in weights.items():
            number = self.names.index(name) if name in self.names else -1
            if number < 0:
                raise KeyError(name)
            points[self.indices[number]] += weight * self.offsets[number]
        return points


def generate_shape_keys(vertices: np.ndarray, triangles: np.ndarray, landmarks: HeadLandmarks) -> ShapeKeys:
    """Make all 52 keys of a head.

    vertices (V, 3) of the neutral in any place, unit and orientation; triangles (F, 3), counter-clockwise seen from
    outside. Raises SettingsError where the landmarks do not form a face or lie on separate pieces of the mesh.
    """
    face = make_face(vertices, np.asarray(triangles, np.int64), landmarks)
    _check_one_skin(face)
    lips = find_lips(face)
    eyes = (find_eye(face, 1), find_eye(face, -1))
    tongue, jaw_pieces = _inner_mouth(face)
    keys = _all_keys(face, lips, eyes, jaw_pieces | tongue)
    notes = _notes(face, lips, eyes)
    sparse = [_sparse(keys[name], face) for name in ARKIT_52]
    return ShapeKeys(
        ARKIT_52,
        tuple(part[0] for part in sparse),
        tuple(part[1] for part in sparse),
        face.frame,
        lips.upper_line,
        lips.lower_line,
        notes,
    )


def _check_one_skin(face: Face) -> None:
    marks = [vertex for name, vertex in vars(face.landmarks).items()]
    if not face.skin[marks].all():
        raise SettingsError(
            "The marked points lie on separate pieces of the mesh. Mark them all on the skin; if the skin "
            "is cut along seams, merge its vertices by distance first."
        )


def _all_keys(face: Face, lips: Lips, eyes: tuple[Eye, Eye], jaw_pieces: np.ndarray) -> dict[str, np.ndarray]:
    share = calm_share(face, lips, eyes)
    keys = {name: np.zeros_like(face.points) for name in ARKIT_52}
    jaw = find_jaw(face, lips, jaw_pieces)
    parts = [jaw_keys(face, lips, jaw), lip_keys(face, lips, _still(face, eyes)), flesh_keys(face, share)]
    for eye, ending in zip(eyes, ("Left", "Right"), strict=True):
        parts.append({name + ending: offsets for name, offsets in eye_keys(face, eye).items()})
    for part in parts:
        for name, offsets in part.items():
            keys[name] = keys[name] + offsets
    for name in keys:
        keys[name] = keys[name] + _carried(face, keys[name], jaw_pieces, eyes)
    return keys


def _still(face: Face, eyes: tuple[Eye, Eye]) -> np.ndarray:
    """Vertices (V,) that no movement of the lips reaches: the nose's tip, the lids and what lies behind them."""
    still = np.linalg.norm(face.points - face.at("nose_tip"), axis=1) < _STILL_NOSE_MM
    for eye in eyes:
        still = still | (eye.margin_mm < 3.0) | (np.linalg.norm(face.points - eye.center, axis=1) < eye.radius + 0.5)
    return still


def _inner_mouth(face: Face) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (V,) bool of pieces behind the lips: the tongue is not told apart; all below the lips go with the
    jaw."""
    lower = np.zeros(len(face.points), dtype=bool)
    for root in np.unique(face.surface.pieces[~face.skin]):
        piece = face.surface.pieces == root
        middle = face.points[piece].mean(axis=0) - face.mouth_center
        inside = abs(middle[0]) < face.mouth_half_width and -35.0 < middle[1] < 0.0 and -45.0 < middle[2] < 8.0
        if inside:
            lower |= piece
    return np.zeros_like(lower), lower


def _carried(face: Face, offsets: np.ndarray, jaw_pieces: np.ndarray, eyes: tuple[Eye, Eye]) -> np.ndarray:
    """Offsets (V, 3) of pieces that ride on the skin, such as lashes."""
    return np.zeros_like(offsets)


def _notes(face: Face, lips: Lips, eyes: tuple[Eye, Eye]) -> tuple[str, ...]:
    notes = ["tongueOut is empty: this head has no tongue that could be moved."]
    gap = float(np.linalg.norm(lips.gap_mm[lips.band], axis=1).max())
    if gap > _OPEN_MOUTH_MM:
        notes.append(
            f"The mouth stands open by {gap:.1f} mm in the neutral; it closes fully only at jawOpen = mouthClose "
            "= 1. Start from a neutral with closed lips for closures at every opening."
        )
    for eye, side in zip(eyes, ("left", "right"), strict=True):
        if not eye.ball.any():
            notes.append(f"No {side} eyeball was found: eyeLook keys move the lids only.")
    return tuple(notes)


def _sparse(offsets_mm: np.ndarray, face: Face) -> tuple[np.ndarray, np.ndarray]:
    moving = np.flatnonzero(np.abs(offsets_mm).max(axis=1) > _SMALLEST_OFFSET_MM)
    return moving.astype(np.int32), face.frame.offsets_to_mesh(offsets_mm[moving]).astype(np.float32)
