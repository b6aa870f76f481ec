# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes: which Actions belong together, whose they are, and how one or another of them is put on the face.

A take is one Action for each datablock that it moves: the face's shape keys, other meshes, bones. They say so in custom
properties of their own, so takes go wherever their Actions go: saved, appended, linked. Whose an Action is, it knows by
an id that the object carries; names may change.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

import bpy

from .bones import armature_problem
from .drive_plan import choices_of, speaks_by_bones
from .generation import target_of
from .keyframes import (
    FAVORITE_PROPERTY,
    SETTINGS_PROPERTY,
    TAKE_PROPERTY,
    Span,
    Track,
    assign_action,
    beside_digest,
    current_action,
    cut_name,
    line_keys,
    lines_of,
    slot_fcurves_of,
    write_tracks,
)
from .problems import LipSyncProblem
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
from .targets import keys_problem, listed

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


# ---------------------------------------------------------------- putting on


def switch_problem(obj: bpy.types.Object | None) -> str:
    """Why the Action of this object cannot be changed now, and what to do; empty when it can."""
    if obj is None:
        return NO_FACE
    return keys_problem(obj) if obj.type == "MESH" else armature_problem(obj, ())


@dataclass(frozen=True)
class Part:
    """One Action of a take and what it moves in a scene."""

    bearer: bpy.types.Object
    owner: bpy.types.ID
    action: bpy.types.Action

    @property
    def plays(self) -> bool:
        """Whether its Action is the one of now."""
        return current_action(self.owner) == self.action

    @property
    def problem(self) -> str:
        """Why its Action cannot be changed now; empty when it can."""
        is_keys = self.owner != self.bearer
        return switch_problem(self.bearer) if is_keys else armature_problem(self.bearer, ())


def parts_of(
    scene: bpy.types.Scene, obj: bpy.types.Object, action: bpy.types.Action
) -> tuple[list[Part], list[str]]:
    """Everything that a take moves, the face first; and what of it is not there any more."""
    parts, gone = [Part(obj, lead_owner(obj), action)], []
    for companion in companions_of(action):
        part = _part_of(scene, companion, obj)
        if part is None:
            gone.append(f"'{header_of(companion).title}', which the take moves too, is not in this scene")
        else:
            parts.append(part)
    return parts, gone


def _part_of(
    scene: bpy.types.Scene, companion: bpy.types.Action, face: bpy.types.Object | None = None
) -> Part | None:
    """What a companion moves in a scene, the face before all others; None where it is not there."""
    header = header_of(companion)
    bearer = face if face is not None and header.owner in ids_of(face) else _bearer(scene, header)
    owner = owner_of(bearer, header.kind) if bearer is not None else None
    return Part(bearer, owner, companion) if owner is not None else None


def _bearer(scene: bpy.types.Scene, header: TakeHeader) -> bpy.types.Object | None:
    """The object that a companion moves: one that goes along with the face in this scene, else any that is there."""
    drive = scene.diffusion_talker_drive
    along = [item.object for item in drive.meshes] + [drive.armature, drive.head_object]
    nearby = [obj for obj in along if obj is not None and obj.name in scene.objects]
    return next((obj for obj in (*nearby, *scene.objects) if header.owner in ids_of(obj)), None)


def audition(scene: bpy.types.Scene, obj: bpy.types.Object, action: bpy.types.Action) -> tuple[str, ...]:
    """Make a take's Actions those of now, on everything that they move; what the animator should know.

    The Actions that were there are kept. Raises LipSyncProblem, having changed nothing, where one cannot be changed.
    """
    _refuse([switch_problem(obj)])
    previous = current_action(lead_owner(obj))
    parts, gone = parts_of(scene, obj, action)
    _refuse(part.problem for part in parts)
    left = _left_behind(scene, previous, [part.owner for part in parts])
    lost = _lost_lines(previous, action) or _other_keys(parts, header_of(action).line)
    notes = (lost, _lost_keys(obj, action), *gone, left)
    for part in parts:
        if not part.plays:
            assign_action(part.owner, part.action)
    return tuple(note for note in notes if note)


