# SPDX-License-Identifier: GPL-3.0-or-later
"""The background job, pumped by hand as the modal timer does it: progress, errors, and cancelling at any moment."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable
from types import ModuleType

import pytest

from diffusion_talker.errors import AudioUnreadableError, CancelledError

STEPS = 8
LIMIT_S = 10.0


def make_job(addon: ModuleType, work: Callable[..., object]) -> object:
    speech = addon.audio_source.Speech("line", "line", "/nowhere/line.wav", 1, 24.0)
    face = addon.drive_plan.MeshPlan(1, "Head", addon.face_mapping.FaceKeys(()))
    request = addon.generation.Request(speech, addon.generation.Options(), addon.drive_plan.DrivePlan(face))
    return addon.job.Job(request, work)


def result_of(addon: ModuleType) -> object:
    take = addon.driving.DrivenTake(addon.keyframes.Span("line", "line", 1, 12))
    return addon.generation.Generated(take, 0.5, "test", 0.1)


def pump(job: object, after_each: Callable[[object], None] = lambda state: None) -> object:
    """Poll until the job ends."""
    deadline_s = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline_s:
        state = job.poll()
        after_each(state)
        if state.is_finished:
            return state
        time.sleep(0.001)
    raise AssertionError("the job did not end")


class SteppedWork:
    """Work in steps that the test releases one by one."""

    def __init__(self, addon: ModuleType) -> None:
        self.addon = addon
        self.gate = threading.Semaphore(0)
        self.done_steps = 0

    def __call__(
        self, request: object, progress: Callable[[float, str], None], cancelled: Callable[[], bool]
    ) -> object:
        for step in range(STEPS):
            assert self.gate.acquire(timeout=LIMIT_S)
            if cancelled():
                raise CancelledError("cancelled")
            progress((step + 1) / STEPS, f"Step {step + 1}")
            self.done_steps += 1
        return result_of(self.addon)


def test_progress_rises_to_the_result(addon: ModuleType) -> None:
    work, seen = SteppedWork(addon), []
    job = make_job(addon, work)
    job.start()

    def step(state: object) -> None:
        seen.append(state.progress)
        work.gate.release()

    state = pump(job, step)
    assert state.result is not None and not state.error and not state.is_cancelled
    assert seen == sorted(seen) and seen[-1] == 1.0 and job.join(1.0)


@pytest.mark.parametrize("steps_before", range(STEPS))
def test_cancel_at_any_moment_leaves_no_result(addon: ModuleType, steps_before: int) -> None:
    work = SteppedWork(addon)
    job = make_job(addon, work)
    job.start()
    for _ in range(steps_before):
        work.gate.release()
    while work.done_steps < steps_before:
        time.sleep(0.001)
    job.cancel()
    work.gate.release(STEPS)
    state = pump(job)
    assert state.is_cancelled and state.result is None and not state.error
    assert work.done_steps == steps_before


def test_cancel_after_the_last_step_still_gives_nothing(addon: ModuleType) -> None:
    """The user pressed Esc: whatever the worker had ready must not appear."""
    gate = threading.Event()

    def work(*_: object) -> object:
        gate.wait(LIMIT_S)
        return result_of(addon)

    job = make_job(addon, work)
    job.start()
    job.cancel()
    gate.set()
    state = pump(job)
    assert state.is_cancelled and state.result is None


def test_a_foreseen_error_is_its_own_sentence(addon: ModuleType) -> None:
    def work(*_: object) -> object:
        raise AudioUnreadableError("'line' cannot be read: convert it")

    job = make_job(addon, work)
    job.start()
    assert pump(job).error == "'line' cannot be read: convert it"


def test_a_defect_becomes_a_sentence_and_goes_to_the_log(addon: ModuleType, caplog: pytest.LogCaptureFixture) -> None:
    def work(*_: object) -> object:
        raise ZeroDivisionError("oops")

    job = make_job(addon, work)
    job.start()
    error = pump(job).error
    assert "ZeroDivisionError: oops" in error and "please report" in error and "\n" not in error
    assert "Traceback" in caplog.text


def test_a_dropped_job_ends_its_thread(addon: ModuleType) -> None:
    """As when the add-on is switched off: Blender frees the operator and nobody is left to call cancel."""
    ended = threading.Event()

    def work(request: object, progress: object, cancelled: Callable[[], bool]) -> object:
        while not cancelled():
            time.sleep(0.001)
        ended.set()
        raise CancelledError("cancelled")

    job = make_job(addon, work)
    job.start()
    del job
    gc.collect()
    assert ended.wait(LIMIT_S)


def test_the_worker_touches_no_bpy(addon: ModuleType) -> None:
    """Neither the job nor the parts of generation and audio it runs import bpy when they are loaded."""
    import ast
    from pathlib import Path

    for module in (addon.job, addon.generation, addon.audio_source, addon.problems):
        tree = ast.parse(Path(module.__file__).read_text("utf-8"))
        top_level = [name.name for node in tree.body if isinstance(node, ast.Import) for name in node.names]
        assert "bpy" not in top_level, module.__name__
