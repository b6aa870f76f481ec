# SPDX-License-Identifier: GPL-3.0-or-later
"""A face on which errors are measured in millimetres: the demo head's skin, its ARKit shapes as a linear basis.

The index sets come from what the shapes move, by code. They are our own: figures made with the masks of FLAME or BIWI
are not comparable with these.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from diffusion_talker.channels import ARKIT_52, MOUTH_CHANNELS, UPPER_FACE_CHANNELS
from diffusion_talker.rigs.demo_head import HeadMesh, build_demo_head

#: Movements of the lips alone; a vertex that takes part in most of them is a lip.
_LIP_MOVEMENTS: Final = (
    ("mouthRollLower", "mouthRollUpper"),
    ("mouthPressLeft", "mouthPressRight"),
    ("mouthUpperUpLeft", "mouthUpperUpRight", "mouthLowerDownLeft", "mouthLowerDownRight"),
    ("mouthFunnel",),
    ("mouthPucker",),
)
_LIP_SHARE: Final = 0.4
_UPPER_LEAST_MM: Final = 0.5
_MOVING_LEAST_MM: Final = 0.05


@dataclass(frozen=True)
class FreeFace:
    """A linear face. basis_mm: (52, V, 3) what each channel of ARKIT_52 adds to each vertex at weight 1, millimetres.

    lips, upper: indices of the lip vertices and of the eye region with the forehead.
    """

    basis_mm: np.ndarray
    lips: np.ndarray
    upper: np.ndarray

    @property
    def vertex_count(self) -> int:
        """V."""
        return self.basis_mm.shape[1]


@lru_cache(maxsize=1)
def demo_face() -> FreeFace:
    """The demo head's outer skin: every vertex that a shape moves, without eyes, teeth, tongue and the mouth's inside.

    Lips L: vertices whose displacement, as a share of the most that any vertex moves, is at least 0.4 on average over
    five movements (roll, press, part, funnel, pucker; the largest share where a movement has several shapes).
    Upper face U: vertices that a brow, lid, cheek-squint or nose-sneer shape moves by 0.5 mm or more, and farther than
    any mouth shape does.
    """
    mesh = build_demo_head()
    basis_mm = _skin_basis_mm(mesh)
    moving = _outer_skin(mesh) & (_farthest_mm(basis_mm, ARKIT_52) >= _MOVING_LEAST_MM)
    basis_mm = basis_mm[:, moving]
    return FreeFace(basis_mm, np.flatnonzero(lip_share(basis_mm) >= _LIP_SHARE), np.flatnonzero(_is_upper(basis_mm)))


def _skin_basis_mm(mesh: HeadMesh) -> np.ndarray:
    """(52, V, 3) displacements of the skin's vertices."""
    skin = mesh.part("Skin")
    basis_mm = np.zeros((len(ARKIT_52), skin.vertex_stop - skin.vertex_start, 3), np.float32)
    for row, name in zip(basis_mm, ARKIT_52, strict=True):
        delta = mesh.shape_deltas[name]
        inside = (delta.indices >= skin.vertex_start) & (delta.indices < skin.vertex_stop)
        row[delta.indices[inside] - skin.vertex_start] = delta.offsets[inside] * 1000.0
    return basis_mm


def _outer_skin(mesh: HeadMesh) -> np.ndarray:
    """(V,) bool: skin vertices of at least one face that is not the mouth's inside."""
    skin = mesh.part("Skin")
    faces = mesh.faces[skin.face_start : skin.face_stop]
    names = np.array([material.name for material in mesh.materials])
    outer = names[mesh.material_indices[skin.face_start : skin.face_stop]] != "Mouth"
    mask = np.zeros(skin.vertex_stop - skin.vertex_start, bool)
    mask[np.unique(faces[outer]) - skin.vertex_start] = True
    return mask


def lip_share(basis_mm: np.ndarray) -> np.ndarray:
    """(V,) mean over the lip movements of how far a vertex moves, as a share of the vertex that moves most."""
    lengths = np.linalg.norm(basis_mm, axis=2)
    shares = lengths / np.maximum(lengths.max(axis=1, keepdims=True), 1e-9)
    movements = [[ARKIT_52.index(name) for name in names] for names in _LIP_MOVEMENTS]
    return np.mean([shares[rows].max(axis=0) for rows in movements], axis=0)


def _is_upper(basis_mm: np.ndarray) -> np.ndarray:
    upper = _farthest_mm(basis_mm, tuple(name for name in UPPER_FACE_CHANNELS if not name.startswith("eyeLook")))
    return (upper >= _UPPER_LEAST_MM) & (upper > _farthest_mm(basis_mm, MOUTH_CHANNELS))


def _farthest_mm(basis_mm: np.ndarray, channels: tuple[str, ...]) -> np.ndarray:
    """(V,) the most that one of the channels moves each vertex."""
    return np.linalg.norm(basis_mm[[ARKIT_52.index(name) for name in channels]], axis=2).max(axis=0)
