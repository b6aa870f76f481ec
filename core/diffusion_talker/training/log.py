# SPDX-License-Identifier: GPL-3.0-or-later
"""The log of a training: log.csv always, event files for TensorBoard on demand."""

from __future__ import annotations

import csv
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffusion_talker.errors import RuntimeUnavailableError
from diffusion_talker.files import atomic_write

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

LOG_NAME = "log.csv"
EVENTS_FOLDER = "tensorboard"


class TrainingLog:
    """Appends one row for each report; the file is made with the first."""

    def __init__(self, folder: Path, step: int, with_tensorboard: bool) -> None:
        """Go on after `step`. Raises RuntimeUnavailableError when TensorBoard was asked for and is not installed."""
        self._step = step
        self._path = folder / LOG_NAME
        self._events = _open_events(folder / EVENTS_FOLDER, step) if with_tensorboard else None
        self._rewind(step)

    def write(self, step: int, split: str, values: Any) -> None:
        """values: a dataclass of floats, of the same type each time. split: "train" or "held_out"."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        row = {"step": step, "split": split} | asdict(values)
        is_new = not self._path.exists() or self._set_aside(list(row))
        with self._path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(row))
            if is_new:
                writer.writeheader()
            writer.writerow(row)
        if self._events is not None:
            for name, value in asdict(values).items():
                self._events.add_scalar(f"{split}/{name}", value, step)

    def close(self) -> None:
        """Bring everything to disk."""
        if self._events is not None:
            self._events.close()

    def _set_aside(self, columns: list[str]) -> bool:
        """Rename a log with other columns, written by another version of the stage; answers whether it did."""
        with self._path.open(newline="", encoding="utf-8") as file:
            if next(csv.reader(file), []) == columns:
                return False
        self._path.rename(self._path.with_name(f"log_until_{self._step}.csv"))
        return True

    def _rewind(self, step: int) -> None:
        """Drop rows later than `step`: a training that was killed did them, and will do them again."""
        if not self._path.exists():
            return
        with self._path.open(newline="", encoding="utf-8") as file:
            header, *rows = file.read().splitlines(keepends=True) or [""]
        kept = [row for row in rows if row.split(",", 1)[0].isdigit() and int(row.split(",", 1)[0]) <= step]
        if len(kept) < len(rows):
            with atomic_write(self._path) as stream:
                stream.write("".join([header, *kept]).encode("utf-8"))


def _open_events(folder: Path, step: int) -> SummaryWriter:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise RuntimeUnavailableError(
            "TensorBoard is not installed: run pip install tensorboard, or train without --tensorboard (log.csv holds "
            "the same numbers)."
        ) from error
    return SummaryWriter(str(folder), purge_step=step + 1, flush_secs=10)
