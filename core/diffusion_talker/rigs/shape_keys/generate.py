# SPDX-License-Identifier: GPL-3.0-or-later
"""The 52 ARKit shape keys of any head, from its neutral and a dozen landmarks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from diffusion_talker.channels import ARKIT_52
from diffusion_talker.errors import SettingsError
from diffusion_talker.rigs.shape_keys.closing import OPEN_MOUTH_MM, rest_gap_mm
from diffusion_talker.rigs.shape_keys.eyes import Eye, eye_keys, find_eye
from diffusion_talker.rigs.shape_keys.face import Face, make_face
from diffusion_talker.rigs.shape_keys.flesh import calm_share, flesh_keys
from diffusion_talker.rigs.shape_keys.inside import inner_mouth
from diffusion_talker.rigs.shape_keys.jaw import find_jaw, jaw_keys
from diffusion_talker.rigs.shape_keys.landmarks import FaceFrame, HeadLandmarks
from diffusion_talker.rigs.shape_keys.lips import lip_keys
from diffusion_talker.rigs.shape_keys.mouth import Lips, find_lips
from diffusion_talker.rigs.shape_keys.tongue import find_tongue, tongue_key

_SMALLEST_OFFSET_MM = 2e-3
_STILL_NOSE_MM = 9.0
_RIDER_REACH_MM = 12.0


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

    vertices (V, 3) of the neutral in any place, unit and orientation; triangles (F, 3) of any
    winding. Raises SettingsError where the landmarks do not form a face or lie on separate pieces of the mesh.
    """
    face = make_face(vertices, np.asarray(triangles, np.int64), landmarks)
    _check_one_skin(face)
    lips = find_lips(face)
    eyes = (find_eye(face, 1), find_eye(face, -1))
    keys = _all_keys(face, lips, eyes)
    notes = _notes(lips, eyes, bool(keys["tongueOut"].any()))
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


def _all_keys(face: Face, lips: Lips, eyes: tuple[Eye, Eye]) -> dict[str, np.ndarray]:
    inside, jaw_share = inner_mouth(face)
    riders = _find_riders(face, eyes, inside)
    share = calm_share(face, lips, eyes)
    keys = {name: np.zeros_like(face.points) for name in ARKIT_52}
    jaw = find_jaw(face, lips, jaw_share)
    parts = [jaw_keys(face, lips, jaw), lip_keys(face, lips, _still(face, eyes)), flesh_keys(face, share)]
    for eye, ending in zip(eyes, ("Left", "Right"), strict=True):
        parts.append({name + ending: offsets for name, offsets in eye_keys(face, eye).items()})
    parts.append({"tongueOut": tongue_key(face, find_tongue(face, inside))})
    for part in parts:
        for name, offsets in part.items():
            keys[name] = keys[name] + offsets
    for offsets in keys.values():
        riders.carry(offsets)
    return keys


def _still(face: Face, eyes: tuple[Eye, Eye]) -> np.ndarray:
    """Vertices (V,) that no movement of the lips reaches: the nose's tip, the lids and what lies behind them."""
    still = np.linalg.norm(face.points - face.at("nose_tip"), axis=1) < _STILL_NOSE_MM
    for eye in eyes:
        still = still | (eye.margin_mm < 3.0) | (np.linalg.norm(face.points - eye.center, axis=1) < eye.radius + 0.5)
    return still


@dataclass(frozen=True)
class Riders:
    """Vertices (N,) of loose pieces that ride on the skin, such as lashes and brows: the skin's vertices (N, 4)
    nearest to each, and their shares (N, 4)."""

    vertices: np.ndarray
    nearest: np.ndarray
    shares: np.ndarray

    def carry(self, offsets: np.ndarray) -> None:
        """Move the riders as the skin beneath them moves, in place; offsets (V, 3)."""
        offsets[self.vertices] = np.einsum("nk,nkd->nd", self.shares, offsets[self.nearest])


def _find_riders(face: Face, eyes: tuple[Eye, Eye], inside: np.ndarray) -> Riders:
    """Pieces close to the skin of the face that are neither eyeballs nor inside the mouth."""
    loose = np.flatnonzero(~face.skin & ~eyes[0].ball & ~eyes[1].ball & ~inside)
    ground = np.flatnonzero(face.skin & (face.points[:, 2] > -60.0) & (_behind_lids(face, eyes) == 0))
    nearest, distance = np.zeros((len(loose), 4), np.int64), np.full((len(loose), 4), np.inf)
    size = (face.points[ground] ** 2).sum(axis=1)
    for start in range(0, len(loose), 256):
        part = slice(start, start + 256)
        order = size - 2.0 * face.points[loose[part]] @ face.points[ground].T  # squared distances but for a constant
        best = np.argpartition(order, 4, axis=1)[:, :4]
        nearest[part] = ground[best]
        distance[part] = np.linalg.norm(face.points[loose[part], None] - face.points[nearest[part]], axis=2)
    close = distance.min(axis=1, initial=np.inf) < _RIDER_REACH_MM
    shares = 1.0 / (distance[close] ** 2 + 0.05)
    return Riders(loose[close], nearest[close], shares / shares.sum(axis=1, keepdims=True))


def _behind_lids(face: Face, eyes: tuple[Eye, Eye]) -> np.ndarray:
    """1 (V,) for skin that lies inside an eye's socket."""
    inside = [np.linalg.norm(face.points - eye.center, axis=1) < eye.radius - 0.5 for eye in eyes]
    return (inside[0] | inside[1]).astype(int)


def _notes(lips: Lips, eyes: tuple[Eye, Eye], has_tongue: bool) -> tuple[str, ...]:
    notes = [] if has_tongue else ["tongueOut is empty: this head has no tongue as a piece of its own."]
    gap = rest_gap_mm(lips)
    if gap > OPEN_MOUTH_MM:
        notes.append(
            f"The mouth stands open by {gap:.1f} mm in the neutral; it closes fully only at jawOpen = mouthClose "
            "= 1. Close the neutral's lips first for closures at every opening."
        )
    for eye, side in zip(eyes, ("left", "right"), strict=True):
        if not eye.ball.any():
            notes.append(f"No {side} eyeball was found: eyeLook keys move the lids only.")
    return tuple(notes)


def _sparse(offsets_mm: np.ndarray, face: Face) -> tuple[np.ndarray, np.ndarray]:
    moving = np.flatnonzero(np.abs(offsets_mm).max(axis=1) > _SMALLEST_OFFSET_MM)
    return moving.astype(np.int32), face.frame.offsets_to_mesh(offsets_mm[moving]).astype(np.float32)
