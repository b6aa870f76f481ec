# SPDX-License-Identifier: GPL-3.0-or-later
"""BIWI at 25 fps in a unit of its own becomes offsets in metres at 60 Hz, split by subject and sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the corpus needs SciPy")
pytest.importorskip("soundfile", reason="data sets are read through soundfile")

from diffusion_talker.corpus.datasets.biwi import SUBJECTS, Biwi, metres_per_unit, split_of  # noqa: E402
from diffusion_talker.corpus.datasets.importer import import_dataset  # noqa: E402
from diffusion_talker.corpus.shards import iterate_clips, read_manifest  # noqa: E402
from diffusion_talker.errors import CorpusError  # noqa: E402
from tests.core.corpus.datasets import make_biwi as made  # noqa: E402


def test_splits_are_the_published_ones() -> None:
    counts = dict.fromkeys(Biwi.splits, 0)
    for subject in SUBJECTS:
        for sentence in range(1, 41):
            split = split_of(subject, sentence)
            if split is not None:
                counts[split] += 1
    assert len(SUBJECTS) == 14
    assert counts == {"train": 192, "val": 24, "test-A": 24, "test-B": 32}
    assert [split_of("F2", sentence) for sentence in (32, 33, 36, 37)] == ["train", "val", "val", "test-A"]
    assert [split_of("F1", sentence) for sentence in (1, 36, 37, 40)] == [None, None, "test-B", "test-B"]
    assert split_of("F9", 1) is None and split_of("F2", 0) is None and split_of("F2", 41) is None


def test_motion_is_metres_at_60_hz(tmp_path: Path) -> None:
    source = made.write_biwi(tmp_path / "source", ["F2_e01", "F2_e40", "F1_e38", "F1_e02"])
    np.save(source / "vertices_npy" / "F2_e03.npy", np.zeros((3, made.VERTICES * 3), np.float32))
    imported = import_dataset(Biwi(source), tmp_path / "out", Biwi.splits)
    assert set(imported.manifests) == {"train", "test-A", "test-B"}  # no sentence of val is there
    assert any(line.startswith("F2_e03") and "F2_e03.wav" in line for line in imported.left_out)
    assert "1 sentences: in no published split" in imported.left_out
    (clip,) = iterate_clips(tmp_path / "out" / "train")
    assert clip.motion.shape == (60, made.VERTICES, 3) and len(clip.samples) == 16000
    times = np.minimum(np.arange(60) / 60 * 25, 24)
    slope = made.motion(25)[1]
    expected = times[:, None, None] * slope * made.METRES_PER_UNIT
    assert np.abs(clip.motion - expected).max() <= 2.0**-17 * 1.05
    manifest = read_manifest(tmp_path / "out" / "train")
    assert manifest.vertex_count == made.VERTICES
    with np.load(tmp_path / "out" / "train" / "templates.npz") as templates:
        np.testing.assert_allclose(templates["F2"], made.template("F2") * made.METRES_PER_UNIT, atol=1e-6)


def test_one_folder_for_everything_is_read_too(tmp_path: Path) -> None:
    source = made.write_biwi(tmp_path / "source", ["M3_e33"], frames=20, flat=True)
    assert set(import_dataset(Biwi(source), tmp_path / "out", ("val",)).manifests) == {"val"}


def test_another_mesh_is_skipped_and_said(tmp_path: Path) -> None:
    source = made.write_biwi(tmp_path / "source", ["M3_e33", "M3_e34"], frames=20)
    np.save(source / "vertices_npy" / "M3_e34.npy", np.zeros((20, 15069), np.float32))
    manifest = import_dataset(Biwi(source), tmp_path / "out", ("val",)).manifests["val"]
    assert manifest.clips_per_identity == {"M3": 1}
    assert "M3_e34" in manifest.skipped_clips[0] and "15069" in manifest.skipped_clips[0]
    np.save(source / "vertices_npy" / "M3_e33.npy", np.zeros((20, 15069), np.float32))
    with pytest.raises(CorpusError, match="No take could be used"):
        import_dataset(Biwi(source), tmp_path / "none", ("val",))


@pytest.mark.parametrize(("length", "metres"), [(0.22, 1.0), (1.0, 0.2), (22.0, 0.01), (220.0, 0.001)])
def test_the_unit_is_found_by_the_size_of_a_face(length: float, metres: float) -> None:
    face = np.zeros((2, 3))
    face[1, 1] = length
    assert metres_per_unit({"F1": face, "F2": face * 1.1}) == metres


def test_a_face_of_no_size_is_refused() -> None:
    with pytest.raises(CorpusError, match="a face in no unit"):
        metres_per_unit({"F1": np.zeros((2, 3))})
