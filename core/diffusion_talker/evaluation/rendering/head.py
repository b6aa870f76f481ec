# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo head made ready to be drawn: triangles with colours, posed by curves, turned on its neck, and lit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from diffusion_talker.channels import ARKIT_52, HEAD_CHANNELS
from diffusion_talker.rigs.demo_head import HeadMesh, build_demo_head

#: The head turns about this point; below the neck nothing turns, from the jaw's height up everything does. Metres.
_PIVOT_M = np.array([0.0, 0.01, 0.055])
_STILL_BELOW_M, _TURNED_ABOVE_M = 0.0, 0.075
#: Light directions (towards the lamp, in the camera's frame: right, up, to the eye), colour times strength.
_LAMPS = (
    ((-0.55, 0.55, 0.75), (0.86, 0.80, 0.74)),
    ((0.85, 0.05, 0.50), (0.24, 0.27, 0.31)),
    ((0.30, 0.60, -0.75), (0.30, 0.32, 0.36)),
)
_AMBIENT_UP, _AMBIENT_DOWN = np.array([0.33, 0.34, 0.37]), np.array([0.17, 0.145, 0.135])
_INSIDE = ("Mouth", "Teeth", "Gum", "Tongue")
_NOSTRILS_ABOVE_M = 0.0185
_SHARPNESS = 80  # of highlights
_CREVICE_M = 0.0012  # lips closer than this shade each other
_SLIT_M = 0.003  # lips farther apart than this let light into the mouth


@dataclass(frozen=True)
class DrawnHead:
    """A head mesh and what drawing needs of it besides.

    triangles (F, 3); colors (F, 3) linear RGB and gloss (F,) of each. corner_order, corner_starts: the corners of all
    quads sorted by vertex, to sum face normals. depth_m (V,): how far behind the lips a vertex of the mouth's inside
    lies, -1 outside.
    """

    mesh: HeadMesh
    triangles: np.ndarray
    colors: np.ndarray
    gloss: np.ndarray
    corner_order: np.ndarray
    corner_starts: np.ndarray
    depth_m: np.ndarray

    def posed(self, weights: Mapping[str, float]) -> np.ndarray:
        """Vertices (V, 3) in metres under ARKit weights and head rotation in radians; other channels are ignored."""
        shapes = {name: weights[name] for name in ARKIT_52 if weights.get(name)}
        return turn(self.mesh.posed(shapes), *(float(weights.get(name, 0.0)) for name in HEAD_CHANNELS))

    def normals(self, points: np.ndarray) -> np.ndarray:
        """Outward unit normals (V, 3) of posed vertices, smooth over the mesh."""
        quads = points[self.mesh.faces]
        face = np.cross(quads[:, 2] - quads[:, 0], quads[:, 3] - quads[:, 1])
        total = np.add.reduceat(face[self.corner_order // 4], self.corner_starts, axis=0)
        return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)


@lru_cache(maxsize=1)
def demo_head() -> DrawnHead:
    """The demo head, built once (half a second)."""
    mesh = build_demo_head()
    names = np.array([material.name for material in mesh.materials])[mesh.material_indices]
    lashes = np.flatnonzero(names == "Lash")  # sheets that turn over as the lid closes: drawn from both sides
    quads = np.concatenate([mesh.faces, mesh.faces[lashes, ::-1]])
    material = np.tile(np.concatenate([mesh.material_indices, mesh.material_indices[lashes]]), 2)
    gloss = np.array([material.coat + 0.25 * (1 - material.roughness) for material in mesh.materials])
    corners = mesh.faces.reshape(-1)
    order = np.argsort(corners, kind="stable")
    return DrawnHead(
        mesh=mesh,
        triangles=np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]),
        colors=np.array([material.color for material in mesh.materials])[material],
        gloss=gloss[material],
        corner_order=order,
        corner_starts=np.searchsorted(corners[order], np.arange(len(mesh.vertices))),
        depth_m=_depth_behind_lips(mesh),
    )


