# SPDX-License-Identifier: GPL-3.0-or-later
"""The packages beyond NumPy that drawing and video need, asked for when they are needed."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Final

from diffusion_talker.errors import RuntimeUnavailableError

_PURPOSES: Final = {"av": "Writing video", "matplotlib": "Drawing plots and labels"}


def require(name: str) -> ModuleType:
    """The package of that name. Raises RuntimeUnavailableError with the command that installs it."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise RuntimeUnavailableError(
            f"{_PURPOSES[name]} needs the package '{error.name}', which is not installed. "
            "Install it with: pip install 'diffusion-talker[show]'"
        ) from error
