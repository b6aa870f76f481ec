# SPDX-License-Identifier: GPL-3.0-or-later
"""Run by torchrun in the test of distributed training: trains a few steps and leaves behind what this rank saw.

Arguments: corpus, training folder, folder for the findings, steps.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from diffusion_talker.training.dataset import Batch
from tests.core.training.small_trainer import JawLosses, JawTrainer


class WatchedTrainer(JawTrainer):
    """Keeps a fingerprint of every crop."""

    def losses(self, batch: Batch, generator: torch.Generator) -> tuple[torch.Tensor, JawLosses]:
        seen.extend(float(crop.sum()) for crop in batch.log_mel)
        return super().losses(batch, generator)


seen: list[float] = []
if __name__ == "__main__":
    corpus, folder, findings, steps = (*map(Path, sys.argv[1:4]), int(sys.argv[4]))
    rank = int(os.environ["RANK"])
    lines: list[str] = []
    trainer = WatchedTrainer(corpus, folder, steps=steps, seed=1 + 10 * rank)  # strangers at first: weights are shared
    trainer._config = JawTrainer(corpus, folder / "unused", steps=steps)._config
    trainer.run(lines.append)
    is_saved = (folder / "checkpoint.safetensors").is_file()
    save_file({k: v.contiguous() for k, v in trainer._network.state_dict().items()}, findings / f"{rank}.safetensors")
    (findings / f"{rank}.json").write_text(json.dumps({"seen": seen, "lines": lines, "is_saved": is_saved}))
