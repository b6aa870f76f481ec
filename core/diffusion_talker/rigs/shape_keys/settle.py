# SPDX-License-Identifier: GPL-3.0-or-later
"""Marks of a hand come to rest: clicks on lashes or brows go to the skin beneath, those on closed lips to the contact.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, replace

import numpy as np

from diffusion_talker.rigs.shape_keys.face import Face
from diffusion_talker.rigs.shape_keys.landmarks import HeadLandmarks, face_frame
from diffusion_talker.rigs.shape_keys.surface import Surface

_SKIN_MM = 8.0  # from a mark on another piece to the skin that it means
_REACH_MM = 7.0  # from a mark to the contact that it means
_ACROSS_MM = 3.5  # of that to the sides: the middle of the mouth stays the middle
_FACING = 0.15  # how far down an upper lip's skin looks where it can touch the lower one
_ALIKE_MM = 0.6  # pairs this much wider than the closest still count as touching
_OPEN_MM = 3.0  # lips further apart than this stand open: then the marks mean what they say


def settle_landmarks(vertices: np.ndarray, triangles: np.ndarray, landmarks: HeadLandmarks) -> HeadLandmarks:
    """Landmarks on the skin, with the lips' marks where upper and lower lip touch in the middle of the mouth, foremost.

    vertices (V, 3), triangles (F, 3). Both marks of the lips may lie on the same lip, or be the same vertex. Lips that
    stand open keep their marks. Raises SettingsError where the landmarks do not form a face.
    """
    frame = face_frame(vertices, landmarks)
    surface = Surface(frame.to_mm(np.asarray(vertices, np.float64)), triangles)
    landmarks = _on_the_skin(surface, landmarks)
    pair = _contact(Face(surface, landmarks, frame))
    return landmarks if pair is None else replace(landmarks, upper_lip=pair[0], lower_lip=pair[1])


def _on_the_skin(surface: Surface, landmarks: HeadLandmarks) -> HeadLandmarks:
    """Marks on lashes, brows or layers of tears go to the nearest vertex of the piece that carries most marks."""
    marks = asdict(landmarks)
    skin = Counter(surface.pieces[list(marks.values())].tolist()).most_common(1)[0][0]
    ground = np.flatnonzero(surface.pieces == skin)
    moved = {}
    for name, vertex in marks.items():
        if surface.pieces[vertex] != skin:
            distance = np.linalg.norm(surface.vertices[ground] - surface.vertices[vertex], axis=1)
            nearest = int(distance.argmin())
            if distance[nearest] < _SKIN_MM:
                moved[name] = int(ground[nearest])
    return replace(landmarks, **moved)


def _contact(face: Face) -> tuple[int, int] | None:
    """Vertices of upper and lower lip that touch nearest to the marks; None where nothing touches there."""
    normals = _outward_normals(face)
    marks = face.points[[face.landmarks.upper_lip, face.landmarks.lower_lip]]
    apart = face.points - marks.mean(axis=0)
    reach = _REACH_MM + np.linalg.norm(marks[0] - marks[1]) / 2
    near = face.skin & (np.linalg.norm(apart, axis=1) < reach) & (np.abs(apart[:, 0]) < _ACROSS_MM)
    uppers, lowers = (np.flatnonzero(near & (sign * normals[:, 1] > _FACING)) for sign in (-1.0, 1.0))
    if not len(uppers) or not len(lowers):
        return None
    between = face.points[uppers][:, None] - face.points[lowers][None]
    gap = np.linalg.norm(between, axis=2) + 4.0 * np.maximum(-between[..., 1] - 0.3, 0.0)  # upper above lower
    if gap.min() > _OPEN_MM:
        return None
    depth = (face.points[uppers][:, None, 2] + face.points[lowers][None, :, 2]) / 2
    aside = np.abs(apart[uppers][:, None, 0]) + np.abs(apart[lowers][None, :, 0])
    score = np.where(gap <= gap.min() + _ALIKE_MM, depth - aside - gap, -np.inf)
    upper, lower = np.unravel_index(np.argmax(score), score.shape)
    return int(uppers[upper]), int(lowers[lower])


def _outward_normals(face: Face) -> np.ndarray:
    """Normals (V, 3) that point out of the face, whichever way the mesh's faces are wound."""
    normals = face.surface.normals
    ahead = normals[[face.landmarks.nose_tip, face.landmarks.chin], 2].sum()
    return normals if ahead >= 0 else -normals
