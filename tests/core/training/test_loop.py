# SPDX-License-Identifier: GPL-3.0-or-later
"""What every training promises: resuming to the bit, refusing strangers' checkpoints, alarms, precision, logs."""

from __future__ import annotations

import csv
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: training cannot be tested")
pytest.importorskip("safetensors", reason="safetensors is not installed: training cannot be tested")

from diffusion_talker.errors import CheckpointError, RuntimeUnavailableError, TrainingError  # noqa: E402
from diffusion_talker.training.alarms import PATIENCE_REPORTS, REPEAT_REPORTS, RatioAlarm  # noqa: E402
from diffusion_talker.training.checkpoint import checkpoint_path  # noqa: E402
from diffusion_talker.training.device import choose_device  # noqa: E402
from diffusion_talker.training.log import TrainingLog  # noqa: E402
from tests.core.training.made_corpus import write_made_corpus  # noqa: E402
from tests.core.training.small_trainer import JawLosses, JawTrainer  # noqa: E402


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_made_corpus(tmp_path_factory.mktemp("corpus"), clips=8)


def silent(line: str) -> None:
    """A report for nobody."""


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_resuming_is_exact_to_the_bit(corpus: Path, tmp_path: Path, precision: str) -> None:
    torch.set_num_threads(1)  # sums in one order: the comparison is exact
    JawTrainer(corpus, tmp_path / "whole", steps=12, precision=precision).run(silent)
    JawTrainer(corpus, tmp_path / "halves", steps=12, precision=precision).run(silent, stop_step=5)
    resumed = JawTrainer(corpus, tmp_path / "halves", steps=12, precision=precision)
    assert resumed.step == 5
    resumed.run(silent)
    whole = JawTrainer(corpus, tmp_path / "whole", steps=12, precision=precision)
    for name, tensor in whole._network.state_dict().items():
        torch.testing.assert_close(resumed._network.state_dict()[name], tensor, atol=0, rtol=0)
        torch.testing.assert_close(resumed._average[name], whole._average[name], atol=0, rtol=0)


def test_bf16_is_used_and_every_weight_keeps_its_gradient_and_its_bits(corpus: Path, tmp_path: Path) -> None:
    kinds = []
    trainers = {}
    for precision in ("fp32", "bf16"):
        trainers[precision] = trainer = JawTrainer(corpus, tmp_path / precision, steps=3, precision=precision)
        trainer._network[0].register_forward_hook(lambda module, inputs, output: kinds.append(output.dtype))
        trainer.run(silent)
    assert kinds == [torch.float32] * 6 + [torch.bfloat16] * 6
    full, half = (trainers[name]._network for name in ("fp32", "bf16"))
    for parameter in half.parameters():
        assert parameter.dtype == torch.float32
        assert (parameter.grad is not None) == parameter.requires_grad  # the guess without gradients cost none
    difference = (full[0].weight - half[0].weight).abs().max()
    assert 0 < difference < 0.01


def test_another_configuration_is_refused_by_name(corpus: Path, tmp_path: Path) -> None:
    JawTrainer(corpus, tmp_path, steps=2).run(silent)
    with pytest.raises(CheckpointError, match="weight_decay: 0.01 then, 0.5 now.*train made.*--accept-changes"):
        JawTrainer(corpus, tmp_path, weight_decay=0.5)
    assert JawTrainer(corpus, tmp_path, weight_decay=0.5, accept_changes=True).step == 2
    assert JawTrainer(corpus, tmp_path, steps=9, save_every=3).step == 2  # a longer plan of the same training


def test_another_network_is_refused_even_on_purpose(corpus: Path, tmp_path: Path) -> None:
    JawTrainer(corpus, tmp_path, steps=2).run(silent)
    with pytest.raises(CheckpointError, match="another network .width: 16 then, 8 now"):
        JawTrainer(corpus, tmp_path, width=8, accept_changes=True)


def test_another_corpus_is_refused(corpus: Path, tmp_path: Path) -> None:
    JawTrainer(corpus, tmp_path / "run", steps=2).run(silent)
    other = write_made_corpus(tmp_path / "other", clips=7)
    with pytest.raises(CheckpointError, match="another corpus"):
        JawTrainer(other, tmp_path / "run", steps=2)
    assert JawTrainer(other, tmp_path / "run", steps=2, accept_changes=True).step == 2


def test_a_damaged_checkpoint_is_refused(corpus: Path, tmp_path: Path) -> None:
    JawTrainer(corpus, tmp_path, steps=2).run(silent)
    path = checkpoint_path(tmp_path)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(CheckpointError, match="Delete it"):
        JawTrainer(corpus, tmp_path)


def test_a_loss_that_is_no_number_ends_the_training_and_spoils_nothing(corpus: Path, tmp_path: Path) -> None:
    class Broken(JawTrainer):
        def losses(self, batch, generator):
            total, values = super().losses(batch, generator)
            return (total * float("nan") if self.step == 3 else total), values

    trainer = Broken(corpus, tmp_path)
    with pytest.raises(TrainingError, match="Step 3 .*fp32"):
        trainer.run(silent)
    assert trainer.step == 3
    assert all(parameter.isfinite().all() for parameter in trainer._network.parameters())


