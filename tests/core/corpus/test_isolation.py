# SPDX-License-Identifier: GPL-3.0-or-later
"""An engine that crashes or forgets to clean up costs one clip at most."""

from __future__ import annotations

import os
import signal
import time

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the corpus needs SciPy")
if not hasattr(os, "fork"):
    pytest.skip("this system cannot fork", allow_module_level=True)

from diffusion_talker.corpus import isolation  # noqa: E402
from diffusion_talker.corpus.shards import Clip  # noqa: E402
from diffusion_talker.errors import CorpusError  # noqa: E402


def _clip() -> Clip:
    samples = np.arange(400_000, dtype=np.int16)
    return Clip(
        samples, np.ones((1500, 55), np.float16), np.zeros(1500, np.uint8), 1, 2, 0.5, "de", "espeak", "m3", "Ja."
    )


def test_a_clip_comes_back_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "make_clip", lambda *_: _clip())
    clip = isolation.make_clip_isolated(0, 0, {})
    np.testing.assert_array_equal(clip.samples, _clip().samples)
    assert clip.text == "Ja."


def test_a_crash_of_the_engine_is_an_error_of_that_clip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "make_clip", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    with pytest.raises(CorpusError, match="crashed"):
        isolation.make_clip_isolated(0, 0, {})


def test_an_engine_that_hangs_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "make_clip", lambda *_: time.sleep(60))
    monkeypatch.setattr(isolation, "_TIMEOUT_S", 0.3)
    begun_s = time.monotonic()
    with pytest.raises(CorpusError, match="hung"):
        isolation.make_clip_isolated(0, 0, {})
    assert time.monotonic() - begun_s < 10


def test_what_the_engine_says_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Clip:
        raise CorpusError("flite printed no segments.")

    monkeypatch.setattr(isolation, "make_clip", fail)
    with pytest.raises(CorpusError, match="no segments"):
        isolation.make_clip_isolated(0, 0, {})


def test_a_child_whose_worker_is_gone_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """It must not go on as a second worker when nobody reads its clip."""
    monkeypatch.setattr(isolation, "make_clip", lambda *_: "a clip")
    read_end, write_end = os.pipe()
    os.close(read_end)
    child = os.fork()
    if child == 0:
        try:
            isolation._run_child(write_end, 0, 0, {})
        finally:
            os._exit(77)  # it came back
    os.close(write_end)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
