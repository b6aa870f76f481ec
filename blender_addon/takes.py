# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes: which Actions belong together, whose they are, how they were made, and which one plays.

A take is one Action for each datablock that it moves: the face's shape keys, other meshes, bones. They say so in custom
properties of their own, so takes go wherever their Actions go: saved, appended, linked. Whose an Action is, it knows by
an id that the object carries; names may change.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import bpy

from .drive_plan import choices_of, speaks_by_bones
from .generation import target_of
from .keyframes import FAVORITE_PROPERTY, SETTINGS_PROPERTY, TAKE_PROPERTY, Track, current_action
from .stored_settings import (
    StoredLine,
    StoredTake,
    TakeHeader,
    header_text,
    model_mark,
    read_header,
    read_take,
    setup_mark,
    spoken_by,
    take_text,
)

if TYPE_CHECKING:
    from .generation import Generated, Request

KEY, OBJECT = "KEY", "OBJECT"
NO_FACE: Final = "No face chosen: pick the mesh whose takes you want to see"


@dataclass(frozen=True)
class Stamp:
    """What all Actions of a take say of it."""

    take: str
    made: str
    stored: StoredTake
    line: str
    is_live: bool = False


# ---------------------------------------------------------------- marking


def new_stamp(stored: StoredTake, line: str, is_live: bool = False) -> Stamp:
    """Of a take that is about to be written; line: its key."""
    made = datetime.now(UTC).isoformat(timespec="milliseconds")
    return Stamp(uuid.uuid4().hex, made, stored, line, is_live)


def record_of(request: Request, generated: Generated) -> StoredTake:
    """How a take was made. Its sound is kept relative to the file, where that is saved."""
    path = request.speech.path
    line = StoredLine.of(request.speech, generated.take.span.frame_count, _portable(path))
    options = request.options if generated.model else None
    return StoredTake(options, line, request.plan.regions, generated.model, setup_mark(request.plan))


def _portable(path: str) -> str:
    try:
        return bpy.path.relpath(path) if bpy.data.filepath and path else path
    except ValueError:  # another drive of Windows
        return path


def stamped(track: Track, obj: bpy.types.Object, stamp: Stamp, leads: bool = False) -> Track:
    """The track, whose Action will say which take it belongs to. The object gets an id if it has none."""
    options = stamp.stored.options
    header = TakeHeader(
        take=stamp.take,
        owner=ensure_id(obj),
        title=obj.name,
        kind=OBJECT if track.owner == obj else KEY,
        leads=leads,
        line=stamp.line,
        made=stamp.made,
        seed=None if options is None else options.seed,
        spoken="" if options is None else spoken_by(options),
        is_live=stamp.is_live,
    )
    marks = {TAKE_PROPERTY: header_text(header), SETTINGS_PROPERTY: take_text(stamp.stored)}
    return replace(track, marks=marks, bearer=obj)


def header_of(action: bpy.types.Action | None) -> TakeHeader | None:
    """Which take an Action belongs to; None for any other Action."""
    text = action.get(TAKE_PROPERTY) if action is not None else None
    return read_header(text) if isinstance(text, str) else None


def stored_of(action: bpy.types.Action | None) -> StoredTake | None:
    """How a take was made; None where nothing readable is kept."""
    text = action.get(SETTINGS_PROPERTY) if action is not None else None
    return read_take(text) if isinstance(text, str) else None


# ---------------------------------------------------------------- whose


def ids_of(obj: bpy.types.Object) -> tuple[str, ...]:
    """Ids under which Actions know this object, its own first: what it carries, and what its Actions of now say."""
    carried = obj.diffusion_talker_id.split()
    headers = (header_of(current_action(owner_of(obj, kind))) for kind in (KEY, OBJECT))
    return tuple(dict.fromkeys((*carried, *(header.owner for header in headers if header is not None))))


def ensure_id(obj: bpy.types.Object) -> str:
    """The id under which new Actions know this object. A duplicate gets one of its own and keeps the old one, so that
    it shows the takes it came with, and its new ones are not the original's."""
    known = ids_of(obj)
    if not known or _is_shared(obj, known[0]):
        known = (uuid.uuid4().hex, *known)
    carried = " ".join(known)
    if obj.diffusion_talker_id != carried:
        obj.diffusion_talker_id = carried
    return known[0]


def _is_shared(obj: bpy.types.Object, own: str) -> bool:
    """Whether another object, with data of its own, says that it is this one."""
    others = (other for other in bpy.data.objects if other != obj and other.library is None)
    return any(other.diffusion_talker_id.split()[:1] == [own] and other.data != obj.data for other in others)


def owner_of(obj: bpy.types.Object, kind: str) -> bpy.types.ID | None:
    """The datablock of an object that an Action of this kind moves."""
    if kind == OBJECT:
        return obj
    return obj.data.shape_keys if obj.type == "MESH" else None


def lead_of(context: bpy.types.Context) -> bpy.types.Object | None:
    """The object whose takes are listed: the face, or the armature where bones alone speak."""
    target = target_of(context)
    if speaks_by_bones(target, choices_of(context.scene)):
        return context.scene.diffusion_talker_drive.armature
    return target


