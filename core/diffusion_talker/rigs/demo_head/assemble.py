# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the pieces together: one mesh, its materials and the 52 shapes."""

from __future__ import annotations

from typing import Final

import numpy as np

from diffusion_talker.channels import ARKIT_52
from diffusion_talker.rigs.demo_head import (
    eyes,
    hair,
    inner_mouth,
    layout,
    outer_parts,
    shapes_eyes,
    shapes_jaw,
    shapes_mouth,
)
from diffusion_talker.rigs.demo_head.anatomy import CM_TO_M, NECK_BASE_CM
from diffusion_talker.rigs.demo_head.deform import left_mask
from diffusion_talker.rigs.demo_head.field import Field
from diffusion_talker.rigs.demo_head.mesh import HeadMesh, Material, Part, Piece, ShapeDelta, mirrored
from diffusion_talker.rigs.demo_head.sculpt import head_field
from diffusion_talker.rigs.demo_head.skin import Skin, make_skin

MATERIALS: Final = (
    Material("Skin", (0.69, 0.335, 0.21), 0.48, subsurface=0.12),
    Material("Lips", (0.50, 0.125, 0.11), 0.36, subsurface=0.10),
    Material("Mouth", (0.19, 0.032, 0.028), 0.5),
    Material("Eye White", (0.86, 0.85, 0.83), 0.12, coat=0.6),
    Material("Iris", (0.10, 0.30, 0.33), 0.15, coat=1.0),
    Material("Iris Inner", (0.05, 0.16, 0.20), 0.15, coat=1.0),
    Material("Iris Rim", (0.015, 0.045, 0.06), 0.15, coat=1.0),
    Material("Pupil", (0.004, 0.004, 0.005), 0.08, coat=1.0),
    Material("Teeth", (0.93, 0.90, 0.83), 0.2, coat=0.4),
    Material("Gum", (0.52, 0.17, 0.16), 0.3, coat=0.3),
    Material("Tongue", (0.58, 0.19, 0.18), 0.38, coat=0.2),
    Material("Hair", (0.075, 0.032, 0.016), 0.40),
    Material("Brow", (0.06, 0.03, 0.017), 0.6),
    Material("Lash", (0.012, 0.009, 0.008), 0.7),
    Material("Sweater", (0.62, 0.30, 0.05), 0.85),
)
_SMALLEST_OFFSET_CM: Final = 2e-4
_ATTACH_NEIGHBORS: Final = 4
_ONE_SIDED: Final = (
    "mouthSmile",
    "mouthFrown",
    "mouthDimple",
    "mouthStretch",
    "mouthPress",
    "mouthUpperUp",
    "mouthLowerDown",
    "noseSneer",
    "cheekSquint",
    "browDown",
    "browOuterUp",
)
_PER_EYE: Final = ("eyeBlink", "eyeWide", "eyeSquint", "eyeLookUp", "eyeLookDown", "eyeLookIn", "eyeLookOut")

Shapes = dict[str, np.ndarray]


