# SPDX-License-Identifier: GPL-3.0-or-later
"""Names as people type them: in any case, with a slip of the finger."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Sequence

from diffusion_talker.errors import LibraryError

_LISTED = 30  # names that one message can hold


def folded(name: str) -> str:
    """What two spellings of one name have in common: case, accents' encoding and outer spaces do not count."""
    return unicodedata.normalize("NFC", name.strip()).casefold()


def find_name(kind: str, name: str, known: Sequence[str], also: str = "") -> str:
    """The known name that is meant. Raises LibraryError, with the closest names, if there is none.

    also: a word beside the names that may be chosen, for the message.
    """
    if name in known:
        return name
    for candidate in known:
        if folded(candidate) == folded(name):
            return candidate
    raise LibraryError(f"There is no {kind} '{name}'{_suggestion(name, known)}{_listing(known, also)}.")


def _suggestion(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(folded(name), [folded(candidate) for candidate in known], 2, 0.6)
    meant = [candidate for candidate in known if folded(candidate) in close]
    return f". Did you mean {' or '.join(meant)}? Otherwise" if meant else ":"


def _listing(known: Sequence[str], also: str) -> str:
    names = ", ".join(known[:_LISTED])
    return f" choose {also + ' or ' if also else ''}one of {names}{', ...' if len(known) > _LISTED else ''}"
