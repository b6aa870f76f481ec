# SPDX-License-Identifier: GPL-3.0-or-later
"""New identities of the user's own: from recordings of a voice, or from talkers that are there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from diffusion_talker.audio import SAMPLE_RATE_HZ, AudioSource
from diffusion_talker.errors import LibraryError, SettingsError, TooLittleSpeechError
from diffusion_talker.library.identity import UserIdentity
from diffusion_talker.library.names import folded
from diffusion_talker.library.user_library import checked_name
from diffusion_talker.library.voiceprint import VoiceStatistics, sketch, voice_statistics

if TYPE_CHECKING:
    from diffusion_talker.student.generate import MatchResult, Student

MIN_VOICED_S = 3.0
SKETCHED_S = 12.0  # kept of all recordings together: some 60 KB
MAX_SKETCHES = 4


def match(student: Student, source: AudioSource) -> MatchResult:
    """Rank the library, and the user's own identities that `student` knows, for a recording; see `Student.match`."""
    return student.match(source)


def enrol(student: Student, name: str, sources: Sequence[AudioSource], description: str = "") -> UserIdentity:
    """An identity from one or several recordings of one voice. It is kept nowhere yet: see `UserLibrary.add`.

    Its style is a mixture of the built-in talkers nearest to the voice: the query is averaged over the recordings
    and compared with the library's keys; the shares are their softmax at the learned temperature.

    Raises:
        TooLittleSpeechError: less than MIN_VOICED_S seconds of voiced sound in all recordings together.
        LibraryError: the name is a built-in talker's.  SettingsError: the name cannot be one, or no recording.
    """
    name = free_of_built_in(student, name)
    if not sources:
        raise SettingsError("No recording was given: choose one or several of the voice.")
    statistics = [voice_statistics(source) for source in sources]
    voiced_s = sum(part.voiced_s for part in statistics)
    if voiced_s < MIN_VOICED_S:
        raise TooLittleSpeechError(
            f"There are {voiced_s:.1f} s of voiced sound in {_recordings(len(sources))}, and {MIN_VOICED_S:.0f} s are "
            "needed to know a voice: add recordings, or longer ones, of clear speech without music."
        )
    spoken = [(source, part) for source, part in zip(sources, statistics, strict=True) if part.voiced_s > 0]
    return UserIdentity(
        name=name,
        description=description or f"Enrolled from {_recordings(len(sources))}, {voiced_s:.0f} s of voiced sound.",
        shares=student.shares_of_voice([student.listen(source) for source, _ in spoken]),
        space=student.space,
        statistics=_average([part for _, part in spoken]),
        sketches=_sketches([source for source, _ in spoken]),
        voiced_s=voiced_s,
    )


def mix(student: Student, name: str, parts: Sequence[tuple[str, float]], description: str = "") -> UserIdentity:
    """An identity between others, built-in or own: ("Newsreader", 0.6), ("Coach", 0.4). Shares are scaled to one.

    Raises LibraryError for a name that is not there or taken by a built-in talker, SettingsError for shares that are
    negative or all zero.
    """
    shares: dict[str, float] = {}
    if not all(np.isfinite(share) and share >= 0 for _, share in parts) or sum(share for _, share in parts) <= 0:
        raise SettingsError("A mixture needs shares of zero or more, and one above zero: say for instance "
                            "Newsreader:0.6,Coach:0.4.")
    total = sum(share for _, share in parts)
    for part, share in parts:
        for talker, amount in student.shares_of(part):
            shares[talker] = shares.get(talker, 0.0) + amount * share / total
    said = ", ".join(f"{share:.0%} {talker}" for talker, share in shares.items())
    return UserIdentity(free_of_built_in(student, name), description or f"Mixed: {said}.", tuple(shares.items()))


def renewed(student: Student, identity: UserIdentity) -> UserIdentity:
    """The same identity in the terms of this student; see `Student.shares_of`. Raises LibraryError."""
    if identity.space in ("", student.space):
        return identity
    return replace(identity, shares=student.shares_of_own(identity), space=student.space)


def free_of_built_in(student: Student, name: str) -> str:
    """A name as it can be kept. Raises LibraryError if a built-in talker has it, SettingsError if it is none."""
    name = checked_name(name)
    if folded(name) in map(folded, student.config.identities):
        raise LibraryError(f"'{name}' is a built-in talker: choose another name.")
    return name


def _average(parts: list[VoiceStatistics]) -> np.ndarray:
    """Statistics of all recordings, each counted by how much was said."""
    weights = [part.voiced_s for part in parts]
    return np.average([part.values for part in parts], axis=0, weights=weights).astype(np.float32)


def _sketches(sources: list[AudioSource]) -> tuple[np.ndarray, ...]:
    """Some seconds of the longest recordings."""
    longest = sorted(sources, key=lambda source: -source.sample_count)[:MAX_SKETCHES]
    return tuple(sketch(source, min(SKETCHED_S / len(longest), source.sample_count / SAMPLE_RATE_HZ))
                 for source in longest)


def _recordings(count: int) -> str:
    return "the recording" if count == 1 else f"the {count} recordings"
