# SPDX-License-Identifier: GPL-3.0-or-later
"""From a place on the screen to a vertex of the face, and back. The mesh is taken as it is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from mathutils import Vector

from .meshes import mesh_points, neutral_points, triangles_of

if TYPE_CHECKING:
    import bpy


@dataclass(frozen=True)
class ShownSurface:
    """A mesh in the frame of its object: points (V, 3), as shown where no modifier changes their number, else the
    neutral; triangles (F, 3)."""

    points: np.ndarray
    triangles: np.ndarray

    @classmethod
    def of(cls, obj: bpy.types.Object, depsgraph: bpy.types.Depsgraph) -> ShownSurface:
        return cls(shown_points(obj, depsgraph), triangles_of(obj.data))

    def vertex_along(self, origin: np.ndarray, direction: np.ndarray) -> int | None:
        """Vertex nearest to where a ray first meets the surface; None where it misses."""
        hit = first_hit(self.points, self.triangles, origin, direction)
        if hit is None:
            return None
        triangle, place = hit
        corners = self.triangles[triangle]
        return int(corners[np.argmin(((self.points[corners] - place) ** 2).sum(axis=1))])


def shown_points(obj: bpy.types.Object, depsgraph: bpy.types.Depsgraph) -> np.ndarray:
    """Vertices (V, 3) float64 after keys and modifiers, where these keep their number."""
    shown = obj.evaluated_get(depsgraph).data
    return mesh_points(shown) if len(shown.vertices) == len(obj.data.vertices) else neutral_points(obj)


def first_hit(
    points: np.ndarray, triangles: np.ndarray, origin: np.ndarray, direction: np.ndarray
) -> tuple[int, np.ndarray] | None:
    """Triangle that a ray meets first, and where (Moeller and Trumbore 1997, all triangles at once); both sides
    count."""
    start = points[triangles[:, 0]]
    side, other = points[triangles[:, 1]] - start, points[triangles[:, 2]] - start
    across = np.cross(direction, other)
    slope = np.einsum("ij,ij->i", side, across)
    with np.errstate(divide="ignore", invalid="ignore"):
        away = origin - start
        u = np.einsum("ij,ij->i", away, across) / slope
        turned = np.cross(away, side)
        v = turned @ direction / slope
        reach = np.einsum("ij,ij->i", other, turned) / slope
        inside = (u >= 0) & (v >= 0) & (u + v <= 1) & (reach > 0)
    if not inside.any():
        return None
    triangle = int(np.argmin(np.where(inside, reach, np.inf)))
    return triangle, origin + reach[triangle] * direction


@dataclass(frozen=True)
class Pointer:
    """A place in a 3D View: its region, and where the pointer is there."""

    region: bpy.types.Region
    x: float
    y: float

    @classmethod
    def at(cls, area: bpy.types.Area, event: bpy.types.Event) -> Pointer | None:
        """The pointer in the drawing part of this area; None where it is over a sidebar, a header or elsewhere."""
        under = [region for region in area.regions if _holds(region, event.mouse_x, event.mouse_y)]
        if any(region.type != "WINDOW" for region in under) or not under:
            return None
        region = under[0]
        return cls(region, event.mouse_x - region.x, event.mouse_y - region.y)

    def ray(self, obj: bpy.types.Object) -> tuple[np.ndarray, np.ndarray]:
        """Origin (3,) and direction (3,) of the line of sight in the object's frame."""
        from bpy_extras.view3d_utils import region_2d_to_origin_3d, region_2d_to_vector_3d

        into = obj.matrix_world.inverted_safe()
        origin = region_2d_to_origin_3d(self.region, self.region.data, (self.x, self.y))
        direction = region_2d_to_vector_3d(self.region, self.region.data, (self.x, self.y))
        return np.array(into @ origin), np.array((into.to_3x3() @ direction).normalized())


def _holds(region: bpy.types.Region, x: int, y: int) -> bool:
    return region.x <= x < region.x + region.width and region.y <= y < region.y + region.height and region.height > 1


def nearest_vertex(obj: bpy.types.Object, place: Vector, depsgraph: bpy.types.Depsgraph) -> int | None:
    """Vertex nearest to a place in the scene; None on a mesh without vertices."""
    points = shown_points(obj, depsgraph)
    if not len(points):
        return None
    return int(np.argmin(((points - np.array(obj.matrix_world.inverted_safe() @ place)) ** 2).sum(axis=1)))
