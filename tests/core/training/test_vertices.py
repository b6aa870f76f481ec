# SPDX-License-Identifier: GPL-3.0-or-later
"""Vertex corpora in a training: read from disk as they are needed, bounded in memory, normalised with care."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed: training cannot be tested")

from diffusion_talker.corpus.datasets.importer import TEMPLATES_NAME  # noqa: E402
from diffusion_talker.corpus.phones import UNKNOWN_PHONE  # noqa: E402
from diffusion_talker.corpus.shards import (  # noqa: E402
    CORPUS_VERSION,
    Clip,
    Manifest,
    ShardEntry,
    iterate_clips,
    write_manifest,
    write_shard,
)
from diffusion_talker.errors import CorpusError  # noqa: E402
from diffusion_talker.training.config import TrainingConfig  # noqa: E402
from diffusion_talker.training.vertices import (  # noqa: E402
    BATCH_VALUES,
    bounded_batches,
    iterate_mapped_clips,
    neutral_face,
    vertex_statistics,
)


def make_clip(motion: np.ndarray, number: int = 0) -> Clip:
    frames = len(motion)
    samples = np.full(frames * 16000 // 60, number, np.int16)
    phone = np.full(frames, UNKNOWN_PHONE, np.uint8)
    return Clip(samples, motion, phone, 0, 0, 0.0, "en", "made", "A", f"line {number}")


@pytest.fixture
def corpus(tmp_path):
    random = np.random.default_rng(0)
    entries = []
    for shard, lengths in enumerate([(30, 60), (45,)]):
        clips = [make_clip(random.normal(0, 0.01, (frames, 8, 3)), frames) for frames in lengths]
        write_shard(tmp_path / f"shard_{shard:05d}.npz", clips)
        entries.append(ShardEntry(f"shard_{shard:05d}.npz", "", len(clips), 1.0))
    write_manifest(tmp_path, Manifest(
        version=CORPUS_VERSION, seed=0, command="made for tests", hours=0.0, channels=("x", "y", "z"), phones=("a",),
        phone_classes=("open",), class_of_phone=(0,), identities=(), emotions=("neutral",), shards=tuple(entries),
        clips_per_identity={"A": 2, "B": 1}, vertex_count=8,
    ))
    np.savez(tmp_path / TEMPLATES_NAME, A=np.full((8, 3), 1.0), B=np.full((8, 3), 2.0), Unheard=np.full((8, 3), 9.0))
    return tmp_path


def test_mapped_clips_are_the_clips(corpus):
    for mapped, clip in zip(iterate_mapped_clips(corpus), iterate_clips(corpus), strict=True):
        assert isinstance(mapped.motion, np.memmap)
        np.testing.assert_array_equal(mapped.motion.reshape(-1, 8, 3), clip.motion)
        np.testing.assert_array_equal(mapped.samples, clip.samples)
        assert mapped.text == clip.text


def test_a_compressed_shard_cannot_be_mapped_and_says_so(corpus):
    path = corpus / "shard_00001.npz"
    with np.load(path) as data:
        np.savez_compressed(path, **{name: data[name] for name in data.files})
    with pytest.raises(CorpusError, match="compressed.*import the data set again"):
        list(iterate_mapped_clips(corpus))


@pytest.mark.parametrize(("vertices", "frames", "clips"), [(0, 240, 12), (5023, 174, 6), (23370, 36, 6)])
def test_batches_fit_memory_and_keep_clips_to_compare(vertices, frames, clips):
    config = bounded_batches(replace(TrainingConfig(), batch_clips=12, crop_frames=240), 3 * vertices or 55)
    assert (config.crop_frames, config.batch_clips) == (frames, clips)
    assert config.crop_frames * config.batch_clips * (3 * vertices or 55) <= BATCH_VALUES


def test_statistics_are_those_of_all_frames_with_one_deviation_a_vertex():
    random = np.random.default_rng(1)
    size_m = np.array([2e-3, 1e-3, 5e-3])
    motion = random.normal(0.001, 1.0, (4000, 3, 3)) * size_m[:, None]
    found = vertex_statistics([make_clip(motion[:1500]), make_clip(motion[1500:])])
    np.testing.assert_allclose(found.mean, motion.mean(axis=0).ravel(), atol=1e-6)
    np.testing.assert_allclose(found.std.reshape(3, 3), np.repeat(size_m[:, None], 3, axis=1), rtol=0.05)


@pytest.mark.parametrize("still_m", [0.0, 2e-6, 4e-5])
def test_what_hardly_moves_is_not_blown_up(still_m):
    motion = np.random.default_rng(2).normal(0, 1, (600, 200, 3)) * still_m
    motion[:, :10] = np.random.default_rng(3).normal(0, 4e-3, (600, 10, 3))
    std = vertex_statistics([make_clip(motion)]).std.reshape(-1, 3)
    assert np.allclose(std[:10], 4e-3, rtol=0.1) and np.allclose(std[10:], 4e-4, rtol=0.1)
    assert np.abs(motion[:, 10:]).max() / std[10:].min() < 0.6


def test_a_corpus_without_motion_has_a_deviation_all_the_same():
    assert vertex_statistics([make_clip(np.zeros((60, 5, 3)))]).std.min() == pytest.approx(1e-4)


def test_the_neutral_face_is_that_of_the_talkers_in_the_corpus(corpus):
    from diffusion_talker.corpus.shards import read_manifest

    manifest = read_manifest(corpus)
    np.testing.assert_array_equal(neutral_face(corpus, manifest), np.full((8, 3), 1.5, np.float32))
    with pytest.raises(CorpusError, match="Import the data set again"):
        neutral_face(corpus, replace(manifest, vertex_count=9))
    (corpus / TEMPLATES_NAME).write_bytes(b"nothing")
    with pytest.raises(CorpusError, match="missing or damaged"):
        neutral_face(corpus, manifest)
