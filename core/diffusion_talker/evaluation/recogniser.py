# SPDX-License-Identifier: GPL-3.0-or-later
"""The phone recogniser on voices it has never heard: frames, a confusion table, and whether it finds closed lips."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from diffusion_talker.audio import MOTION_RATE_HZ, load_audio
from diffusion_talker.corpus.phones import PHONE_CLASSES, PHONES
from diffusion_talker.corpus.recordings.sources import Recording, find_sources
from diffusion_talker.corpus.recordings.split import held_out_speakers
from diffusion_talker.corpus.timing import TimedPhone, place_phones
from diffusion_talker.errors import CorpusError

CLOSED_LIPS = ("bilabial_stop", "bilabial_nasal")
ALLOWED_FALSE = 0.05  # share of vowels that may look like closed lips
SHORTEST_VOWEL_S = 0.05
EDGE_S = 1 / MOTION_RATE_HZ  # labels made by hand are this uncertain


@dataclass(frozen=True)
class LipEvents:
    """Largest probability of closed lips in every p b m (widened by a frame) and in every vowel of at least 50 ms (its
    first and last frame left out); isolated: (V,) bool, vowels without a lip consonant or silence within 60 ms."""

    bilabials: np.ndarray
    vowels: np.ndarray
    isolated: np.ndarray


@dataclass(frozen=True)
class Report:
    """What was measured. confusion: (Q, Q) counts of frames, true class by heard class, in PHONE_CLASSES.

    found: share of bilabials above the threshold that at most 5 % of the vowels pass; found_isolated: the same against
    isolated vowels; auc: probability that a bilabial scores above a vowel.
    """

    speakers: tuple[str, ...]
    recordings: int
    frames: int
    class_accuracy: float
    balanced_accuracy: float
    confusion: np.ndarray
    bilabials: int
    vowels: int
    threshold: float
    found: float
    false: float
    found_isolated: float
    auc: float


@dataclass(frozen=True)
class Heard:
    """One recording: its phones by hand, and the class probabilities (T, Q) that were heard."""

    phones: tuple[TimedPhone, ...]
    probabilities: np.ndarray


def evaluate_recogniser(recogniser: Path, folder: Path, speakers: str | None = None) -> Report:
    """Measure on the hand-labelled recordings under `folder` of some speakers, "source:speaker,source:speaker".

    None: of those that training leaves out. Raises CorpusError, SettingsError and BundleError.
    """
    from diffusion_talker.models.recogniser import load_recogniser, phone_log_probabilities

    network = load_recogniser(recogniser)
    matrix = np.eye(len(PHONE_CLASSES))[[PHONES[name].class_index for name in network.phones]]
    recordings = labelled_recordings(folder, held_out_speakers(speakers))
    heard = []
    for recording in recordings:
        source = load_audio(recording.path)
        samples = source.read(0, source.sample_count)
        probabilities = np.exp(phone_log_probabilities(network, samples)) @ matrix
        heard.append(Heard(_phones(recording, samples), probabilities))
    return measure(heard, tuple(sorted({recording.speaker for recording in recordings})))


def labelled_recordings(folder: Path, speakers: frozenset[str]) -> tuple[Recording, ...]:
    """Recordings of these speakers whose phones are labelled. Raises CorpusError when there are none."""
    found = tuple(
        recording
        for source in find_sources(folder)
        for recording in source.recordings
        if recording.speaker in speakers and recording.labels is not None
    )
    if not found:
        raise CorpusError(
            f"'{folder}' holds no labelled recordings of {', '.join(sorted(speakers)) or 'nobody'}. Name others with "
            "--speakers source:speaker."
        )
    return found


def _phones(recording: Recording, samples: np.ndarray) -> tuple[TimedPhone, ...]:
    assert recording.labels is not None
    return place_phones(recording.labels, recording.alphabet, recording.language, samples)


def measure(heard: Sequence[Heard], speakers: tuple[str, ...]) -> Report:
    """All figures over some recordings."""
    confusion = sum(confusion_counts(item) for item in heard)
    assert isinstance(confusion, np.ndarray)
    per_class = np.diag(confusion) / np.maximum(confusion.sum(axis=1), 1)
    events = _join([lip_events(item) for item in heard])
    threshold = threshold_at(events.vowels, ALLOWED_FALSE)
    isolated = threshold_at(events.vowels[events.isolated], ALLOWED_FALSE)
    return Report(
        speakers=speakers,
        recordings=len(heard),
        frames=int(confusion.sum()),
        class_accuracy=float(np.trace(confusion) / confusion.sum()),
        balanced_accuracy=float(per_class[confusion.sum(axis=1) > 0].mean()),
        confusion=confusion,
        bilabials=len(events.bilabials),
        vowels=len(events.vowels),
        threshold=threshold,
        found=float((events.bilabials > threshold).mean()),
        false=float((events.vowels > threshold).mean()),
        found_isolated=float((events.bilabials > isolated).mean()),
        auc=area_under_curve(events.bilabials, events.vowels),
    )


def confusion_counts(heard: Heard) -> np.ndarray:
    """(Q, Q) frames by true and by heard class, over all frames that a label covers."""
    counts = np.zeros((len(PHONE_CLASSES), len(PHONE_CLASSES)), int)
    best = heard.probabilities.argmax(axis=1)
    for phone in heard.phones:
        first, last = (max(int(np.ceil(time_s * MOTION_RATE_HZ - 1e-9)), 0) for time_s in (phone.start_s, phone.end_s))
        np.add.at(counts[phone.phone.class_index], best[first:last], 1)
    return counts


def lip_events(heard: Heard) -> LipEvents:
    """Scores of closed lips where they must be closed, and where they must not."""
    closed = heard.probabilities[:, [PHONE_CLASSES.index(name) for name in CLOSED_LIPS]].sum(axis=1)
    bilabials, vowels, isolated = [], [], []
    for phone in heard.phones:
        if phone.phone.phone_class in CLOSED_LIPS:
            bilabials.append(_peak(closed, phone.start_s - EDGE_S, phone.end_s + EDGE_S))
        elif phone.phone.is_vowel and phone.duration_s >= SHORTEST_VOWEL_S:
            vowels.append(_peak(closed, phone.start_s + EDGE_S, phone.end_s - EDGE_S))
            isolated.append(not _near_lips(heard.phones, phone))
    return LipEvents(np.array(bilabials), np.array(vowels), np.array(isolated, bool))


def _near_lips(phones: Iterable[TimedPhone], vowel: TimedPhone, reach_s: float = 0.06) -> bool:
    near = (p for p in phones if p.end_s > vowel.start_s - reach_s and p.start_s < vowel.end_s + reach_s)
    return any(p.phone.phone_class in (*CLOSED_LIPS, "labiodental", "silence") for p in near)


def _peak(track: np.ndarray, start_s: float, end_s: float) -> float:
    first, last = _frames(start_s, end_s, len(track))
    return float(track[first:last].max())


def _frames(start_s: float, end_s: float, count: int) -> tuple[int, int]:
    """First and last + 1 of the frames within a time span; the nearest one where none is inside."""
    first = min(max(int(np.ceil(start_s * MOTION_RATE_HZ - 1e-9)), 0), count - 1)
    return first, max(min(int(np.floor(end_s * MOTION_RATE_HZ + 1e-9)) + 1, count), first + 1)


def _join(events: Sequence[LipEvents]) -> LipEvents:
    return LipEvents(*(np.concatenate([getattr(e, name) for e in events]) for name in LipEvents.__dataclass_fields__))


def threshold_at(negatives: np.ndarray, allowed: float) -> float:
    """The lowest threshold that at most a share `allowed` of the negatives exceeds; 0 without negatives."""
    if not len(negatives):
        return 0.0
    ordered = np.sort(negatives)[::-1]
    return float(ordered[min(int(allowed * len(ordered)), len(ordered) - 1)])


def area_under_curve(positives: np.ndarray, negatives: np.ndarray) -> float:
    """Probability that a positive scores above a negative, ties counting half (Mann & Whitney 1947)."""
    ordered = np.sort(negatives)
    below = np.searchsorted(ordered, positives, "left") + np.searchsorted(ordered, positives, "right")
    return float(below.mean() / 2 / len(ordered))


def describe(report: Report) -> str:
    """The figures and the confusion table as Markdown: a row for each true class, per cent of its frames."""
    lines = [
        f"Speakers never trained on: {', '.join(report.speakers)}; {report.recordings} recordings, "
        f"{report.frames / MOTION_RATE_HZ / 60:.1f} minutes.",
        "",
        "| measure | value |",
        "|---|---|",
        f"| frames in the right articulatory class | {report.class_accuracy:.1%} |",
        f"| the same, mean over classes | {report.balanced_accuracy:.1%} |",
        f"| bilabials found ({report.bilabials}) | {report.found:.1%} |",
        f"| vowels taken for one ({report.vowels}) | {report.false:.1%} |",
        f"| bilabials found at 5 % of vowels away from lip sounds | {report.found_isolated:.1%} |",
        f"| area under the curve | {report.auc:.3f} |",
        "",
        *_table(report.confusion),
    ]
    return "\n".join(lines) + "\n"


def _table(confusion: np.ndarray) -> list[str]:
    used = np.flatnonzero(confusion.sum(axis=1))
    shares = 100 * confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    lines = ["| true class | frames | right | most often taken for |", "|---|---|---|---|"]
    for row in used:
        others = [i for i in np.argsort(-shares[row]) if i != row and shares[row, i] >= 2.0][:4]
        taken = ", ".join(f"{PHONE_CLASSES[i]} {shares[row, i]:.0f} %" for i in others)
        lines.append(f"| {PHONE_CLASSES[row]} | {confusion[row].sum()} | {shares[row, row]:.0f} % | {taken} |")
    return lines


def write_confusion(report: Report) -> str:
    """The whole table as CSV: true classes down, heard classes across, frames."""
    rows = [",".join(("true", *PHONE_CLASSES))]
    rows += [",".join((name, *map(str, counts))) for name, counts in zip(PHONE_CLASSES, report.confusion, strict=True)]
    return "\n".join(rows) + "\n"
