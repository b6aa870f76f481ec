# SPDX-License-Identifier: GPL-3.0-or-later
"""One verb for each thing that is done with a take: put on, step, mark, delete, take its settings."""

from __future__ import annotations

from collections.abc import Callable

import bpy
from bpy.props import IntProperty, StringProperty

from ..live import LIVE
from ..problems import LipSyncProblem, poll_answer, report_problem
from ..restoring import model_note, use_settings
from ..take_changes import remove, remove_problem, set_favorite, switch_problem
from ..takes import (
    has_takes,
    is_favorite,
    lead_of,
    neighbor,
    present_problem,
    present_take,
    read_only_problem,
    settings_problem,
    short_name,
    stored_of,
    takes_of,
)
from ..takes_properties import bring_in, put_on, tell

#: Takes in a menu; more would not fit on the screen.
MENU_ROWS = 40
#: Does something with a take; why it was impossible, else empty.
Change = Callable[[bpy.types.Context, bpy.types.Action], str]


def other_problem(context: bpy.types.Context) -> str:
    """Why there is no other take than the one that plays to do something with."""
    obj = lead_of(context)
    reason = switch_problem(obj)
    if reason or has_takes(obj, besides=present_take(obj)):
        return reason
    once_more = "has no other take: generate lip sync once more"
    return f"'{obj.name}' {once_more if has_takes(obj) else 'has no take yet: generate lip sync first'}"


class DIFFUSION_TALKER_OT_take_audition(bpy.types.Operator):
    """Put a take on everything that it moves. The one that played is kept"""

    bl_idname = "diffusion_talker.take_audition"
    bl_label = "Audition Take"
    bl_options = {"REGISTER", "UNDO"}

    action: StringProperty(name="Take", description="Action of the take's face")

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return poll_answer(cls, switch_problem(lead_of(context)))

    def execute(self, context: bpy.types.Context) -> set[str]:
        return _with_take(self, context, put_on)


class DIFFUSION_TALKER_OT_take_bring(bpy.types.Operator):
    """Bring the line of this take into what plays, as a new take: with its edits, and beside all other lines"""

    bl_idname = "diffusion_talker.take_bring"
    bl_label = "Bring In Line"
    bl_options = {"REGISTER", "UNDO"}

    action: StringProperty(name="Take", description="Action of the take whose line is brought in")

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return poll_answer(cls, other_problem(context))

    def execute(self, context: bpy.types.Context) -> set[str]:
        return _with_take(self, context, bring_in)


class DIFFUSION_TALKER_MT_take_bring(bpy.types.Menu):
    """Bring the line of another take into what plays"""

    bl_idname = "DIFFUSION_TALKER_MT_take_bring"
    bl_label = "Bring In a Line Of"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return not other_problem(context)

    def draw(self, context: bpy.types.Context) -> None:
        obj = lead_of(context)
        for take in [take for take in takes_of(obj) if take != present_take(obj)][:MENU_ROWS]:
            icon = "SOLO_ON" if is_favorite(take) else "ACTION"
            self.layout.operator("diffusion_talker.take_bring", text=short_name(take), icon=icon).action = take.name


class DIFFUSION_TALKER_OT_take_step(bpy.types.Operator):
    """Put on the next older or newer take"""

    bl_idname = "diffusion_talker.take_step"
    bl_label = "Next Take"
    bl_options = {"REGISTER", "UNDO"}

    step: IntProperty(name="Step", description="1 for the next older take, -1 for the next newer one", default=1)

    @classmethod
    def description(cls, context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        return "Put on the next older take" if properties.step > 0 else "Put on the next newer take"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return poll_answer(cls, other_problem(context))

    def execute(self, context: bpy.types.Context) -> set[str]:
        return _answer(self, put_on(context, neighbor(lead_of(context), self.step)))


class DIFFUSION_TALKER_OT_take_favorite(bpy.types.Operator):
    """Mark this take as a favorite, or take the mark away"""

    bl_idname = "diffusion_talker.take_favorite"
    bl_label = "Favorite"
    bl_options = {"REGISTER", "UNDO"}

    action: StringProperty(name="Take", description="Action of the take's face. Empty is the take that plays")

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return poll_answer(cls, "" if has_takes(lead_of(context)) else "There is no take yet: generate lip sync first")

    def execute(self, context: bpy.types.Context) -> set[str]:
        take = _take_named(context, self.action) if self.action else present_take(lead_of(context))
        reason = read_only_problem(take) if take is not None else "There is no such take: choose one in the list"
        if reason:
            return report_problem(self, LipSyncProblem(reason))
        set_favorite(take, not is_favorite(take))
        return {"FINISHED"}


class DIFFUSION_TALKER_OT_take_delete(bpy.types.Operator):
    """Delete the take that plays, and put on its neighbor. Undo brings it back"""

    bl_idname = "diffusion_talker.take_delete"
    bl_label = "Delete Take"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        obj = lead_of(context)
        reason = present_problem(context) or remove_problem(obj, present_take(obj)) or switch_problem(obj)
        return poll_answer(cls, reason)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_props_dialog(self, title="Delete Take", confirm_text="Delete")

    def draw(self, context: bpy.types.Context) -> None:
        column, obj = self.layout.column(align=True), lead_of(context)
        take, following = present_take(obj), neighbor(obj, 1)
        column.label(text=f"Delete '{take.name}'" + (", a favorite?" if is_favorite(take) else "?"), icon="TRASH")
        rest = f"Then '{following.name}' plays." if following != take else "It is the only take: the face will rest."
        column.label(text=rest, icon="BLANK1")

    def execute(self, context: bpy.types.Context) -> set[str]:
        obj = lead_of(context)
        name = present_take(obj).name
        LIVE.release()
        try:
            remove(context.scene, obj, present_take(obj))
        except LipSyncProblem as error:
            return report_problem(self, error)
        tell(context, "")
        self.report({"INFO"}, f"Deleted '{name}'")
        return {"FINISHED"}


class DIFFUSION_TALKER_OT_take_settings(bpy.types.Operator):
    """Set voice, emotion, style and seed as this take has them. What was keyed is keyed again, in a new Action"""

    bl_idname = "diffusion_talker.take_settings"
    bl_label = "Use Settings"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return poll_answer(cls, settings_problem(context))

    def execute(self, context: bpy.types.Context) -> set[str]:
        take = present_take(lead_of(context))
        stored = stored_of(take)
        try:
            notes = (*use_settings(context, stored), model_note(context, stored))
        except LipSyncProblem as error:
            return report_problem(self, error)
        told = ". ".join(note for note in notes if note)
        self.report({"WARNING" if told else "INFO"}, told or f"The settings are those of '{take.name}'")
        return {"FINISHED"}


def _with_take(operator: bpy.types.Operator, context: bpy.types.Context, change: Change) -> set[str]:
    """Do something with the take that an operator names in `action`."""
    found = _take_named(context, operator.action)
    if found is None:
        return _answer(operator, f"There is no take '{operator.action}': choose one in the list")
    return _answer(operator, change(context, found))


def _take_named(context: bpy.types.Context, name: str) -> bpy.types.Action | None:
    """The take of the face whose Action is called so."""
    return next((take for take in takes_of(lead_of(context)) if take.name == name), None)


def _answer(operator: bpy.types.Operator, reason: str) -> set[str]:
    """End an operator that may have been impossible."""
    return report_problem(operator, LipSyncProblem(reason)) if reason else {"FINISHED"}
