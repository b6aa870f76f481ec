# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of measurements with numbers of our choice, for tests of what is made of them."""

from __future__ import annotations

from diffusion_talker.evaluation.machine import Machine
from diffusion_talker.evaluation.metrics import GROUPS, ClipErrors
from diffusion_talker.evaluation.rows import (
    Accuracy,
    ModelInfo,
    MouthScores,
    Retrieval,
    Row,
    SetFigures,
    SpeechFigures,
    Speed,
)
from diffusion_talker.evaluation.speech_metrics import BilabialScore, SilenceScore

MACHINE = Machine("Test Processor", 2, "2", 4.0, "TestOS 1", "3.11.0", "1.26.4")


def make_figures(lve_mm2: float = 4.0, ratio: float = 1.0) -> SetFigures:
    """One set of two clips; the second has twice the lip error and the weight of three of the first."""
    clips = tuple(ClipErrors(frames, lve_mm2 * worse, 2.0, 0.5, 0.1 * sign, 0.02, 0.03)
                  for frames, worse, sign in ((100, 1, 1), (300, 2, -1)))  # fmt: skip
    ratios = dict.fromkeys(GROUPS, ratio)
    speech = SpeechFigures(BilabialScore(40, 20, 0.9, 0.1), -3.0, SilenceScore(5.0, 0.002, 0.05, 50.0), 0.9)
    return SetFigures(400 / 60, clips, ratios, dict(ratios), dict(ratios), speech, speech)


def make_accuracy(lve_mm2: float = 4.0, ratio: float = 1.0, top1: float = 0.95) -> Accuracy:
    """The same figures for each set."""
    sets = {name: make_figures(lve_mm2, ratio) for name in ("texts", "talkers", "voices")}
    return Accuracy("c" * 64, "d" * 64, sets, 0.4, 0.2, 6, Retrieval(100, top1, 1.0, 0.05),
                    Retrieval(100, 0.8, 0.9, 0.4), Retrieval(64, 0.6, 0.9, 0.3))  # fmt: skip


def make_row(role: str = "student", steps: int = 2, frames_per_s: float = 9000.0, parameters: int = 3_000_000,
             accuracy: Accuracy | None = None, mouth: MouthScores | None = None) -> Row:
    """A row whose speed is the same on both runtimes but for PyTorch being a third faster."""
    rates = {"numpy": frames_per_s, "torch": frames_per_s * 4 / 3}
    speed = tuple(Speed(name, 2, 0.5, rate, 60.0, 5, 1.5) for name, rate in rates.items())
    model = ModelInfo("e" * 64, parameters * 2, parameters, parameters, "c" * 64)
    return Row(role, steps, model, f"evaluate model {role}.npz", "0.1.0", MACHINE, accuracy, speed, mouth)
