# SPDX-License-Identifier: GPL-3.0-or-later
"""Through what a teacher hears the corpus: a recogniser of ours, or a speech model of others with kept features."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from diffusion_talker.models.pretrained import PretrainedEar, PretrainedEarConfig, load_ear
from diffusion_talker.models.recogniser import Recogniser, load_recogniser
from diffusion_talker.models.teacher import EarConfig
from diffusion_talker.training.device import choose_device
from diffusion_talker.training.distributed import join_ranks
from diffusion_talker.training.feature_cache import FeatureCache, open_cache


@dataclass(frozen=True)
class OpenedEar:
    """An ear, and what it hears in the corpus if that is kept on disk (None: it listens while the teacher learns)."""

    ear: Recogniser | PretrainedEar
    config: EarConfig
    cache: FeatureCache | None


def open_ear(source: Path, layer: str, patch_frames: int, corpus: Path, device: str) -> OpenedEar:
    """Open an ear for a corpus; what a pretrained one hears is computed if it is not there yet.

    Args:
        source: a recogniser, its file or folder; or a folder with a model of `transformers`, or its name on the hub.
        layer: of a pretrained ear, see `PretrainedEarConfig`.

    Raises BundleError, RuntimeUnavailableError, CorpusError.
    """
    if _is_recogniser(source):
        recogniser = load_recogniser(source)
        return OpenedEar(recogniser, recogniser.config, None)
    ear = load_ear(PretrainedEarConfig(source.as_posix(), layer, patch_frames))
    return OpenedEar(ear, ear.config, _hear_corpus(ear, corpus, device))


def _is_recogniser(source: Path) -> bool:
    """What lies there, or if nothing does, whether it reads like a path of ours and not like OWNER/MODEL."""
    if source.exists():
        return not (source / "config.json").is_file()
    return source.suffix == ".safetensors" or source.is_absolute() or len(source.parts) > 2


def features_for(config: EarConfig, corpus: Path, device: str) -> FeatureCache | None:
    """What the ear of a trained teacher hears in a corpus; None if it is a recogniser, which is a part of the teacher.

    Raises BundleError, RuntimeUnavailableError, CorpusError.
    """
    return _hear_corpus(load_ear(config), corpus, device) if isinstance(config, PretrainedEarConfig) else None


def _hear_corpus(ear: PretrainedEar, corpus: Path, device: str) -> FeatureCache:
    place = choose_device(device)
    return open_cache(corpus, ear.to(place), join_ranks(place), lambda line: print(line, flush=True))
