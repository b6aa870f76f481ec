# SPDX-License-Identifier: GPL-3.0-or-later
"""The identity and emotion library of a student, readable without building its network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class IdentityInfo:
    """A talker an animator can choose."""

    name: str
    description: str


@dataclass(frozen=True)
class Library:
    """Names in library order; the first emotion is neutral."""

    identities: tuple[IdentityInfo, ...]
    emotions: tuple[str, ...]


def read_library(path: Path | None = None) -> Library:
    """Names and descriptions of a student's library; None reads the packaged student.

    Reads the metadata only, a few milliseconds, so menus may call it once and keep the result.

    Raises:
        BundleError: the student is missing, damaged or foreign.
    """
    from diffusion_talker.student.bundle import read_metadata  # here, since the student package imports this module

    config, metadata = read_metadata(path)
    return Library(describe_identities(config.identities, metadata.identity_descriptions), config.emotions)


def describe_identities(names: tuple[str, ...], descriptions: tuple[str, ...]) -> tuple[IdentityInfo, ...]:
    """Names and their one-line descriptions, paired."""
    return tuple(IdentityInfo(*pair) for pair in zip(names, descriptions, strict=True))
