# SPDX-License-Identifier: GPL-3.0-or-later
"""Landmarks of the head topologies that are known by their structure, and of any other by a file of marked points."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Final

import numpy as np

from diffusion_talker.errors import FormatError, SettingsError
from diffusion_talker.rigs.flame import NearMiss, recognise
from diffusion_talker.rigs.flame.topology import edge_signature
from diffusion_talker.rigs.mesh_files import Mesh, triangulated
from diffusion_talker.rigs.shape_keys.landmarks import HeadLandmarks
from diffusion_talker.rigs.shape_keys.settle import settle_landmarks
from diffusion_talker.rigs.shape_keys.surface import unique_edges

_ICT_VERTICES: Final = 26719
_ICT_EDGES_SHA256: Final = "3f03a1a66521e0efdc3e460ece2622c7f27a3358d7bc98e2c74934b9a7b7bb68"
#: Marked by us on the light ICT-FaceKit head.
ICT_LANDMARKS: Final = HeadLandmarks(
    chin=964,
    nose_tip=4841,
    upper_lip=5533,
    lower_lip=5517,
    mouth_corner_left=6179,
    mouth_corner_right=5674,
    eye_inner_left=3128,
    eye_inner_right=887,
    eye_outer_left=2811,
    eye_outer_right=570,
    upper_lid_left=4190,
    upper_lid_right=1990,
    lower_lid_left=3768,
    lower_lid_right=1554,
    brow_inner_left=4203,
    brow_inner_right=2003,
    brow_outer_left=2320,
    brow_outer_right=79,
    jaw_hinge_left=7150,
    jaw_hinge_right=7877,
)


@dataclass(frozen=True)
class KnownHead:
    """A mesh whose topology is known. name: what people call it. landmarks: its vertices. same_order: vertex numbers
    are the original's, which per-vertex animation needs. has_eyes: the eyeballs are part of it."""

    name: str
    landmarks: HeadLandmarks
    same_order: bool = True
    has_eyes: bool = True


def recognise_head(vertex_count: int, polygons: np.ndarray) -> KnownHead | NearMiss:
    """Recognise a head by its structure, wherever it stands. polygons: faces (F, K) int, -1 filling up shorter ones; or
    edges (E, 2)."""
    polygons = np.asarray(polygons, np.int64)
    if vertex_count == _ICT_VERTICES and edge_signature(unique_edges(polygons, vertex_count)) == _ICT_EDGES_SHA256:
        return KnownHead("ICT-FaceKit", ICT_LANDMARKS)
    match = recognise(vertex_count, polygons)
    if isinstance(match, NearMiss):
        return match
    return KnownHead("FLAME / VOCA", match.landmarks, match.same_order, match.has_eyes)


def landmarks_of(mesh: Mesh) -> HeadLandmarks:
    """Landmarks of a known head. Raises SettingsError for any other, with what it lacks to be FLAME and what to do."""
    match = recognise_head(len(mesh.vertices), mesh.polygons)
    if isinstance(match, NearMiss):
        raise SettingsError(f"{match.reason} {match.advice}")
    return match.landmarks


def read_landmarks(path: str | os.PathLike[str], mesh: Mesh) -> HeadLandmarks:
    """Read marked points from JSON: {feature: vertex number or [x, y, z]}; the lips' points come to rest where the lips
    touch. Raises FormatError, SettingsError."""
    try:
        with open(path, encoding="utf-8") as stream:
            marks = dict(json.load(stream))
    except OSError as error:
        raise FormatError(f"Could not read '{path}': {error.strerror or error}. Check the file's name.") from error
    except (ValueError, TypeError) as error:
        raise FormatError(
            f"'{path}' is no file of marked points ({error}). It holds JSON such as "
            '{"chin": 3404, "nose_tip": [0.0, 1.2, 0.3]}, with vertices or places for every feature.'
        ) from error
    landmarks = HeadLandmarks.from_marks(mesh.vertices, marks)
    return settle_landmarks(mesh.vertices, triangulated(mesh.polygons), landmarks)
