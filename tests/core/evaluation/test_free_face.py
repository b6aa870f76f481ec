# SPDX-License-Identifier: GPL-3.0-or-later
"""The face that errors are measured on: its lips are lips, its upper face is above them."""

from __future__ import annotations

import numpy as np

from diffusion_talker.channels import ARKIT_52
from diffusion_talker.evaluation.free_face import demo_face
from diffusion_talker.rigs.demo_head import build_demo_head


def _lengths_mm(name: str) -> np.ndarray:
    return np.linalg.norm(demo_face().basis_mm[ARKIT_52.index(name)], axis=1)


def test_the_sets_are_apart_and_small() -> None:
    face = demo_face()
    assert 100 < len(face.lips) < 0.2 * face.vertex_count
    assert 200 < len(face.upper) < 0.5 * face.vertex_count
    assert not set(face.lips) & set(face.upper)


def test_a_lip_roll_moves_lips_and_a_blink_the_upper_face() -> None:
    face = demo_face()
    others = np.setdiff1d(np.arange(face.vertex_count), face.lips)
    assert _lengths_mm("mouthPucker")[face.lips].mean() > 5 * _lengths_mm("mouthPucker")[others].mean()
    assert _lengths_mm("eyeBlinkLeft")[face.lips].max() == 0
    assert np.argmax(_lengths_mm("eyeBlinkLeft")) in face.upper
    assert np.argmax(_lengths_mm("browInnerUp")) in face.upper


def test_lips_are_what_the_head_paints_as_lips() -> None:
    mesh = build_demo_head()
    names = np.array([material.name for material in mesh.materials])[mesh.material_indices]
    painted = len(np.unique(mesh.faces[names == "Lips"]))
    assert 0.8 * painted < len(demo_face().lips) < 1.2 * painted


def test_lengths_are_millimetres() -> None:
    assert 30 < _lengths_mm("jawOpen").max() < 60