def bring_line(scene: bpy.types.Scene, obj: bpy.types.Object, action: bpy.types.Action) -> tuple[str, ...]:
    """Bring a take's line into what plays now, as a new take: its keys as they are, edits included, and beside them
    everything else that plays. What the animator should know.

    Raises LipSyncProblem, having changed nothing.
    """
    header, stored = header_of(action), stored_of(action)
    place = lines_of(action).get(header.line)
    if place is None or stored is None:
        raise LipSyncProblem(f"'{action.name}' says nothing of its line: put the whole take on instead")
    _refuse([switch_problem(obj)])
    parts, gone = parts_of(scene, obj, action)
    _refuse(part.problem for part in parts)
    stamp = new_stamp(stored, header.line)
    tracks = [
        stamped(
            Track(part.owner, part.bearer.name, line_keys(part.owner, part.action, header.line)),
            part.bearer, stamp, leads=part.action == action,
        )
        for part in parts
    ]  # fmt: skip
    write_tracks(tracks, Span(stored.line.name, header.line, place[0], place[1] - place[0]))
    return tuple(gone)


def _refuse(problems: Iterable[str]) -> None:
    reason = next((problem for problem in problems if problem), "")
    if reason:
        raise LipSyncProblem(reason)


def _lost_lines(previous: bpy.types.Action | None, action: bpy.types.Action) -> str:
    """Lines that play now and are not in the take: it was made before they were."""
    if previous is None or previous == action:
        return ""
    lost = sorted(map(line_title, set(lines_of(previous)) - set(lines_of(action))))
    if not lost:
        return ""
    return f"Without {listed(lost, 2)}, which '{previous.name}' has: the arrow beside the list brings it in"


def _other_keys(parts: Iterable[Part], line: str) -> str:
    """Parts that the take moves differently outside of its line too, because there other keys were made since."""
    other = []
    for part in parts:
        now = current_action(part.owner)
        if now in (None, part.action):
            continue
        if beside_digest(part.owner, now, line) != beside_digest(part.owner, part.action, line):
            other.append(f"'{part.bearer.name}'")
    if not other:
        return ""
    return f"{listed(other, 2)} changed beside the line too: the arrow beside the list brings the line in alone"


def line_title(key: str) -> str:
    """A line as animators call it: the strip, or the file without its folder."""
    return PurePath(key).stem if any(mark in key for mark in "/\\") else key


def _lost_keys(obj: bpy.types.Object, action: bpy.types.Action) -> str:
    """Curves of the take for which there is no shape key, or bone, any more."""
    owner = lead_owner(obj)
    gone = [curve.data_path for curve in slot_fcurves_of(owner, action) if not _resolves(owner, curve.data_path)]
    return f"{len(gone)} of the channels that it moves are gone from '{obj.name}'" if gone else ""


def _resolves(owner: bpy.types.ID, path: str) -> bool:
    try:
        owner.path_resolve(path)
    except ValueError:
        return False
    return True


def _left_behind(
    scene: bpy.types.Scene, previous: bpy.types.Action | None, switched: Iterable[bpy.types.ID]
) -> str:
    """Parts that go on playing the take of before, because the new one does not move them."""
    if header_of(previous) is None:
        return ""
    parts = (_part_of(scene, companion) for companion in companions_of(previous))
    left = [part.bearer.name for part in parts if part is not None and part.plays and part.owner not in switched]
    return f"{listed(left, 2)} still plays '{previous.name}', since this take does not move it" if left else ""


def neighbor(obj: bpy.types.Object | None, step: int) -> bpy.types.Action | None:
    """The next older take (step 1) or newer one (-1), around the ends; the newest where none plays now."""
    takes = takes_of(obj)
    present = present_take(obj)
    if not takes:
        return None
    return takes[(takes.index(present) + step) % len(takes)] if present in takes else takes[0]


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


# ---------------------------------------------------------------- keeping order


def read_only_problem(action: bpy.types.Action) -> str:
    """Why a take cannot be renamed, marked or deleted; empty when it can."""
    if action.library is not None:
        source = action.library.filepath.replace("\\", "/").rsplit("/", 1)[-1]
        return f"'{action.name}' is linked from {source}, which is read-only: change it there, or make it local"
    return ""


def short_name(action: bpy.types.Action) -> str:
    """A take's name without the name of what it moves, which a list of one face's takes need not repeat."""
    header = header_of(action)
    return action.name.removeprefix(f"{header.title} ") if header is not None else action.name


