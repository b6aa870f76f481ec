# SPDX-License-Identifier: GPL-3.0-or-later
"""The points of a face that the user marks on a head of unknown topology: which they are, and where they are kept.

They are kept on the object as vertex and place of the neutral: the vertex holds while the mesh has as many vertices as
when it was marked, afterwards the vertex nearest to the place does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from .meshes import neutral_points, triangles_of
from .problems import LipSyncProblem

if TYPE_CHECKING:
    import bpy

    from diffusion_talker.rigs.shape_keys import HeadLandmarks

#: Middle marks may lie this far beside the plane of symmetry, in shares of the mesh's size.
_OFF_CENTER = 0.02


@dataclass(frozen=True)
class Landmark:
    """One point of the face: its name in the core, what it is called, and where to click."""

    name: str
    label: str
    hint: str

    @property
    def title(self) -> str:
        """What it is called, whichever side it is on."""
        return self.label.removesuffix(" L").removesuffix(" R")

    @property
    def partner(self) -> str:
        """The same point on the other side of the face; empty for points in the middle."""
        if self.name.endswith("_left"):
            return self.name.removesuffix("_left") + "_right"
        return self.name.removesuffix("_right") + "_left" if self.name.endswith("_right") else ""


_MIDDLE: Final = (
    Landmark("chin", "Chin", "the most forward point of the chin"),
    Landmark("nose_tip", "Nose Tip", "the tip of the nose"),
    Landmark("upper_lip", "Upper Lip", "the middle of the upper lip, where it touches the lower lip"),
    Landmark("lower_lip", "Lower Lip", "the middle of the lower lip, where it touches the upper lip"),
)
_SIDED: Final = (
    ("mouth_corner", "Mouth Corner", "where the lips meet at the side"),
    ("eye_inner", "Inner Eye Corner", "where the lids meet beside the nose"),
    ("eye_outer", "Outer Eye Corner", "where the lids meet at the outside"),
    ("upper_lid", "Upper Lid", "the middle of the upper lid's edge"),
    ("lower_lid", "Lower Lid", "the middle of the lower lid's edge"),
    ("brow_inner", "Inner Brow", "the end of the brow above the nose"),
    ("brow_outer", "Outer Brow", "the end of the brow above the temple"),
    ("jaw_hinge", "Jaw Hinge", "the cheek just before the ear's opening"),
)


def _sided(side: str) -> tuple[Landmark, ...]:
    return tuple(
        Landmark(f"{name}_{side}", f"{label} {side[0].upper()}", f"{hint}, on the character's {side}")
        for name, label, hint in _SIDED
    )


#: In the order in which they are placed: with mirroring the first dozen is enough.
LANDMARKS: Final[tuple[Landmark, ...]] = (*_MIDDLE, *_sided("left"), *_sided("right"))
#: The same as items of a menu.
LANDMARK_ITEMS: Final = tuple((mark.name, mark.label, mark.hint.capitalize()) for mark in LANDMARKS)
_BY_NAME: Final = {landmark.name: landmark for landmark in LANDMARKS}


def landmark_named(name: str) -> Landmark:
    """Raises KeyError for a name that is none."""
    return _BY_NAME[name]


def marks_left(obj: bpy.types.Object) -> tuple[Landmark, ...]:
    """Points that are not placed yet, in order."""
    placed = obj.diffusion_talker_landmarks
    return tuple(landmark for landmark in LANDMARKS if landmark.name not in placed)


def landmarks_locked(obj: bpy.types.Object | None) -> str:
    """Why points cannot be placed on this object and what to do; empty when they can."""
    if obj is None or obj.type != "MESH":
        return "No face chosen: pick the mesh of the face"
    if obj.library is not None:
        return f"'{obj.name}' is linked from another file: make it local, or mark it in that file"
    return "" if len(obj.data.polygons) else f"'{obj.name}' has no faces: pick the mesh of the face"


def set_mark(obj: bpy.types.Object, name: str, vertex: int) -> None:
    """Place one point on a vertex of the neutral."""
    marks = obj.diffusion_talker_landmarks
    mark = marks[name] if name in marks else marks.add()
    points = neutral_points(obj)
    mark.name, mark.vertex, mark.vertex_count = name, vertex, len(points)
    mark.place = points[vertex].tolist()


def remove_mark(obj: bpy.types.Object, name: str) -> None:
    """Take one point away; nothing happens where it is not placed."""
    index = obj.diffusion_talker_landmarks.find(name)
    if index >= 0:
        obj.diffusion_talker_landmarks.remove(index)


def marked_vertices(obj: bpy.types.Object) -> dict[str, int]:
    """Vertex of every point that is placed."""
    marks = [mark for mark in obj.diffusion_talker_landmarks if mark.name in _BY_NAME]
    if not marks:
        return {}
    points = neutral_points(obj)
    return {mark.name: _vertex(mark, points) for mark in marks if len(points)}


def _vertex(mark: bpy.types.PropertyGroup, points: np.ndarray) -> int:
    if mark.vertex_count == len(points) and 0 <= mark.vertex < len(points):
        return mark.vertex
    return int(np.argmin(((points - np.array(mark.place)) ** 2).sum(axis=1)))


def marked_landmarks(obj: bpy.types.Object) -> HeadLandmarks | None:
    """The user's points, None unless all are placed. Sides that were marked as the viewer sees them are exchanged, and
    the lips' points come to rest where the lips touch.

    Raises SettingsError where the points do not form a face.
    """
    from diffusion_talker.rigs.shape_keys import HeadLandmarks, settle_landmarks

    if marks_left(obj):
        return None
    points = neutral_points(obj)
    return settle_landmarks(points, triangles_of(obj.data), HeadLandmarks(**marked_vertices(obj)).facing(points))


def mirror_mark(obj: bpy.types.Object, name: str) -> str:
    """Place the partner of a point on the other side of the face, and return its name; empty for middle points.

    Raises LipSyncProblem where the mesh has nothing near the mirrored place.
    """
    landmark = landmark_named(name)
    if not landmark.partner:
        return ""
    points = neutral_points(obj)
    vertices = marked_vertices(obj)
    axis, center = _symmetry(points, [points[vertices[mark.name]] for mark in _MIDDLE if mark.name in vertices])
    place = points[vertices[name]].copy()
    place[axis] = 2 * center - place[axis]
    distance = np.linalg.norm(points - place, axis=1)
    nearest = int(np.argmin(distance))
    if distance[nearest] > 0.1 * _size(points) or nearest == vertices[name]:
        raise LipSyncProblem(
            f"'{obj.name}' has nothing on the other side of {landmark.label}: apply its Mirror modifier, "
            "or place that side by hand"
        )
    set_mark(obj, landmark.partner, nearest)
    return landmark.partner


def _symmetry(points: np.ndarray, middle: list[np.ndarray]) -> tuple[int, float]:
    """Axis (0, 1, 2) across the face and its value on the plane of symmetry.

    Points in the middle of the face differ least along that axis; with fewer than three of them it is X.
    """
    if len(middle) >= 3:
        axis = int(np.argmin(np.ptp(np.array(middle), axis=0)))
        center = float(np.mean(middle, axis=0)[axis])
        return axis, 0.0 if abs(center) < _OFF_CENTER * _size(points) else center
    return 0, 0.0


def _size(points: np.ndarray) -> float:
    return float(np.ptp(points, axis=0).max())
