# SPDX-License-Identifier: GPL-3.0-or-later
"""How the numbers of this folder were made: run on a FLAME template that the user holds, prints landmarks, pairs of lip
vertices and signatures.

    python -m diffusion_talker.rigs.flame.derive flame_template.ply

The places are marked by hand on the face, as a user would mark them on any head, in millimetres: x to the character's
left, y up, z to the front, 0 at the template's origin. Lip corners are where most edges meet near the mark: there the
rings of edges around the mouth run together.
"""

from __future__ import annotations

import sys
from dataclasses import fields
from pathlib import Path
from typing import Final

import numpy as np

from diffusion_talker.rigs.flame.topology import HEAD_VERTICES, edge_signature, structure_colors, structure_signature
from diffusion_talker.rigs.mesh_files import Mesh, read_mesh, triangulated
from diffusion_talker.rigs.shape_keys.face import make_face
from diffusion_talker.rigs.shape_keys.landmarks import HeadLandmarks
from diffusion_talker.rigs.shape_keys.mouth import find_lips
from diffusion_talker.rigs.shape_keys.surface import unique_edges

_MIDDLE_MM: Final = {
    "chin": (0.0, -79.0, 59.0),
    "nose_tip": (0.5, -8.5, 76.0),
    "upper_lip": (0.0, -42.5, 59.5),
    "lower_lip": (0.0, -42.0, 59.5),
}
_LEFT_MM: Final = {
    "mouth_corner": (23.5, -44.0, 47.0),
    "eye_inner": (18.5, 20.5, 35.5),
    "eye_outer": (46.0, 20.5, 28.5),
    "upper_lid": (30.5, 26.5, 38.5),
    "lower_lid": (32.5, 17.0, 37.4),
    "brow_inner": (11.0, 38.5, 48.0),
    "brow_outer": (45.5, 41.5, 37.0),
    "jaw_hinge": (76.0, -6.0, -35.0),
}
_CORNER_REACH_MM: Final = 2.0
_LIP_MIDDLE: Final = 0.55  # of the way from the middle to a corner


def derive_landmarks(vertices_m: np.ndarray, edges: np.ndarray) -> HeadLandmarks:
    """Snap the marked places to vertices (5023, 3) of the template; the right side mirrors the left."""
    points = vertices_m[:HEAD_VERTICES] * 1000.0
    valence = np.bincount(edges.reshape(-1), minlength=len(vertices_m))[:HEAD_VERTICES]

    def nearest(place: np.ndarray) -> int:
        return int(np.argmin(np.linalg.norm(points - place, axis=1)))

    def corner(place: np.ndarray) -> int:
        near = np.flatnonzero(np.linalg.norm(points - place, axis=1) < _CORNER_REACH_MM)
        return int(near[np.argmax(valence[near])])

    marks = {name: nearest(np.array(place)) for name, place in _MIDDLE_MM.items()}
    for name, place in _LEFT_MM.items():
        snap = corner if name == "mouth_corner" else nearest
        marks[f"{name}_left"] = snap(np.array(place))
        marks[f"{name}_right"] = snap(points[marks[f"{name}_left"]] * (-1.0, 1.0, 1.0))
    return HeadLandmarks(**marks)


def derive_lip_pairs(mesh: Mesh, landmarks: HeadLandmarks) -> tuple[tuple[int, int], ...]:
    """(upper, lower) vertices of the lips' edges in the middle of the mouth: each of the upper edge with the one
    of the lower edge that stands nearest below it."""
    face = make_face(mesh.vertices, triangulated(mesh.polygons), landmarks)
    lips = find_lips(face)
    middle = lips.upper_line[np.abs(lips.s[lips.upper_line]) <= _LIP_MIDDLE]
    across = np.abs(face.points[middle, None, 0] - face.points[None, lips.lower_line, 0])
    partners = lips.lower_line[across.argmin(axis=1)]
    return tuple(zip(middle.tolist(), partners.tolist(), strict=True))


def main(path: Path) -> None:
    """Print what `landmarks.py`, `regions.py` and `topology.py` hold."""
    mesh = read_mesh(path)
    edges = unique_edges(triangulated(mesh.polygons), len(mesh.vertices))
    landmarks = derive_landmarks(mesh.vertices, edges)
    colors = structure_colors(edges, len(mesh.vertices))
    print("lip pairs", derive_lip_pairs(mesh, landmarks))
    head = edges[(edges < HEAD_VERTICES).all(axis=1)]
    for field in fields(landmarks):
        vertex = getattr(landmarks, field.name)
        print(f"{field.name}: {vertex}, color {int(colors[vertex])} ({int((colors == colors[vertex]).sum())} alike)")
    print("edges", len(edges), edge_signature(edges), structure_signature(colors))
    print("head", len(head), edge_signature(head))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
