# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress on stderr, for anything that takes longer than a second."""

from __future__ import annotations

import sys
import time
from typing import Final, TextIO

_PATIENCE_S: Final = 1.0
_REDRAW_S: Final = 0.1
_WIDTH: Final = 30


class ProgressBar:
    """A bar on a terminal, a line every tenth elsewhere; silent during the first second and when quiet.

    Use it as a context manager and call it with the fraction done in [0, 1].
    """

    def __init__(self, label: str, quiet: bool = False, stream: TextIO | None = None) -> None:
        self._label = label
        self._quiet = quiet
        self._stream = sys.stderr if stream is None else stream
        self._terminal = self._stream.isatty()
        self._started_s = self._drawn_s = time.monotonic()
        self._logged = 0  # tenths
        self._drawn = False

    def __call__(self, fraction: float) -> None:
        now_s = time.monotonic()
        if self._quiet or now_s - self._started_s < _PATIENCE_S:
            return
        if self._terminal and (now_s - self._drawn_s >= _REDRAW_S or fraction >= 1):
            self._draw(fraction, now_s)
        elif not self._terminal and _tenths(fraction) > self._logged:
            self._logged = _tenths(fraction)
            print(f"{self._label}: {fraction:.0%}", file=self._stream, flush=True)

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._drawn:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def _draw(self, fraction: float, now_s: float) -> None:
        self._drawn_s, self._drawn = now_s, True
        filled = round(_WIDTH * min(max(fraction, 0), 1))
        left_s = (now_s - self._started_s) * (1 - fraction) / max(fraction, 1e-3)
        bar = "#" * filled + "-" * (_WIDTH - filled)
        self._stream.write(f"\r\x1b[K{self._label} [{bar}] {fraction:4.0%}  {left_s:.0f} s left")
        self._stream.flush()


def _tenths(fraction: float) -> int:
    return int(fraction * 10 + 1e-6)
