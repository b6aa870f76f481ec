# SPDX-License-Identifier: GPL-3.0-or-later
"""The phone recogniser learns, resumes, survives its file, and strangers' unlabelled frames teach it nothing wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: training cannot be tested")
pytest.importorskip("safetensors", reason="safetensors is not installed: training cannot be tested")
pytest.importorskip("scipy", reason="SciPy is not installed: training cannot be tested")

from diffusion_talker.audio import motion_frame_count  # noqa: E402
from diffusion_talker.corpus.phones import PHONE_CLASSES, PHONE_NAMES, PHONES, UNKNOWN_PHONE  # noqa: E402
from diffusion_talker.errors import BundleError, CorpusError  # noqa: E402
from diffusion_talker.models.recogniser import (  # noqa: E402
    FILE_NAME,
    Recogniser,
    RecogniserConfig,
    class_log_probabilities,
    class_matrix,
    load_recogniser,
    phone_log_probabilities,
    save_recogniser,
)
from diffusion_talker.training.config import RecogniserTrainingConfig, smoke  # noqa: E402
from diffusion_talker.training.dataset import clip_shares, make_batch  # noqa: E402
from diffusion_talker.training.recogniser import RecogniserTrainer, masked_cross_entropy  # noqa: E402
from tests.core.training.made_corpus import make_clip, write_made_corpus  # noqa: E402

NAMES = ("sil", "m", "a")  # what the made corpus' silence, hum and hiss are called here
SHAPE = RecogniserConfig(NAMES, (0, 1, 2), width=32, dilations=(1, 2), dropout=0.0)
CLASSES = tuple(phone.class_index for phone in PHONES.values())
CONFIG = smoke(RecogniserTrainingConfig())


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_made_corpus(tmp_path_factory.mktemp("corpus"), phones=NAMES)


def test_learns_the_phones_of_a_made_corpus(corpus: Path, tmp_path: Path) -> None:
    trainer = RecogniserTrainer(corpus, tmp_path, replace(CONFIG, steps=240, learning_rate=3e-3), SHAPE)
    history = trainer.run(lambda line: None)
    assert history[-1].total < 0.75 * history[0].total
    clip = make_clip(1001)
    log_phones = phone_log_probabilities(load_recogniser(tmp_path), clip.samples.astype(np.float32) / 32768)
    assert log_phones.shape == (motion_frame_count(len(clip.samples)), 3)
    np.testing.assert_allclose(np.exp(log_phones).sum(axis=1), 1.0, atol=1e-4)
    assert (log_phones.argmax(axis=1) == clip.phone).mean() > 0.85


def test_resuming_is_exact_with_dropout(corpus: Path, tmp_path: Path) -> None:
    torch.set_num_threads(1)  # sums in one order: the comparison is exact
    config, shape = replace(CONFIG, steps=6, save_every=100, validate_every=100), replace(SHAPE, dropout=0.3)
    RecogniserTrainer(corpus, tmp_path / "whole", config, shape).run(lambda line: None)
    RecogniserTrainer(corpus, tmp_path / "halves", config, shape).run(lambda line: None, stop_step=3)
    RecogniserTrainer(corpus, tmp_path / "halves", config, shape).run(lambda line: None)
    whole, halves = (load_recogniser(tmp_path / name).state_dict() for name in ("whole", "halves"))
    for name, tensor in whole.items():
        torch.testing.assert_close(halves[name], tensor, atol=0, rtol=0)


def test_class_probabilities_are_sums_over_their_phones() -> None:
    log_phones = torch.randn(4, len(PHONE_NAMES)).log_softmax(-1)
    classes = class_log_probabilities(log_phones, class_matrix(CLASSES)).exp()
    bilabial = PHONE_CLASSES.index("bilabial_stop")
    members = [i for i, name in enumerate(PHONE_NAMES) if PHONES[name].phone_class == "bilabial_stop"]
    torch.testing.assert_close(classes[:, bilabial], log_phones[:, members].exp().sum(-1))
    torch.testing.assert_close(classes.sum(-1), torch.ones(4))


def test_frames_that_do_not_count_change_nothing() -> None:
    log_probabilities = torch.randn(1, 3, 4).log_softmax(-1)
    labels = torch.tensor([[1, 2, 0]])
    all_but_last = masked_cross_entropy(log_probabilities[:, :2], labels[:, :2], torch.ones(1, 2), 0.1)
    masked = masked_cross_entropy(log_probabilities, labels, torch.tensor([[1.0, 1.0, 0.0]]), 0.1)
    assert masked == pytest.approx(all_but_last.item())


def test_recorded_voices_reach_their_share_and_unknown_frames_are_kept_apart() -> None:
    own = [make_clip(number) for number in range(18)]
    recorded = [
        replace(make_clip(number), identity_heard=False, phone=np.full(360, UNKNOWN_PHONE, np.uint8))
        for number in (1, 2)
    ]
    shares = clip_shares(own + recorded, replace(CONFIG, recorded_share=0.4))
    assert shares[18:].sum() == pytest.approx(0.4) and shares.sum() == pytest.approx(1.0)
    modest = clip_shares(own + recorded, replace(CONFIG, recorded_share=0.01))
    assert modest[18:].sum() == pytest.approx(0.1)  # more than asked for is left as it is
    labelled = replace(make_clip(3), identity_heard=False)
    shares = clip_shares([*own, *recorded, labelled], replace(CONFIG, labelled_share=0.3))
    assert shares[-1] == pytest.approx(0.3) and shares.sum() == pytest.approx(1.0)
    batch = make_batch(recorded, replace(CONFIG, batch_clips=2), np.random.default_rng(0), None)
    assert (batch.phones == UNKNOWN_PHONE).all() and (batch.identity_heard == 0).all()


def test_a_file_that_is_no_recogniser_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"nothing of the kind")
    with pytest.raises(BundleError, match="train recogniser"):
        load_recogniser(tmp_path)
    with pytest.raises(BundleError, match="train recogniser"):
        load_recogniser(tmp_path / "missing")


def test_half_precision_is_enough(tmp_path: Path) -> None:
    torch.manual_seed(0)
    recogniser = Recogniser(replace(SHAPE, phones=PHONE_NAMES, class_of_phone=CLASSES)).eval()
    save_recogniser(tmp_path / "r.safetensors", recogniser)
    samples = 0.1 * np.random.default_rng(0).standard_normal(8000).astype(np.float32)
    before = phone_log_probabilities(recogniser, samples)
    np.testing.assert_allclose(phone_log_probabilities(load_recogniser(tmp_path / "r.safetensors"), samples), before,
                               atol=0.02)


def test_a_corpus_of_other_phones_is_refused(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="other phones"):
        RecogniserTrainer(corpus, tmp_path, CONFIG, replace(SHAPE, phones=("sil", "p", "a")))
