# SPDX-License-Identifier: GPL-3.0-or-later
"""Generate Lip Sync: in a window as a background job with progress and Esc, in the background at once."""

from __future__ import annotations

from dataclasses import replace

import bpy
from bpy.props import BoolProperty

from .. import identities
from ..drive_plan import choices_of, plan_problem
from ..generation import (
    Generated,
    Request,
    apply,
    generate,
    generate_and_match,
    make_request,
    problem,
    target_of,
)
from ..job import Job, JobState
from ..live import LIVE
from ..problems import LipSyncProblem, poll_answer, user_message
from ..redrawing import redraw
from ..restoring import model_note, request_again
from ..takes import fresh_seed, lead_of, present_take, settings_problem, stored_of
from ..vertex_animation import form_of

TICK_S = 0.05
#: How long closing a file or window waits for a step that is under way.
PATIENCE_S = 2.0


class TakeMaker:
    """An operator that makes a take in the background; a subclass says of what, in `request`."""

    bl_options = {"REGISTER", "UNDO"}
    work = staticmethod(generate)

    def request(self, context: bpy.types.Context) -> Request:
        """What to make. Raises LipSyncProblem."""
        raise NotImplementedError

    def written(self, context: bpy.types.Context, request: Request, generated: Generated) -> tuple[str, ...]:
        """The take is on the face; what to add to what is reported."""
        return ()

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if bpy.app.background or context.window is None:
            return self.execute(context)
        LIVE.interrupt()
        try:
            self.job = Job(self.request(context), self.work)
        except LipSyncProblem as error:
            return self._fail(context, str(error))
        _reset_status(context)
        self.job.start()
        self.timer = context.window_manager.event_timer_add(TICK_S, window=context.window)
        context.window_manager.progress_begin(0, 100)
        context.window_manager.modal_handler_add(self)
        _show_progress(context, self.job.state)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """The same at once, for scripts, repeat and background mode."""
        _reset_status(context)
        LIVE.interrupt()
        try:
            request = self.request(context)
            generated = self.work(request, lambda share, message: None, lambda: False)
        except Exception as error:
            message = user_message(error)
            if message is None:
                raise
            return self._fail(context, message)
        return self._write(context, request, generated)

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if event.type == "ESC" and event.value == "PRESS":
            self._request_cancel(context)
            return {"RUNNING_MODAL"}
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        if context.window_manager.diffusion_talker.cancel_requested:
            self._request_cancel(context)
        state = self.job.poll()
        if not state.is_finished:
            _show_progress(context, state)
            return {"PASS_THROUGH"}
        self._clear_interface(context)
        return self._finish(context, state)

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender ends the job: a file is loaded, the window closes, the program quits, the add-on is switched off."""
        self.job.cancel()
        self.job.join(PATIENCE_S)
        self._clear_interface(context)

    def _request_cancel(self, context: bpy.types.Context) -> None:
        self.job.cancel()
        context.window_manager.diffusion_talker.cancel_requested = True
        redraw(context)

    def _finish(self, context: bpy.types.Context, state: JobState) -> set[str]:
        if state.is_cancelled:
            _show_result(context, "Cancelled, nothing was changed")
            return {"CANCELLED"}
        if state.result is None:
            return self._fail(context, state.error)
        return self._write(context, self.job.request, state.result)

    def _write(self, context: bpy.types.Context, request: Request, generated: Generated) -> set[str]:
        try:
            outcome = apply(request, generated)
        except LipSyncProblem as error:
            return self._fail(context, str(error))
        LIVE.release()
        note = " ".join((*generated.notes, *self.written(context, request, generated)))
        sentence = f"{outcome.sentence}. {note}" if note else outcome.sentence
        _show_result(context, sentence, take=outcome.action_name)
        self.report({"WARNING" if note else "INFO"}, sentence)
        return {"FINISHED"}

    def _fail(self, context: bpy.types.Context, message: str) -> set[str]:
        _show_result(context, message, failed=True)
        self.report({"ERROR"}, message)
        return {"CANCELLED"}

    def _clear_interface(self, context: bpy.types.Context) -> None:
        manager = context.window_manager
        manager.event_timer_remove(self.timer)
        manager.progress_end()
        _set_status_text(context, None)
        redraw(context)


class DIFFUSION_TALKER_OT_generate(TakeMaker, bpy.types.Operator):
    """Animate the face to the speech. Makes a new Action; the present one is kept"""

    bl_idname = "diffusion_talker.generate"
    bl_label = "Generate Lip Sync"
    work = staticmethod(generate_and_match)

    confirmed: BoolProperty(
        name="Confirmed", description="The cost of vertex animation was accepted", options={"HIDDEN", "SKIP_SAVE"}
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        reason = "Lip sync is being generated already" if is_running(context) else problem(context)
        return poll_answer(cls, reason)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        is_shown = not bpy.app.background and context.window is not None
        if is_shown and not self.confirmed and form_of(context.scene) is not None:
            bpy.ops.diffusion_talker.confirm_vertices("INVOKE_DEFAULT")
            return {"CANCELLED"}
        return super().invoke(context, event)

    def request(self, context: bpy.types.Context) -> Request:
        self.speech = identities.speech_key(context)
        request = make_request(context)
        if not context.scene.diffusion_talker_takes.use_new_seed:
            return request
        return replace(request, options=replace(request.options, seed=fresh_seed(context, request)))

    def written(self, context: bpy.types.Context, request: Request, generated: Generated) -> tuple[str, ...]:
        if identities.is_stale(context):  # identities that were added meanwhile have a likeness, too
            identities.refresh(context)
        identities.show_match(context, generated.match, self.speech)
        if context.scene.diffusion_talker.seed != request.options.seed:
            context.scene.diffusion_talker.seed = request.options.seed
        return ()


class DIFFUSION_TALKER_OT_regenerate(TakeMaker, bpy.types.Operator):
    """Make this take once more with the settings that it was made with, where its line lies now. Makes a new Action"""

    bl_idname = "diffusion_talker.regenerate"
    bl_label = "Regenerate"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        reason = "Lip sync is being generated already" if is_running(context) else settings_problem(context)
        form = "" if form_of(context.scene) is None else "Takes are made again as curves: choose Write > Shape Keys"
        choices = choices_of(context.scene)
        return poll_answer(cls, reason or form or plan_problem(target_of(context), choices))

    def request(self, context: bpy.types.Context) -> Request:
        take = present_take(lead_of(context))
        stored = stored_of(take)
        self.note = model_note(context, stored)
        return request_again(context, stored, take.library)

    def written(self, context: bpy.types.Context, request: Request, generated: Generated) -> tuple[str, ...]:
        return (self.note,) if self.note else ()


def is_running(context: bpy.types.Context) -> bool:
    """Whether a window of this Blender makes a take; asked of Blender itself, so no flag can go stale."""
    running = {operator.bl_idname for window in context.window_manager.windows for operator in window.modal_operators}
    return not running.isdisjoint(maker.__name__ for maker in TakeMaker.__subclasses__())


def _reset_status(context: bpy.types.Context) -> None:
    status = context.window_manager.diffusion_talker
    status.progress, status.message, status.cancel_requested = 0.0, "", False
    status.result, status.failed = "", False


def _show_progress(context: bpy.types.Context, state: JobState) -> None:
    status = context.window_manager.diffusion_talker
    message = "Cancelling" if status.cancel_requested else state.message
    if (message, state.progress) == (status.message, status.progress):
        return  # drawing costs more than computing
    status.progress, status.message = state.progress, message
    context.window_manager.progress_update(round(100 * state.progress))
    _set_status_text(context, f"Lip Sync: {message} {state.progress:.0%}    Esc: Cancel")
    redraw(context)


def _show_result(context: bpy.types.Context, sentence: str, failed: bool = False, take: str = "") -> None:
    status = context.window_manager.diffusion_talker
    status.result, status.failed, status.take, status.blend = sentence, failed, take, bpy.data.filepath
    redraw(context)


def shown_result(context: bpy.types.Context) -> str:
    """The last result while it is still true: not after an undo, not in another file."""
    status = context.window_manager.diffusion_talker
    is_stale = status.blend != bpy.data.filepath or (status.take and status.take not in bpy.data.actions)
    return "" if is_stale else status.result


def _set_status_text(context: bpy.types.Context, text: str | None) -> None:
    """In every workspace: the animator may look at another one when the job ends."""
    for workspace in bpy.data.workspaces:
        with context.temp_override(workspace=workspace):
            workspace.status_text_set(text)