@dataclass(frozen=True)
class Ratios:
    total: float
    mouth_amplitude_ratio: float
    velocity_ratio: float


def test_alarms_need_several_reports_in_a_row_after_warm_up() -> None:
    alarm, static = RatioAlarm(first_step=100), Ratios(1.0, 0.2, 1.0)
    assert [alarm.hear(step, static) for step in range(0, 100, 25)] == [[]] * 4
    assert [alarm.hear(100, static) for _ in range(PATIENCE_REPORTS - 1)] == [[]] * (PATIENCE_REPORTS - 1)
    (line,) = alarm.hear(200, static)
    assert "mouth amplitude ratio is 0.20" in line and "static" in line and "learning rate" in line
    assert [alarm.hear(200, static) for _ in range(REPEAT_REPORTS - 1)] == [[]] * (REPEAT_REPORTS - 1)
    assert len(alarm.hear(200, static)) == 1


def test_one_good_report_calms_and_jitter_alarms_too() -> None:
    alarm, good, jittery = RatioAlarm(0), Ratios(1.0, 1.0, 1.0), Ratios(1.0, 1.0, 2.0)
    heard = [alarm.hear(step, jittery) for step in range(PATIENCE_REPORTS - 1)]
    heard += [alarm.hear(9, good)] + [alarm.hear(step, jittery) for step in range(PATIENCE_REPORTS)]
    assert [len(lines) for lines in heard] == [0] * (2 * PATIENCE_REPORTS - 1) + [1]
    assert "velocity ratio is 2.00" in heard[-1][0] and "jitters" in heard[-1][0]


def test_a_static_training_says_so_aloud(corpus: Path, tmp_path: Path) -> None:
    class Static(JawTrainer):
        def losses(self, batch, generator):
            total, values = super().losses(batch, generator)
            return total, JawLosses(values.total, 0.01)

    lines: list[str] = []
    Static(corpus, tmp_path, steps=125).run(lines.append)
    assert sum(line.startswith("ALARM") for line in lines) == 1


def test_the_log_holds_every_report_once_after_a_kill(corpus: Path, tmp_path: Path) -> None:
    JawTrainer(corpus, tmp_path, steps=100).run(silent, stop_step=30)
    log = TrainingLog(tmp_path, 100, False)
    log.write(50, "train", JawLosses(9.0, 9.0))  # of a process that was killed before it saved
    JawTrainer(corpus, tmp_path, steps=100, validate_every=50).run(silent, stop_step=50)
    with (tmp_path / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["step"], row["split"]) for row in rows] == [("25", "train"), ("50", "train"), ("50", "held_out")]
    assert float(rows[1]["total"]) < 9


def test_a_log_with_other_columns_is_set_aside(tmp_path: Path) -> None:
    TrainingLog(tmp_path, 0, False).write(25, "train", JawLosses(0.5, 0.75))
    TrainingLog(tmp_path, 25, False).write(50, "train", Ratios(0.4, 0.8, 0.9))
    assert (tmp_path / "log_until_25.csv").read_text().startswith("step,split,total,amplitude_ratio")
    with (tmp_path / "log.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert (row["step"], row["velocity_ratio"]) == ("50", "0.9")


def test_tensorboard_writes_events(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="TensorBoard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log = TrainingLog(tmp_path, 0, True)
    log.write(25, "train", JawLosses(0.5, 0.75))
    log.close()
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    (event,) = events.Scalars("train/amplitude_ratio")
    assert (event.step, event.value) == (25, 0.75)


def test_tensorboard_that_is_missing_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(RuntimeUnavailableError, match="pip install tensorboard"):
        TrainingLog(tmp_path, 0, True)


def test_devices(monkeypatch: pytest.MonkeyPatch, corpus: Path, tmp_path: Path) -> None:
    monkeypatch.setattr("diffusion_talker.training.device.find_gpu", lambda: None)
    assert choose_device("auto") == choose_device("cpu") == torch.device("cpu")
    with pytest.raises(RuntimeUnavailableError, match="no CUDA device"):
        choose_device("cuda")
    with pytest.raises(RuntimeUnavailableError, match="choose one of"):
        JawTrainer(corpus, tmp_path, device="gpu")
    with pytest.raises(RuntimeUnavailableError, match="no precision 'fp16'"):
        JawTrainer(corpus, tmp_path, precision="fp16")
    monkeypatch.setattr("diffusion_talker.training.device.find_gpu", lambda: "mps")
    assert choose_device("auto") == torch.device("mps")


def test_every_process_has_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[int] = []
    monkeypatch.setattr("diffusion_talker.training.device.find_gpu", lambda: "cuda")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert choose_device("auto") == torch.device("cuda", 1) and chosen == [1]
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(RuntimeUnavailableError, match="--nproc-per-node 2"):
        choose_device("cuda")
