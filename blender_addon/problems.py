# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong on Blender's side. The core has its own types in `diffusion_talker.errors`."""

from __future__ import annotations


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
