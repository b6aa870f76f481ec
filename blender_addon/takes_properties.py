# SPDX-License-Identifier: GPL-3.0-or-later
"""What takes keep with scenes, objects and Actions, and what the list of them tells while Blender runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import bpy
from bpy.props import BoolProperty, CollectionProperty, FloatProperty, IntProperty, PointerProperty, StringProperty

from .live import LIVE
from .problems import LipSyncProblem
from .take_changes import audition, bring_line, rename
from .takes import header_of, lead_of, present_take, short_name

#: Linked characters that were made library overrides keep the id of the character.
_OVERRIDABLE: Final = {"LIBRARY_OVERRIDABLE"}
#: Changes what plays on an object, by one of its takes; what the animator should know. Raises LipSyncProblem.
Change = Callable[[bpy.types.Scene, bpy.types.Object, bpy.types.Action], tuple[str, ...]]


def _get_index(group: DIFFUSION_TALKER_PG_takes) -> int:
    """Place of the take that plays among the file's Actions: the list is the file's own, so nothing can go stale."""
    present = present_take(lead_of(bpy.context))
    if present is None:
        return -1
    return next(index for index, action in enumerate(bpy.data.actions) if action == present)


def _set_index(group: DIFFUSION_TALKER_PG_takes, index: int) -> None:
    """A click on a take puts it on the face."""
    if 0 <= index < len(bpy.data.actions):
        put_on(bpy.context, bpy.data.actions[index])


def put_on(context: bpy.types.Context, action: bpy.types.Action) -> str:
    """Audition a take and tell under the list what the animator should know; why it was impossible, else empty."""
    obj, header = lead_of(context), header_of(action)
    if obj is None or header is None or not header.leads:
        return "This Action is no take of the face: pick one of its takes"
    return _changed(context, obj, action, audition)


def bring_in(context: bpy.types.Context, action: bpy.types.Action) -> str:
    """Bring a take's line into what plays, and tell as above."""
    return _changed(context, lead_of(context), action, bring_line)


def _changed(context: bpy.types.Context, obj: bpy.types.Object, action: bpy.types.Action, change: Change) -> str:
    """Let another take play, and tell as above."""
    try:
        notes = change(context.scene, obj, action)
        LIVE.release()
    except LipSyncProblem as error:
        tell(context, str(error))
        return str(error)
    tell(context, ". ".join(notes), present_take(obj).name)
    return ""


def tell(context: bpy.types.Context, note: str, take: str = "") -> None:
    """A sentence under the list; take: the Action of which it is true while that one plays."""
    told = context.window_manager.diffusion_talker_takes
    told.note, told.take = note, take


class DIFFUSION_TALKER_PG_kept_take(bpy.types.PropertyGroup):
    """An Action that an object holds on to."""

    action: PointerProperty(name="Take", type=bpy.types.Action)


class DIFFUSION_TALKER_PG_takes(bpy.types.PropertyGroup):
    """The list of takes."""

    index: IntProperty(
        name="Take",
        description="The take that plays. Choosing another one puts it on everything that it moves",
        get=_get_index,
        set=_set_index,
    )
    use_new_seed: BoolProperty(
        name="New Seed for Repeats",
        description="Generating again with nothing changed takes the next seed, which makes another take. Off makes "
        "the same take again",
        default=True,
    )
    this_line: BoolProperty(
        name="This Line Only", description="List the takes of the chosen speech only", default=False
    )
    favorites: BoolProperty(name="Favorites Only", description="List favorites only", default=False)


class DIFFUSION_TALKER_PG_takes_status(bpy.types.PropertyGroup):
    """What is told about takes, and about a live take that is being changed."""

    note: StringProperty(name="Note")
    take: StringProperty(name="Take", description="Action of which the note speaks")
    progress: FloatProperty(name="Progress", min=0.0, max=1.0, subtype="FACTOR")
    message: StringProperty(name="Message", description="What the live take waits for, empty when it waits for nothing")
    problem: StringProperty(name="Problem", description="Why the live take does not follow the sliders")


def _set_name(action: bpy.types.Action, name: str) -> None:
    rename(action, name.strip())


def attach() -> None:
    bpy.types.Object.diffusion_talker_id = StringProperty(
        name="Takes", description="Ids under which takes know this object", options={"HIDDEN"}, override=_OVERRIDABLE
    )
    bpy.types.Object.diffusion_talker_takes = CollectionProperty(type=DIFFUSION_TALKER_PG_kept_take)
    bpy.types.Action.diffusion_talker_name = StringProperty(
        name="Take",
        description="Name of the take. Its Actions are called like it, after what each of them moves",
        get=short_name,
        set=_set_name,
    )
    bpy.types.Scene.diffusion_talker_takes = PointerProperty(type=DIFFUSION_TALKER_PG_takes)
    bpy.types.WindowManager.diffusion_talker_takes = PointerProperty(type=DIFFUSION_TALKER_PG_takes_status)


def detach() -> None:
    del bpy.types.WindowManager.diffusion_talker_takes
    del bpy.types.Scene.diffusion_talker_takes
    del bpy.types.Action.diffusion_talker_name
    del bpy.types.Object.diffusion_talker_takes
    del bpy.types.Object.diffusion_talker_id
