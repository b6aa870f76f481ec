# SPDX-License-Identifier: GPL-3.0-or-later
"""Convolutions with fewer multiplications give what convolutions with taps give."""

from __future__ import annotations

import numpy as np
import pytest

from diffusion_talker.student import numpy_network
from diffusion_talker.student.bundle import load_bundle, packaged_bundle_path
from diffusion_talker.student.config import KERNEL_TAPS
from diffusion_talker.student.fast_filter import transformed_taps

torch = pytest.importorskip("torch", reason="PyTorch is not installed: there are no convolutions to compare with")

from diffusion_talker.student.torch_network import DilatedBlock, FastBlock, StudentNetwork  # noqa: E402

ROUNDING = 1e-5  # of single precision, for sums of about a thousand products
ROUNDING_OF_ALL_BLOCKS = 5e-5  # one after the other


def exactly(block: DilatedBlock, inputs: torch.Tensor) -> torch.Tensor:
    """The block in double precision."""
    return DilatedBlock.forward(block.double(), inputs.double())


@pytest.mark.parametrize("dilation", [1, 2, 4, 8])
@pytest.mark.parametrize("steps", [1, 3, 31, 32, 33, 1800])
def test_a_block_in_torch_is_the_block_that_was_trained(dilation, steps):
    torch.manual_seed(steps)
    block = DilatedBlock(192, dilation).eval()
    inputs = torch.randn(2, steps, 192)
    with torch.inference_mode():
        found = FastBlock(block)(inputs)
    assert found.shape == inputs.shape
    np.testing.assert_allclose(found.numpy(), exactly(block, inputs).detach().numpy(), atol=ROUNDING)


def test_the_shipped_network_computes_what_was_trained():
    bundle = load_bundle(packaged_bundle_path())
    trained, fast = StudentNetwork.from_bundle(bundle), StudentNetwork.from_bundle(bundle).made_fast()
    random = np.random.default_rng(0)
    mel = torch.from_numpy(random.normal(-6, 3, (1, 400, 2, 80)).astype(np.float32))
    noisy = torch.from_numpy(random.standard_normal((1, 400, len(bundle.config.channels))).astype(np.float32))
    style = torch.from_numpy(random.standard_normal((1, 256)).astype(np.float32))
    with torch.inference_mode():
        heard, heard_fast = trained.encoder(mel), fast.encoder(mel)
        for ours, reference in zip(heard_fast, heard, strict=True):
            np.testing.assert_allclose(ours.numpy(), reference.numpy(), atol=ROUNDING_OF_ALL_BLOCKS)
        prepared, time = trained.decoder.audio_in(heard[0]), torch.tensor([0.5])
        found, expected = (n.decoder(noisy, time, prepared, style) for n in (fast, trained))
    np.testing.assert_allclose(found.numpy(), expected.numpy(), atol=ROUNDING_OF_ALL_BLOCKS)


@pytest.mark.parametrize("dilation", [1, 8])
@pytest.mark.parametrize("steps", [1, 33, 1800])
def test_a_convolution_in_numpy_is_that_of_torch(dilation, steps):
    torch.manual_seed(steps)
    reference = torch.nn.Conv1d(96, 160, KERNEL_TAPS, dilation=dilation, padding=dilation * (KERNEL_TAPS // 2)).double()
    inputs = torch.randn(steps, 96)
    weight, bias = (part.detach().float().numpy() for part in (reference.weight, reference.bias))
    found = numpy_network._Convolution(transformed_taps(weight), bias, dilation)(inputs.numpy())
    expected = reference(inputs.double().T[None])[0].T.detach().numpy()
    np.testing.assert_allclose(found, expected, atol=ROUNDING)