def _depth_behind_lips(mesh: HeadMesh) -> np.ndarray:
    """(V,) metres from the front of the contact line backwards for the mouth's inside, -1 elsewhere."""
    names = np.array([material.name for material in mesh.materials])[mesh.material_indices]
    inside = np.unique(mesh.faces[np.isin(names, _INSIDE)])
    lips = mesh.vertices[mesh.lip_contacts].reshape(-1, 3)
    inside = inside[mesh.vertices[inside, 2] < lips[:, 2].max() + _NOSTRILS_ABOVE_M]  # nostrils share the colour
    front = lips[:, 1].min()
    depth = np.full(len(mesh.vertices), -1.0)
    depth[inside] = np.maximum(mesh.vertices[inside, 1] - front, 0.0)
    return depth


def turn(points: np.ndarray, yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Vertices (V, 3) after the head turns to its left, nods down and tilts to its left by radians; the neck follows in
    part."""
    if not (yaw or pitch or roll):
        return points
    share = np.clip((points[:, 2] - _STILL_BELOW_M) / (_TURNED_ABOVE_M - _STILL_BELOW_M), 0.0, 1.0)
    share = (share * share * (3 - 2 * share))[:, None]
    turned = (points - _PIVOT_M) @ _rotation(yaw, pitch, roll).T + _PIVOT_M
    return points + share * (turned - points)


def _rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Roll about the view axis Y first, then pitch about X, then yaw about Z; the face looks along -Y."""
    (cy, cp, cr), (sy, sp, sr) = np.cos([yaw, pitch, roll]), np.sin([yaw, pitch, roll])
    about_z = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_y = np.array([[cr, 0, sr], [0, 1, 0], [-sr, 0, cr]])
    return about_z @ about_x @ about_y


def light(head: DrawnHead, points: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """Light (V, 4) that posed vertices send to the eye: RGB to be multiplied by their colour, and a highlight to add.

    axes (3, 3): the camera's right, up and to-the-eye directions as rows; the lamps hang on the camera.
    """
    normals = head.normals(points) @ axes.T
    upward = 0.5 + 0.5 * normals[:, 1:2]
    diffuse = _AMBIENT_DOWN + upward * (_AMBIENT_UP - _AMBIENT_DOWN)
    highlight = np.zeros(len(points))
    for direction, color in _LAMPS:
        towards = np.array(direction) / np.linalg.norm(direction)
        diffuse = diffuse + np.maximum(normals @ towards, 0.0)[:, None] * np.array(color)
        halfway = towards + (0.0, 0.0, 1.0)
        shine = np.maximum(normals @ (halfway / np.linalg.norm(halfway)), 0.0) ** _SHARPNESS
        highlight += shine * max(color) * (towards[2] > 0)
    open_to_light = _openness(head, points)
    return np.concatenate([diffuse * open_to_light[:, None], (highlight * open_to_light)[:, None]], axis=1)


def lip_gaps_m(mesh: HeadMesh, points: np.ndarray) -> np.ndarray:
    """Distance (K,) of the lips at each pair of contacts."""
    upper, lower = mesh.lip_contacts.T
    return np.linalg.norm(points[upper] - points[lower], axis=1)


def _openness(head: DrawnHead, points: np.ndarray) -> np.ndarray:
    """Share (V,) of the light that reaches a vertex: the line of closed lips is a crevice, the mouth's inside is darker
    the deeper it lies and the less the lips are apart."""
    share = np.ones(len(points))
    gaps = lip_gaps_m(head.mesh, points)
    inside = head.depth_m >= 0
    let_in = 1.0 - 0.85 * np.exp(-float(gaps.max()) / _SLIT_M)
    share[inside] = let_in * np.clip(1.05 - head.depth_m[inside] / 0.045, 0.12, 1.0)
    crevice = 1.0 - 0.72 * np.exp(-gaps / _CREVICE_M)
    for side in head.mesh.lip_contacts.T:
        share[side] = np.minimum(share[side], crevice)
    return share
