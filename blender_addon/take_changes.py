# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done with takes: one is put on the face, the line of one brought in; they are renamed, marked and deleted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

import bpy

from .bones import armature_problem
from .keyframes import (
    FAVORITE_PROPERTY,
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
from .takes import (
    NO_FACE,
    companions_of,
    header_of,
    ids_of,
    lead_owner,
    neighbor,
    new_stamp,
    owner_of,
    read_only_problem,
    stamped,
    stored_of,
)
from .targets import keys_problem, listed

if TYPE_CHECKING:
    from .stored_settings import TakeHeader

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
        part = _part_of(scene, obj, companion)
        if part is None:
            gone.append(f"'{header_of(companion).title}', which the take moves too, is not in this scene")
        else:
            parts.append(part)
    return parts, gone


def _part_of(scene: bpy.types.Scene, face: bpy.types.Object, companion: bpy.types.Action) -> Part | None:
    """What a companion moves in a scene, the face before all others, its twins too; None where it is not there."""
    header = header_of(companion)
    bearer = face if header.owner in ids_of(face) else _bearer(scene, header)
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
    left = _left_behind(scene, obj, previous, [part.owner for part in parts])
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
    scene: bpy.types.Scene, obj: bpy.types.Object, previous: bpy.types.Action | None, switched: Iterable[bpy.types.ID]
) -> str:
    """Parts that go on playing the take of before, because the new one does not move them."""
    if header_of(previous) is None:
        return ""
    parts = (_part_of(scene, obj, companion) for companion in companions_of(previous))
    left = [part.bearer.name for part in parts if part is not None and part.plays and part.owner not in switched]
    return f"{listed(left, 2)} still plays '{previous.name}', since this take does not move it" if left else ""


# ---------------------------------------------------------------- keeping order


def rename(action: bpy.types.Action, name: str) -> None:
    """Rename a take: each of its Actions becomes the name of what it moves and this name."""
    if read_only_problem(action) or not name:
        return
    own = [each for each in (action, *companions_of(action)) if each.library is None]
    for each in own:
        each.name = cut_name(f"{header_of(each).title} {name}")


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
            _take_off(scene, obj, companions)
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


def _take_off(scene: bpy.types.Scene, obj: bpy.types.Object, companions: Iterable[bpy.types.Action]) -> None:
    for part in (_part_of(scene, obj, companion) for companion in companions):
        if part is not None and part.plays:
            assign_action(part.owner, None)
