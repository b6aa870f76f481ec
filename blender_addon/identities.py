# SPDX-License-Identifier: GPL-3.0-or-later
"""Who can be chosen: the talkers of the model at hand, and the user's own, kept beside the add-on."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import bpy

    from diffusion_talker.library import Library

FOLDER: Final = "identities"


def library_folder() -> Path:
    """Where the user's own identities are: the extension's folder, which survives upgrades; as a plain script, where
    the command line keeps them."""
    import bpy

    from diffusion_talker.library import default_library_folder

    try:
        return Path(bpy.utils.extension_path_user(__package__, path=FOLDER, create=True))
    except ValueError:  # this package runs as something else than an extension
        return default_library_folder()


def model_library(context: bpy.types.Context) -> Library:
    """Talkers, emotions and sliders of the model at hand; empty where its file cannot be read. Read once a version of
    the file."""
    from .preferences import model_file

    path = model_file(context)
    try:
        return _read(path, Path(path).stat().st_mtime_ns if path else 0)
    except OSError:
        return _nothing()


@lru_cache(maxsize=4)
def _read(path: str, changed_ns: int) -> Library:
    from diffusion_talker.errors import DiffusionTalkerError
    from diffusion_talker.library import read_library

    try:
        return read_library(Path(path) if path else None)
    except DiffusionTalkerError:
        return _nothing()


def _nothing() -> Library:
    from diffusion_talker.library import Library

    return Library((), ())
