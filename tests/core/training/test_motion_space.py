# SPDX-License-Identifier: GPL-3.0-or-later
"""What a training knows of the values of a motion: of curves by name, of vertices by place or by how they move."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: training cannot be tested")

from diffusion_talker.channels import ARKIT_52, HEAD_CHANNELS, MODEL_CHANNELS, MOUTH_CHANNELS  # noqa: E402
from diffusion_talker.rigs.flame.landmarks import FLAME_LANDMARKS  # noqa: E402
from diffusion_talker.rigs.flame.regions import LIP_PAIRS, face_regions  # noqa: E402
from diffusion_talker.training.motion_space import OPEN_MOUTH_M, arkit_space, vertex_space  # noqa: E402
from tests.core.rigs.flame.made_face import made_face  # noqa: E402


def as_values(mask: np.ndarray) -> list[bool]:
    return np.repeat(mask, 3).tolist()


def test_curves_are_mouth_or_upper_face_or_head():
    space = arkit_space(MODEL_CHANNELS, torch.device("cpu"))
    mouth = {name for name, is_mouth in zip(MODEL_CHANNELS, space.mouth.tolist(), strict=True) if is_mouth}
    upper = {name for name, is_upper in zip(MODEL_CHANNELS, space.upper.tolist(), strict=True) if is_upper}
    assert space.size == 55 and mouth == set(MOUTH_CHANNELS) and mouth.isdisjoint(upper)
    assert mouth | upper | set(HEAD_CHANNELS) == {*ARKIT_52, *HEAD_CHANNELS}


def test_the_gap_of_curves_is_the_jaw_unless_the_lips_are_closed():
    space = arkit_space(("jawOpen", "mouthClose"), torch.device("cpu"))
    gap = space.gap(torch.tensor([[[0.0, 0.0], [1.0, 0.0], [0.5, 0.5]]]))[0]
    assert gap[0] == 0 and gap[1] == pytest.approx(1.0) and gap[2] == 0


def test_regions_of_flame():
    face = made_face()
    space = vertex_space(torch.from_numpy(face).float(), torch.full((15069,), 1e-3))
    regions = face_regions(face.astype(np.float32).astype(np.float64))
    assert space.size == 15069
    assert space.mouth.tolist() == as_values(regions.mouth) and space.upper.tolist() == as_values(regions.upper)


@pytest.mark.parametrize("is_turned", [False, True])
def test_the_gap_of_flame_is_how_far_the_lips_part_along_the_face(is_turned):
    turn = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]) if is_turned else np.eye(3)
    face = torch.from_numpy(made_face() @ turn + 1.0).float()
    up = face_regions(face.double().numpy()).up
    offsets = torch.zeros(1, 4, 5023, 3)
    lower, upper = [pair[1] for pair in LIP_PAIRS], [pair[0] for pair in LIP_PAIRS]
    offsets[0, 1, lower] = torch.from_numpy(-OPEN_MOUTH_M * up).float()  # the jaw drops all the way
    offsets[0, 2, :] = torch.tensor([0.0, 0.03, 0.02])  # the whole head moves
    offsets[0, 3, upper] = torch.from_numpy(-0.004 * up).float()  # the upper lip presses into the lower one
    gap = vertex_space(face, torch.full((15069,), 1e-3)).gap(offsets.flatten(2))[0]
    assert gap[1] == pytest.approx(1.0, abs=1e-5)
    assert gap[0] == 0 and gap[2] == pytest.approx(0.0, abs=1e-5) and gap[3] == 0


@pytest.mark.parametrize("face", ["another mesh", "as many vertices as FLAME"])
def test_of_an_unknown_mesh_the_mouth_is_what_moves(face):
    count = 600 if face == "another mesh" else 5023
    points = torch.from_numpy(np.random.default_rng(0).uniform(-0.1, 0.1, (count, 3))).float()
    std = torch.full((count,), 2e-4)
    moving = count // 10
    std[:moving] = torch.linspace(1e-3, 3e-3, moving)
    space = vertex_space(points, std.repeat_interleave(3))
    if face == "another mesh":
        assert space.mouth.tolist() == as_values(np.arange(count) < moving)
    assert space.gap is None and not (space.mouth & space.upper).any() and space.upper.any()


@pytest.fixture(scope="module")
def template(shared_dir):
    from diffusion_talker.rigs.mesh_files import read_mesh

    path = shared_dir / "meshes" / "flame_template.ply"
    if not path.is_file():
        pytest.skip("flame_template.ply is absent from the reference folder")
    return read_mesh(path)


def test_regions_of_the_real_template_hold_what_generated_keys_move(template):
    from diffusion_talker.rigs.mesh_files import triangulated
    from diffusion_talker.rigs.shape_keys.generate import generate_shape_keys

    keys = generate_shape_keys(template.vertices, triangulated(template.polygons), FLAME_LANDMARKS)
    space = vertex_space(torch.from_numpy(template.vertices).float(), torch.full((15069,), 1e-3))

    def offsets(**weights: float) -> np.ndarray:
        return (keys.posed(template.vertices, weights) - template.vertices).ravel()

    def share_in(region: torch.Tensor, name: str) -> float:
        energy = offsets(**{name: 1.0}) ** 2
        return energy[region.numpy()].sum() / energy.sum()

    for name in ("jawOpen", "jawLeft", "mouthClose", "mouthFunnel", "mouthPucker", "mouthSmileLeft", "mouthRollUpper"):
        assert share_in(space.mouth, name) > 0.9 and share_in(space.upper, name) < 0.01, name
    for name in ("browInnerUp", "browDownLeft", "browOuterUpRight", "eyeBlinkLeft", "eyeWideRight"):
        assert share_in(space.upper, name) > 0.9 and share_in(space.mouth, name) < 0.01, name

    def gap(**weights: float) -> float:
        return float(space.gap(torch.from_numpy(offsets(**weights)).float()[None, None])[0, 0])

    assert gap(jawOpen=1.0) == pytest.approx(1.0, abs=0.25)  # in units of our own head's mouth
    assert gap(jawOpen=0.5, mouthClose=0.5) < 0.02 and gap(eyeBlinkLeft=1.0, browInnerUp=1.0) < 0.02
    assert gap(jawOpen=0.5, mouthLowerDownLeft=0.5, mouthLowerDownRight=0.5) > gap(jawOpen=0.5) + 0.05
