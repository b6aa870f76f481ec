# SPDX-License-Identifier: GPL-3.0-or-later
"""Students that move the vertices of a mesh instead of facial curves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from diffusion_talker.audio import SAMPLE_RATE_HZ, ArraySource
from diffusion_talker.errors import BundleError
from diffusion_talker.student import GenerateSettings, Student, load_student
from diffusion_talker.student.bundle import Bundle, load_bundle, save_bundle
from diffusion_talker.student.numpy_network import NumpyNetwork
from tests.core.student.tiny_bundle import TINY_CONFIG, make_bundle

VERTICES = 40
CONFIG = replace(TINY_CONFIG, channels=(), vertex_count=VERTICES)


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    made = make_bundle(CONFIG)
    made.weights["decoder.motion_mean"][:] = 0.0
    made.weights["decoder.motion_std"][:] = 0.002
    return made


def make_sound(length_s: float) -> ArraySource:
    samples = np.random.default_rng(0).standard_normal(int(length_s * SAMPLE_RATE_HZ)) * 0.1
    return ArraySource(samples.astype(np.float32), SAMPLE_RATE_HZ)


def test_offsets_in_metres_with_the_face_they_belong_to(bundle, tmp_path):
    save_bundle(tmp_path / "student.npz", bundle)
    motion = load_student(tmp_path / "student.npz", "numpy").generate_vertices(make_sound(2.05))
    assert motion.offsets.shape == (123, VERTICES, 3) and motion.offsets.dtype == np.float32 and motion.rate_hz == 60
    assert 1e-4 < motion.offsets.std() < 2e-2
    np.testing.assert_array_equal(motion.neutral, load_bundle(tmp_path / "student.npz").weights["decoder.neutral_face"])


@pytest.mark.parametrize("steps", [1, 2])
def test_windows_agree_with_the_whole(bundle, steps):
    settings = GenerateSettings(steps=steps, seed=3)
    whole, pieces = (
        Student(NumpyNetwork(bundle), bundle.metadata, frames).generate_vertices(make_sound(5.0), settings).offsets
        for frames in (10_000, 37)
    )
    np.testing.assert_allclose(pieces, whole, atol=2e-8)  # metres


def test_numpy_and_pytorch_agree(bundle):
    pytest.importorskip("torch", reason="PyTorch is not installed: the twins cannot be compared")
    from diffusion_talker.student.torch_network import TorchNetwork

    ours, reference = (
        Student(network(bundle), bundle.metadata).generate_vertices(make_sound(3.0)).offsets
        for network in (NumpyNetwork, TorchNetwork.of_bundle)
    )
    np.testing.assert_allclose(ours / 0.002, reference / 0.002, atol=1e-4)  # in deviations, as the network sees them


@pytest.mark.parametrize(("vertices", "scale"), [(0, 1.0), (10, 1.0), (5023, 16.55), (23370, 35.7)])
def test_a_mesh_needs_more_noise_than_curves(vertices, scale):
    channels = () if vertices else TINY_CONFIG.channels
    assert replace(CONFIG, channels=channels, vertex_count=vertices).noise_scale == pytest.approx(scale, rel=1e-3)


def test_the_sampler_starts_from_noise_of_that_scale(bundle):
    network, seen = NumpyNetwork(bundle), []
    denoise = network.denoise
    network.denoise = lambda noisy, *rest: seen.append(noisy.std()) or denoise(noisy, *rest)
    Student(network, bundle.metadata).generate_vertices(make_sound(1.0), GenerateSettings(steps=1))
    assert seen == [pytest.approx(CONFIG.noise_scale, rel=0.05)] and CONFIG.noise_scale > 1.4


def test_more_steps_are_another_motion(bundle):
    """Nothing tells lips from forehead in a mesh: every step may change everything."""
    student = Student(NumpyNetwork(bundle), bundle.metadata)
    one, three = (student.generate_vertices(make_sound(1.0), GenerateSettings(steps=n)).offsets for n in (1, 3))
    assert np.abs(one - three).max(axis=(0, 2)).min() > 1e-5


def test_each_kind_of_student_says_what_it_is_not(bundle):
    with pytest.raises(BundleError, match="40 vertices .* no facial curves: choose a student of blendshapes"):
        Student(NumpyNetwork(bundle), bundle.metadata).generate(make_sound(1.0))
    curves = make_bundle()
    with pytest.raises(BundleError, match="not vertices"):
        Student(NumpyNetwork(curves), curves.metadata).generate_vertices(make_sound(1.0))


def test_a_bundle_of_another_mesh_is_damaged(bundle, tmp_path):
    save_bundle(tmp_path / "s.npz", Bundle(replace(CONFIG, vertex_count=41), bundle.metadata, bundle.weights))
    with pytest.raises(BundleError, match="damaged"):
        load_bundle(tmp_path / "s.npz")
