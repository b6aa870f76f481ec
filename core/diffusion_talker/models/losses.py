# SPDX-License-Identifier: GPL-3.0-or-later
"""The losses of student training, one small function each. Shapes: B clips, T frames, C channels."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

#: Linear estimate of the vertical lip gap in ARKit space, in units of a fully open jaw. Fitted on
#: shape-key heads around jawOpen = 0.3; used only to weight closures, so its exact scale is uncritical.
LIP_GAP_COEFFICIENTS: dict[str, float] = {
    "jawOpen": 1.0,
    "mouthClose": -1.41,
    "mouthFunnel": 0.26,
    "mouthPucker": -0.08,
    "mouthShrugLower": -0.23,
    "mouthShrugUpper": 0.14,
    "mouthUpperUpLeft": 0.12,
    "mouthUpperUpRight": 0.12,
    "mouthLowerDownLeft": 0.10,
    "mouthLowerDownRight": 0.10,
    "mouthRollUpper": 0.07,
    "mouthRollLower": -0.04,
    "mouthPressLeft": -0.035,
    "mouthPressRight": -0.035,
}
CLOSURE_SHARPNESS = 10.0  # k of exp(-k gap): a gap of 0.1 counts about a third of a closed lip


def lip_gap_vector(channels: tuple[str, ...]) -> Tensor:
    """(C,) coefficients of the lip gap in the given channel order."""
    return torch.tensor([LIP_GAP_COEFFICIENTS.get(name, 0.0) for name in channels])


def reconstruction_loss(predicted: Tensor, clean: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean of |x0^ - x0|^2; weights (B, T, C) mask padding and stress the mouth (2311.16565, L_simple)."""
    return (weights * (predicted - clean).square()).sum() / weights.sum().clamp_min(1.0)


def velocity_loss(predicted: Tensor, clean: Tensor, weights: Tensor) -> Tensor:
    """The same on frame-to-frame differences, which keeps motion from being smoothed away."""
    difference = predicted.diff(dim=1) - clean.diff(dim=1)
    pair_weights = torch.minimum(weights[:, 1:], weights[:, :-1])
    return (pair_weights * difference.square()).sum() / pair_weights.sum().clamp_min(1.0)


def closure_loss(predicted_gap: Tensor, clean_gap: Tensor, mask: Tensor) -> Tensor:
    """exp(-k gap) (gap^ - gap)^2: nearly closed lips must be closed (form after Audio2Face-3D, 2508.16401).

    Args:
        predicted_gap, clean_gap: (B, T) opening between the lips, 0 closed, about 1 wide open.
        mask: (B, T) one for real frames.
    """
    stress = mask * torch.exp(-CLOSURE_SHARPNESS * clean_gap)
    return (stress * (predicted_gap - clean_gap).square()).sum() / stress.sum().clamp_min(1.0)


def spread_loss(predicted: Tensor, clean: Tensor, mask: Tensor) -> Tensor:
    """Sum over position, velocity and acceleration of sum_c (d^_c - d_c)^2 / sum_c d_c^2 (ours).

    d_c is the root mean square of channel c over all frames of a batch, of positions about the middle of each clip.
    Where a sound leaves doubt, squared errors are least for a motion that hesitates; this asks for as much motion as
    there is in truth, and leaves open where. (B, T, C), (B, T, C), mask (B, T).
    """
    weight = mask[..., None]
    middle = weight.sum(1, keepdim=True).clamp_min(1.0)
    predicted = predicted - (weight * predicted).sum(1, keepdim=True) / middle
    clean = clean - (weight * clean).sum(1, keepdim=True) / middle
    total = predicted.new_zeros(())
    for _ in range(3):
        found, wanted = _root_mean_square(predicted, weight), _root_mean_square(clean, weight)
        total = total + (found - wanted).square().sum() / wanted.square().sum().clamp_min(1e-6)
        predicted, clean = predicted.diff(dim=1), clean.diff(dim=1)
        weight = torch.minimum(weight[:, 1:], weight[:, :-1])
    return total


def _root_mean_square(motion: Tensor, weight: Tensor) -> Tensor:
    """(B, T, C), (B, T, 1) -> (C,)."""
    return ((weight * motion.square()).sum((0, 1)) / weight.sum().clamp_min(1.0) + 1e-8).sqrt()


def phone_loss(logits: Tensor, phones: Tensor, mask: Tensor) -> Tensor:
    """Cross-entropy of the articulatory class of each frame; label smoothing absorbs uncertain borders.

    Labels below 0 are unknown and count for nothing.
    """
    losses = functional.cross_entropy(logits.transpose(1, 2), phones, reduction="none", label_smoothing=0.05)
    known = mask * (phones >= 0)
    return (losses * known).sum() / known.sum().clamp_min(1.0)


def library_loss(similarity: Tensor, entries: Tensor, log_scale: Tensor, heard: Tensor) -> Tensor:
    """InfoNCE against the whole library: -log softmax(s E q)_k, over the clips whose sound tells the entry.

    heard: (B,) one where the voice belongs to the entry, zero where it is a stranger's.

    Contrasting with library entries instead of the batch avoids the false negatives that in-batch
    pairs of few talkers would make (choice of ours for 2503.18159's contrastive personalizer).
    """
    losses = functional.cross_entropy(similarity * log_scale.exp(), entries, reduction="none")
    return (losses * heard).sum() / heard.sum().clamp_min(1.0)


def alignment_loss(student: Tensor, teacher: Tensor, mask: Tensor) -> Tensor:
    """L_ae (2503.18159): audio features of the student's encoder against the teacher's.

    Mean squared difference of layer-normalised features plus one minus their cosine (form ours). Both are normalised
    by their networks already. (B, N, D), (B, N, D), mask (B, N).
    """
    distance = (student - teacher).square().mean(-1) + 1.0 - functional.cosine_similarity(student, teacher, dim=-1)
    return (distance * mask).sum() / mask.sum().clamp_min(1.0)


def upper_face_summary(embedding: Tensor, upper: Tensor, mask: Tensor) -> Tensor:
    """[p ; mean and deviation over time of the upper face], each part of unit length.

    embedding (B, S), upper (B, T, U), mask (B, T) -> (B, S + 2 U). Pooling and scaling are ours.
    """
    weight = mask[..., None] / mask.sum(1, keepdim=True).clamp_min(1.0)[..., None]
    mean = (weight * upper).sum(1)
    deviation = ((weight * (upper - mean[:, None]).square()).sum(1) + 1e-6).sqrt()
    face = functional.normalize(torch.cat([mean, deviation], -1), dim=-1)
    return torch.cat([functional.normalize(embedding, dim=-1), face], -1)


def personalizer_loss(student: Tensor, teacher: Tensor, weights: Tensor, temperature: float) -> Tensor:
    """L_pc, the personalizer enhancer (2503.18159): InfoNCE of student rows against teacher columns.

    The same clip is the positive, the other clips of the batch are the negatives. `student`, `teacher` (B, F) from
    `upper_face_summary`; `weights` (B,) how much each clip counts: the signal's share alpha^2 at its noise level, for
    at pure noise a prediction says nothing of its clip.
    """
    similarity = functional.normalize(student, dim=-1) @ functional.normalize(teacher, dim=-1).T
    positives = torch.arange(len(student), device=student.device)
    losses = functional.cross_entropy(similarity / temperature, positives, reduction="none")
    return (losses * weights).sum() / weights.sum().clamp_min(1e-3)
