# SPDX-License-Identifier: GPL-3.0-or-later
"""Teeth, gums and tongue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from diffusion_talker.rigs.demo_head.mesh import Piece, grid_faces

_GUM_RING: Final = 8
_GUM_STEPS: Final = 15
_TONGUE_RING: Final = 10
_TONGUE_STEPS: Final = 9


@dataclass(frozen=True)
class Arch:
    """A row of teeth on half an ellipse, in cm: its centre and half axes, the biting edge, the direction of growth."""

    name: str
    center_y: float
    half_width: float
    depth: float
    edge_z: float
    growth: float
    height: float
    widths: tuple[float, ...]


UPPER: Final = Arch("Upper", -6.10, 3.10, 2.80, -7.10, 1.0, 1.0, (0.92, 0.72, 0.76, 0.72, 0.78, 0.9))
LOWER: Final = Arch("Lower", -6.00, 2.88, 2.62, -7.14, -1.0, 0.86, (0.62, 0.62, 0.68, 0.72, 0.76))


def _arch_angles(arch: Arch) -> np.ndarray:
    """Angle of every tooth's middle on the left half of the arch, from the widths measured along the curve."""
    angle = np.linspace(0.0, np.pi / 2.0, 400)
    x, y = arch.half_width * np.sin(angle), arch.depth * np.cos(angle)
    length = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
    borders = np.concatenate([[0.0], np.cumsum(arch.widths)])
    return np.interp((borders[1:] + borders[:-1]) / 2.0, length, angle)


def _box() -> tuple[np.ndarray, np.ndarray]:
    """A cube of 26 vertices (3 along every edge) and its 24 quads, facing outwards."""
    axis = np.array([-1.0, 0.0, 1.0])
    lattice = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    used = np.flatnonzero(np.abs(lattice).max(axis=1) == 1.0)
    number = np.full(27, -1)
    number[used] = np.arange(len(used))
    index = number.reshape(3, 3, 3)
    sheets = [np.take(index, place, axis=axis) for axis in range(3) for place in (0, 2)]
    points = lattice[used]
    return points, _facing_outwards(points, np.concatenate([sheet.reshape(-1)[grid_faces(3, 3)] for sheet in sheets]))


def _facing_outwards(points: np.ndarray, quads: np.ndarray) -> np.ndarray:
    """Quads of a convex body around the origin, those that face inwards turned over."""
    corners = points[quads]
    normal = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    inwards = np.einsum("fd,fd->f", normal, corners.mean(axis=1)) < 0.0
    return np.where(inwards[:, None], quads[:, ::-1], quads)


def _tooth(arch: Arch, angle: float, width: float, box: np.ndarray) -> np.ndarray:
    """One tooth (26, 3): a box with its length along Z, tapered towards the root, turned along the arch."""
    across, depth, along = box.T
    share = (along + 1.0) / 2.0
    half = 0.54 * width * (1.0 - 0.14 * share)
    thick = 0.16 + 0.10 * share
    point = np.array([arch.half_width * np.sin(angle), arch.center_y - arch.depth * np.cos(angle)])
    tangent = np.array([arch.half_width * np.cos(angle), arch.depth * np.sin(angle)])
    tangent /= np.linalg.norm(tangent)
    outward = np.array([tangent[1], -tangent[0]])
    plane = point + np.outer(half * across, tangent) + np.outer(thick * depth - 0.26, outward)
    # The row of the lower molars dips, so that it does not stand up behind the lip in an open mouth.
    dip = 0.0 if arch.growth > 0 else 0.45 * np.sin(angle) ** 2
    return np.column_stack([plane, arch.edge_z - dip + arch.growth * arch.height * share])


def teeth(arch: Arch) -> Piece:
    """All teeth of one jaw."""
    box, faces = _box()
    angles = _arch_angles(arch)
    vertices, quads = [], []
    for sign in (1.0, -1.0):
        for angle, width in zip(angles, arch.widths, strict=True):
            flip = (arch.growth > 0) == (sign > 0)
            tooth = _tooth(arch, angle, width, box) * (sign, 1.0, 1.0)
            quads.append((faces[:, ::-1] if flip else faces) + 26 * len(vertices))
            vertices.append(tooth)
    all_quads = np.concatenate(quads)
    return Piece(f"Teeth {arch.name}", np.concatenate(vertices), all_quads, ("Teeth",) * len(all_quads))


