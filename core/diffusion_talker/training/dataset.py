# SPDX-License-Identifier: GPL-3.0-or-later
"""Random crops of corpus clips as training batches, prepared in a background thread."""

from __future__ import annotations

import math
import queue
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from diffusion_talker.audio import MOTION_RATE_HZ, SAMPLE_RATE_HZ
from diffusion_talker.corpus.phones import UNKNOWN_PHONE
from diffusion_talker.corpus.shards import Clip, iterate_clips, read_manifest
from diffusion_talker.corpus.text_split import is_held_out
from diffusion_talker.training.augment import Augmenter
from diffusion_talker.training.config import TrainingConfig
from diffusion_talker.training.vertices import iterate_mapped_clips

if TYPE_CHECKING:
    from diffusion_talker.training.feature_cache import FeatureCache

FRAME_GRID = 3  # three motion frames are exactly 800 samples, so crops start on whole samples
CONTEXT_SAMPLES = 400  # audio kept beyond a crop for the windows at its ends
SPEED_RANGE = 0.12  # speech is played up to this much faster or slower, motion alike
#: Share of crops that keep their speed and their vocal tract. The others sound like somebody else, which is what
#: hearing phones needs and knowing voices cannot use: talkers of the library are told apart by a tenth of a tract.
KEPT_VOICE_SHARE = 0.5


@dataclass(frozen=True)
class Batch:
    """One training batch. B clips, T frames, C channels."""

    log_mel: np.ndarray  # (B, T, 2, 80) float32
    motion: np.ndarray  # (B, T, C) float32, channel values
    phones: np.ndarray  # (B, T) int64 into the manifest's phones, UNKNOWN_PHONE where nobody knows
    mask: np.ndarray  # (B, T) float32, one for real frames
    identity: np.ndarray  # (B,) int64
    emotion: np.ndarray  # (B,) int64
    intensity: np.ndarray  # (B,) float32
    identity_heard: np.ndarray  # (B,) float32, one where the voice is the identity's own, and left as it is
    emotion_heard: np.ndarray  # (B,) float32, one where the voice has the emotion, and is left as it is
    ear_features: np.ndarray | None = None  # (B, N, W) float32, what a pretrained ear hears; N patches


@dataclass(frozen=True)
class HeardClip(Clip):
    """A clip with what a pretrained ear hears in it.

    ear_features: (N, W) float16, one row for each patch of `patch_frames` motion frames.
    """

    ear_features: np.ndarray = field(default_factory=lambda: np.empty((0, 0), np.float16))
    patch_frames: int = 1


@dataclass(frozen=True)
class Split:
    """Clips to learn from and clips whose texts were never seen."""

    train: tuple[Clip, ...]
    held_out: tuple[Clip, ...]


def load_split(corpus: Path, held_out_share: float, cache: FeatureCache | None = None) -> Split:
    """All clips of a corpus, split by a hash of their text: curves in memory (140 MB an hour), vertices on disk.

    cache: what a pretrained ear hears in them, on disk too.
    """
    train: list[Clip] = []
    held_out: list[Clip] = []
    clips = iterate_mapped_clips(corpus) if read_manifest(corpus).vertex_count else iterate_clips(corpus)
    for clip in clips if cache is None else cache.attach(clips):
        (held_out if is_held_out(clip.text, held_out_share) else train).append(clip)
    return Split(tuple(train), tuple(held_out))


def make_batch(clips: Sequence[Clip], config: TrainingConfig, random: np.random.Generator,
               augmenter: Augmenter | None, shares: np.ndarray | None = None) -> Batch:
    """Draw `batch_clips` crops; `augmenter` None leaves the sound as it is.

    shares: (clips,) probability of each clip; None works them out with `clip_shares`.
    """
    numbers = random.choice(len(clips), config.batch_clips, p=clip_shares(clips, config) if shares is None else shares)
    kept = random.random(len(numbers)) < (1.0 if augmenter is None else KEPT_VOICE_SHARE)
    return crop_batch([clips[i] for i in numbers], kept, config, random, augmenter or Augmenter.off())


def crop_batch(clips: Sequence[Clip], kept: np.ndarray, config: TrainingConfig, random: np.random.Generator,
               augmenter: Augmenter) -> Batch:
    """One random crop of each of these clips; `kept` (B,) bool says which keep their voice."""
    crops = [_crop(clip, config.crop_frames, random, own) for clip, own in zip(clips, kept, strict=True)]
    waves = np.stack([crop.wave for crop in crops])
    return Batch(
        log_mel=augmenter.log_mel(waves, config.crop_frames, CONTEXT_SAMPLES, random, kept),
        motion=np.stack([crop.motion for crop in crops]),
        phones=np.stack([crop.phones for crop in crops]),
        mask=np.stack([crop.mask for crop in crops]),
        identity=np.array([clip.identity for clip in clips], np.int64),
        emotion=np.array([clip.emotion for clip in clips], np.int64),
        intensity=np.array([clip.intensity for clip in clips], np.float32),
        identity_heard=np.array([clip.identity_heard for clip in clips], np.float32) * kept,
        emotion_heard=np.array([clip.emotion_heard for clip in clips], np.float32) * kept,
        ear_features=None if crops[0].ear_features is None else np.stack([crop.ear_features for crop in crops]),
    )


