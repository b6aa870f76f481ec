# SPDX-License-Identifier: GPL-3.0-or-later
"""Two processes on one CPU train one network: equal weights, other clips, one checkpoint."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: training cannot be tested")
pytest.importorskip("safetensors", reason="safetensors is not installed: training cannot be tested")
if not torch.distributed.is_available():
    pytest.skip("this PyTorch has no distributed package", allow_module_level=True)

from safetensors.torch import load_file  # noqa: E402

from diffusion_talker.training.augment import Augmenter  # noqa: E402
from diffusion_talker.training.checkpoint import read_info, read_tensors  # noqa: E402
from diffusion_talker.training.dataset import BatchLoader, make_batch  # noqa: E402
from diffusion_talker.training.distributed import Ranks, average_gradients, average_values  # noqa: E402
from diffusion_talker.training.loop import step_seed  # noqa: E402
from tests.core.training.made_corpus import write_made_corpus  # noqa: E402
from tests.core.training.small_trainer import CONFIG, JawLosses, JawTrainer  # noqa: E402

ROOT = Path(__file__).resolve().parents[3]
STEPS = 25  # the first report


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_made_corpus(tmp_path_factory.mktemp("corpus"), clips=8)


def torchrun(*arguments: str) -> str:
    """Standard output of `torchrun --nproc-per-node 2 ARGUMENTS`."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *arguments]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "core"), str(ROOT)]), "OMP_NUM_THREADS": "1"}
    result = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT, timeout=240)
    assert result.returncode == 0, result.stderr[-3000:]
    return result.stdout


@pytest.fixture(scope="module")
def two_ranks(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict], list[dict]]:
    """Training folder, and for each rank what it saw and its weights."""
    folder, findings = tmp_path_factory.mktemp("run"), tmp_path_factory.mktemp("findings")
    torchrun("-m", "tests.core.training.one_of_two_ranks", str(corpus), str(folder), str(findings), str(STEPS))
    told = [json.loads((findings / f"{rank}.json").read_text()) for rank in (0, 1)]
    return folder, told, [load_file(findings / f"{rank}.safetensors") for rank in (0, 1)]


def test_both_ranks_end_with_equal_weights(two_ranks: tuple[Path, list[dict], list[dict]]) -> None:
    folder, _, (first, second) = two_ranks
    saved = read_tensors(folder, "network")
    for name, tensor in first.items():
        torch.testing.assert_close(second[name], tensor, atol=0, rtol=0)
        torch.testing.assert_close(saved[name], tensor, atol=0, rtol=0)


def test_the_ranks_see_other_clips(two_ranks: tuple[Path, list[dict], list[dict]]) -> None:
    _, (first, second), _ = two_ranks
    assert len(first["seen"]) == len(second["seen"]) == STEPS * CONFIG.batch_clips
    assert not set(first["seen"]) & set(second["seen"])


def test_only_the_first_rank_reports_and_saves_and_the_other_waits_for_it(
    two_ranks: tuple[Path, list[dict], list[dict]]
) -> None:
    folder, (first, second), _ = two_ranks
    assert len(first["lines"]) == 1 and second["lines"] == []
    assert first["is_saved"] and second["is_saved"]
    assert read_info(folder).step == STEPS
    assert (folder / "log.csv").read_text().count("\n") == 2  # a header and one row


class BothAtOnce(JawTrainer):
    """What two ranks ought to do, in one process: the mean of the losses on both ranks' batches."""

    def losses(self, batch, generator):
        totals = []
        for rank in (0, 1):
            random = np.random.default_rng((self._config.seed, self.step, rank))
            seed = step_seed(self._config.seed, self.step, rank)
            torch.manual_seed(seed)
            batch = make_batch(self._job.split.train, self._config, random, Augmenter())
            total, values = super().losses(batch, torch.Generator().manual_seed(seed))
            totals.append(total)
        return sum(totals) / 2, values


def test_two_ranks_equal_one_process_with_both_batches(
    corpus: Path, tmp_path: Path, two_ranks: tuple[Path, list[dict], list[dict]]
) -> None:
    trainer = BothAtOnce(corpus, tmp_path, steps=STEPS)
    trainer.run(lambda line: None)
    for name, tensor in trainer._network.state_dict().items():
        torch.testing.assert_close(two_ranks[2][0][name], tensor, atol=2e-5, rtol=0)
    alone = JawTrainer(corpus, tmp_path / "alone", steps=STEPS)
    alone.run(lambda line: None)
    assert (alone._network[0].weight - trainer._network[0].weight).abs().max() > 1e-3  # the comparison can fail


def test_the_first_rank_draws_what_a_single_process_draws(corpus: Path, tmp_path: Path) -> None:
    clips = JawTrainer(corpus, tmp_path)._job.split.train
    loader = BatchLoader(clips, CONFIG, 3)
    try:
        drawn = next(iter(loader))
    finally:
        loader.close()
    alone = make_batch(clips, CONFIG, np.random.default_rng((CONFIG.seed, 3)), Augmenter())
    np.testing.assert_array_equal(drawn.log_mel, alone.log_mel)
    assert step_seed(7, 5, 0) == 7 * 1_000_003 + 5 and step_seed(7, 5, 1) != step_seed(7, 5, 2)


def test_one_process_changes_neither_gradients_nor_values() -> None:
    parameter = torch.nn.Parameter(torch.ones(2))
    parameter.grad = torch.tensor([1.0, 2.0])
    kept, values = parameter.grad, JawLosses(0.1, 0.2)
    average_gradients([parameter], Ranks())
    assert parameter.grad is kept
    assert average_values(values, Ranks(), torch.device("cpu")) is values


@pytest.mark.heavy
def test_the_command_trains_a_teacher_with_a_pretrained_ear_in_two_processes(corpus: Path, tmp_path: Path) -> None:
    pytest.importorskip("transformers", reason="transformers is not installed: a pretrained ear cannot be tested")
    from tests.core.models.tiny_ears import save_tiny_ear

    ear = save_tiny_ear(tmp_path / "ear")
    told = torchrun(
        "-m", "diffusion_talker", "train", "teacher", "--corpus", str(corpus), "--out", str(tmp_path / "out"),
        "--preset", "smoke", "--steps", "25", "--ear", str(ear), "--precision", "bf16", "--device", "cpu",
    )
    assert told.count("step 25/25") == told.count("teacher: 25 steps") == 1
    assert read_info(tmp_path / "out" / "teacher").step == 25
