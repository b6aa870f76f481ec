# SPDX-License-Identifier: GPL-3.0-or-later
"""One clip, one process: speech engines keep state between lines, and sometimes crash.

eSpeak NG's noise and flutter run on from line to line, so the same line sounds a little different after another. A
clip made in a fresh fork depends on (seed, number) alone, and a crash costs that clip and nothing else.
"""

from __future__ import annotations

import os
import pickle
import selectors
import signal
import time
import traceback

from diffusion_talker.corpus.clips import make_clip
from diffusion_talker.corpus.shards import Clip
from diffusion_talker.corpus.talkers import VoiceSpec
from diffusion_talker.errors import CorpusError

_TIMEOUT_S = 180.0


def make_clip_isolated(seed: int, number: int, voices: dict[int, tuple[VoiceSpec, ...]]) -> Clip:
    """`make_clip` in a fork of this process, which must not have used an engine itself. Raises CorpusError, also for
    crashes.

    Where the system cannot fork, the clip is made here: then its noise depends on the clips before it.
    """
    if not hasattr(os, "fork"):
        return make_clip(seed, number, voices)
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read_end)
        _run_child(write_end, seed, number, voices)
    os.close(write_end)
    data = _read_all(read_end, child)
    status = os.waitpid(child, 0)[1]
    if not data:
        raise CorpusError(f"The engine crashed or hung (status {status}).")
    outcome = pickle.loads(data)  # written by our own fork a moment ago
    if isinstance(outcome, str):
        raise CorpusError(outcome)
    return outcome


def _run_child(write_end: int, seed: int, number: int, voices: dict[int, tuple[VoiceSpec, ...]]) -> None:
    """Make the clip, send it, and leave without running the parent's exit handlers, whatever happens: a child that
    returned from here would go on as a second worker."""
    exit_code = 1
    try:
        try:
            outcome: Clip | str = make_clip(seed, number, voices)
        except CorpusError as error:
            outcome = str(error)
        with os.fdopen(write_end, "wb") as stream:
            pickle.dump(outcome, stream)
        exit_code = 0
    except BrokenPipeError:
        pass  # the worker was killed; nobody waits for this clip
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(exit_code)


def _read_all(read_end: int, child: int) -> bytes:
    """All that the child sends; nothing if it takes too long, and then it is stopped."""
    chunks: list[bytes] = []
    deadline_s = time.monotonic() + _TIMEOUT_S
    with selectors.DefaultSelector() as selector:
        selector.register(read_end, selectors.EVENT_READ)
        while selector.select(max(deadline_s - time.monotonic(), 0.0)):
            chunk = os.read(read_end, 1 << 20)
            if not chunk:
                os.close(read_end)
                return b"".join(chunks)
            chunks.append(chunk)
    os.close(read_end)
    os.kill(child, signal.SIGKILL)
    return b""