def _reflect(offsets: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    return offsets[mirror] * (-1.0, 1.0, 1.0)


def _split_sides(skin: Skin, whole: Shapes) -> Shapes:
    mask = left_mask(skin.vertices[:, 0])[:, None]
    shapes = {}
    for name, offsets in whole.items():
        if name in _ONE_SIDED:
            shapes[f"{name}Left"], shapes[f"{name}Right"] = mask * offsets, (1.0 - mask) * offsets
        else:
            shapes[name] = offsets
    return shapes


def skin_shapes(skin: Skin) -> Shapes:
    """Offsets (V, 3), cm, of the skin for every ARKit shape."""
    whole, blend, lip = shapes_mouth.whole_mouth_shapes(skin)
    whole.update(shapes_eyes.skin_brow_shapes(skin))
    shapes = _split_sides(skin, whole)
    shapes["mouthRight"] = _reflect(shapes["mouthLeft"], skin.layout.mirror)
    shapes.update(shapes_jaw.skin_jaw_shapes(skin))
    shapes["mouthClose"] = shapes_jaw.mouth_close(skin, blend, lip, shapes["jawOpen"])
    for name, offsets in shapes_eyes.skin_eye_shapes(skin).items():
        shapes[f"{name}Left"] = shapes.get(f"{name}Left", 0.0) + offsets
        shapes[f"{name}Right"] = shapes.get(f"{name}Right", 0.0) + _reflect(offsets, skin.layout.mirror)
    shapes["tongueOut"] = np.zeros_like(skin.vertices)
    return shapes


def _skin_materials(skin: Skin) -> tuple[str, ...]:
    names = np.full(len(skin.vertices), layout.MOUTH_LOOPS)
    for loop in range(layout.MOUTH_LOOPS - 1, -1, -1):
        names[skin.layout.mouth[loop]] = loop
    outer = names[skin.layout.faces].max(axis=1)
    materials = np.where(outer <= layout.LIP_INNER, "Mouth", np.where(outer <= layout.LIP_BORDER, "Lips", "Skin"))
    materials[skin.nostril_faces] = "Mouth"
    return tuple(materials.tolist())


def _attached(points: np.ndarray, skin: Skin, shapes: Shapes) -> Shapes:
    """Offsets of points that ride on the skin: distance-weighted mean of the nearest skin vertices' offsets."""
    outside = np.flatnonzero(~np.isin(np.arange(len(skin.vertices)), skin.layout.mouth[: layout.LIP_SKIN]))
    distance = np.linalg.norm(points[:, None] - skin.vertices[None, outside], axis=2)
    near = np.argpartition(distance, _ATTACH_NEIGHBORS, axis=1)[:, :_ATTACH_NEIGHBORS]
    weight = 1.0 / (np.take_along_axis(distance, near, axis=1) ** 2 + 0.01)
    weight /= weight.sum(axis=1, keepdims=True)
    return {name: np.einsum("nk,nkd->nd", weight, offsets[outside[near]]) for name, offsets in shapes.items()}


def _lash_shapes(skin: Skin, shapes: Shapes) -> Shapes:
    """The left lashes ride on the lid's margin; in a blink they also turn with it."""
    base = outer_parts.lash_base(skin.layout.eye_left)
    moved = {name: offsets[base] for name, offsets in shapes.items()}
    moved["eyeBlinkLeft"] = outer_parts.lash_positions(1.0) - outer_parts.lash_positions(0.0)
    return moved


def _mirror_names(shapes: Shapes) -> Shapes:
    """Shapes of the mirrored piece: sides change places and X changes sign."""

    def other(name: str) -> str:
        if name.endswith("Left"):
            return name[:-4] + "Right"
        return name[:-5] + "Left" if name.endswith("Right") else name

    return {other(name): offsets * (-1.0, 1.0, 1.0) for name, offsets in shapes.items()}


def _eye_shapes(piece: Piece) -> Shapes:
    shapes = {f"{name}Left": shapes_eyes.gaze_offsets(name, piece.vertices) for name in shapes_eyes.LOOK_DEG}
    shapes["eyeBlinkLeft"] = np.tile(shapes_eyes.BLINK_RETRACTION_CM, (len(piece.vertices), 1))
    return shapes


def _both(piece: Piece, shapes: Shapes) -> list[tuple[Piece, Shapes]]:
    right = mirrored(piece, piece.name.replace("Left", "Right"))
    return [(piece, shapes), (right, _mirror_names(shapes))]


def _jaw_piece(piece: Piece) -> tuple[Piece, Shapes]:
    return piece, shapes_jaw.jaw_motion(piece.vertices)


def _pieces(field: Field, skin: Skin) -> list[tuple[Piece, Shapes]]:
    shapes = skin_shapes(skin)
    face = Piece("Skin", skin.vertices, skin.layout.faces, _skin_materials(skin))
    brow, lashes, ball = outer_parts.left_brow(field), outer_parts.left_lashes(), eyes.left_eyeball()
    tongue, tongue_shapes = _jaw_piece(inner_mouth.tongue())
    tongue_shapes["tongueOut"] = inner_mouth.tongue_out(tongue.vertices)
    return [
        (face, shapes),
        *_both(ball, _eye_shapes(ball)),
        *_both(lashes, _lash_shapes(skin, shapes)),
        *_both(brow, _attached(brow.vertices, skin, shapes)),
        *_both(outer_parts.left_ear(), {}),
        (inner_mouth.teeth(inner_mouth.UPPER), {}),
        (inner_mouth.gum(inner_mouth.UPPER), {}),
        _jaw_piece(inner_mouth.teeth(inner_mouth.LOWER)),
        _jaw_piece(inner_mouth.gum(inner_mouth.LOWER)),
        (tongue, tongue_shapes),
        (hair.make_hair(field), {}),
        (outer_parts.sweater(), {}),
    ]


def _sparse(offsets: np.ndarray) -> ShapeDelta:
    indices = np.flatnonzero(np.abs(offsets).max(axis=1) > _SMALLEST_OFFSET_CM)
    return ShapeDelta(indices.astype(np.int32), (offsets[indices] * CM_TO_M).astype(np.float32))


def _merge(pieces: list[tuple[Piece, Shapes]]) -> tuple[tuple[Part, ...], Shapes]:
    parts, vertex, face = [], 0, 0
    for piece, _ in pieces:
        parts.append(Part(piece.name, vertex, vertex + len(piece.vertices), face, face + len(piece.faces)))
        vertex, face = vertex + len(piece.vertices), face + len(piece.faces)
    merged = {name: np.zeros((vertex, 3)) for name in ARKIT_52}
    for part, (_, shapes) in zip(parts, pieces, strict=True):
        for name, offsets in shapes.items():
            merged[name][part.vertex_start : part.vertex_stop] = offsets
    return tuple(parts), merged


def _lip_contacts(skin: Skin) -> np.ndarray:
    contact = skin.layout.mouth[layout.LIP_CONTACT]
    half = len(contact) // 2
    upper = np.arange(1, half)
    return np.stack([contact[upper], contact[len(contact) - upper]], axis=1).astype(np.int32)


def _creased_edges(skin: Skin) -> np.ndarray:
    """The line where the lips meet and the inner edges of the lids: pairs of neighbours along these rings."""
    rings = (
        skin.layout.mouth[layout.LIP_CONTACT],
        skin.layout.eye_left[layout.EYE_EDGE],
        skin.layout.eye_right[layout.EYE_EDGE],
    )
    return np.concatenate([np.stack([ring, np.roll(ring, -1)], axis=1) for ring in rings]).astype(np.int32)


def build_demo_head() -> HeadMesh:
    """Build the demo head: skin, eyes, teeth, tongue, hair and its 52 ARKit shapes (lower camel case, ARKIT_52)."""
    field = head_field()
    skin = make_skin(field)
    pieces = _pieces(field, skin)
    parts, shapes = _merge(pieces)
    slots = {material.name: index for index, material in enumerate(MATERIALS)}
    faces = [piece.faces + part.vertex_start for part, (piece, _) in zip(parts, pieces, strict=True)]
    material_names = [name for piece, _ in pieces for name in piece.materials]
    vertices = np.concatenate([piece.vertices for piece, _ in pieces])
    return HeadMesh(
        vertices=((vertices - NECK_BASE_CM) * CM_TO_M).astype(np.float32),
        faces=np.concatenate(faces).astype(np.int32),
        material_indices=np.array([slots[name] for name in material_names], dtype=np.int32),
        smooth=np.ones(len(material_names), dtype=bool),
        materials=MATERIALS,
        parts=parts,
        shape_deltas={name: _sparse(offsets) for name, offsets in shapes.items()},
        lip_contacts=_lip_contacts(skin),
        creased_edges=_creased_edges(skin),
    )
