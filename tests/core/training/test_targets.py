# SPDX-License-Identifier: GPL-3.0-or-later
"""What counts in a batch, and whose style it has."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: training cannot be tested")

from diffusion_talker.channels import MODEL_CHANNELS  # noqa: E402
from diffusion_talker.student.torch_network import Personalizer  # noqa: E402
from diffusion_talker.training.motion_space import arkit_space  # noqa: E402
from diffusion_talker.training.targets import (  # noqa: E402
    UNKNOWN_CLASS,
    FrameWeights,
    HeardStyle,
    StyleShares,
    Targets,
    contact_classes,
)
from tests.core.student.tiny_bundle import TINY_CONFIG  # noqa: E402

JAW, BROW, HEAD = (MODEL_CHANNELS.index(name) for name in ("jawOpen", "browInnerUp", "HeadYaw"))
PHONES = ("silence", "bilabial_stop", "open")


def make_targets(phones: list[list[int]], heard: float = 1.0) -> Targets:
    classes = torch.tensor(phones)
    count, frames = classes.shape
    ones = torch.ones(count)
    return Targets(
        log_mel=torch.zeros(count, frames, 2, 80), motion=torch.zeros(count, frames, len(MODEL_CHANNELS)),
        phones=classes, mask=torch.ones(count, frames), identity=torch.arange(count) % 3,
        emotion=torch.zeros(count, dtype=torch.long), intensity=ones, identity_heard=heard * ones, emotion_heard=ones,
    )


def test_contact_weighs_on_the_mouth_and_guesses_weigh_little() -> None:
    space = arkit_space(MODEL_CHANNELS, torch.device("cpu"))
    weights = FrameWeights(space, contact_classes(PHONES), contact_stress=3.0, unknown_share=0.25)
    of = weights.of(make_targets([[0, 1, 2, UNKNOWN_CLASS]]))[0]
    assert of[:, JAW].tolist() == [1.0, 3.0, 1.0, 0.25]
    assert of[:, BROW].tolist() == [1.0, 1.0, 1.0, 0.25]


def test_nothing_counts_beyond_the_clip() -> None:
    space = arkit_space(MODEL_CHANNELS, torch.device("cpu"))
    target = make_targets([[1, 1]])
    target.mask[0, 1] = 0
    weights = FrameWeights(space, contact_classes(PHONES), 3.0, 0.25).of(target)
    assert weights[0, 1].sum() == 0 and target.patch_mask(2).tolist() == [[1.0]]


def test_mouth_and_upper_face_share_nothing() -> None:
    space = arkit_space(MODEL_CHANNELS, torch.device("cpu"))
    assert not (space.mouth & space.upper).any() and not space.upper[HEAD] and space.upper[BROW] and space.mouth[JAW]


def styles(target: Targets, shares: StyleShares):
    personalizer = Personalizer(TINY_CONFIG)
    heard = HeardStyle(torch.randn(len(target.identity), 3), torch.randn(len(target.identity), 2))
    return shares.draw(target, heard, personalizer, torch.Generator().manual_seed(0)), personalizer


def test_styles_are_labelled_suggested_or_dropped_in_the_asked_shares() -> None:
    target = make_targets([[0]] * 600)
    style, personalizer = styles(target, StyleShares(predicted=0.3, dropped=0.2))
    labelled = (style.identity == torch.nn.functional.one_hot(target.identity, 3)).all(-1)
    assert labelled.float().mean().item() == pytest.approx(0.7, abs=0.06)
    assert style.dropped.float().mean().item() == pytest.approx(0.2, abs=0.05)
    torch.testing.assert_close(style.identity.sum(-1), torch.ones(600))
    embedding = style.embed(personalizer)
    assert torch.equal(embedding[style.dropped[:, 0]][0], personalizer.null)


def test_a_strangers_voice_suggests_nothing() -> None:
    target = make_targets([[0]] * 50, heard=0.0)
    style, _ = styles(target, StyleShares(predicted=1.0, dropped=0.0))
    assert torch.equal(style.identity, torch.nn.functional.one_hot(target.identity, 3).float())
