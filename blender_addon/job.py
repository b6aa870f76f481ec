# SPDX-License-Identifier: GPL-3.0-or-later
"""A generation in a thread of its own, watched through a queue. No bpy here: it belongs to the main thread."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from .generation import Cancelled, Generated, Progress, Request, generate
from .problems import unforeseen_message, user_message

Work = Callable[[Request, Progress, Cancelled], Generated]


@dataclass(frozen=True)
class JobState:
    """What is known about a job. While `is_finished` is False there is neither result nor error.

    is_cancelled: it ended because that was asked for; then `error` is empty and `result` None.
    """

    progress: float = 0.0
    message: str = "Starting"
    is_finished: bool = False
    is_cancelled: bool = False
    result: Generated | None = None
    error: str = ""


class Job:
    """One generation in the background. Poll it from the main thread; dropping it cancels it."""

    def __init__(self, request: Request, work: Work = generate) -> None:
        self.request = request
        self.state = JobState()
        self._updates: queue.SimpleQueue[JobState] = queue.SimpleQueue()
        self._cancel = threading.Event()
        # The thread holds the queue and the event but not the job, so that a job nobody holds any more can end.
        self._thread = threading.Thread(
            target=_run, args=(request, work, self._updates, self._cancel), name="lip sync", daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def poll(self) -> JobState:
        """The newest state; returns at once."""
        while not self.state.is_finished:
            try:
                self.state = self._updates.get_nowait()
            except queue.Empty:
                break
        return self.state

    def cancel(self) -> None:
        """Ask the thread to stop; it answers after the step it is in."""
        self._cancel.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread; True when it has ended."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def __del__(self) -> None:
        self._cancel.set()


def _run(request: Request, work: Work, updates: queue.SimpleQueue[JobState], cancel: threading.Event) -> None:
    state = JobState()

    def progress(share: float, message: str) -> None:
        nonlocal state
        state = replace(state, progress=min(max(share, 0.0), 1.0), message=message)
        updates.put(state)

    try:
        result = work(request, progress, cancel.is_set)
    except Exception as error:  # noqa: BLE001 - a thread's last line of defence: everything becomes a sentence
        updates.put(replace(state, is_finished=True, **_ending(error)))
    else:
        ending = {"is_cancelled": True} if cancel.is_set() else {"progress": 1.0, "result": result}
        updates.put(replace(state, is_finished=True, **ending))


def _ending(error: Exception) -> dict[str, object]:
    from diffusion_talker.errors import CancelledError

    if isinstance(error, CancelledError):
        return {"is_cancelled": True}
    message = user_message(error)
    if message is None:
        logging.getLogger(__name__).error("lip sync failed", exc_info=error)
    return {"error": message or unforeseen_message(error)}
