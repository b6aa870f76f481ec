# SPDX-License-Identifier: GPL-3.0-or-later
"""VOCASET in both layouts becomes offsets in metres from each subject's neutral face, split by subject."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the corpus needs SciPy")
pytest.importorskip("soundfile", reason="data sets are read through soundfile")

from diffusion_talker.audio import motion_frame_count  # noqa: E402
from diffusion_talker.corpus.datasets.importer import import_dataset  # noqa: E402
from diffusion_talker.corpus.datasets.vocaset import SUBJECTS, Vocaset  # noqa: E402
from diffusion_talker.corpus.phones import UNKNOWN_PHONE  # noqa: E402
from diffusion_talker.corpus.shards import iterate_clips, read_manifest  # noqa: E402
from diffusion_talker.errors import CorpusError, OutputError  # noqa: E402
from tests.core.corpus.datasets import make_vocaset as made  # noqa: E402
from tests.core.corpus.datasets.make_sounds import made_sound, python2_pickle  # noqa: E402

#: Largest error of float16 for an offset of up to 31 mm (2 ** -6 m has steps of 2 ** -16 m).
ROUNDING_M = 2.0**-17


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made.write_published(tmp_path_factory.mktemp("vocaset"))


@pytest.fixture(scope="module")
def corpus(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("imported")
    import_dataset(Vocaset(source), out, Vocaset.splits, command="corpus import vocaset")
    return out


def test_offsets_come_back_to_eight_micrometres(corpus: Path) -> None:
    clips = {clip.text: clip for split in Vocaset.splits for clip in iterate_clips(corpus / split)}
    assert set(clips) == {f"{made.TRAIN}_sentence01", f"{made.TRAIN}_sentence02", f"{made.VAL}_sentence07",
                          f"{made.TEST}_sentence21"}
    for clip in clips.values():
        assert clip.motion.dtype == np.float16
        assert np.abs(clip.motion.astype(np.float64) - made.motion(60)).max() <= ROUNDING_M * 1.01
        assert len(clip.motion) == motion_frame_count(len(clip.samples)) == 60
        assert (clip.phone == UNKNOWN_PHONE).all() and clip.engine == "vocaset"
        assert not clip.emotion_heard and clip.identity_heard


def test_subjects_are_identities_and_keep_to_their_splits(corpus: Path) -> None:
    for split, subject, clips in (("train", made.TRAIN, 2), ("val", made.VAL, 1), ("test", made.TEST, 1)):
        manifest = read_manifest(corpus / split)
        assert manifest.clips_per_identity == {subject: clips}
        assert [identity.name for identity in manifest.identities] == list(SUBJECTS)
        assert manifest.vertex_count == 5023 and manifest.channels == ("x", "y", "z")
        assert manifest.licence and manifest.command == "corpus import vocaset"
        assert any("sentence40" in line and "no sound" in line for line in manifest.skipped_clips)
        for clip in iterate_clips(corpus / split):
            assert manifest.identities[clip.identity].name == subject == clip.voice


def test_statistics_and_neutral_faces(corpus: Path) -> None:
    manifest = read_manifest(corpus / "train")
    motion = np.concatenate([clip.motion.astype(np.float64) for clip in iterate_clips(corpus / "train")])
    np.testing.assert_allclose(manifest.mean, motion.mean(axis=(0, 1)), atol=1e-7)
    np.testing.assert_allclose(manifest.std, motion.std(axis=(0, 1)), atol=1e-6)
    with np.load(corpus / "train" / "templates.npz", allow_pickle=False) as templates:
        assert set(templates.files) == {made.TRAIN, made.VAL, made.TEST}
        assert templates[made.TEST].dtype == np.float32
        np.testing.assert_allclose(templates[made.TEST], made.template(made.TEST), atol=1e-6)


def test_the_sound_is_the_sentences_own(corpus: Path) -> None:
    """Levels at 300 Hz survive the way from 22 kHz to 16 kHz."""
    for clip in iterate_clips(corpus / "train"):
        spectrum = np.abs(np.fft.rfft(clip.samples / 32768.0))
        peak_hz = np.argmax(spectrum) * 16000 / len(clip.samples)
        assert peak_hz == pytest.approx(300, abs=2)
        assert np.sqrt(np.mean((clip.samples / 32768.0) ** 2)) == pytest.approx(0.3 / np.sqrt(2), rel=0.02)


@pytest.mark.parametrize(("frames", "rate_hz"), [(30, 30), (60, 60)])
def test_the_converted_layout_finds_its_own_rate(tmp_path: Path, frames: int, rate_hz: int) -> None:
    source = made.write_converted(tmp_path / "source", frames, rate_hz)
    (source / "wav" / f"{made.VAL}_sentence01.txt").write_text("Dogs  are\nsitting.")
    import_dataset(Vocaset(source), tmp_path / "out", Vocaset.splits)
    clip = next(iterate_clips(tmp_path / "out" / "train"))
    assert len(clip.motion) == 60
    step = 60 // rate_hz
    taken = clip.motion[::step].astype(np.float64)
    assert np.abs(taken - made.motion(frames)).max() <= ROUNDING_M * 1.05
    assert next(iterate_clips(tmp_path / "out" / "val")).text == "Dogs are sitting."


def test_longer_sound_is_trimmed_and_said(tmp_path: Path) -> None:
    source = made.write_published(tmp_path / "source", seconds=1.5)
    manifest = import_dataset(Vocaset(source), tmp_path / "out", ("val",)).manifests["val"]
    assert any("cut to the shorter" in line for line in manifest.remarks)
    clip = next(iterate_clips(tmp_path / "out" / "val"))
    assert len(clip.motion) == 60 and len(clip.samples) == 16000


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"audio": made_sound(1, 22000), "sample_rate": 0}, "sample rate"),
        ({"audio": made_sound(1, 22000)}, "sample_rate"),
        ({"audio": [1, 2], "sample_rate": 22000}, "no array"),
        ({"audio": np.zeros(0), "sample_rate": 22000}, "no samples"),
    ],
)
def test_a_sound_that_is_none_is_skipped_and_said(source: Path, tmp_path: Path, entry: dict, reason: str) -> None:
    folder = _damaged(source, tmp_path)
    good = {"audio": made_sound(1, 22000), "sample_rate": 22000}
    sounds = {made.TRAIN: {"sentence01": entry, "sentence02": good}}
    (folder / "raw_audio_fixed.pkl").write_bytes(python2_pickle(sounds))
    manifest = import_dataset(Vocaset(folder), tmp_path / "out", ("train",)).manifests["train"]
    assert [line for line in manifest.skipped_clips if "sentence01" in line and reason in line]
    assert sum(entry.clips for entry in manifest.shards) == 1


def _damaged(source: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(source, tmp_path / "damaged"))


def test_every_kind_of_damage_has_its_message(source: Path, tmp_path: Path) -> None:
    folder = _damaged(source, tmp_path)

    def refused(match: str) -> None:
        with pytest.raises(CorpusError, match=match):
            import_dataset(Vocaset(folder), tmp_path / "out", ("train",))

    vertices = folder / "data_verts.npy"
    whole = vertices.read_bytes()
    vertices.write_bytes(whole[: len(whole) // 2])
    refused("cut short")
    np.save(vertices, np.zeros((300, 778, 3)))
    refused("another mesh")
    np.save(vertices, np.zeros((100, 5023, 3), np.float32))
    refused("incomplete")
    vertices.unlink()
    refused("lacks data_verts.npy")
    vertices.write_bytes(whole)
    (folder / "templates.pkl").write_bytes(python2_pickle({made.TRAIN: np.zeros((778, 3))}))
    refused("neutral face of")
    (folder / "templates.pkl").write_bytes(python2_pickle({made.TRAIN: made.template(made.TRAIN) * 1000}))
    refused("away from the neutral face")
    (folder / "templates.pkl").unlink()
    refused("could not be read")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="Could not make"):
        import_dataset(Vocaset(source), tmp_path / "file" / "out", ("train",))
    with pytest.raises(CorpusError, match="no folder"):
        import_dataset(Vocaset(tmp_path / "nowhere"), tmp_path / "out", ("train",))


def test_missing_frames_are_bridged_or_cut(tmp_path: Path) -> None:
    """A short hole is interpolated; where a long one is, a clip ends and the next begins."""
    frames = 180
    source = made.write_published(tmp_path / "source", frames)
    kept = [n for n in range(frames) if n not in (10, 11) and not 60 <= n < 90]
    rows = {made.VAL: {"sentence07": {n: 3 * frames + n for n in kept}}}
    (source / "subj_seq_to_idx.pkl").write_bytes(python2_pickle(rows))
    sounds = {made.VAL: {"sentence07": {"audio": made_sound(3.0, 22000), "sample_rate": 22000}}}
    (source / "raw_audio_fixed.pkl").write_bytes(python2_pickle(sounds))
    manifest = import_dataset(Vocaset(source), tmp_path / "out", ("val",)).manifests["val"]
    first, second = iterate_clips(tmp_path / "out" / "val")
    assert (len(first.motion), len(second.motion)) == (60, 90)
    assert "gap" in manifest.remarks[0]
    truth = made.motion(frames)
    np.testing.assert_allclose(first.motion[20:], truth[20:60], atol=ROUNDING_M * 1.05)
    np.testing.assert_allclose(first.motion[8:14], truth[8:14], atol=1e-3)
    np.testing.assert_allclose(second.motion, truth[90:], atol=ROUNDING_M * 1.05)
