# SPDX-License-Identifier: GPL-3.0-or-later
"""What a training on vertices needs beyond one on curves: clips left on disk, smaller batches, statistics, a face.

A second of FLAME's 5023 vertices is 1.8 MB in a corpus, of curves 7 kB. Shapes: T frames, V vertices.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from diffusion_talker.corpus.datasets.importer import TEMPLATES_NAME
from diffusion_talker.corpus.shards import Clip, Manifest, read_manifest, read_shard
from diffusion_talker.errors import CorpusError
from diffusion_talker.training.config import Config

#: Motion of one batch, numbers: 64 MB in single precision; a training step holds about a dozen of that size.
BATCH_VALUES = 16_000_000
_FEWEST_CLIPS = 6  # the contrastive losses compare the clips of a batch
_SHORTEST_FRAMES = 30
_CROP_GRID_FRAMES = 6

#: Deviations below this share of the liveliest vertices' are raised to it: what hardly moves is mostly the noise of a
#: scanner, and normalised to 1 it would count as much as the lips.
_STD_FLOOR_SHARE = 0.1
_LIVELIEST_PERCENTILE = 99.0
_LEAST_STD_M = 1e-4


@dataclass(frozen=True)
class VertexStatistics:
    """mean: (3 V,) float32 metres; std: (3 V,) float32 metres, one value for the three of a vertex."""

    mean: np.ndarray
    std: np.ndarray


def iterate_mapped_clips(corpus: Path) -> Iterator[Clip]:
    """Clips of a corpus whose motion (T, 3 V) float16 stays on disk until it is read. Raises CorpusError."""
    for entry in read_manifest(corpus).shards:
        path = corpus / entry.name
        motion, first = _map_stored(path, "motion"), 0
        for clip in read_shard(path):
            frames = len(clip.motion)
            yield replace(clip, motion=motion[first : first + frames].reshape(frames, -1))
            first += frames


def _map_stored(path: Path, name: str) -> np.ndarray:
    """An array of an uncompressed npz as it lies in the file. Raises CorpusError."""
    try:
        with zipfile.ZipFile(path) as archive, open(path, "rb") as file:
            info = archive.getinfo(f"{name}.npy")
            if info.compress_type != zipfile.ZIP_STORED:
                raise ValueError(f"{name} is compressed")
            file.seek(info.header_offset)
            header = file.read(30)  # local file header: lengths of name and extra field stand at 26 and 28
            file.seek(int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little"), 1)
            is_short = np.lib.format.read_magic(file) == (1, 0)
            read = np.lib.format.read_array_header_1_0 if is_short else np.lib.format.read_array_header_2_0
            shape, _, dtype = read(file)
            return np.memmap(path, dtype, "r", file.tell(), shape)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise CorpusError(f"{path} is no readable shard: {error}. Delete it and import the data set again.") from error


def bounded_batches(config: Config, values_per_frame: int) -> Config:
    """The same training with as many frames in a batch as memory allows: fewer clips first, then shorter crops."""
    frames = BATCH_VALUES // values_per_frame
    longest = max(_SHORTEST_FRAMES, frames // _FEWEST_CLIPS // _CROP_GRID_FRAMES * _CROP_GRID_FRAMES)
    crop_frames = min(config.crop_frames, longest)
    return replace(config, crop_frames=crop_frames, batch_clips=min(config.batch_clips, max(2, frames // crop_frames)))


def vertex_statistics(clips: Iterable[Clip]) -> VertexStatistics:
    """Mean and deviation of every vertex over all frames, a clip at a time; a deviation never vanishes.

    The three values of a vertex share one deviation, so that errors keep their direction.
    """
    count, total, squares = 0, np.zeros(1), np.zeros(1)
    for clip in clips:
        motion = np.asarray(clip.motion, np.float32).reshape(len(clip.motion), -1)
        count += len(motion)
        total = total + motion.sum(axis=0, dtype=np.float64)
        squares = squares + np.einsum("tc,tc->c", motion, motion, dtype=np.float64)
    mean = total / max(count, 1)
    variance = np.maximum(squares / max(count, 1) - mean**2, 0.0).reshape(-1, 3).mean(axis=1)
    std = np.sqrt(variance)
    floor = max(_LEAST_STD_M, _STD_FLOOR_SHARE * float(np.percentile(std, _LIVELIEST_PERCENTILE)))
    return VertexStatistics(mean.astype(np.float32), np.repeat(np.maximum(std, floor), 3).astype(np.float32))


def neutral_face(corpus: Path, manifest: Manifest) -> np.ndarray:
    """Mean over the talkers of their neutral faces, (V, 3) float32 metres. Raises CorpusError."""
    path = corpus / TEMPLATES_NAME
    try:
        with np.load(path, allow_pickle=False) as archive:
            faces = [archive[name] for name in manifest.clips_per_identity if name in archive.files]
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise CorpusError(f"{path} is missing or damaged ({error}). Import the data set again.") from error
    if not faces or any(face.shape != (manifest.vertex_count, 3) for face in faces):
        raise CorpusError(f"{path} does not hold the neutral faces of this corpus. Import the data set again.")
    return np.mean(faces, axis=0).astype(np.float32)
