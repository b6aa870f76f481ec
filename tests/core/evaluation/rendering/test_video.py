# SPDX-License-Identifier: GPL-3.0-or-later
"""Video with sound and the plot, of a few made frames."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from diffusion_talker.audio import SAMPLE_RATE_HZ, ArraySource
from diffusion_talker.channels import MODEL_CHANNELS
from diffusion_talker.errors import OutputError, RuntimeUnavailableError
from diffusion_talker.evaluation.rendering.plot import Mark, plot_motion, spectrogram_db
from diffusion_talker.evaluation.rendering.video import render_motion
from diffusion_talker.motion import Motion

SECONDS, SIZE, FPS = 0.5, 64, 25


@pytest.fixture
def motion() -> Motion:
    weights = np.zeros((int(60 * SECONDS), len(MODEL_CHANNELS)), np.float32)
    weights[10:20, MODEL_CHANNELS.index("jawOpen")] = 0.8
    return Motion(weights, MODEL_CHANNELS, 60)


@pytest.fixture
def sound() -> ArraySource:
    time_s = np.arange(int(SECONDS * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    return ArraySource((0.5 * np.sin(2 * np.pi * 1000 * time_s)).astype(np.float32), SAMPLE_RATE_HZ)


def test_a_video_has_every_frame_and_the_whole_sound(motion: Motion, sound: ArraySource, tmp_path: Path) -> None:
    av = pytest.importorskip("av", reason="the package av (video) is not installed")
    fractions: list[float] = []
    render_motion(motion, sound, tmp_path / "a.mp4", size=SIZE, rate_hz=FPS, progress=fractions.append)
    with av.open(str(tmp_path / "a.mp4")) as container:
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.audio[0]
        samples = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(stream)])
        assert stream.rate == SAMPLE_RATE_HZ and stream.codec_context.name == "aac"
    assert len(pictures) == round(SECONDS * FPS + 0.5) and pictures[0].shape == (SIZE, SIZE, 3)
    assert abs(len(samples) / SAMPLE_RATE_HZ - SECONDS) < 0.15
    peak_hz = np.abs(np.fft.rfft(samples[2048:6144])).argmax() * SAMPLE_RATE_HZ / 4096
    assert abs(peak_hz - 1000) < 10
    difference = np.abs(pictures[0].astype(int) - pictures[6]).mean()
    assert difference > 2 * np.abs(pictures[0].astype(int) - pictures[1]).mean()  # the jaw dropped in between
    assert fractions[0] == 0 and fractions[-1] == 1 and fractions == sorted(fractions)


def test_an_interrupt_leaves_no_half_video(motion: Motion, sound: ArraySource, tmp_path: Path) -> None:
    pytest.importorskip("av", reason="the package av (video) is not installed")

    def interrupt(fraction: float) -> None:
        if fraction > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render_motion(motion, sound, tmp_path / "a.mp4", size=SIZE, rate_hz=FPS, progress=interrupt)
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_is_told(motion: Motion, sound: ArraySource, tmp_path: Path) -> None:
    pytest.importorskip("av", reason="the package av (video) is not installed")
    with pytest.raises(OutputError, match="folder"):
        render_motion(motion, sound, tmp_path / "no" / "a.mp4", size=SIZE)


@pytest.mark.parametrize("package, draw", [("av", render_motion), ("matplotlib", plot_motion)])
def test_a_missing_package_is_named_with_its_cure(
    package: str, draw: object, motion: Motion, sound: ArraySource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(RuntimeUnavailableError, match=rf"'{package}'.*pip install 'diffusion-talker\[show\]'"):
        draw(motion, sound, tmp_path / "a")
    assert not list(tmp_path.iterdir())


def test_a_plot_is_written(motion: Motion, sound: ArraySource, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the package matplotlib (plots) is not installed")
    marks = (Mark("m", 0.0, 0.2, closed=True), Mark("a", 0.2, 0.5))
    plot_motion(motion, sound, tmp_path / "a.png", marks, "a made clip")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_the_spectrogram_shows_the_tone(sound: ArraySource) -> None:
    levels = spectrogram_db(sound.read(0, sound.sample_count))
    assert abs(levels[:, levels.shape[1] // 2].argmax() * SAMPLE_RATE_HZ / 512 - 1000) < 32
    assert levels.max() == pytest.approx(0, abs=1)
    assert spectrogram_db(np.zeros(10, np.float32)).shape[1] == 1  # shorter than one window
