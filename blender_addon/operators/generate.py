# SPDX-License-Identifier: GPL-3.0-or-later
"""Generate Lip Sync: in a window as a background job with progress and Esc, in the background at once."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty

from ..generation import Generated, Request, apply, generate, make_request, problem
from ..job import Job, JobState
from ..problems import LipSyncProblem, poll_answer, user_message
from ..vertex_animation import form_of

TICK_S = 0.05
#: How long closing a file or window waits for a step that is under way.
PATIENCE_S = 2.0


class DIFFUSION_TALKER_OT_generate(bpy.types.Operator):
    """Animate the face to the speech. Makes a new Action; the present one is kept"""

    bl_idname = "diffusion_talker.generate"
    bl_label = "Generate Lip Sync"
    bl_options = {"REGISTER", "UNDO"}

    confirmed: BoolProperty(
        name="Confirmed", description="The cost of vertex animation was accepted", options={"HIDDEN", "SKIP_SAVE"}
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        reason = "Lip sync is being generated already" if is_running(context) else problem(context)
        return poll_answer(cls, reason)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if bpy.app.background or context.window is None:
            return self.execute(context)
        if not self.confirmed and form_of(context.scene) is not None:
            bpy.ops.diffusion_talker.confirm_vertices("INVOKE_DEFAULT")
            return {"CANCELLED"}
        try:
            self.job = Job(make_request(context))
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
        try:
            request = make_request(context)
            generated = generate(request, lambda share, message: None, lambda: False)
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
        _redraw(context)

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
        _show_result(context, outcome.sentence, take=outcome.action_name)
        self.report({"INFO"}, outcome.sentence)
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
        _redraw(context)


def is_running(context: bpy.types.Context) -> bool:
    """Whether a window of this Blender runs the operator; asked of Blender itself, so no flag can go stale."""
    running = (operator.bl_idname for window in context.window_manager.windows for operator in window.modal_operators)
    return DIFFUSION_TALKER_OT_generate.__name__ in running


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
    _redraw(context)


def _show_result(context: bpy.types.Context, sentence: str, failed: bool = False, take: str = "") -> None:
    status = context.window_manager.diffusion_talker
    status.result, status.failed, status.take, status.blend = sentence, failed, take, bpy.data.filepath
    _redraw(context)


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


def _redraw(context: bpy.types.Context) -> None:
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in {"VIEW_3D", "SEQUENCE_EDITOR"}:
                area.tag_redraw()
