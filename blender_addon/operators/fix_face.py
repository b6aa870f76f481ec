# SPDX-License-Identifier: GPL-3.0-or-later
"""The button beside the diagnosis: mend what keeps the face from moving."""

from __future__ import annotations

import bpy

from ..diagnosis import diagnose
from ..fixes import Fix, apply_fix
from ..generation import target_of
from ..problems import poll_answer


class DIFFUSION_TALKER_OT_fix_face(bpy.types.Operator):
    """Mend what keeps this face from moving"""

    bl_idname = "diffusion_talker.fix_face"
    bl_label = "Fix"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def description(cls, context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        fix = _fix(context)
        return fix.description if fix is not None else cls.__doc__

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return poll_answer(cls, "" if _fix(context) is not None else "Nothing here that one click can mend")

    def execute(self, context: bpy.types.Context) -> set[str]:
        fix = _fix(context)
        try:
            apply_fix(fix, target_of(context), context.scene)
        except (AttributeError, RuntimeError) as error:  # Blender refuses to write, as on some library overrides
            self.report({"ERROR"}, f"Blender does not allow '{fix.label}' here ({error}): do it by hand")
            return {"CANCELLED"}
        self.report({"INFO"}, f"{fix.label}: done")
        return {"FINISHED"}


def _fix(context: bpy.types.Context) -> Fix | None:
    return diagnose(target_of(context), context.scene).fix
