# SPDX-License-Identifier: GPL-3.0-or-later
"""Regions of a face in FLAME topology: where they should be, on any placement of the mesh."""

from __future__ import annotations

import numpy as np
import pytest

from diffusion_talker.errors import SettingsError
from diffusion_talker.rigs.flame.derive import derive_lip_pairs
from diffusion_talker.rigs.flame.landmarks import FLAME_LANDMARKS
from diffusion_talker.rigs.flame.regions import LIP_PAIRS, face_regions
from diffusion_talker.rigs.mesh_files import Mesh
from tests.core.rigs.flame.made_face import made_face


def test_lip_pairs_are_what_the_script_derives(flame_template: Mesh) -> None:
    assert derive_lip_pairs(flame_template, FLAME_LANDMARKS) == LIP_PAIRS


def test_regions_of_the_template(flame_template: Mesh) -> None:
    regions = face_regions(flame_template.vertices)
    assert not (regions.mouth & regions.upper).any()
    assert 400 < regions.mouth.sum() < 700 and 800 < regions.upper.sum() < 1200
    assert regions.mouth[list(sum(LIP_PAIRS, ()))].all()
    assert regions.up[1] > 0.99  # this file is Y up


@pytest.mark.parametrize("pose", ["as it is", "turned and moved", "in centimetres"])
def test_regions_do_not_depend_on_the_pose(pose: str) -> None:
    face = made_face()
    turn = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])  # y becomes z, z becomes x
    posed = {"as it is": face, "turned and moved": face @ turn + [0.1, 1.5, -2.0], "in centimetres": 100 * face}[pose]
    expected, found = face_regions(face), face_regions(posed)
    np.testing.assert_array_equal(found.mouth, expected.mouth)
    np.testing.assert_array_equal(found.upper, expected.upper)
    up = expected.up @ turn if pose == "turned and moved" else expected.up
    np.testing.assert_allclose(found.up, up, atol=1e-6)


def test_landmarks_fall_into_their_regions() -> None:
    regions = face_regions(made_face())
    marks = FLAME_LANDMARKS
    for vertex in (marks.chin, marks.upper_lip, marks.lower_lip, marks.mouth_corner_left, marks.mouth_corner_right):
        assert regions.mouth[vertex] and not regions.upper[vertex]
    for vertex in (marks.brow_inner_left, marks.brow_outer_right, marks.upper_lid_left, marks.lower_lid_right):
        assert regions.upper[vertex] and not regions.mouth[vertex]
    assert not regions.mouth[marks.nose_tip] and not regions.upper[marks.jaw_hinge_left]


def test_points_that_form_no_face_are_refused() -> None:
    with pytest.raises(SettingsError, match="do not form a face"):
        face_regions(made_face() * [1.0, 1.0, -1.0])  # the nose points into the head
    for seed in range(20):
        with pytest.raises(SettingsError, match="do not form a face"):
            face_regions(np.random.default_rng(seed).uniform(-0.1, 0.1, (5023, 3)))
