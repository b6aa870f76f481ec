# SPDX-License-Identifier: GPL-3.0-or-later
"""Identities and emotions to choose from: those of a student, and the user's own beside them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from diffusion_talker.library.enrolment import MIN_VOICED_S, enrol, match, mix, renewed
from diffusion_talker.library.identity import UserIdentity, read_identity
from diffusion_talker.library.names import find_name
from diffusion_talker.library.user_library import Listing, UserLibrary, default_library_folder

__all__ = [
    "MIN_VOICED_S", "AxisInfo", "IdentityInfo", "Library", "Listing", "UserIdentity", "UserLibrary",
    "default_library_folder", "describe_identities", "enrol", "find_name", "match", "mix", "read_identity",
    "read_library", "renewed",
]


@dataclass(frozen=True)
class IdentityInfo:
    """A talker an animator can choose."""

    name: str
    description: str


@dataclass(frozen=True)
class AxisInfo:
    """A style slider: -1 to 1 spans the library's talkers."""

    name: str
    description: str


@dataclass(frozen=True)
class Library:
    """Names in library order; the first emotion is neutral. axes: none in a student that was exported without."""

    identities: tuple[IdentityInfo, ...]
    emotions: tuple[str, ...]
    axes: tuple[AxisInfo, ...] = ()


def read_library(path: Path | None = None) -> Library:
    """Names and descriptions of a student's library; None reads the packaged student.

    Reads the metadata only, a few milliseconds, so menus may call it once and keep the result.

    Raises:
        BundleError: the student is missing, damaged or foreign.
    """
    from diffusion_talker.student.bundle import read_metadata  # here, since the student package imports this module

    config, metadata = read_metadata(path)
    axes = tuple(AxisInfo(axis.name, axis.description) for axis in metadata.style_axes)
    return Library(describe_identities(config.identities, metadata.identity_descriptions), config.emotions, axes)


def describe_identities(names: tuple[str, ...], descriptions: tuple[str, ...]) -> tuple[IdentityInfo, ...]:
    """Names and their one-line descriptions, paired."""
    return tuple(IdentityInfo(*pair) for pair in zip(names, descriptions, strict=True))
