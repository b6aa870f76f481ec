# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the parts of a face are on a mesh: the points a user marks, and the frame of the face they give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from diffusion_talker.errors import SettingsError

#: Distances of an adult face, mm: between the middles of the eyes, and from there to the corners of the mouth.
_EYE_DISTANCE_MM: Final = 63.5
_EYE_TO_MOUTH_MM: Final = 67.0
#: The line from the corners of the mouth to the middles of the eyes leans back by this much from the vertical.
_LEAN_DEG: Final = 12.5


@dataclass(frozen=True)
class HeadLandmarks:
    """Vertices of a head mesh that mark its features; left is the character's own left.

    upper_lip and lower_lip: where the lips touch, in the middle. mouth_corner, eye_inner, eye_outer: where lips and
    lids end. upper_lid, lower_lid: middle of the lid's edge. brow: its two ends. jaw_hinge: just before the ear's
    opening.
    """

    chin: int
    nose_tip: int
    upper_lip: int
    lower_lip: int
    mouth_corner_left: int
    mouth_corner_right: int
    eye_inner_left: int
    eye_inner_right: int
    eye_outer_left: int
    eye_outer_right: int
    upper_lid_left: int
    upper_lid_right: int
    lower_lid_left: int
    lower_lid_right: int
    brow_inner_left: int
    brow_inner_right: int
    brow_outer_left: int
    brow_outer_right: int
    jaw_hinge_left: int
    jaw_hinge_right: int

    @classmethod
    def from_marks(cls, vertices: np.ndarray, marks: Mapping[str, int | Sequence[float]]) -> HeadLandmarks:
        """From {field name: vertex, or a place (3,) that the nearest vertex stands for}. Raises SettingsError where
        one is missing or is neither."""
        missing = [field.name for field in fields(cls) if field.name not in marks]
        if missing:
            raise SettingsError(f"These points of the face are not marked yet: {', '.join(missing)}. Mark them too.")
        return cls(**{field.name: _vertex(field.name, marks[field.name], vertices) for field in fields(cls)})

    def facing(self, vertices: np.ndarray) -> HeadLandmarks:
        """The same points with left and right exchanged where they were marked as the viewer sees them; (V, 3)."""
        exchanged = HeadLandmarks(**{_other_side(field.name): getattr(self, field.name) for field in fields(self)})
        return exchanged if nose_ahead(vertices, exchanged) > 0 else self

    def check(self, vertex_count: int) -> None:
        """Raises SettingsError for a vertex that the mesh does not have or that marks two features."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        for name, vertex in named.items():
            if not 0 <= vertex < vertex_count:
                raise SettingsError(
                    f"The point '{name}' is vertex {vertex}, which this mesh does not have. Mark it anew."
                )
        for first, vertex in named.items():
            for second, other in named.items():
                if first < second and vertex == other:
                    raise SettingsError(f"'{first}' and '{second}' are the same vertex. Move one of the two points.")


@dataclass(frozen=True)
class FaceFrame:
    """Millimetres of an adult face: x to the character's left, y up, z out of the face, 0 between the eyes.

    origin (3,) in the mesh's frame; axes (3, 3) rows x, y, z; mm_per_unit of the mesh.
    """

    origin: np.ndarray
    axes: np.ndarray
    mm_per_unit: float

    def to_mm(self, points: np.ndarray) -> np.ndarray:
        """Points (N, 3) of the mesh in the face's frame."""
        return (points - self.origin) @ self.axes.T * self.mm_per_unit

    def offsets_to_mesh(self, offsets_mm: np.ndarray) -> np.ndarray:
        """Offsets (N, 3) of the face's frame in the mesh's own."""
        return offsets_mm @ self.axes / self.mm_per_unit


def face_frame(vertices: np.ndarray, landmarks: HeadLandmarks) -> FaceFrame:
    """Read place, scale and orientation of a face (V, 3) off its landmarks. Raises SettingsError where they
    collapse."""
    sides = _Sides.of(vertices, landmarks)
    x, up, front = sides.axes
    if not nose_ahead(vertices, landmarks) > 0:
        raise SettingsError(
            "The marked points do not form a face: check that left and right are the character's own "
            "and that eyes, mouth and nose are marked where they are."
        )
    lean = np.radians(_LEAN_DEG)
    axes = np.stack([x, np.cos(lean) * up + np.sin(lean) * front, np.cos(lean) * front - np.sin(lean) * up])
    scale = (_EYE_DISTANCE_MM / np.linalg.norm(sides.across[0]) + _EYE_TO_MOUTH_MM / np.linalg.norm(sides.rise)) / 2
    return FaceFrame(sides.center, axes, float(scale))


def nose_ahead(vertices: np.ndarray, landmarks: HeadLandmarks) -> float:
    """How far the nose stands out in front of eyes and mouth, in the mesh's unit: below 0 where left and right are
    exchanged, NaN where the points collapse."""
    sides = _Sides.of(vertices, landmarks)
    return float((vertices[landmarks.nose_tip] - sides.center) @ sides.axes[2])


@dataclass(frozen=True)
class _Sides:
    """What the two sides of a face say: center (3,) between the eyes, vectors across from right to left, rise (3,) from
    the mouth to the eyes."""

    center: np.ndarray
    across: tuple[np.ndarray, ...]
    rise: np.ndarray

    @classmethod
    def of(cls, vertices: np.ndarray, landmarks: HeadLandmarks) -> _Sides:
        def middle(*names: str) -> np.ndarray:
            return vertices[[getattr(landmarks, name) for name in names]].mean(axis=0)

        left, right = (middle(f"eye_inner_{side}", f"eye_outer_{side}") for side in ("left", "right"))
        across = (
            left - right,
            vertices[landmarks.mouth_corner_left] - vertices[landmarks.mouth_corner_right],
            vertices[landmarks.jaw_hinge_left] - vertices[landmarks.jaw_hinge_right],
        )
        center = (left + right) / 2
        return cls(center, across, center - middle("mouth_corner_left", "mouth_corner_right"))

    @property
    def axes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Unit vectors to the character's left, up and to the front."""
        x = _unit(np.sum([_unit(vector) for vector in self.across], axis=0))
        up = _unit(self.rise - (self.rise @ x) * x)
        return x, up, np.cross(x, up)


def _vertex(name: str, mark: int | Sequence[float], vertices: np.ndarray) -> int:
    if isinstance(mark, (int, np.integer)):
        return int(mark)
    place = np.asarray(mark, np.float64)
    if place.shape != (3,):
        raise SettingsError(f"The point '{name}' is neither a vertex nor a place of three numbers. Mark it anew.")
    return int(np.argmin(((vertices - place) ** 2).sum(axis=1)))


def _other_side(name: str) -> str:
    if name.endswith("_left"):
        return name.removesuffix("_left") + "_right"
    return name.removesuffix("_right") + "_left" if name.endswith("_right") else name


def _unit(vector: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return vector / np.linalg.norm(vector)
