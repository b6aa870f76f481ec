# SPDX-License-Identifier: GPL-3.0-or-later
"""Cancel the generation that runs; the button beside its progress bar."""

from __future__ import annotations

import bpy

from ..live import LIVE
from ..problems import poll_answer
from .generate import is_running


class DIFFUSION_TALKER_OT_cancel(bpy.types.Operator):
    """Stop generating. Nothing is changed"""

    bl_idname = "diffusion_talker.cancel"
    bl_label = "Cancel"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return poll_answer(cls, "" if is_running(context) else "No lip sync is being generated")

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.window_manager.diffusion_talker.cancel_requested = True
        return {"FINISHED"}


class DIFFUSION_TALKER_OT_live_cancel(bpy.types.Operator):
    """Stop this update. The take stays as it is until a setting changes again"""

    bl_idname = "diffusion_talker.live_cancel"
    bl_label = "Cancel Update"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return poll_answer(cls, "" if LIVE.is_busy else "Nothing is being updated")

    def execute(self, context: bpy.types.Context) -> set[str]:
        LIVE.interrupt()
        return {"FINISHED"}
