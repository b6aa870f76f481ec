# SPDX-License-Identifier: GPL-3.0-or-later
"""Curves that show what limits a mouth: our articulation driven by hand-labelled phones, or by recognised ones.

Scored like a model's curves, labels alone show how good the articulation is, recognised phones what the ear costs, and
the distance from there to a model what learning and distillation cost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import numpy as np

from diffusion_talker.audio import MOTION_RATE_HZ, SAMPLE_RATE_HZ, load_audio, motion_frame_count
from diffusion_talker.channels import MODEL_CHANNELS
from diffusion_talker.corpus.alignment import decode_phones, edge_times_s
from diffusion_talker.corpus.emotions import EMOTIONS
from diffusion_talker.corpus.face import animate
from diffusion_talker.corpus.recordings.pieces import Listener
from diffusion_talker.corpus.recordings.sources import Recording as LabelledRecording
from diffusion_talker.corpus.recordings.sources import find_sources
from diffusion_talker.corpus.talkers import Axes
from diffusion_talker.corpus.timing import TimedPhone, fill_silence, place_phones
from diffusion_talker.corpus.voices.base import PhoneSpan
from diffusion_talker.errors import CorpusError
from diffusion_talker.evaluation.predict import Recording
from diffusion_talker.motion import Motion

_SEED: Final = 0
#: (recording, its samples) to the curves of one stage.
Stage = Callable[[Recording, np.ndarray], Motion]


def labels_stage(data: Path) -> Stage:
    """Articulation of phones labelled by hand; `data` holds the sets. Raises CorpusError for unlabelled recordings."""
    known = _labelled(data)

    def curves(recording: Recording, samples: np.ndarray) -> Motion:
        found = known.get(_key(recording))
        if found is None or found.labels is None:
            raise CorpusError(f"'{recording.path}' has no phones by hand. Leave it out, or choose another stage.")
        return _face(place_phones(found.labels, found.alphabet, found.language, samples), len(samples))

    return curves


def with_labels(data: Path, recordings: list[Recording]) -> list[Recording]:
    """Those of the recordings whose phones are labelled by hand. Raises CorpusError when there are none."""
    known = _labelled(data)
    found = [recording for recording in recordings if _key(recording) in known]
    if not found:
        raise CorpusError(f"No recording in '{data}' has phones by hand. Choose another stage, or other sets.")
    return found


def of_speakers(data: Path, recordings: list[Recording], speakers: frozenset[str]) -> list[Recording]:
    """Those of the recordings that one of the speakers says ("source:speaker"), and all of sets whose speakers are not
    known. Raises CorpusError when there are none."""
    known = _known(data)
    named = {set_name for set_name, _ in known}
    found = [
        item
        for item in recordings
        if item.set_name not in named or ((spoken := known.get(_key(item))) and spoken.speaker in speakers)
    ]
    if not found:
        raise CorpusError(f"No recording in '{data}' is of {', '.join(sorted(speakers))}. Choose others.")
    return found


def recogniser_stage(listener: Listener) -> Stage:
    """Articulation of the phones that a recogniser hears, without any transcript."""

    def curves(recording: Recording, samples: np.ndarray) -> Motion:
        heard = listener(samples)
        spans = decode_phones(heard)
        edges_s = edge_times_s(spans, heard)
        timed = (PhoneSpan(s.phone, edges_s[i], edges_s[i + 1]) for i, s in enumerate(spans))
        return _face(place_phones(timed, "ipa", "", samples), len(samples))

    return curves


def stage_curves(stage: Stage, recording: Recording) -> Motion:
    """Curves of one recording, read from disk. Raises AudioError, CorpusError."""
    source = load_audio(recording.path)
    return stage(recording, source.read(0, source.sample_count))


def _labelled(data: Path) -> Mapping[tuple[str, str], LabelledRecording]:
    return {key: item for key, item in _known(data).items() if item.labels}


def _known(data: Path) -> dict[tuple[str, str], LabelledRecording]:
    """By (name of the set's folder, name of the recording)."""
    return {(source.name, item.name): item for source in find_sources(data) for item in source.recordings}


def _key(recording: Recording) -> tuple[str, str]:
    return recording.set_name, recording.path.stem


def _face(phones: tuple[TimedPhone, ...], sample_count: int) -> Motion:
    """A neutral speaker of average style."""
    whole = fill_silence(phones, sample_count / SAMPLE_RATE_HZ)
    frame_count, rate_hz = motion_frame_count(sample_count), float(MOTION_RATE_HZ)
    weights = animate(whole, frame_count, rate_hz, Axes(), EMOTIONS[0], 0.0, np.random.default_rng(_SEED))
    return Motion(weights, MODEL_CHANNELS, rate_hz)
