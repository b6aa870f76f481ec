# SPDX-License-Identifier: GPL-3.0-or-later
"""Heads to try the rigs on: one that our code makes, and those that are not part of the repository."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from diffusion_talker.rigs.demo_head import build_demo_head, layout
from diffusion_talker.rigs.demo_head.sculpt import head_field
from diffusion_talker.rigs.demo_head.skin import Skin, make_skin
from diffusion_talker.rigs.mesh_files import Mesh, read_mesh, triangulated
from diffusion_talker.rigs.shape_keys import HeadLandmarks


@dataclass(frozen=True)
class MarkedHead:
    """A head without keys: vertices (V, 3), triangles (F, 3), its landmarks."""

    vertices: np.ndarray
    triangles: np.ndarray
    landmarks: HeadLandmarks


def demo_landmarks(skin: Skin) -> HeadLandmarks:
    """The landmarks of the demo head's skin, whose vertices come first in the mesh."""

    def nearest(x: float, y: float, z: float) -> int:
        return int(np.argmin(np.linalg.norm(skin.vertices - np.array([x, y, z]), axis=1)))

    contact = skin.layout.mouth[layout.LIP_CONTACT]
    quarter = len(contact) // 4
    marks = {
        "chin": nearest(0.0, -8.9, -9.8),
        "nose_tip": int(np.argmin(skin.vertices[:, 1])),
        "upper_lip": int(contact[quarter]),
        "lower_lip": int(contact[3 * quarter]),
        "mouth_corner_left": int(contact[0]),
        "mouth_corner_right": int(contact[2 * quarter]),
    }
    for side, sign, rings in (("left", 1, skin.layout.eye_left), ("right", -1, skin.layout.eye_right)):
        edge = rings[layout.EYE_EDGE]
        turn = len(edge) // 4
        for name, place in (("eye_outer", 0), ("upper_lid", 1), ("eye_inner", 2), ("lower_lid", 3)):
            marks[f"{name}_{side}"] = int(edge[place * turn])
        marks[f"brow_inner_{side}"] = nearest(1.6 * sign, -8.6, 2.5)
        marks[f"brow_outer_{side}"] = nearest(5.0 * sign, -7.2, 2.9)
        marks[f"jaw_hinge_{side}"] = nearest(7.2 * sign, 0.2, -2.6)
    return HeadLandmarks(**marks)


@pytest.fixture(scope="session")
def demo_marked() -> MarkedHead:
    """The demo head as a user's head without keys: metres, Z up, facing -Y."""
    head = build_demo_head()
    return MarkedHead(head.vertices.astype(float), triangulated(head.faces), demo_landmarks(make_skin(head_field())))


@pytest.fixture(scope="session")
def flame_template(shared_dir: Path) -> Mesh:
    """FLAME's template, which is its owner's."""
    return _shared_mesh(shared_dir / "meshes" / "flame_template.ply")


@pytest.fixture(scope="session")
def flame_face(shared_dir: Path) -> Mesh:
    """A real person's face in FLAME's topology."""
    return _shared_mesh(shared_dir / "meshes" / "flame_registered_face.ply")


def _shared_mesh(path: Path) -> Mesh:
    if not path.is_file():
        pytest.skip(f"{path.name} is absent from the reference folder")
    return read_mesh(path)
