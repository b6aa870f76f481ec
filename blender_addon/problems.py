# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong on Blender's side. The core has its own types in `diffusion_talker.errors`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import bpy


class LipSyncProblem(Exception):
    """Something the user can mend. The message says what is wrong and what to do next."""


def user_message(error: BaseException) -> str | None:
    """The sentence to show for an error that was foreseen, None for a defect of the program."""
    from diffusion_talker.errors import DiffusionTalkerError

    return str(error) if isinstance(error, (LipSyncProblem, DiffusionTalkerError)) else None


def unforeseen_message(error: BaseException) -> str:
    """One sentence for a defect; the details belong in the log."""
    name = type(error).__name__
    return f"Lip sync stopped at an error of its own ({name}: {error}). Nothing was changed: please report it"


def poll_answer(operator: type[bpy.types.Operator], reason: str) -> bool:
    """The answer of an operator's `poll`: whether no reason speaks against it; the button shows the reason."""
    if reason:
        operator.poll_message_set(reason)
    return not reason


class WorkOperator:
    """An operator of which a subclass says what it does, in `work`; errors that were foreseen end as one sentence."""

    def work(self, context: bpy.types.Context) -> str:
        """Do it; what to report. Raises DiffusionTalkerError, LipSyncProblem."""
        raise NotImplementedError

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            self.report({"INFO"}, self.work(context))
        except Exception as error:
            return report_problem(self, error)
        return {"FINISHED"}


def report_problem(operator: bpy.types.Operator, error: Exception) -> set[str]:
    """End an operator at an error that was foreseen, with its sentence; a defect of the program is raised again."""
    message = user_message(error)
    if message is None:
        raise error
    operator.report({"ERROR"}, message)
    return {"CANCELLED"}
