# SPDX-License-Identifier: GPL-3.0-or-later
"""A model of the paper's size has that size, speaks through the same sampler, and becomes a row of the table."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: the model cannot be made")
pytest.importorskip("transformers", reason="transformers is not installed: the model cannot be made")

from diffusion_talker.audio import ArraySource  # noqa: E402
from diffusion_talker.cli import main  # noqa: E402
from diffusion_talker.evaluation.models import describe_model  # noqa: E402
from diffusion_talker.evaluation.rows import read_row  # noqa: E402
from diffusion_talker.evaluation.sound import speech_like  # noqa: E402
from diffusion_talker.models import paper_size  # noqa: E402
from diffusion_talker.models.paper_size import PUBLISHED_TRAINABLE_BYTES, REST, save_paper_size  # noqa: E402
from diffusion_talker.models.pretrained import PretrainedEarConfig  # noqa: E402
from diffusion_talker.models.sampling import open_teacher  # noqa: E402
from diffusion_talker.models.teacher import TeacherNetwork  # noqa: E402

CORE = Path(__file__).resolve().parents[3] / "core"
TINY = {
    "hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 24,
    "conv_dim": (8,) * 7, "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2,
}
TINY_REST = REST | {"encoder_width": 16, "decoder_width": 16, "style_width": 8}


def test_the_default_has_the_published_size() -> None:
    from transformers import HubertConfig, HubertModel

    with torch.device("meta"):  # shapes without numbers
        hubert = HubertModel(HubertConfig())
        rest = TeacherNetwork(paper_size._student_shape(REST), PretrainedEarConfig("", width=hubert.config.hidden_size))
    frozen = [*hubert.feature_extractor.parameters(), *hubert.encoder.layers[:2].parameters()]
    trainable = sum(p.numel() for p in (*hubert.parameters(), *rest.parameters())) - sum(p.numel() for p in frozen)
    assert 4 * trainable == pytest.approx(PUBLISHED_TRAINABLE_BYTES, rel=0.01)


def test_a_tiny_one_is_saved_counted_and_speaks(tmp_path: Path) -> None:
    made = save_paper_size(tmp_path, TINY, TINY_REST)
    assert made.trainable < made.parameters and made.file_bytes > 4 * made.parameters
    assert describe_model(tmp_path).parameters == made.parameters
    teacher = open_teacher(tmp_path, 16)
    motion = teacher.generate(ArraySource(speech_like(1.0), 16000))
    assert motion.weights.shape == (60, 55)


def test_the_command_writes_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr(paper_size, "REST", TINY_REST)
    tiny = save_paper_size
    monkeypatch.setattr(paper_size, "save_paper_size", lambda folder: tiny(folder, TINY))
    from diffusion_talker.evaluation import model_speed

    monkeypatch.setenv("PYTHONPATH", str(CORE))
    monkeypatch.setattr(model_speed, "CLIP_S", 2.0)
    monkeypatch.setattr(model_speed, "RUNS", 1)
    assert main(["evaluate", "paper-size", "--out", str(tmp_path / "row.json"), "--threads", "1"]) == 0
    row = read_row(tmp_path / "row.json")
    assert (row.role, row.steps, row.accuracy) == ("paper-size", 16, None)
    assert row.speed[0].runtime.startswith("torch") and row.speed[0].frames_per_s > 0
    assert f"{row.speed[0].frames_per_s:.0f} frames/s" in capsys.readouterr().out
