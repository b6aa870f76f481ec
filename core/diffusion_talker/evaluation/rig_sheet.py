# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of a head under its generated or its own keys, to be looked at closely: all of them, or a spoken line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from diffusion_talker.errors import SettingsError
from diffusion_talker.evaluation.rendering.raster import interpolate, rasterize
from diffusion_talker.evaluation.rendering.text import write_text
from diffusion_talker.evaluation.retarget_sheet import telling_frames
from diffusion_talker.motion import Motion
from diffusion_talker.rigs.measure import dense_mm, sculpted_arkit
from diffusion_talker.rigs.mesh_files import Mesh, triangulated
from diffusion_talker.rigs.shape_keys import HeadLandmarks, ShapeKeys, generate_shape_keys
from diffusion_talker.rigs.shape_keys.eyes import find_eye
from diffusion_talker.rigs.shape_keys.face import Face, make_face
from diffusion_talker.rigs.shape_keys.mouth import Lips, find_lips
from diffusion_talker.rigs.shape_keys.surface import Surface

_SKIN, _LIP, _INSIDE = np.array([0.70, 0.52, 0.44]), np.array([0.62, 0.33, 0.30]), np.array([0.20, 0.05, 0.045])
_WHITE, _IRIS, _PUPIL = np.array([0.80, 0.80, 0.78]), np.array([0.12, 0.25, 0.30]), np.array([0.01, 0.01, 0.01])
_IRIS_COSINE, _PUPIL_COSINE = np.cos(np.radians(27.0)), np.cos(np.radians(12.0))
_BACKDROP, _PAPER = 0.035, (24, 29, 33)
_LAMPS: Final = (((-0.55, 0.55, 0.75), 0.80), ((0.85, 0.05, 0.50), 0.22))
_AMBIENT = 0.22
_LABEL_HEIGHT, _GAP = 18, 4
_SEEN_COMBINED = ("mouthClose", "tongueOut")  # a corrective that means nothing alone, and what may be empty
#: Poses of several keys at once that must hold together.
COMBINED: Final[tuple[Mapping[str, float], ...]] = (
    {},
    {"jawOpen": 0.25, "mouthClose": 0.25},
    {"jawOpen": 0.5, "mouthClose": 0.5},
    {"jawOpen": 1.0, "mouthClose": 1.0},
    {"jawOpen": 0.5},
    {"eyeBlinkLeft": 0.5, "eyeBlinkRight": 0.5},
    {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0},
    {"mouthSmileLeft": 1.0, "mouthSmileRight": 1.0},
    {"jawOpen": 0.35, "mouthFunnel": 0.6},
    {"mouthUpperUpLeft": 0.7, "mouthUpperUpRight": 0.7, "mouthLowerDownLeft": 0.7, "mouthLowerDownRight": 0.7},
)


@dataclass(frozen=True)
class Look:
    """A view in the face's frame: middle (3,) and height in mm, degrees around to the character's left."""

    center: np.ndarray
    height_mm: float
    around_deg: float


@dataclass(frozen=True)
class PaintedHead:
    """A head ready to be drawn: face in mm, keys, colours (V, 3) linear, triangles to draw (F, 3)."""

    face: Face
    keys: ShapeKeys
    colors: np.ndarray
    triangles: np.ndarray

    def posed(self, weights: Mapping[str, float]) -> np.ndarray:
        """Vertices (V, 3) in mm; keys that the head does not have move nothing."""
        points = self.face.points.copy()
        for name, weight in weights.items():
            if name in self.keys.names:
                points += weight * dense_mm(self.keys, name, len(points))
        return points


