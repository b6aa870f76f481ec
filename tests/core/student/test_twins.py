# SPDX-License-Identifier: GPL-3.0-or-later
"""The NumPy network is the twin of the PyTorch one."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: the twin cannot be compared")

from diffusion_talker.audio import ArraySource, log_mel  # noqa: E402
from diffusion_talker.student import GenerateSettings, Student  # noqa: E402
from diffusion_talker.student.bundle import load_bundle, packaged_bundle_path  # noqa: E402
from diffusion_talker.student.layout import weight_shapes  # noqa: E402
from diffusion_talker.student.network import StyleRequest  # noqa: E402
from diffusion_talker.student.numpy_network import NumpyNetwork  # noqa: E402
from diffusion_talker.student.torch_network import StudentNetwork, TorchNetwork  # noqa: E402
from tests.core.student.tiny_bundle import make_bundle  # noqa: E402

TOLERANCE = 1e-4


@pytest.fixture(params=["tiny", "packaged"])
def bundle(request):
    return make_bundle() if request.param == "tiny" else load_bundle(packaged_bundle_path())


@pytest.fixture
def sound():
    random = np.random.default_rng(3)
    samples = random.standard_normal(3 * 16000) * np.repeat(random.uniform(0, 0.3, 30), 1600)
    return ArraySource(samples.astype(np.float32), 16000)


def test_bundle_fits_the_torch_definition(bundle):
    shapes = {name: tuple(tensor.shape) for name, tensor in StudentNetwork(bundle.config).state_dict().items()}
    assert shapes == weight_shapes(bundle.config)


def test_each_part_agrees(bundle):
    ours, reference = NumpyNetwork(bundle), TorchNetwork.of_bundle(bundle)
    random = np.random.default_rng(1)
    mel = random.normal(-6, 3, (150, 2, 80)).astype(np.float32)
    audio, audio_reference = ours.encode(mel), reference.encode(mel)
    np.testing.assert_allclose(audio.features, audio_reference.features[0].numpy(), atol=TOLERANCE)
    np.testing.assert_allclose(audio.speaker, audio_reference.speaker[0].numpy(), atol=TOLERANCE)

    query, query_reference = ours.query(audio.speaker), reference.query(audio_reference.speaker)
    np.testing.assert_allclose(query.identities, query_reference.identities, atol=TOLERANCE)
    np.testing.assert_allclose(query.emotions, query_reference.emotions, atol=TOLERANCE)
    identity = ours.library_weights("identity", query.identities)
    emotion = ours.library_weights("emotion", query.emotions)
    np.testing.assert_allclose(identity, reference.library_weights("identity", query.identities), atol=TOLERANCE)

    request = StyleRequest(identity, emotion, intensity=0.7, strength=1.4)
    style, style_reference = ours.style(request), reference.style(request)
    np.testing.assert_allclose(style, style_reference[0, 0].numpy(), atol=TOLERANCE)
    noisy = random.standard_normal((150, len(bundle.config.channels))).astype(np.float32)
    for time in (1.0, 0.5, 0.125):
        np.testing.assert_allclose(
            ours.denoise(noisy, time, ours.prepare(audio), style),
            reference.denoise(noisy, time, reference.prepare(audio_reference), style_reference),
            atol=TOLERANCE,
        )


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_whole_takes_agree(bundle, sound, steps):
    settings = GenerateSettings(steps=steps, seed=5, emotion=bundle.config.emotions[1])
    ours = Student(NumpyNetwork(bundle), bundle.metadata).generate(sound, settings)
    reference = Student(TorchNetwork.of_bundle(bundle), bundle.metadata).generate(sound, settings)
    assert ours.frame_count == 180
    np.testing.assert_allclose(ours.weights, reference.weights, atol=TOLERANCE)


def test_both_hear_the_same_in_a_sound(bundle, sound):
    theirs = log_mel(sound, 7, 150, TorchNetwork.of_bundle(bundle).power_of_rows)
    np.testing.assert_allclose(theirs, log_mel(sound, 7, 150), atol=1e-5)
