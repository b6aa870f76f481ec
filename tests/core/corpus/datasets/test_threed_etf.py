# SPDX-License-Identifier: GPL-3.0-or-later
"""3D-ETF: alphabetical weights at 30 fps, labels from RAVDESS's file names, splits by speaker."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("scipy", reason="the corpus needs SciPy")
pytest.importorskip("soundfile", reason="data sets are read through soundfile")

from diffusion_talker.channels import ARKIT_52, HEAD_CHANNELS, MODEL_CHANNELS  # noqa: E402
from diffusion_talker.corpus.datasets.importer import import_dataset  # noqa: E402
from diffusion_talker.corpus.datasets.sources import Take  # noqa: E402
from diffusion_talker.corpus.datasets.threed_etf import ThreeDEtf, speaker_of, split_of  # noqa: E402
from diffusion_talker.corpus.emotions import EMOTION_NAMES  # noqa: E402
from diffusion_talker.corpus.shards import iterate_clips  # noqa: E402
from diffusion_talker.errors import CorpusError  # noqa: E402
from tests.core.corpus.datasets import make_etf as made  # noqa: E402


def imported(source: Path, out: Path) -> dict[str, list]:
    manifests = import_dataset(ThreeDEtf(source), out, ThreeDEtf.splits).manifests
    return {split: list(iterate_clips(out / split)) for split in manifests}


def test_frames_fall_on_every_second_of_ours_and_closures_stay(tmp_path: Path) -> None:
    source = made.write_etf(tmp_path / "source", ["HDTF/RD_Radio11_000"])
    ((clip,),) = imported(source, tmp_path / "out").values()
    weights = made.made_weights(60)
    assert clip.motion.shape == (120, len(MODEL_CHANNELS))
    columns = [MODEL_CHANNELS.index(name) for name in ARKIT_52]
    np.testing.assert_allclose(clip.motion[::2, columns], weights, atol=3e-4)
    blink = clip.motion[:, MODEL_CHANNELS.index("eyeBlinkLeft")]
    assert blink[24] == 1.0 and blink[23] == pytest.approx(0.55, abs=0.01)
    assert not clip.motion[:, [MODEL_CHANNELS.index(name) for name in HEAD_CHANNELS]].any()
    assert not clip.emotion_heard and clip.voice == "RD_Radio11"


def test_ravdess_names_tell_emotion_strength_text_and_actor(tmp_path: Path) -> None:
    names = ["01-01-05-02-01-01-12", "01-01-03-01-02-02-12", "01-01-01-01-01-01-12", "01-01-02-01-01-01-12"]
    source = made.write_etf(tmp_path / "source", [f"RAVDESS/train/{name}" for name in names], frames=30)
    clips = {clip.text + EMOTION_NAMES[clip.emotion]: clip for clip in imported(source, tmp_path / "out")["train"]}
    angry = clips["Kids are talking by the door.anger"]
    happy = clips["Dogs are sitting by the door.happiness"]
    assert (angry.intensity, angry.voice, angry.emotion_heard) == (1.0, "RAVDESS_12", True)
    assert 0 < happy.intensity < 1
    all_clips = imported(source, tmp_path / "out")["train"]
    calm = [clip for clip in all_clips if not clip.emotion_heard]
    assert len(all_clips) == 4 and len(calm) == 1 and EMOTION_NAMES[calm[0].emotion] == "neutral"


def test_folders_named_after_splits_decide(tmp_path: Path) -> None:
    source = made.write_etf(tmp_path / "source", ["train/A_000", "val/B_000", "test/C_000"], frames=30)
    clips = imported(source, tmp_path / "out")
    assert {split: found[0].voice for split, found in clips.items()} == {"train": "A", "val": "B", "test": "C"}


@settings(deadline=None)
@given(st.text(st.characters(codec="ascii", exclude_characters="/\0"), min_size=1, max_size=20), st.integers(0, 999))
def test_pieces_of_a_video_are_one_speaker_in_one_split(video: str, number: int) -> None:
    first = Take(f"{video}_{number:03}", speaker_of(f"{video}_{number:03}"), "", 1.0, "", motion_file="a/b.npy")
    other = replace(first, name=f"{video}_{number + 1:03}", subject=speaker_of(f"{video}_{number + 1:03}"))
    assert first.subject == other.subject
    assert split_of(first) == split_of(other)


def test_about_a_tenth_of_the_speakers_each_is_held_out() -> None:
    splits = [split_of(Take("", f"RD_Radio{n}", "", 1.0, "", motion_file="x.npy")) for n in range(1000)]
    assert 60 < splits.count("val") < 140 and 60 < splits.count("test") < 140


def test_arrays_of_another_shape_are_skipped_and_said(tmp_path: Path) -> None:
    source = made.write_etf(tmp_path / "source", ["train/A_000", "train/B_000", "train/C_000"], frames=30)
    np.save(source / "train" / "blendshape" / "B_000.npy", np.zeros((30, 51), np.float32))
    np.save(source / "train" / "blendshape" / "C_000.npy", np.array([{"a": 1}], object), allow_pickle=True)
    manifest = import_dataset(ThreeDEtf(source), tmp_path / "out", ("train",)).manifests["train"]
    assert manifest.clips_per_identity == {"A": 1}
    assert "(30, 51)" in manifest.skipped_clips[0] and "no readable array" in manifest.skipped_clips[1]


def test_an_empty_folder_says_what_belongs_in_it(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(CorpusError, match="docs/datasets.md"):
        import_dataset(ThreeDEtf(empty), tmp_path / "out", ("train",))
