# SPDX-License-Identifier: GPL-3.0-or-later
"""Generate Shape Keys: the 52 ARKit shapes of a head, made from its own neutral."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, EnumProperty

from ..generated_keys import add_generated_keys, generation_problem
from ..generation import target_of
from ..problems import poll_answer, report_problem


class DIFFUSION_TALKER_OT_generate_shape_keys(bpy.types.Operator):
    """Make the 52 ARKit shape keys from this head's neutral. Keys of your own are never changed"""

    bl_idname = "diffusion_talker.generate_shape_keys"
    bl_label = "Generate Shape Keys"
    bl_options = {"REGISTER", "UNDO"}

    existing: EnumProperty(
        name="Keys Already There",
        description="What happens to shape keys that exist",
        items=(
            ("KEEP", "Keep All", "Add only what is missing"),
            ("REPLACE", "Make Ours Anew", "Keys that this button made before are made anew; your own stay"),
        ),
    )

    close_mouth: BoolProperty(
        name="Close Open Mouth",
        description="Where the neutral's mouth stands open, add a key that closes it, for speech to start from",
        default=True,
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        reason = generation_problem(target_of(context))
        return poll_answer(cls, reason)

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            done = add_generated_keys(target_of(context), self.existing == "REPLACE", self.close_mouth)
        except Exception as error:
            return report_problem(self, error)
        self.report({"INFO"}, done.sentence)
        for note in done.notes:
            self.report({"WARNING"}, note)
        return {"FINISHED"}
