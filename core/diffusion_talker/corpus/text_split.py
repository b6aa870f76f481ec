# SPDX-License-Identifier: GPL-3.0-or-later
"""Which texts a training leaves out: decided by a hash of the text, so whole texts are new, never pieces of a clip."""

from __future__ import annotations

import hashlib
from typing import Final

#: Share of the texts that no training hears.
HELD_OUT_TEXT_SHARE: Final = 0.03
#: What stands between the lines of a clip's text.
LINE_SEPARATOR: Final = " / "


def is_held_out(text: str, share: float = HELD_OUT_TEXT_SHARE) -> bool:
    """Whether clips of this text are kept for validation. The same for every clip, corpus and machine."""
    digest = hashlib.sha256(text.encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32 < share


def lines_of(text: str) -> tuple[str, ...]:
    """Lines of a clip's text; none for a silent clip."""
    return tuple(text.split(LINE_SEPARATOR)) if text else ()
