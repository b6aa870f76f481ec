# SPDX-License-Identifier: GPL-3.0-or-later
"""From a corpus to a student: every stage in a folder of its own, resumed where it stopped, skipped where it ended.

recogniser -> teacher -> warm_up -> round_8 -> round_4 -> round_2 -> finetune_2 -> voices_2, and from round_2 on to
round_1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from diffusion_talker.corpus.shards import MANIFEST_NAME, Manifest, hash_file, read_manifest
from diffusion_talker.student.config import StudentConfig
from diffusion_talker.training.bandwidth import measure_smoothing
from diffusion_talker.training.checkpoint import check_resumable, checkpoint_path, read_info
from diffusion_talker.training.config import TrainingConfig
from diffusion_talker.training.distill import DistillTrainer
from diffusion_talker.training.finetune import FinetuneTrainer
from diffusion_talker.training.loop import Report, Trainer
from diffusion_talker.training.presets import ROUNDS, Plan
from diffusion_talker.training.recogniser import RecogniserTrainer
from diffusion_talker.training.regression import RegressionTrainer
from diffusion_talker.training.teacher import TeacherTrainer
from diffusion_talker.training.voices import VoicesTrainer
from diffusion_talker.training.warm_up import WarmUpTrainer

FINAL_STEPS = 2  # steps of the student that ships


@dataclass(frozen=True)
class Pipeline:
    """Stages of one plan on one corpus. Each method trains a stage to its end and returns its folder.

    Attributes:
        out: where the stages have their folders.
        command: how it was started, kept in the checkpoints.
        report: hears a line every few steps.
    """

    corpus: Path
    out: Path
    plan: Plan
    device: str
    command: str
    report: Report

    def everything(self, ear: Path | None = None) -> Path:
        """All stages up to the student that ships. ear: a recogniser that is trained already."""
        teacher = self.teacher(ear or self.recogniser())
        return self.finish(self.distill(teacher)[FINAL_STEPS], FINAL_STEPS)

    def recogniser(self) -> Path:
        """The ear."""
        shape = self.plan.ear_shape(self._manifest())
        return self._train("recogniser", self.plan.recogniser, RecogniserTrainer, shape=shape)

    def teacher(self, ear: Path) -> Path:
        """The teacher over an ear."""
        shape = self._student_shape()
        return self._train("teacher", self.plan.teacher, TeacherTrainer, ear=ear, student=shape)

    def regression(self) -> Path:
        """The baseline without diffusion."""
        shape = self._student_shape()
        return self._train("regression", self.plan.regression, RegressionTrainer, student=shape)

    def distill(self, teacher: Path, rounds: tuple[int, ...] = ROUNDS) -> dict[int, Path]:
        """The encoder swap and all rounds; folders by steps of the student."""
        start = self._train("warm_up", self.plan.warm_up, WarmUpTrainer, teacher=teacher)
        folders: dict[int, Path] = {}
        for number, steps in enumerate(rounds):
            config = replace(self.plan.distill, student_steps=steps)
            guide = teacher if number == 0 else None
            start = self._train(f"round_{steps}", config, DistillTrainer, start=start, teacher=guide)
            folders[steps] = start
        return folders

    def finish(self, start: Path, steps: int) -> Path:
        """What a distilled student with so many steps still needs: true lips, then whose voice it is."""
        tuned = self.finetune(start, steps)
        knows_voices = self.plan.finetune.library_weight > 0
        return self._train(f"voices_{steps}", self.plan.voices, VoicesTrainer, start=tuned) if knows_voices else tuned

    def finetune(self, start: Path, steps: int) -> Path:
        """The ground-truth stage of a distilled student with so many steps."""
        config = replace(self.plan.finetune, student_steps=steps)
        return self._train(f"finetune_{steps}", config, FinetuneTrainer, start=start)

    def _student_shape(self) -> StudentConfig:
        """The student for the corpus, with the low-pass that its curves bear; vertices have none."""
        shape = self.plan.student_shape(self._manifest())
        return shape if shape.vertex_count else replace(shape, smoothing_frames=measure_smoothing(self.corpus))

    def _manifest(self) -> Manifest:
        return read_manifest(self.corpus)

    def _train(
        self, name: str, config: TrainingConfig, trainer: Callable[..., Trainer[Any, Any]], **inputs: Any
    ) -> Path:
        folder = self.out / name
        if self._is_finished(folder, config):
            self.report(f"{name}: finished before, {config.steps} steps in {folder}")
            return folder
        self.report(f"{name}: {config.steps} steps in {folder}")
        training = trainer(self.corpus, folder, config, device=self.device, command=self.command, **inputs)
        training.run(self.report)
        return folder

    def _is_finished(self, folder: Path, config: TrainingConfig) -> bool:
        """Whether a stage needs no more steps. Raises CheckpointError when it is another training's."""
        if not checkpoint_path(folder).is_file():
            return False
        found = read_info(folder)
        asked = replace(found, config=asdict(config), corpus_manifest_sha256=hash_file(self.corpus / MANIFEST_NAME))
        check_resumable(folder, found, asked, config.accept_changes)
        return found.step >= config.steps