def rename(action: bpy.types.Action, name: str) -> None:
    """Rename a take: each of its Actions becomes the name of what it moves and this name."""
    if read_only_problem(action) or not name:
        return
    own = [each for each in (action, *companions_of(action)) if each.library is None]
    for each in own:
        each.name = cut_name(f"{header_of(each).title} {name}")


def is_favorite(action: bpy.types.Action) -> bool:
    return bool(action.get(FAVORITE_PROPERTY, False))


def set_favorite(action: bpy.types.Action, is_one: bool) -> None:
    """A mark on the Action, which is then kept even if nothing uses it."""
    if is_one:
        action[FAVORITE_PROPERTY] = True
        action.use_fake_user = True
    elif FAVORITE_PROPERTY in action:
        del action[FAVORITE_PROPERTY]


def remove_problem(obj: bpy.types.Object, action: bpy.types.Action) -> str:
    """Why a take cannot be deleted, and what to do first; empty when it can."""
    reason = read_only_problem(action)
    if reason:
        return reason
    here = int(current_action(lead_owner(obj)) == action)
    kept = sum(each.action == action for each in obj.diffusion_talker_takes)  # usually all: then nobody else is asked
    if action.users - int(action.use_fake_user) - kept > here and _users(action) > here:
        return f"'{action.name}' is used elsewhere too, by an NLA strip or another object: remove it there first"
    return ""


def remove(scene: bpy.types.Scene, obj: bpy.types.Object, action: bpy.types.Action) -> None:
    """Delete a take's Actions; the one in use gives way to its neighbor first. Those that something else uses stay.

    Raises LipSyncProblem, having changed nothing.
    """
    _refuse([remove_problem(obj, action)])
    companions = [] if _has_copy(action) else companions_of(action)
    if current_action(lead_owner(obj)) == action:
        following = neighbor(obj, 1)
        if following != action:
            audition(scene, obj, following)
        else:
            _refuse([switch_problem(obj)])
            assign_action(lead_owner(obj), None)
            _take_off(scene, companions)
    for unwanted in (action, *companions):
        if unwanted.library is None and _users(unwanted) == 0:
            bpy.data.actions.remove(unwanted)  # those who keep it keep nothing then


def _users(action: bpy.types.Action) -> int:
    """How many play an Action, or have it in the NLA: those who only keep it do not count."""
    kept = (each.action for obj in bpy.data.objects for each in obj.diffusion_talker_takes)
    return action.users - int(action.use_fake_user) - sum(other == action for other in kept)


def _has_copy(action: bpy.types.Action) -> bool:
    """Whether another Action of the face, a copy, belongs to the same take."""
    take = header_of(action).take
    headers = (header_of(other) for other in bpy.data.actions if other != action)
    return any(header is not None and header.leads and header.take == take for header in headers)


def _take_off(scene: bpy.types.Scene, companions: Iterable[bpy.types.Action]) -> None:
    for part in (_part_of(scene, companion) for companion in companions):
        if part is not None and part.plays:
            assign_action(part.owner, None)


# ---------------------------------------------------------------- registration


class DIFFUSION_TALKER_PG_kept_take(bpy.types.PropertyGroup):
    """An Action that an object holds on to."""

    action: bpy.props.PointerProperty(name="Take", type=bpy.types.Action)


def _set_name(action: bpy.types.Action, name: str) -> None:
    rename(action, name.strip())


#: Linked characters that were made library overrides keep the id of the character.
_OVERRIDABLE: Final = {"LIBRARY_OVERRIDABLE"}


def attach() -> None:
    bpy.types.Object.diffusion_talker_id = bpy.props.StringProperty(
        name="Takes", description="Ids under which takes know this object", options={"HIDDEN"}, override=_OVERRIDABLE
    )
    bpy.types.Object.diffusion_talker_takes = bpy.props.CollectionProperty(type=DIFFUSION_TALKER_PG_kept_take)
    bpy.types.Action.diffusion_talker_name = bpy.props.StringProperty(
        name="Take",
        description="Name of the take. Its Actions are called like it, after what each of them moves",
        get=short_name,
        set=_set_name,
    )


def detach() -> None:
    del bpy.types.Action.diffusion_talker_name
    del bpy.types.Object.diffusion_talker_takes
    del bpy.types.Object.diffusion_talker_id
