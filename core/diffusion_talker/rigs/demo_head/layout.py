# SPDX-License-Identifier: GPL-3.0-or-later
"""Topology of the skin: a tube of columns and rows closed by a cap, with loops of quads around each eye and the mouth.

Three rectangular blocks of the tube are replaced by concentric rings that start at the block's border and end at the
opening. Every face is a quad; the only poles are the corners of the blocks and of the cap, as in a hand-made head.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from diffusion_talker.rigs.demo_head.mesh import grid_faces

FRONT: Final = 24
SIDE: Final = 8
RING: Final = 2 * (FRONT + SIDE)
ROWS: Final = 32
MIDDLE: Final = FRONT // 2


@dataclass(frozen=True)
class Block:
    """A rectangle of the tube, in vertex rows and columns (inclusive)."""

    top: int
    bottom: int
    right: int
    left: int

    def border(self) -> list[tuple[int, int]]:
        """(row, column) of the border, from the middle of the left side over the top to the right and back."""
        middle = (self.top + self.bottom) // 2
        up = [(row, self.left) for row in range(middle, self.top, -1)]
        across = [(self.top, column) for column in range(self.left, self.right, -1)]
        down = [(row, self.right) for row in range(self.top, self.bottom)]
        back = [(self.bottom, column) for column in range(self.right, self.left)]
        close = [(row, self.left) for row in range(self.bottom, middle, -1)]
        return up + across + down + back + close

    def holds(self, row: int, column: int) -> bool:
        """True if the vertex lies strictly inside."""
        return self.top < row < self.bottom and self.right < column < self.left


EYE_BLOCK: Final = Block(top=4, bottom=10, right=MIDDLE + 4, left=MIDDLE + 10)
MOUTH_BLOCK: Final = Block(top=15, bottom=21, right=MIDDLE - 6, left=MIDDLE + 6)
RIGHT_EYE_BLOCK: Final = Block(EYE_BLOCK.top, EYE_BLOCK.bottom, FRONT - EYE_BLOCK.left, FRONT - EYE_BLOCK.right)
CHIN_ROW: Final = 24

# Loops from the inside out; the last one is the block's border.
EYE_LOOPS: Final = 8
EYE_SOCKET, EYE_EDGE, EYE_MARGIN, EYE_LID, EYE_CREASE = range(5)
MOUTH_LOOPS: Final = 14
BAG_LOOPS: Final = 5
LIP_INNER, LIP_CONTACT, LIP_ROLL, LIP_FULL, LIP_BORDER, LIP_SKIN = range(BAG_LOOPS, BAG_LOOPS + 6)


@dataclass(frozen=True)
class SkinLayout:
    """Indices of the skin's vertices and its faces.

    tube (ROWS + 1, RING) and cap (SIDE + 1, FRONT + 1) hold vertex indices, -1 inside the blocks; eye_left, eye_right
    (EYE_LOOPS, n) and mouth (MOUTH_LOOPS, m) hold the rings; mirror (V,) gives each vertex' partner across X = 0.
    """

    count: int
    tube: np.ndarray
    cap: np.ndarray
    eye_left: np.ndarray
    eye_right: np.ndarray
    mouth: np.ndarray
    faces: np.ndarray
    mirror: np.ndarray


def ring_mirror(count: int) -> np.ndarray:
    """Partner (count,) of each ring position of the mouth across X = 0."""
    return (count // 2 - np.arange(count)) % count


def _tube_indices() -> tuple[np.ndarray, int]:
    tube = np.full((ROWS + 1, RING), -1)
    blocks = (EYE_BLOCK, RIGHT_EYE_BLOCK, MOUTH_BLOCK)
    count = 0
    for row in range(ROWS + 1):
        for column in range(RING):
            if not any(block.holds(row, column) for block in blocks):
                tube[row, column] = count
                count += 1
    return tube, count


def _cap_indices(tube: np.ndarray, count: int) -> tuple[np.ndarray, int]:
    cap = np.full((SIDE + 1, FRONT + 1), -1)
    top = tube[0]
    cap[0] = top[: FRONT + 1]
    cap[:, FRONT] = top[FRONT : FRONT + SIDE + 1]
    cap[SIDE] = top[FRONT + SIDE : 2 * FRONT + SIDE + 1][::-1]
    cap[1:SIDE, 0] = top[2 * FRONT + SIDE + 1 :][::-1]
    inner = (SIDE - 1) * (FRONT - 1)
    cap[1:SIDE, 1:FRONT] = np.arange(count, count + inner).reshape(SIDE - 1, FRONT - 1)
    return cap, count + inner


def _ring_indices(border: np.ndarray, loops: int, count: int) -> tuple[np.ndarray, int]:
    inner = np.arange(count, count + (loops - 1) * len(border)).reshape(loops - 1, len(border))
    return np.concatenate([inner, border[None]]), count + inner.size


def _mouth_indices(border: np.ndarray, count: int) -> tuple[np.ndarray, int]:
    """Rings of the mouth; the innermost is zipped: upper and lower half share vertices, which closes the throat."""
    size = len(border)
    rings, count = _ring_indices(border, MOUTH_LOOPS - 1, count)
    seam = np.arange(count, count + size // 2 + 1)
    zipped = np.concatenate([seam, seam[1:-1][::-1]])
    return np.concatenate([zipped[None], rings]), count + len(seam)


def _block_mask() -> np.ndarray:
    """True (ROWS, RING) where the tube has a face of its own."""
    mask = np.ones((ROWS, RING), dtype=bool)
    for block in (EYE_BLOCK, RIGHT_EYE_BLOCK, MOUTH_BLOCK):
        mask[block.top : block.bottom, block.right : block.left] = False
    return mask


def _ring_faces(rings: np.ndarray) -> np.ndarray:
    return rings.reshape(-1)[grid_faces(*rings.shape, wrap=True)]


def _mirror_map(
    count: int, tube: np.ndarray, cap: np.ndarray, eyes: tuple[np.ndarray, np.ndarray], mouth: np.ndarray
) -> np.ndarray:
    mirror = np.arange(count)
    swapped = tube[:, (FRONT - np.arange(RING)) % RING]
    mirror[tube[tube >= 0]] = swapped[tube >= 0]
    mirror[cap] = cap[:, ::-1]
    mirror[eyes[0]] = eyes[1]
    mirror[eyes[1]] = eyes[0]
    mirror[mouth] = mouth[:, ring_mirror(mouth.shape[1])]
    return mirror


def make_layout() -> SkinLayout:
    """Number the vertices and list the quads of the skin."""
    tube, count = _tube_indices()
    cap, count = _cap_indices(tube, count)
    border = np.array([tube[place] for place in EYE_BLOCK.border()])
    right_border = np.array([tube[row, FRONT - column] for row, column in EYE_BLOCK.border()])
    eye_left, count = _ring_indices(border, EYE_LOOPS, count)
    eye_right, count = _ring_indices(right_border, EYE_LOOPS, count)
    mouth, count = _mouth_indices(np.array([tube[place] for place in MOUTH_BLOCK.border()]), count)
    closed = np.concatenate([tube, tube[:, :1]], axis=1)
    tube_faces = closed.reshape(-1)[grid_faces(ROWS + 1, RING + 1)][_block_mask().reshape(-1)]
    faces = [
        tube_faces,
        cap.reshape(-1)[grid_faces(*cap.shape)][:, ::-1],
        _ring_faces(eye_left),
        _ring_faces(eye_right)[:, ::-1],
        _ring_faces(mouth),
    ]
    mirror = _mirror_map(count, tube, cap, (eye_left, eye_right), mouth)
    return SkinLayout(count, tube, cap, eye_left, eye_right, mouth, np.concatenate(faces), mirror)
