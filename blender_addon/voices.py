# SPDX-License-Identifier: GPL-3.0-or-later
"""Hearing a voice: comparing it with the talkers there are, and making a talker of one's own from it. No bpy here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from .audio_source import Speech, read_speech
from .generation import Options, open_student, own_identities

if TYPE_CHECKING:
    from diffusion_talker.library import UserIdentity
    from diffusion_talker.student import Student
    from diffusion_talker.student.generate import MatchResult

#: While an identity is made and has no name yet; the core wants one.
UNNAMED = "Unnamed"
_NAMED = 3  # talkers that a summary names


def compare(speech: Speech, options: Options) -> MatchResult:
    """Whom the speech sounds like, built-in and own. Raises DiffusionTalkerError."""
    return _student(options).match(read_speech(speech))


def enrolled(speeches: Sequence[Speech], options: Options) -> UserIdentity:
    """An identity without a name from recordings of one voice. Raises DiffusionTalkerError, for too little speech too.
    """
    from diffusion_talker.library import enrol

    return enrol(_student(options), UNNAMED, [read_speech(speech) for speech in speeches])


def mixed(parts: tuple[tuple[str, float], ...], options: Options) -> UserIdentity:
    """An identity without a name between others; parts: their names and shares. Raises DiffusionTalkerError."""
    from diffusion_talker.library import mix

    return mix(_student(options), UNNAMED, parts)


def named(identity: UserIdentity, name: str, description: str) -> UserIdentity:
    """The identity as the user calls it."""
    return replace(identity, name=name, description=description or identity.description)


def summary(identity: UserIdentity) -> str:
    """What an identity is made of, in one sentence."""
    largest = sorted(identity.shares, key=lambda part: -part[1])[:_NAMED]
    style = ", ".join(f"{share:.0%} {name}" for name, share in largest)
    heard = f"{identity.voiced_s:.0f} s of voiced sound. " if identity.has_voice else ""
    return f"{heard}Moves like {style}"


def _student(options: Options) -> Student:
    student = open_student(options)
    student.use_identities(own_identities(options).identities)
    return student
