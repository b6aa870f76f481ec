# SPDX-License-Identifier: GPL-3.0-or-later
"""What worker processes of the corpus commands do before their first job."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading


def end_with_parent() -> None:
    """End this worker as soon as the process that started it is gone: a killed command would leave its workers waiting
    for ever."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def leave_interrupts_to_parent() -> None:
    """Ctrl-C reaches every process of a terminal; the command itself decides what becomes of its workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def use_one_thread() -> None:
    """Every worker has a core of its own: arithmetic libraries that start threads of theirs only get in the way."""
    os.environ["OMP_NUM_THREADS"] = "1"