def lead_owner(obj: bpy.types.Object | None) -> bpy.types.ID | None:
    """The datablock that carries an object's takes: its shape keys, or, of an armature, itself."""
    if obj is None:
        return None
    return owner_of(obj, KEY) if obj.type == "MESH" else obj


# ---------------------------------------------------------------- finding


def takes_of(obj: bpy.types.Object | None) -> list[bpy.types.Action]:
    """Actions that stand for the takes of an object, newest first."""
    return sorted(_leading(obj), key=lambda action: (header_of(action).made, action.name), reverse=True)


def has_takes(obj: bpy.types.Object | None, besides: bpy.types.Action | None = None) -> bool:
    """Whether an object has takes, another one than this; quick, for polls."""
    return any(action != besides for action in _leading(obj))


def _leading(obj: bpy.types.Object | None) -> Iterator[bpy.types.Action]:
    ids = ids_of(obj) if obj is not None else ()
    for action in bpy.data.actions if ids else ():
        header = header_of(action)
        if header is not None and header.leads and header.owner in ids:
            yield action


def present_take(obj: bpy.types.Object | None) -> bpy.types.Action | None:
    """The take that the object plays; None where it plays none, or something else."""
    action = current_action(lead_owner(obj))
    header = header_of(action)
    return action if header is not None and header.leads else None


def companions_of(action: bpy.types.Action) -> list[bpy.types.Action]:
    """The other Actions of a take. Of several that are alike, copies for instance, the first by name is the take's."""
    header = header_of(action)
    found: dict[tuple[str, str], bpy.types.Action] = {}
    for other in bpy.data.actions:
        its = header_of(other)
        if its is not None and its.take == header.take and not its.leads:
            found.setdefault((its.owner, its.kind), other)
    return list(found.values())


def neighbor(obj: bpy.types.Object | None, step: int) -> bpy.types.Action | None:
    """The next older take (step 1) or newer one (-1), around the ends; the newest where none plays now."""
    takes = takes_of(obj)
    present = present_take(obj)
    if not takes:
        return None
    return takes[(takes.index(present) + step) % len(takes)] if present in takes else takes[0]


# ---------------------------------------------------------------- what is there already


def wanted_of(request: Request) -> StoredTake:
    """What a take of this request would keep of its making, as far as that is known before it is made."""
    line = StoredLine.of(request.speech, 0, request.speech.path)
    mark = model_mark(request.options.model)
    return StoredTake(request.options, line, request.plan.regions, mark, setup_mark(request.plan))


def is_made(obj: bpy.types.Object | None, request: Request) -> bool:
    """Whether the take that an object plays is what the request would make."""
    stored = stored_of(present_take(obj))
    return stored is not None and stored.says_the_same(wanted_of(request))


def fresh_seed(context: bpy.types.Context, request: Request) -> int:
    """The seed of a request, or the next free one where it would make a take that is there already. Live takes do not
    count: generating after dragging sliders keeps the performance that was dragged."""
    wanted = wanted_of(request)
    takes = [take for take in takes_of(lead_of(context)) if not header_of(take).is_live]
    seed = request.options.seed
    if not any(kept is not None and wanted.says_the_same(kept) for kept in map(stored_of, takes)):
        return seed
    used = {header_of(take).seed for take in takes if header_of(take).line == request.speech.key}
    while seed in used:
        seed += 1
    return seed


# ---------------------------------------------------------------- why not


def present_problem(context: bpy.types.Context) -> str:
    """Why there is no take to do something with."""
    obj = lead_of(context)
    if obj is None:
        return NO_FACE
    if present_take(obj) is not None:
        return ""
    return f"'{obj.name}' plays no take: " + ("choose one in the list" if has_takes(obj) else "generate lip sync first")


def settings_problem(context: bpy.types.Context) -> str:
    """Why the settings of the take that plays cannot be used."""
    reason = present_problem(context)
    if reason:
        return reason
    stored = stored_of(present_take(lead_of(context)))
    if stored is None:
        return "This take says nothing of how it was made: it is damaged, or comes from a newer version"
    return "" if stored.options is not None else "This take was imported from a file: no settings made it"


def read_only_problem(action: bpy.types.Action) -> str:
    """Why a take cannot be renamed, marked or deleted; empty when it can."""
    if action.library is not None:
        source = action.library.filepath.replace("\\", "/").rsplit("/", 1)[-1]
        return f"'{action.name}' is linked from {source}, which is read-only: change it there, or make it local"
    return ""


# ---------------------------------------------------------------- what lists show


def short_name(action: bpy.types.Action) -> str:
    """A take's name without the name of what it moves, which a list of one face's takes need not repeat."""
    header = header_of(action)
    return action.name.removeprefix(f"{header.title} ") if header is not None else action.name


def is_favorite(action: bpy.types.Action) -> bool:
    return bool(action.get(FAVORITE_PROPERTY, False))