def paint_head(mesh: Mesh, landmarks: HeadLandmarks, own: bool = False) -> PaintedHead:
    """Generate the keys of a head, or take its own sculpted ones, and colour skin, lips and eyes.

    Shells before the eyes, such as lashes and layers of tears, are left out: they would hide the lids."""
    triangles = triangulated(mesh.polygons)
    face = make_face(mesh.vertices, triangles, landmarks)
    colors = np.tile(_WHITE, (len(face.points), 1))
    colors[face.skin] = _SKIN
    lips = find_lips(face)
    reddish = np.exp(-((lips.distance_mm[lips.band] / (0.26 * face.mouth_half_width)) ** 4))[:, None]
    colors[lips.band] = _SKIN + reddish * (_LIP - _SKIN)
    shown = np.ones(len(face.points), dtype=bool)
    for side in (1, -1):
        eye = find_eye(face, side)
        near = np.linalg.norm(face.points - eye.center, axis=1) < 2.0 * eye.radius
        shown &= face.skin | eye.ball | ~near
        ball = face.points[eye.ball] - eye.center
        ahead = ball[:, 2] / np.maximum(np.linalg.norm(ball, axis=1), 1e-9)
        iris = np.where((ahead > _PUPIL_COSINE)[:, None], _PUPIL, _IRIS)
        colors[eye.ball] = np.where((ahead > _IRIS_COSINE)[:, None], iris, _WHITE)
    keys = _own_keys(mesh, face, lips) if own else generate_shape_keys(mesh.vertices, triangles, landmarks)
    return PaintedHead(face, keys, colors, triangles[shown[triangles].all(axis=1)])


def _own_keys(mesh: Mesh, face: Face, lips: Lips) -> ShapeKeys:
    """The sculpted shapes of a mesh whose names are ARKit's. Raises SettingsError where there are none."""
    shapes = sculpted_arkit(mesh.shapes)
    if not shapes:
        raise SettingsError("This mesh has no sculpted ARKit shapes. Leave out --own to draw generated ones.")
    moving = [np.flatnonzero(np.abs(offsets).max(axis=1) > 0).astype(np.int32) for offsets in shapes.values()]
    offsets = [shape[rows].astype(np.float32) for shape, rows in zip(shapes.values(), moving, strict=True)]
    return ShapeKeys(tuple(shapes), tuple(moving), tuple(offsets), face.frame, lips.upper_line, lips.lower_line)


def looks_at(face: Face, weights: Mapping[str, float]) -> tuple[Look, Look]:
    """Two views of where a pose acts: the eyes, the mouth, or the whole face."""
    names = " ".join(weights)
    eyes = np.array([0.0, -2.0, 0.0])
    mouth, half = face.mouth_center, face.mouth_half_width
    if "jaw" in names or "cheek" in names or "Left" in names and "Right" not in names and "brow" in names:
        return Look((eyes + mouth) / 2, 165.0, 0.0), Look((eyes + mouth) / 2, 165.0, 40.0)
    if "eye" in names:
        left = 0.0 if "Left" in names and "Right" in names else 32.0 if "Left" in names else -32.0
        height = 105.0 if left == 0.0 else 46.0
        return Look(eyes + (left, 2.0, 0.0), height, 0.0), Look(
            eyes + (left, 2.0, 0.0), height, 40.0 if left >= 0 else -40.0
        )
    if "mouth" in names:
        return Look(mouth, 3.3 * half, 0.0), Look(mouth, 3.3 * half, 42.0)
    return Look((eyes + mouth) / 2, 165.0, 0.0), Look((eyes + mouth) / 2, 165.0, 40.0)


