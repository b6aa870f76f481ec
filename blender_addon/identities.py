# SPDX-License-Identifier: GPL-3.0-or-later
"""Who can be chosen: the talkers of the model at hand, and the user's own, kept beside the add-on."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import bpy

from .audio_source import find_strip, sequencer_scene
from .file_state import FileState, file_state
from .identity_properties import UNKNOWN
from .preferences import model_file
from .problems import LipSyncProblem
from .redrawing import redraw
from .style_properties import AUTO

if TYPE_CHECKING:
    from diffusion_talker.library import IdentityInfo, Library, UserIdentity, UserLibrary
    from diffusion_talker.student.generate import MatchResult

FOLDER: Final = "identities"
AUTO_LABEL: Final = "From the Recording"
AUTO_DESCRIPTION: Final = "A mixture of the talkers who sound most like the recording"
_NAMED: Final = 2  # talkers that the verdict names


# ---------------------------------------------------------------- what there is


def library_folder() -> Path:
    """Where the user's own identities are: the extension's folder, which survives upgrades; as a plain script, where
    the command line keeps them. It need not exist yet."""
    from diffusion_talker.library import default_library_folder

    try:
        return Path(bpy.utils.extension_path_user(__package__, path=FOLDER))
    except ValueError:  # this package runs as something else than an extension
        return default_library_folder()


def user_library() -> UserLibrary:
    """The user's own identities on disk."""
    from diffusion_talker.library import UserLibrary

    return UserLibrary(library_folder())


def model_library(context: bpy.types.Context) -> Library:
    """Talkers, emotions and sliders of the model at hand; empty where its file cannot be read. Read once a version of
    the file."""
    return _read(*_model_mark(context))


def _model_mark(context: bpy.types.Context) -> tuple[str, FileState]:
    """File of the model at hand, empty for the one that is built in, and its state."""
    path = model_file(context)
    return path, file_state(path)


@lru_cache(maxsize=4)
def _read(path: str, state: FileState) -> Library:
    from diffusion_talker.errors import DiffusionTalkerError
    from diffusion_talker.library import Library, read_library

    try:
        return read_library(Path(path) if path else None)
    except DiffusionTalkerError:
        return Library((), ())


# ---------------------------------------------------------------- the list


def listed_identities(context: bpy.types.Context) -> bpy.types.PropertyGroup:
    """The list as it was read last."""
    return context.window_manager.diffusion_talker_identities


def refresh(context: bpy.types.Context) -> tuple[str, ...]:
    """Read the list anew. Returns sentences about files that were set aside, which the panel keeps showing."""
    known = listed_identities(context)
    known.stamp = _stamp(context)
    similar = {row.identity: row.similarity for row in known.rows}
    listing = user_library().listing()
    known.rows.clear()
    _add_row(known, AUTO_LABEL, AUTO, AUTO_DESCRIPTION, is_own=False)
    for info, is_own in _talkers(context, listing.identities):
        _add_row(known, info.name, info.name, info.description, is_own)
    for row in known.rows:
        row.similarity = similar.get(row.identity, UNKNOWN)
    if listing.messages:
        known.message = " ".join(listing.messages)
    redraw(context)
    return listing.messages


def is_stale(context: bpy.types.Context) -> bool:
    """Whether the model or the library's folder changed since the list was read."""
    return listed_identities(context).stamp != _stamp(context)


def _talkers(
    context: bpy.types.Context, own: tuple[UserIdentity, ...]
) -> Iterator[tuple[IdentityInfo | UserIdentity, bool]]:
    """The user's own first: they were made to be used."""
    yield from ((identity, True) for identity in own)
    yield from ((info, False) for info in model_library(context).identities)


def _add_row(known: bpy.types.PropertyGroup, label: str, identity: str, description: str, is_own: bool) -> None:
    row = known.rows.add()
    row.name, row.identity, row.description, row.is_own = label, identity, description, is_own


def _stamp(context: bpy.types.Context) -> str:
    """Tells whether the model or the library's folder changed, in some microseconds."""
    folder = library_folder()
    model, state = _model_mark(context)
    return f"{folder} {file_state(folder)} {model} {state}"


def keep_fresh(context: bpy.types.Context) -> None:
    """For drawing, which may not write: have the list read soon if anything changed since. So it also follows a file
    that is loaded, another model, and another Blender that adds an identity."""
    if is_stale(context) and not bpy.app.timers.is_registered(_refresh_once):
        bpy.app.timers.register(_refresh_once, first_interval=0.0)


def _refresh_once() -> None:
    refresh(bpy.context)


def forget() -> None:
    """Let go of everything; for the end of the add-on."""
    if bpy.app.timers.is_registered(_refresh_once):
        bpy.app.timers.unregister(_refresh_once)
    _read.cache_clear()


def find_row(context: bpy.types.Context, identity: str) -> int:
    """Index of an identity in the list, in any spelling; -1 where it is not there."""
    from diffusion_talker.library.names import folded

    rows = listed_identities(context).rows
    index = rows.find(AUTO_LABEL if identity in ("", AUTO) else identity)
    if index >= 0 or not identity:
        return index
    wanted = folded(identity)
    return next((index for index, row in enumerate(rows) if folded(row.identity) == wanted), -1)


