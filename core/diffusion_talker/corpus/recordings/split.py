# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is kept out of training, so that what is measured on them is generalisation. Speakers are "source:speaker"."""

from __future__ import annotations

import re
from typing import Final

from diffusion_talker.errors import SettingsError

#: One woman and one man of the five EmoDB speakers at hand; the other three (one woman, two men) may be trained on.
HELD_OUT_SPEAKERS: Final[frozenset[str]] = frozenset({"emodb:09", "emodb:12"})

_SPEAKER = re.compile(r"[^\s:,]+:[^\s:,]+")


def held_out_speakers(text: str | None = None) -> frozenset[str]:
    """Speakers to keep out of training: the usual ones without a text, else those of "emodb:03,emodb:08".

    An empty text or "none" holds out nobody. Raises SettingsError for a name that is not "source:speaker".
    """
    if text is None:
        return HELD_OUT_SPEAKERS
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if names in ((), ("none",)):
        return frozenset()
    wrong = [name for name in names if not _SPEAKER.fullmatch(name)]
    if wrong:
        raise SettingsError(
            f"{', '.join(wrong)} names no speaker. Write source:speaker, for example emodb:03, several with commas."
        )
    return frozenset(names)