def draw_keys(
    mesh: Mesh,
    landmarks: HeadLandmarks,
    tile: int = 150,
    columns: int = 5,
    progress: Callable[[float], None] = lambda fraction: None,
    own: bool = False,
) -> np.ndarray:
    """Sheet (H, W, 3) uint8: combined poses first, then every key at 1, two views of each.

    own: the mesh's sculpted keys instead of generated ones. Raises SettingsError where it has none."""
    head = paint_head(mesh, landmarks, own)
    poses = [*COMBINED, *({name: 1.0} for name in head.keys.names if name not in _SEEN_COMBINED)]
    rows = -(-len(poses) // columns)
    width, height = 2 * tile + _GAP, tile + _LABEL_HEIGHT + _GAP
    sheet = np.empty((rows * height + _GAP, columns * width + _GAP, 3), np.uint8)
    sheet[:] = _PAPER
    for number, weights in enumerate(poses):
        progress(number / len(poses))
        top, left = _GAP + number // columns * height, _GAP + number % columns * width
        points = head.posed(weights)
        for side, look in enumerate(looks_at(head.face, weights)):
            place = slice(left + side * tile, left + (side + 1) * tile)
            sheet[top : top + tile, place] = draw_points(head, points, look, tile)
        write_text(sheet, _label(weights), left + tile, top + tile, _LABEL_HEIGHT)
    progress(1.0)
    return sheet


def draw_line(
    mesh: Mesh,
    landmarks: HeadLandmarks,
    motion: Motion,
    tile: int = 150,
    progress: Callable[[float], None] = lambda fraction: None,
    own: bool = False,
) -> np.ndarray:
    """Sheet (H, W, 3) uint8 of a spoken line: its telling moments side by side, the mouth above and the face below."""
    head = paint_head(mesh, landmarks, own)
    moments = telling_frames(motion)
    middle = (np.array([0.0, -2.0, 0.0]) + head.face.mouth_center) / 2
    looks = (Look(head.face.mouth_center, 2.9 * head.face.mouth_half_width, 0.0), Look(middle, 165.0, 35.0))
    sheet = np.empty((2 * (tile + _GAP) + _LABEL_HEIGHT + _GAP, len(moments) * (tile + _GAP) + _GAP, 3), np.uint8)
    sheet[:] = _PAPER
    for number, (label, frame) in enumerate(moments):
        progress(number / len(moments))
        left = _GAP + number * (tile + _GAP)
        points = head.posed(dict(zip(motion.channels, motion.weights[frame].tolist(), strict=True)))
        for row, look in enumerate(looks):
            top = _GAP + row * (tile + _GAP)
            sheet[top : top + tile, left : left + tile] = draw_points(head, points, look, tile)
        text = f"{label}, {frame / motion.rate_hz:.2f} s"
        write_text(sheet, text, left + tile // 2, 2 * (tile + _GAP) + _GAP, _LABEL_HEIGHT)
    progress(1.0)
    return sheet


def _label(weights: Mapping[str, float]) -> str:
    pairs = {name.replace("Left", "").replace("Right", ""): weight for name, weight in weights.items()}
    if len(weights) == 1:
        name, weight = next(iter(weights.items()))
        return name if weight == 1.0 else f"{name} {weight:g}"
    return ", ".join(f"{name} {weight:g}" for name, weight in pairs.items()) or "neutral"


def draw_points(head: PaintedHead, points: np.ndarray, look: Look, size: int) -> np.ndarray:
    """Picture (size, size, 3) uint8 sRGB of posed vertices (V, 3), without perspective; what faces away is dark."""
    fine = 2 * size
    axes = _axes(look.around_deg)
    local = (points - look.center) @ axes.T
    scale = fine / look.height_mm
    screen = np.stack([fine / 2 + local[:, 0] * scale, fine / 2 - local[:, 1] * scale, -local[:, 2]], axis=1)
    triangles = head.triangles
    lit = (_light(Surface(points, triangles).normals @ axes.T)[:, None] * head.colors)[triangles]
    both = np.concatenate([triangles, triangles[:, ::-1]])
    colors = np.concatenate([lit, np.broadcast_to(_INSIDE, lit.shape)])
    visible = rasterize(screen, both, fine, fine)
    image = np.full((fine * fine, 3), _BACKDROP)
    image[visible.pixel] = interpolate(visible, screen, both, colors, fine).T
    image = image.reshape(size, 2, size, 2, 3).mean(axis=(1, 3))
    return np.round(255 * np.clip(image, 0, 1) ** (1 / 2.2)).astype(np.uint8)


def _axes(around_deg: float) -> np.ndarray:
    cosine, sine = np.cos(np.radians(around_deg)), np.sin(np.radians(around_deg))
    return np.array([[cosine, 0.0, -sine], [0.0, 1.0, 0.0], [sine, 0.0, cosine]])


def _light(normals: np.ndarray) -> np.ndarray:
    total = np.full(len(normals), _AMBIENT)
    for direction, strength in _LAMPS:
        towards = np.array(direction) / np.linalg.norm(direction)
        total += strength * np.maximum(normals @ towards, 0.0)
    return total
