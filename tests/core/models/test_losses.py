# SPDX-License-Identifier: GPL-3.0-or-later
"""Each loss does what its name says, on numbers small enough to check by hand."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: training cannot be tested")

from diffusion_talker.channels import MODEL_CHANNELS  # noqa: E402
from diffusion_talker.models import losses  # noqa: E402
from diffusion_talker.models.diffusion import diffuse, sample_times, snr_weight, step_times  # noqa: E402
from diffusion_talker.student.schedule import alpha_sigma  # noqa: E402

JAW, CLOSE = MODEL_CHANNELS.index("jawOpen"), MODEL_CHANNELS.index("mouthClose")


def face(frames: int = 4, jaw: float = 0.0, close: float = 0.0) -> torch.Tensor:
    weights = torch.zeros(1, frames, len(MODEL_CHANNELS))
    weights[..., JAW], weights[..., CLOSE] = jaw, close
    return weights


def closure(predicted: torch.Tensor, clean: torch.Tensor) -> float:
    gap = losses.lip_gap_vector(MODEL_CHANNELS)
    openings = ((motion @ gap).clamp_min(0) for motion in (predicted, clean))
    return losses.closure_loss(*openings, torch.ones(1, clean.shape[1])).item()


def test_gap_is_closed_by_the_corrective_and_opened_by_the_jaw():
    gap = losses.lip_gap_vector(MODEL_CHANNELS)
    assert (face(jaw=0.5) @ gap)[0, 0].item() == pytest.approx(0.5)
    assert (face(jaw=0.1, close=0.1) @ gap).max().item() < 0
    assert set(losses.LIP_GAP_COEFFICIENTS) <= set(MODEL_CHANNELS)


def test_closure_loss_counts_closed_lips_most():
    missed_closure = closure(face(jaw=0.2), face(jaw=0.0))
    missed_opening = closure(face(jaw=0.4), face(jaw=0.6))
    assert missed_closure == pytest.approx(0.04, rel=1e-3)
    assert missed_opening * 10 < closure(face(jaw=0.2), face(jaw=0.0))
    assert closure(face(jaw=0.1, close=0.1), face(jaw=0.05, close=0.05)) == 0.0


def test_reconstruction_and_velocity_ignore_masked_frames():
    clean, predicted, weights = torch.zeros(1, 5, 2), torch.zeros(1, 5, 2), torch.ones(1, 5, 2)
    predicted[:, 3:] = 7.0
    weights[:, 3:] = 0.0
    assert losses.reconstruction_loss(predicted, clean, weights) == 0
    assert losses.velocity_loss(predicted, clean, weights) == 0
    weights[:] = 1.0
    assert losses.reconstruction_loss(predicted, clean, weights).item() == pytest.approx(49 * 2 / 5)
    assert losses.velocity_loss(predicted, clean, weights).item() == pytest.approx(49 / 4)


def test_library_loss_prefers_the_right_entry():
    scale = torch.tensor(2.3)
    right = losses.library_loss(torch.tensor([[0.9, 0.1, -0.3]]), torch.tensor([0]), scale, torch.ones(1))
    wrong = losses.library_loss(torch.tensor([[0.9, 0.1, -0.3]]), torch.tensor([2]), scale, torch.ones(1))
    assert right < 0.01 < wrong


def test_a_stranger_teaches_the_library_nothing():
    scale = torch.tensor(0.0)
    own, stranger = torch.tensor([[0.9, 0.1]]), torch.tensor([[-0.2, 0.4]])
    both = losses.library_loss(torch.cat([own, stranger]), torch.tensor([0, 0]), scale, torch.tensor([1.0, 0.0]))
    assert both == pytest.approx(losses.library_loss(own, torch.tensor([0]), scale, torch.ones(1)))
    assert losses.library_loss(stranger, torch.tensor([0]), scale, torch.zeros(1)) == 0


def test_unknown_phones_count_for_nothing():
    logits = torch.tensor([[[2.0, 0.0], [0.0, 3.0]]])
    known = losses.phone_loss(logits[:, :1], torch.tensor([[0]]), torch.ones(1, 1))
    assert losses.phone_loss(logits, torch.tensor([[0, -100]]), torch.ones(1, 2)) == pytest.approx(known)


def test_phone_loss_respects_the_mask():
    logits = torch.zeros(1, 3, 4)
    logits[0, 0, 2] = 20.0
    phones = torch.tensor([[2, 1, 1]])
    only_first = losses.phone_loss(logits, phones, torch.tensor([[1.0, 0.0, 0.0]]))
    everything = losses.phone_loss(logits, phones, torch.ones(1, 3))
    assert only_first < everything


def test_diffusion_uses_the_sampler_schedule():
    clean, noise = torch.full((3, 2, 2), 2.0), torch.full((3, 2, 2), -1.0)
    times = torch.tensor([0.0, 0.5, 1.0])
    noisy = diffuse(clean, noise, times)
    for index, time in enumerate(times.tolist()):
        alpha, sigma = alpha_sigma(time)
        assert noisy[index, 0, 0].item() == pytest.approx(2 * alpha - sigma, abs=1e-6)


def test_weights_are_truncated_and_times_include_pure_noise():
    weights = snr_weight(torch.tensor([1e-6, 0.5, 1.0]))
    torch.testing.assert_close(weights, torch.tensor([5.0, 1.0, 1.0]))
    times = sample_times(4000, 4, torch.Generator().manual_seed(0))
    assert times.min() > 0 and times.max() == 1.0
    on_grid = torch.isin(times, step_times(torch.tensor([0.25, 0.5, 0.75, 1.0]))).float().mean().item()
    assert on_grid == pytest.approx(0.5, abs=0.05)


def test_alignment_is_least_for_equal_features_and_passes_over_padding():
    teacher = torch.randn(2, 6, 8)
    mask = torch.ones(2, 6)
    assert losses.alignment_loss(teacher, teacher, mask).item() == pytest.approx(0.0, abs=1e-6)
    other = teacher.clone()
    other[:, 4:] = 100.0
    assert losses.alignment_loss(other, teacher, mask).item() > 1.0
    mask[:, 4:] = 0
    assert losses.alignment_loss(other, teacher, mask).item() == pytest.approx(0.0, abs=1e-6)


def test_summary_tells_styles_apart_and_knows_nothing_of_padding():
    upper, mask = torch.randn(3, 20, 5), torch.ones(3, 20)
    mask[:, 10:] = 0
    longer = upper.clone()
    longer[:, 10:] = 7.0
    embedding = torch.randn(3, 4)
    summary = losses.upper_face_summary(embedding, upper, mask)
    assert summary.shape == (3, 4 + 2 * 5)
    torch.testing.assert_close(losses.upper_face_summary(embedding, longer, mask), summary)
    swapped = losses.upper_face_summary(embedding, upper.flip(-1), mask)
    assert (swapped - summary).abs().max() > 0.05


def test_personalizer_loss_wants_the_same_clip_to_be_nearest():
    teacher = torch.eye(4)
    ones = torch.ones(4)
    right = losses.personalizer_loss(teacher, teacher, ones, 0.1)
    wrong = losses.personalizer_loss(teacher.roll(1, 0), teacher, ones, 0.1)
    assert right.item() < 0.01 < 5.0 < wrong.item()
    only_first = torch.tensor([1.0, 0.0, 0.0, 0.0])
    swapped = teacher[[0, 2, 1, 3]]
    assert losses.personalizer_loss(swapped, teacher, only_first, 0.1).item() < 0.01


def test_spread_asks_how_much_moves_and_not_when():
    motion = torch.randn(4, 60, 3, generator=torch.Generator().manual_seed(0)).cumsum(1)
    mask = torch.ones(4, 60)
    assert losses.spread_loss(motion, motion, mask) == 0
    assert losses.spread_loss(motion[torch.tensor([2, 3, 0, 1])], motion, mask) == pytest.approx(0, abs=1e-6)
    assert losses.spread_loss(0.5 * motion, motion, mask) == pytest.approx(3 * 0.25, rel=1e-3)  # of three orders
    assert losses.spread_loss(motion + 7.0, motion, mask) == pytest.approx(0, abs=1e-6)  # where it rests does not count


def test_spread_lets_a_hesitant_motion_grow_and_passes_over_padding():
    motion = torch.randn(2, 50, 2, generator=torch.Generator().manual_seed(1)).cumsum(1)
    mask = (torch.arange(50) < 40).float().expand(2, 50)
    hesitant = (0.6 * motion).requires_grad_()
    losses.spread_loss(hesitant, motion, mask).backward()
    assert (hesitant.grad[:, :40] * (motion - motion[:, :40].mean(1, keepdim=True))[:, :40]).sum() < 0
    assert not hesitant.grad[:, 40:].any()
    wild = torch.where(mask[..., None] > 0, motion, 100.0)
    torch.testing.assert_close(losses.spread_loss(wild, motion, mask), torch.tensor(0.0), atol=1e-5, rtol=0)
