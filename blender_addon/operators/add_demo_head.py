# SPDX-License-Identifier: GPL-3.0-or-later
"""Add the demo head, so that lip sync can be tried without a character of one's own."""

from __future__ import annotations

import bpy

from ..demo_head import create_demo_head
from ..problems import poll_answer


class DIFFUSION_TALKER_OT_add_demo_head(bpy.types.Operator):
    """Add a talking head with the 52 ARKit shape keys at the 3D cursor"""

    bl_idname = "diffusion_talker.add_demo_head"
    bl_label = "Add Demo Head"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        elsewhere = "Leave the present mode first: the head is added in Object Mode"
        return poll_answer(cls, "" if context.mode == "OBJECT" else elsewhere)

    def execute(self, context: bpy.types.Context) -> set[str]:
        collection = context.collection
        if collection.library is not None:
            self.report(
                {"ERROR"}, f"The collection '{collection.name}' is linked: make another collection active first"
            )
            return {"CANCELLED"}
        head = create_demo_head(collection)
        context.view_layer.update()  # or the new head is not listed yet
        if context.view_layer.objects.get(head.name) is None:  # the active collection is excluded from this view layer
            context.scene.collection.objects.link(head)
        head.location = context.scene.cursor.location
        for obj in context.selected_objects:
            obj.select_set(False)
        head.select_set(True)
        context.view_layer.objects.active = head
        return {"FINISHED"}
