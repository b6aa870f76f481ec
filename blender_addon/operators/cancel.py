# SPDX-License-Identifier: GPL-3.0-or-later
"""Cancel the generation that runs; the button beside its progress bar."""

from __future__ import annotations

import bpy

from ..live import LIVE
from .generate import is_running


class DIFFUSION_TALKER_OT_cancel(bpy.types.Operator):
    """Stop generating. Nothing is changed"""

    bl_idname = "diffusion_talker.cancel"
    bl_label = "Cancel"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        running = is_running(context)
        if not running:
            cls.poll_message_set("No lip sync is being generated")
        return running

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
        if not LIVE.is_busy:
            cls.poll_message_set("Nothing is being updated")
        return LIVE.is_busy

    def execute(self, context: bpy.types.Context) -> set[str]:
        LIVE.interrupt()
        return {"FINISHED"}