def clip_shares(clips: Sequence[Clip], config: TrainingConfig) -> np.ndarray:
    """(clips,) probability of each clip: its length, with recorded voices lifted to the shares they should have.

    Recorded voices together get at least `recorded_share`; those whose phones are all known at least `labelled_share`.
    """
    lengths = np.array([len(clip.motion) for clip in clips], np.float64)
    recorded = ~np.array([clip.identity_heard for clip in clips], bool)
    labelled = recorded & np.array([not (clip.phone == UNKNOWN_PHONE).any() for clip in clips], bool)
    shares = _lift(lengths / lengths.sum(), recorded, config.recorded_share)
    return _lift(shares, labelled, config.labelled_share)


def _lift(shares: np.ndarray, chosen: np.ndarray, least: float) -> np.ndarray:
    """Shares in which the chosen clips have `least` together, if they have less and there are any."""
    together = shares[chosen].sum()
    if not 0 < together < least:
        return shares
    return np.where(chosen, shares * least / together, shares * (1 - least) / (1 - together))


@dataclass(frozen=True)
class _Crop:
    wave: np.ndarray  # (context + samples + context,) float32
    motion: np.ndarray  # (T, C) float32
    phones: np.ndarray  # (T,) int64
    mask: np.ndarray  # (T,) float32
    ear_features: np.ndarray | None  # (N, W) float32


def _crop(clip: Clip, frames: int, random: np.random.Generator, keeps_voice: bool) -> _Crop:
    """A crop of `frames` frames, played at a random speed if it need not keep its voice; beyond the clip there is
    silence and no loss.

    What a pretrained ear has heard was heard at the clip's own speed, and stands for whole patches.
    """
    speed, grid = 1.0, FRAME_GRID
    if isinstance(clip, HeardClip):
        grid = math.lcm(FRAME_GRID, clip.patch_frames)
    elif not keeps_voice:
        speed = 1.0 + random.uniform(-SPEED_RANGE, SPEED_RANGE)
    needed = int(np.ceil(frames * speed)) + 2
    latest = max(0, len(clip.motion) - needed)
    first = int(random.integers(0, latest + 1)) // grid * grid
    positions = first + np.arange(frames) * speed  # frames of the clip, fractional
    return _Crop(
        wave=_read_wave(clip.samples, first, frames, speed),
        motion=_interpolate(clip.motion, positions),
        phones=clip.phone[np.minimum(np.round(positions).astype(int), len(clip.phone) - 1)].astype(np.int64),
        mask=(positions <= len(clip.motion) - 1).astype(np.float32),
        ear_features=_read_ear(clip, first, frames) if isinstance(clip, HeardClip) else None,
    )


def _read_ear(clip: HeardClip, first_frame: int, frames: int) -> np.ndarray:
    """(N, W) float32 features of the patches of a crop; zeros beyond the clip."""
    first, count = first_frame // clip.patch_frames, -(-frames // clip.patch_frames)
    known = clip.ear_features[first : first + count]
    features = np.zeros((count, clip.ear_features.shape[1]), np.float32)
    features[: len(known)] = known
    return features


def _read_wave(samples: np.ndarray, first_frame: int, frames: int, speed: float) -> np.ndarray:
    first = first_frame * SAMPLE_RATE_HZ // MOTION_RATE_HZ
    count = frames * SAMPLE_RATE_HZ // MOTION_RATE_HZ
    offsets = np.arange(-CONTEXT_SAMPLES, count + CONTEXT_SAMPLES)
    if speed == 1.0:
        positions = first + offsets
        inside = (positions >= 0) & (positions < len(samples))
        wave = np.zeros(len(offsets), np.float32)
        wave[inside] = samples[positions[inside]]
    else:
        low, high = first - 2 * CONTEXT_SAMPLES, first + int(count * speed) + 2 * CONTEXT_SAMPLES
        known = np.arange(max(0, low), min(len(samples), high))
        wave = np.interp(first + offsets * speed, known, samples[known].astype(np.float32), left=0.0, right=0.0)
    return (wave / 32768.0).astype(np.float32)


def _interpolate(motion: np.ndarray, positions: np.ndarray) -> np.ndarray:
    positions = np.minimum(positions, len(motion) - 1)
    low = np.floor(positions).astype(int)
    frames = motion[low[0] : low[-1] + 2].astype(np.float32)  # each once: those of a mesh come from the disk here
    before = low - low[0]
    share = (positions - low).astype(np.float32)[:, None]
    if not share.any():
        return frames[before]
    return (1 - share) * frames[before] + share * frames[np.minimum(before + 1, len(frames) - 1)]


class BatchLoader:
    """Endless batches, each a function of (seed, number, rank) alone, made ahead by one thread."""

    def __init__(self, clips: Sequence[Clip], config: TrainingConfig, first_step: int, rank: int = 0) -> None:
        self._clips, self._config, self._step, self._rank = clips, config, first_step, rank
        self._queue: queue.Queue[Batch | BaseException] = queue.Queue(maxsize=4)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def _work(self) -> None:
        augmenter, shares = Augmenter(), None
        step = self._step
        while not self._stopped.is_set():
            random = np.random.default_rng((self._config.seed, step, self._rank))
            try:
                shares = clip_shares(self._clips, self._config) if shares is None else shares
                item: Batch | BaseException = make_batch(self._clips, self._config, random, augmenter, shares)
            except Exception as error:  # handed over: a dead thread would leave training waiting for ever
                item = error
            self._put(item)
            step += 1

    def _put(self, item: Batch | BaseException) -> None:
        while not self._stopped.is_set():
            try:
                self._queue.put(item, timeout=0.2)
                return
            except queue.Full:
                continue

    def __iter__(self) -> Iterator[Batch]:
        while not self._stopped.is_set():
            item = self._queue.get()
            if isinstance(item, BaseException):
                raise item
            yield item

    def close(self) -> None:
        """Stop the thread."""
        self._stopped.set()
        self._thread.join(timeout=10)