def matches(row: bpy.types.PropertyGroup, text: str) -> bool:
    """Whether every word that is searched for is in the name or the description."""
    content = f"{row.name} {row.description}".casefold()
    return all(word in content for word in text.casefold().split())


# ---------------------------------------------------------------- what is chosen


def identity_problem(context: bpy.types.Context) -> str:
    """Why the chosen talkers cannot be used, and what to do; empty when they can, or the list is not fresh."""
    settings = context.scene.diffusion_talker
    if is_stale(context):
        return ""
    if find_row(context, settings.identity) < 0:
        return f"There is no identity '{settings.identity}' here: choose another one under Voice, or import it there"
    if settings.second_identity and find_row(context, settings.second_identity) < 0:
        return f"There is no identity '{settings.second_identity}' to blend with: choose another, or empty Blend With"
    return ""


def own_problem(context: bpy.types.Context) -> str:
    """Why the chosen identity cannot be renamed, exported or removed; empty when it can."""
    settings = context.scene.diffusion_talker
    index = find_row(context, settings.identity)
    if index < 0:
        return f"There is no identity '{settings.identity}' in the list: choose one of your own"
    row = listed_identities(context).rows[index]
    return "" if row.is_own else f"'{row.name}' is built in: choose an identity of your own"


def blend_problem(context: bpy.types.Context) -> str:
    """Why the blend cannot become an identity; empty when it can."""
    settings = context.scene.diffusion_talker
    if not settings.second_identity:
        return "There is no blend: choose a second talker under Blend With first"
    if AUTO in (settings.identity, settings.second_identity):
        return f"'{AUTO_LABEL}' is another talker with every recording: choose two talkers by name"
    return identity_problem(context)


def name_problem(context: bpy.types.Context, name: str, present: str = "") -> str:
    """Why a new identity, or the one that is called `present`, cannot have this name; empty when it can."""
    from diffusion_talker.errors import SettingsError
    from diffusion_talker.library.names import folded
    from diffusion_talker.library.user_library import checked_name

    try:
        wanted = folded(checked_name(name))
    except SettingsError as error:
        return str(error)
    others = (row for row in listed_identities(context).rows if row.identity != present)
    taken = {folded(text) for row in others for text in (row.identity, row.name)}
    return f"There is an identity '{name.strip()}' already: choose another name" if wanted in taken else ""


def free_name(context: bpy.types.Context, wanted: str) -> str:
    """A name that no identity has yet, close to what is wanted."""
    stem = " ".join("".join(" " if letter in ":,=" else letter for letter in wanted).split())[:50] or "Voice"
    names = (stem, *(f"{stem} {number}" for number in range(2, 1000)))
    return next(name for name in names if not name_problem(context, name))


def keep(context: bpy.types.Context, identity: UserIdentity) -> None:
    """Add a new identity to the library and choose it. Raises LipSyncProblem, LibraryError, OutputError."""
    reason = name_problem(context, identity.name)
    if reason:
        raise LipSyncProblem(reason)
    user_library().add(identity)
    choose(context, identity.name)


def choose(context: bpy.types.Context, name: str) -> None:
    """Read the list anew and choose this talker alone."""
    refresh(context)
    settings = context.scene.diffusion_talker
    settings.second_identity = ""
    settings.identity = name


# ---------------------------------------------------------------- likeness


def speech_key(context: bpy.types.Context) -> str:
    """Tells one chosen speech from another, cheaply enough for drawing."""
    settings = context.scene.diffusion_talker
    if settings.source == "FILE":
        return settings.audio_file
    scene = sequencer_scene(context)
    strip = find_strip(scene, settings.strip)
    return f"{scene.name}/{strip.name}" if strip is not None else ""


def is_compared(context: bpy.types.Context) -> bool:
    """Whether the likeness in the list is that of the chosen speech."""
    known = listed_identities(context)
    return bool(known.compared) and known.compared == speech_key(context)


def show_match(context: bpy.types.Context, found: MatchResult, speech: str) -> str:
    """Put the likeness with a speech, which its key tells, into the list; the verdict."""
    known, similar = listed_identities(context), likeness(found)
    for row in known.rows:
        row.similarity = similar.get(row.identity, UNKNOWN)
    known.compared = speech
    best = [f"{name} {_percent(similar[name])}" for name in sorted(similar, key=similar.get, reverse=True)[:_NAMED]]
    moods = [f"{name} {share:.0%}" for name, share in found.emotions[:_NAMED]]
    known.verdict = f"Closest: {', '.join(best)}" if best else ""
    known.mood = f"Heard: {', '.join(moods)}" if moods else ""
    redraw(context)
    return known.verdict


def likeness(found: MatchResult) -> dict[str, float]:
    """Cosine with every talker: strangers are near 0 in both kinds. The core halves that of own voices and adds a half,
    which would put every own voice before the built-in ones."""
    return {name: 2.0 * value - 1.0 if name in found.own else value for name, value in found.identities}


def similarity_text(row: bpy.types.PropertyGroup) -> str:
    """Likeness as the list shows it; empty where it is not known."""
    return "" if row.similarity <= UNKNOWN else _percent(row.similarity)


def _percent(similarity: float) -> str:
    return f"{max(similarity, 0.0):.0%}"
