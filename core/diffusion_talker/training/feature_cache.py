# SPDX-License-Identifier: GPL-3.0-or-later
"""What a pretrained ear hears in each clip of a corpus: computed once, kept beside the corpus, read as it is needed.

A large speech model takes longer for a clip than all the rest of a training step. CORPUS/ear_features/HASH/ holds for
each shard one .npy of float16 features (patches of all its clips, width) and one of where clips begin; HASH stands for
the model's weights, its layer, and the corpus' manifest. A computation that was killed goes on with the next shard.

The ear hears every clip as it was recorded: crops of such clips keep their speed, and what augments sound reaches only
the log-mel that the voice's tower and the student hear.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from diffusion_talker.audio import SAMPLE_RATE_HZ, ArraySource
from diffusion_talker.corpus.shards import MANIFEST_NAME, Clip, hash_file, read_manifest, read_shard
from diffusion_talker.errors import CorpusError
from diffusion_talker.files import atomic_write
from diffusion_talker.models.pretrained import PretrainedEar
from diffusion_talker.training.dataset import HeardClip
from diffusion_talker.training.distributed import Ranks, wait_for_all

CACHE_FOLDER = "ear_features"
Progress = Callable[[str], None]


class FeatureCache:
    """Features of one ear for one corpus, clip by clip in the order of the corpus."""

    def __init__(self, folder: Path, shard_names: Sequence[str], patch_frames: int) -> None:
        """folder: a complete one, see `open_cache`. Raises CorpusError when a file is damaged."""
        self._patch_frames = patch_frames
        self._features = [part for name in shard_names for part in _open_shard(folder, name)]

    def attach(self, clips: Iterable[Clip]) -> Iterator[HeardClip]:
        """All clips of the corpus, in order, with their features."""
        for clip, features in zip(clips, self._features, strict=True):
            yield HeardClip(**vars(clip), ear_features=features, patch_frames=self._patch_frames)


def open_cache(
    corpus: Path, ear: PretrainedEar, ranks: Ranks | None = None, progress: Progress = lambda line: None
) -> FeatureCache:
    """The features of a corpus; those that are not there yet are computed, shard by shard, shared among processes.

    Raises CorpusError (no finished corpus, a damaged file) and OutputError (the disk is full).
    """
    folder = cache_folder(corpus, ear)
    shards = read_manifest(corpus).shards
    folder.mkdir(parents=True, exist_ok=True)
    ranks = ranks or Ranks()
    for number, shard in list(enumerate(shards))[ranks.rank :: ranks.count]:
        if not _starts_path(folder, shard.name).is_file():
            _write_shard(folder, shard.name, read_shard(corpus / shard.name), ear)
            progress(f"ear  {number + 1} of {len(shards)} shards heard")
    if ranks.is_first:
        with atomic_write(folder / "ear.json") as stream:
            stream.write((json.dumps(ear.config.as_dict(), indent=1) + "\n").encode())
    wait_for_all(ranks)
    return FeatureCache(folder, [shard.name for shard in shards], ear.config.patch_frames)


def cache_folder(corpus: Path, ear: PretrainedEar) -> Path:
    """Where the features of this ear for this corpus are kept. Another layer, model or corpus is another folder."""
    key = f"{ear.config.fingerprint} {hash_file(corpus / MANIFEST_NAME)}"
    return corpus / CACHE_FOLDER / hashlib.sha256(key.encode()).hexdigest()[:16]


def _write_shard(folder: Path, name: str, clips: Sequence[Clip], ear: PretrainedEar) -> None:
    """Features first, starts last: a shard whose starts are there is complete."""
    heard = [ear.hear(ArraySource(clip.samples, SAMPLE_RATE_HZ)).astype(np.float16) for clip in clips]
    starts = np.concatenate([[0], np.cumsum([len(part) for part in heard])]).astype(np.int64)
    for path, array in ((_heard_path(folder, name), np.concatenate(heard)), (_starts_path(folder, name), starts)):
        with atomic_write(path) as stream:
            np.save(stream, array)


def _open_shard(folder: Path, name: str) -> list[np.ndarray]:
    """Features of each clip of a shard, mapped from disk."""
    try:
        heard = np.load(_heard_path(folder, name), mmap_mode="r", allow_pickle=False)
        starts = np.load(_starts_path(folder, name), allow_pickle=False)
    except (OSError, ValueError) as error:
        raise CorpusError(
            f"The ear's features in {folder} are damaged ({error}). Delete that folder, they are computed again."
        ) from error
    return [heard[first:stop] for first, stop in zip(starts[:-1], starts[1:], strict=True)]


def _heard_path(folder: Path, shard_name: str) -> Path:
    return folder / f"{Path(shard_name).stem}.npy"


def _starts_path(folder: Path, shard_name: str) -> Path:
    return folder / f"{Path(shard_name).stem}_starts.npy"
