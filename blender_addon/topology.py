# SPDX-License-Identifier: GPL-3.0-or-later
"""Which head is this mesh? Told by its structure; and where the points of its face are, known or marked by the user."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from .landmarks import marked_landmarks, marks_left
from .meshes import edges_of, neutral_points, triangles_of
from .problems import LipSyncProblem

if TYPE_CHECKING:
    import bpy
    import numpy as np

    from diffusion_talker.rigs.shape_keys import HeadLandmarks, ShapeKeys

#: Beyond this no mesh is compared with the known heads, whose finest has 26,719 vertices: it would only cost time.
_MOST_VERTICES = 400_000


@dataclass(frozen=True)
class Topology:
    """What is known of a mesh by its structure.

    name: the head's topology, empty where it is none that is known. landmarks: its vertices, None for an unknown head.
    same_order: vertex numbers are the original's. reason, advice: why it is no known head and what to do. close: it
    was made from a known head, so that the reason is worth telling.
    """

    name: str = ""
    landmarks: HeadLandmarks | None = None
    same_order: bool = False
    reason: str = ""
    advice: str = ""
    close: bool = False

    @property
    def sentence(self) -> str:
        """For the panel; empty where there is nothing to say."""
        if self.name:
            order = "" if self.same_order else ", with its vertices in another order: vertex animation will not fit"
            return f"{self.name} topology{order}"
        return f"{self.reason} {self.advice}" if self.close else ""


def topology_of(obj: bpy.types.Object | None) -> Topology:
    """Recognise a mesh; remembered for each mesh until its counts change, so that a panel's draw() may ask."""
    if obj is None or obj.type != "MESH":
        return Topology()
    mesh = obj.data
    return _structure(mesh.session_uid, len(mesh.vertices), len(mesh.edges))


@lru_cache(maxsize=32)
def _structure(mesh_uid: int, vertex_count: int, edge_count: int) -> Topology:
    import bpy

    mesh = next((mesh for mesh in bpy.data.meshes if mesh.session_uid == mesh_uid), None)
    if mesh is None or not edge_count or vertex_count > _MOST_VERTICES:
        return Topology()
    return structure_of(mesh)


def structure_of(mesh: bpy.types.Mesh) -> Topology:
    """Recognise a mesh as it is now."""
    from diffusion_talker.rigs.flame import NearMiss
    from diffusion_talker.rigs.known_heads import recognise_head

    match = recognise_head(len(mesh.vertices), edges_of(mesh))
    if isinstance(match, NearMiss):
        return Topology(reason=match.reason, advice=match.advice, close=match.close)
    return Topology(match.name, match.landmarks, match.same_order)


def face_landmarks(obj: bpy.types.Object) -> HeadLandmarks:
    """The points of a face: marked by the user, else known from its topology.

    Raises LipSyncProblem where neither is there.
    """
    marked = marked_landmarks(obj)
    if marked is not None:
        return marked
    known = structure_of(obj.data).landmarks
    if known is None:
        raise LipSyncProblem(landmarks_problem(obj))
    return known


def landmarks_problem(obj: bpy.types.Object) -> str:
    """Why the points of this face are not known and what to do; empty when they are."""
    left = marks_left(obj)
    if not left or topology_of(obj).landmarks is not None:
        return ""
    count = f"{len(left)} of the landmarks" if marked_count(obj) else "The landmarks"
    return f"{count} of '{obj.name}' are not placed yet: press Place Landmarks and click them on the face"


def marked_count(obj: bpy.types.Object) -> int:
    """How many points the user has placed."""
    from .landmarks import LANDMARKS

    return len(LANDMARKS) - len(marks_left(obj))


def generated_keys_of(obj: bpy.types.Object, moved: np.ndarray | None = None) -> ShapeKeys:
    """The 52 ARKit keys made from the object's neutral, or from the neutral moved by offsets (V, 3); changes nothing.

    Raises LipSyncProblem where the points of the face are not known, SettingsError where they do not form a face.
    """
    from diffusion_talker.rigs.shape_keys import generate_shape_keys

    points = neutral_points(obj) if moved is None else neutral_points(obj) + moved
    return generate_shape_keys(points, triangles_of(obj.data), face_landmarks(obj))
