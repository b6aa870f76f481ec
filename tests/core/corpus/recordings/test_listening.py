# SPDX-License-Identifier: GPL-3.0-or-later
"""Any recogniser is heard in the program's inventory, whatever phones it was trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: the recogniser cannot run")

from diffusion_talker.corpus.phones import PHONE_NAMES  # noqa: E402
from diffusion_talker.corpus.recordings.listening import load_listener  # noqa: E402
from diffusion_talker.models.recogniser import (  # noqa: E402
    Recogniser,
    RecogniserConfig,
    load_recogniser,
    phone_log_probabilities,
    save_recogniser,
)


@pytest.fixture(autouse=True)
def forget_recognisers() -> None:
    load_listener.cache_clear()


def listen_both(path: Path, phones: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """(what a new recogniser of `phones` gives, what its listener makes of it), both (T, P) log probabilities."""
    torch.manual_seed(0)
    save_recogniser(path, Recogniser(RecogniserConfig(phones, tuple(range(len(phones))), 16, (1,))))
    samples = np.random.default_rng(0).normal(0, 0.1, 16000).astype(np.float32)
    return phone_log_probabilities(load_recogniser(path), samples), load_listener(path)(samples)


def test_phones_stand_in_the_order_of_the_inventory(tmp_path: Path) -> None:
    raw, heard = listen_both(tmp_path / "ear.safetensors", ("sil", "s", "p"))
    for column, name in enumerate(("sil", "s", "p")):
        np.testing.assert_allclose(heard[:, PHONE_NAMES.index(name)], raw[:, column], atol=1e-5)
    assert heard[:, PHONE_NAMES.index("a")].max() < -20


def test_narrow_sounds_count_with_their_broad_one(tmp_path: Path) -> None:
    raw, heard = listen_both(tmp_path / "ear.safetensors", ("sil", "ɕ", "ʃ", "ʂ"))
    np.testing.assert_allclose(np.exp(heard[:, PHONE_NAMES.index("ʃ")]), np.exp(raw[:, 1:]).sum(axis=1), rtol=1e-4)
    assert heard[:, PHONE_NAMES.index("ɕ")].max() < -20
