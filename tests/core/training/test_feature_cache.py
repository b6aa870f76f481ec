# SPDX-License-Identifier: GPL-3.0-or-later
"""What a pretrained ear hears is computed once, is bit-equal from the cache, and lines up with crops of motion."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: training cannot be tested")
pytest.importorskip("transformers", reason="transformers is not installed: a pretrained ear cannot be tested")
pytest.importorskip("scipy", reason="SciPy is not installed: training cannot be tested")

from diffusion_talker.audio import ArraySource, motion_frame_count  # noqa: E402
from diffusion_talker.corpus.shards import iterate_clips  # noqa: E402
from diffusion_talker.errors import CorpusError  # noqa: E402
from diffusion_talker.models.pretrained import PretrainedEar, PretrainedEarConfig, load_ear  # noqa: E402
from diffusion_talker.training.augment import Augmenter  # noqa: E402
from diffusion_talker.training.config import TrainingConfig  # noqa: E402
from diffusion_talker.training.dataset import HeardClip, load_split, make_batch  # noqa: E402
from diffusion_talker.training.feature_cache import cache_folder, open_cache  # noqa: E402
from tests.core.models.tiny_ears import WIDTH, save_tiny_ear  # noqa: E402
from tests.core.training.made_corpus import make_clip, write_made_corpus  # noqa: E402


@pytest.fixture(scope="module")
def ear_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_ear(tmp_path_factory.mktemp("ear"))


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_made_corpus(tmp_path / "corpus", clips=4)


def open_ear(folder: Path, **changes: object) -> PretrainedEar:
    return load_ear(PretrainedEarConfig(str(folder), **changes))


class Deaf:
    """An ear that must not be asked."""

    def __init__(self, ear: PretrainedEar) -> None:
        self.config = ear.config

    def hear(self, source: object) -> np.ndarray:
        raise AssertionError("what is in the cache was computed again")


def test_the_cache_holds_what_the_ear_hears_and_is_asked_once(corpus: Path, ear_folder: Path) -> None:
    ear = open_ear(ear_folder)
    clips = list(iterate_clips(corpus))
    first = open_cache(corpus, ear).attach(clips)
    again = open_cache(corpus, Deaf(ear)).attach(clips)
    for clip, heard, cached in zip(clips, first, again, strict=True):
        assert len(heard.ear_features) == -(-motion_frame_count(len(clip.samples)) // 2)
        expected = ear.hear(ArraySource(clip.samples, 16000)).astype(np.float16)
        np.testing.assert_array_equal(heard.ear_features, expected)
        np.testing.assert_array_equal(cached.ear_features, expected)
        assert isinstance(cached.ear_features, np.memmap)


def test_another_layer_model_or_corpus_is_another_folder(corpus: Path, ear_folder: Path, tmp_path: Path) -> None:
    other_model = save_tiny_ear(tmp_path / "other_ear", seed=1)
    other_corpus = write_made_corpus(tmp_path / "other_corpus", clips=3)
    folders = {
        cache_folder(corpus, open_ear(ear_folder)).name,
        cache_folder(corpus, open_ear(ear_folder, layer="1")).name,
        cache_folder(corpus, open_ear(ear_folder, patch_frames=1)).name,
        cache_folder(corpus, open_ear(other_model)).name,
        cache_folder(other_corpus, open_ear(ear_folder)).name,
    }
    assert len(folders) == 5


def test_a_killed_computation_goes_on(corpus: Path, ear_folder: Path) -> None:
    ear = open_ear(ear_folder)

    class Killed(Deaf):
        def hear(self, source: object) -> np.ndarray:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_cache(corpus, Killed(ear))
    told: list[str] = []
    open_cache(corpus, ear, progress=told.append)
    assert told == ["ear  1 of 1 shards heard"]


def test_damaged_features_are_refused(corpus: Path, ear_folder: Path) -> None:
    ear = open_ear(ear_folder)
    open_cache(corpus, ear)
    (cache_folder(corpus, ear) / "shard_00000.npy").write_bytes(b"nothing")
    with pytest.raises(CorpusError, match="damaged.*computed again"):
        open_cache(corpus, ear)


@pytest.mark.parametrize("patch_frames", [1, 2, 4])
def test_crops_of_features_line_up_with_crops_of_motion(patch_frames: int) -> None:
    """Motion and features that both count frames agree in every crop, augmented or not."""
    clip = make_clip(0)
    count = len(clip.motion)
    motion = np.repeat(np.arange(count, dtype=np.float32)[:, None], 2, axis=1)
    patches = np.arange(-(-count // patch_frames), dtype=np.float16)[:, None] * patch_frames
    heard = HeardClip(**{**vars(clip), "motion": motion}, ear_features=patches, patch_frames=patch_frames)
    config = TrainingConfig(batch_clips=8, crop_frames=40)
    for augmenter in (None, Augmenter()):
        batch = make_batch([heard], config, np.random.default_rng(1), augmenter)
        assert batch.ear_features.shape == (8, 40 // patch_frames, 1)
        np.testing.assert_array_equal(batch.ear_features[..., 0], batch.motion[:, ::patch_frames, 0])
        assert len(set(batch.motion[:, 0, 0])) > 3


def test_beyond_the_clip_nothing_is_heard() -> None:
    clip = make_clip(0, length_s=1)
    heard = HeardClip(**vars(clip), ear_features=np.ones((30, 3), np.float16), patch_frames=2)
    batch = make_batch([heard], TrainingConfig(batch_clips=1, crop_frames=80), np.random.default_rng(0), None)
    assert batch.ear_features[0, :30].min() == 1 and not batch.ear_features[0, 30:].any()
    np.testing.assert_array_equal(batch.mask[0, ::2], batch.ear_features[0, :, 0])


def test_clips_that_nobody_heard_are_cropped_as_before(corpus: Path) -> None:
    batch = make_batch(load_split(corpus, 0.0).train, TrainingConfig(batch_clips=2), np.random.default_rng(0), None)
    assert batch.ear_features is None


def test_a_network_learns_from_the_features(corpus: Path, ear_folder: Path) -> None:
    """The ear is random and still tells hum from hiss: a linear reading of it learns to open the jaw."""
    from tests.core.training.made_corpus import JAW

    split = load_split(corpus, 0.0, open_cache(corpus, open_ear(ear_folder)))
    config = TrainingConfig(batch_clips=4, crop_frames=120)
    torch.manual_seed(0)
    network = torch.nn.Linear(WIDTH, 1)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.03)
    losses = []
    for step in range(80):
        batch = make_batch(split.train, replace(config), np.random.default_rng(step), None)
        jaw = torch.from_numpy(batch.motion[:, ::2, JAW])
        loss = (network(torch.from_numpy(batch.ear_features))[..., 0] - jaw).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    truth = np.concatenate([clip.motion[:, JAW].astype(np.float32) for clip in split.train])
    assert np.mean(losses[-10:]) < 0.6 * truth.var()
