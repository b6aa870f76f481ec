# SPDX-License-Identifier: GPL-3.0-or-later
"""What models are measured on: texts, talkers and recorded voices that no training has met. The same clips for all.

Nothing is split by pieces of clips: a text, a talker or a speaker is new as a whole.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from diffusion_talker.audio import SAMPLE_RATE_HZ, ArraySource
from diffusion_talker.channels import MODEL_CHANNELS
from diffusion_talker.corpus.phones import PHONE_NAMES
from diffusion_talker.corpus.shards import MANIFEST_NAME, Clip, Manifest, hash_file, read_manifest, read_shard
from diffusion_talker.corpus.text_split import is_held_out, lines_of
from diffusion_talker.errors import CorpusError

TEXTS, TALKERS, VOICES = "texts", "talkers", "voices"


@dataclass(frozen=True)
class SetSizes:
    """How many clips each set has at most. queries, moods: for retrieval; diversity:
    spoken as several talkers and seeds."""

    texts: int = 48
    talkers: int = 24
    voices: int = 24
    queries: int = 160
    moods: int = 64
    diversity: int = 4


@dataclass(frozen=True)
class HeldOutClip:
    """One clip to measure on. clip: sound, reference motion and phones; identity, emotion: names, as the corpus has
    them."""

    clip: Clip
    identity: str
    emotion: str

    @property
    def source(self) -> ArraySource:
        """Its sound."""
        return ArraySource(self.clip.samples, SAMPLE_RATE_HZ)

    @property
    def seconds(self) -> float:
        return len(self.clip.samples) / SAMPLE_RATE_HZ


@dataclass(frozen=True)
class EvaluationSet:
    """All clips, and the hashes of the manifests they come from.

    texts: library talkers with lines of which none is in any training clip. talkers: talkers and synthetic voices that
    training has not. voices: recorded speakers that training holds out, on faces of the library. queries: every clip
    with a held-out text (for retrieval); moods: clips of the recorded speakers whose emotion can be heard.
    """

    texts: tuple[HeldOutClip, ...]
    talkers: tuple[HeldOutClip, ...]
    voices: tuple[HeldOutClip, ...]
    queries: tuple[HeldOutClip, ...]
    moods: tuple[HeldOutClip, ...]
    diversity: tuple[HeldOutClip, ...]
    corpus_sha256: str
    test_corpus_sha256: str


def load_evaluation_set(corpus: Path, test_corpus: Path, sizes: SetSizes) -> EvaluationSet:
    """Choose the clips: a function of the two corpora and the sizes alone. Raises CorpusError.

    corpus: what models were trained on; test_corpus: made with `corpus build --test-set`.
    """
    known, unknown = _manifest(corpus), _manifest(test_corpus)
    new, heard_lines = _held_out_clips(corpus, known)
    clean = [item for item in new if not set(lines_of(item.clip.text)) & heard_lines]
    strangers, recorded = _test_clips(test_corpus, unknown, known)
    texts = spread(clean, sizes.texts)
    return EvaluationSet(
        texts=texts,
        talkers=spread(strangers, sizes.talkers),
        voices=spread(recorded, sizes.voices),
        queries=spread(new, sizes.queries),
        moods=spread([item for item in recorded if item.clip.emotion_heard], sizes.moods),
        diversity=texts[: sizes.diversity],
        corpus_sha256=hash_file(corpus / MANIFEST_NAME),
        test_corpus_sha256=hash_file(test_corpus / MANIFEST_NAME),
    )


def _manifest(folder: Path) -> Manifest:
    manifest = read_manifest(folder)
    if manifest.channels != MODEL_CHANNELS or manifest.phones != PHONE_NAMES:
        raise CorpusError(f"{folder} has other channels or phones than this program. Build the corpus again.")
    return manifest


def _held_out_clips(folder: Path, manifest: Manifest) -> tuple[list[HeldOutClip], set[str]]:
    """Synthetic clips whose text is held out, and every line that a training clip says."""
    held_out: list[HeldOutClip] = []
    heard_lines: set[str] = set()
    for entry in manifest.shards:
        texts = _texts(folder / entry.name)
        chosen = [i for i, text in enumerate(texts) if text and is_held_out(text)]
        heard_lines.update(line for text in texts if not is_held_out(text) for line in lines_of(text))
        if chosen:
            clips = read_shard(folder / entry.name)
            held_out += [_named(clips[i], manifest) for i in chosen if clips[i].identity_heard]
    return held_out, heard_lines


def _texts(path: Path) -> list[str]:
    """Texts of a shard's clips, without reading its sound."""
    try:
        with np.load(path, allow_pickle=False) as shard:
            return [str(text) for text in shard["text"]]
    except (OSError, KeyError, ValueError) as error:
        raise CorpusError(f"{path} is no readable shard: {error}. Build the corpus again.") from error


def _test_clips(folder: Path, manifest: Manifest, known: Manifest) -> tuple[list[HeldOutClip], list[HeldOutClip]]:
    """(clips of strangers, clips of recorded speakers). Raises CorpusError when a talker is one of training."""
    every = [_named(clip, manifest) for entry in manifest.shards for clip in read_shard(folder / entry.name)]
    strangers = [item for item in every if item.clip.identity_heard and item.clip.text]
    recorded = [item for item in every if not item.clip.identity_heard]
    library = {identity.name for identity in known.identities}
    met = sorted({item.identity for item in strangers} & library)
    trained_on = sorted({item.clip.voice for item in recorded} - set(known.held_out_speakers))
    if met or (trained_on and known.recorded_sources):
        raise CorpusError(
            f"{folder} is no test set of this corpus: training has met {', '.join(met + trained_on)}. Make one with: "
            "python -m diffusion_talker corpus build --test-set"
        )
    return strangers, recorded


def _named(clip: Clip, manifest: Manifest) -> HeldOutClip:
    alone = replace(clip, samples=clip.samples.copy(), motion=clip.motion.copy())  # not a view of its whole shard
    return HeldOutClip(alone, manifest.identities[clip.identity].name, manifest.emotions[clip.emotion])


def spread(clips: Iterable[HeldOutClip], count: int) -> tuple[HeldOutClip, ...]:
    """At most `count` clips, the talkers in turn; which ones depends on the clips alone, not on their order."""
    queues: dict[str, list[HeldOutClip]] = defaultdict(list)
    for item in sorted(clips, key=_key):
        queues[item.identity].append(item)
    turns = _round_robin([queues[name] for name in sorted(queues)])
    return tuple(turns[:count])


def _round_robin(queues: Sequence[Sequence[HeldOutClip]]) -> list[HeldOutClip]:
    longest = max(map(len, queues), default=0)
    return [queue[turn] for turn in range(longest) for queue in queues if turn < len(queue)]


def _key(item: HeldOutClip) -> str:
    return hashlib.sha256(item.clip.samples.tobytes()).hexdigest()
