# SPDX-License-Identifier: GPL-3.0-or-later
"""`train all --preset smoke` on synthetic speech: losses fall, the face moves, and it hears more than loudness."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed: training cannot be tested")
pytest.importorskip("scipy", reason="SciPy is not installed: training cannot be tested")

from diffusion_talker.audio import ArraySource  # noqa: E402
from diffusion_talker.corpus.build import BuildSettings, build_corpus, missing_engines  # noqa: E402
from diffusion_talker.corpus.phones import PHONE_NAMES  # noqa: E402
from diffusion_talker.corpus.shards import Clip, iterate_clips  # noqa: E402
from diffusion_talker.motion import Motion, lip_aperture  # noqa: E402
from diffusion_talker.student import GenerateSettings, load_student  # noqa: E402
from diffusion_talker.training import train_command  # noqa: E402

BILABIALS = ("p", "b", "m")
OPEN_VOWELS = ("a", "ɑ", "æ", "ɛ", "ɔ", "e", "o")


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """One to learn from, another to try it on."""
    reason = missing_engines(("flite",)).get("flite")
    if reason:
        pytest.skip(reason)
    folders = []
    for seed, hours in ((1, 0.15), (2, 0.02)):
        folder = tmp_path_factory.mktemp(f"corpus{seed}")
        build_corpus(folder, BuildSettings(hours=hours, seed=seed, engines=("flite",), clips_per_shard=8), workers=2)
        folders.append(folder)
    return folders[0], folders[1]


def area_under_curve(of_vowels: list[float], of_bilabials: list[float]) -> float:
    """Probability that a vowel has the larger value."""
    vowels, bilabials = np.array(of_vowels)[:, None], np.array(of_bilabials)[None]
    return float(((vowels > bilabials) + 0.5 * (vowels == bilabials)).mean())


def at_phones(clip: Clip, curve: np.ndarray, names: tuple[str, ...]) -> list[float]:
    """Least value of a curve in each run of one of the phones."""
    labels = np.isin(clip.phone, [PHONE_NAMES.index(name) for name in names])
    edges = np.flatnonzero(np.diff(np.r_[0, labels, 0]))
    return [float(curve[first:stop].min()) for first, stop in zip(edges[::2], edges[1::2], strict=True)]


def test_smoke(corpora: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus, unheard = corpora
    parser = argparse.ArgumentParser()
    train_command.add_arguments(parser)
    words = ["all", "--corpus", corpus, "--out", tmp_path, "--preset", "smoke", "--device", "cpu",
             "--bundle", tmp_path / "student.npz"]
    assert train_command.run(parser.parse_args([str(word) for word in words])) == 0
    student = load_student(tmp_path / "student.npz", "numpy")
    apertures: dict[str, list[float]] = {"vowel": [], "bilabial": []}
    energies: dict[str, list[float]] = {"vowel": [], "bilabial": []}
    motion_std, truth_std = [], []
    for clip in iterate_clips(unheard):
        motion = student.generate(ArraySource(clip.samples, 16000), GenerateSettings())
        aperture, energy = lip_aperture(motion), loudness(clip, motion)
        for kind, names in (("vowel", OPEN_VOWELS), ("bilabial", BILABIALS)):
            apertures[kind] += at_phones(clip, aperture, names)
            energies[kind] += at_phones(clip, energy, names)
        motion_std.append(aperture.std())
        truth_std.append(lip_aperture(Motion(clip.motion.astype(np.float32), student.config.channels, 60.0)).std())
    assert np.mean(motion_std) > 0.4 * np.mean(truth_std)  # not static
    ours = area_under_curve(apertures["vowel"], apertures["bilabial"])
    baseline = area_under_curve(energies["vowel"], energies["bilabial"])
    with capsys.disabled():
        print(f"\nsmoke: bilabials against vowels, AUC {ours:.3f}; of loudness {baseline:.3f}")
    assert ours > max(baseline, 0.8)


def loudness(clip: Clip, motion: Motion) -> np.ndarray:
    """(T,) root mean square of the sound around each frame."""
    edges = np.round(np.arange(motion.frame_count + 1) * 16000 / 60).astype(int)
    squares = np.r_[0.0, np.cumsum(clip.samples.astype(float) ** 2)]
    edges = np.minimum(edges, len(clip.samples))
    return np.sqrt(np.diff(squares[edges]) / np.maximum(np.diff(edges), 1))
