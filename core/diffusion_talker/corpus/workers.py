# SPDX-License-Identifier: GPL-3.0-or-later
"""What worker processes of the corpus commands do before their first job."""

from __future__ import annotations

import multiprocessing
import multiprocessing.context
import os
import signal
import threading


def start_context(preload: str | None = None) -> multiprocessing.context.BaseContext:
    """Processes that start fresh; from a fork server where there is one, it starts them faster. preload: a module that
    the server loads once for all."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    if preload is not None:
        context.set_forkserver_preload([preload])
    return context


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
