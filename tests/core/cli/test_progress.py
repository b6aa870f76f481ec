# SPDX-License-Identifier: GPL-3.0-or-later
"""The progress bar waits a second, draws on terminals, logs elsewhere, and leaves a clean line."""

from __future__ import annotations

import io

import pytest

from diffusion_talker.cli import progress
from diffusion_talker.cli.progress import ProgressBar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock whose hand the test moves: clock[0] is the time in seconds."""
    hand = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: hand[0])
    return hand


def test_a_quick_job_shows_nothing(clock: list[float]) -> None:
    for stream in (Terminal(), io.StringIO()):
        with ProgressBar("line.wav", stream=stream) as bar:
            for step in range(10):
                clock[0] += 0.05
                bar(step / 10)
        assert stream.getvalue() == ""


def test_a_long_job_draws_a_bar_and_wipes_it(clock: list[float]) -> None:
    stream = Terminal()
    with ProgressBar("line.wav", stream=stream) as bar:
        clock[0] = 2.0
        bar(0.5)
    assert "line.wav [" + "#" * 15 + "-" * 15 + "]  50%  2 s left" in stream.getvalue()
    assert stream.getvalue().endswith("\r\x1b[K")


def test_a_log_gets_a_line_every_tenth(clock: list[float]) -> None:
    stream = io.StringIO()
    with ProgressBar("line.wav", stream=stream) as bar:
        for step in range(101):
            clock[0] += 0.1
            bar(step / 100)
    lines = stream.getvalue().splitlines()
    assert lines == [f"line.wav: {percent}%" for percent in range(10, 101, 10)]
    assert "\r" not in stream.getvalue()


def test_quiet_shows_nothing(clock: list[float]) -> None:
    stream = Terminal()
    with ProgressBar("line.wav", quiet=True, stream=stream) as bar:
        clock[0] = 5.0
        bar(0.5)
    assert stream.getvalue() == ""