def gum(arch: Arch) -> Piece:
    """The gum: a tube that follows the roots of the teeth."""
    angle = np.linspace(-1.2, 1.2, _GUM_STEPS)
    turn = (np.arange(_GUM_RING) + 0.5) / _GUM_RING * 2.0 * np.pi
    center = np.stack(
        [(arch.half_width - 0.28) * np.sin(angle), arch.center_y - (arch.depth - 0.28) * np.cos(angle)], axis=1
    )
    outward = np.stack([np.sin(angle), -np.cos(angle)], axis=1)
    level = arch.edge_z + arch.growth * (arch.height + 0.12)
    plane = center[:, None] + 0.36 * np.cos(turn)[None, :, None] * outward[:, None]
    z = np.broadcast_to(level + 0.40 * np.sin(turn) * arch.growth, plane.shape[:2])
    vertices = np.concatenate([plane, z[..., None]], axis=-1).reshape(-1, 3)
    faces = zipped_half_faces(_GUM_STEPS, _GUM_RING)
    faces = faces if arch.growth > 0 else faces[:, ::-1]
    return Piece(f"Gum {arch.name}", vertices, faces, ("Gum",) * len(faces))


def zipped_half_faces(steps: int, ring: int) -> np.ndarray:
    """Quads of a tube of an even ring whose ends are closed by strips of quads (no vertex of the zip is shared)."""
    body = grid_faces(steps, ring, wrap=True)
    caps = []
    for start, flip in ((0, False), ((steps - 1) * ring, True)):
        for i in range(ring // 2 - 1):
            quad = [start + i, start + i + 1, start + ring - 2 - i, start + ring - 1 - i]
            caps.append(quad[::-1] if flip else quad)
    return np.concatenate([body, np.array(caps)])


def tongue() -> Piece:
    """The tongue: a flat tube from the throat to the tip, a furrow along its back."""
    share = np.linspace(0.0, 1.0, _TONGUE_STEPS)
    turn = (np.arange(_TONGUE_RING) + 0.5) / _TONGUE_RING * 2.0 * np.pi
    half_width = 1.8 * np.sqrt(np.clip(1.0 - (0.12 + 0.86 * share) ** 4.0, 0.0, None))
    half_height = 0.62 * (1.0 - 0.55 * share)
    y = -3.2 - 4.85 * share
    z = -8.0 + 0.40 * np.sin(share * np.pi) + 0.22 * share
    x = half_width[:, None] * np.cos(turn)
    furrow = -0.10 * np.exp(-((x / 0.35) ** 2)) * (np.sin(turn) > 0)
    height = z[:, None] + half_height[:, None] * np.sin(turn) + furrow
    vertices = np.stack([x, np.broadcast_to(y[:, None], x.shape), height], axis=-1).reshape(-1, 3)
    faces = zipped_half_faces(_TONGUE_STEPS, _TONGUE_RING)[:, ::-1]
    return Piece("Tongue", vertices, faces, ("Tongue",) * len(faces))


def tongue_out(points: np.ndarray) -> np.ndarray:
    """Offsets (N, 3) of the tongue put out: it slides forward over the lower teeth, thins and droops."""
    share = np.clip((-3.2 - points[:, 1]) / 4.85, 0.0, 1.0)
    forward = -4.6 * share**1.3
    middle = -8.0 + 0.40 * np.sin(share * np.pi) + 0.22 * share
    rise = 1.45 * np.sin(np.clip(share * 1.2, 0.0, 1.0) * np.pi / 2.0) - 0.40 * share**6
    flatten = -0.30 * share * (points[:, 2] - middle)
    return np.stack([-0.12 * share * points[:, 0], forward, rise + flatten], axis=1)
