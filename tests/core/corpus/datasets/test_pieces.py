# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever the times and lengths of a recording: sound and motion of every piece stay together and complete."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("scipy", reason="the corpus needs SciPy")

from diffusion_talker.audio import ArraySource, motion_frame_count  # noqa: E402
from diffusion_talker.channels import MODEL_CHANNELS  # noqa: E402
from diffusion_talker.corpus.datasets.pieces import LARGEST_GAP_S, LONGEST_S, SHORTEST_S, cut  # noqa: E402
from diffusion_talker.corpus.datasets.sources import Recording  # noqa: E402
from diffusion_talker.errors import CorpusError  # noqa: E402

#: Full scale of the clocks below, in s.
FULL_S = 64.0
BROW = MODEL_CHANNELS.index("browInnerUp")  # a channel that closures do not move


def clock_sound(seconds: float) -> ArraySource:
    """A sound whose every sample tells its time."""
    return ArraySource(np.arange(round(seconds * 16000)) / 16000 / FULL_S, 16000)


def clock_weights(times_s: np.ndarray) -> np.ndarray:
    """Weights of which one channel tells the time of each frame, shown times 16 so that float16 resolves it."""
    weights = np.zeros((len(times_s), len(MODEL_CHANNELS)), np.float32)
    weights[:, BROW] = times_s / FULL_S
    return weights


@st.composite
def frame_times(draw: st.DrawFn) -> np.ndarray:
    """Times of a camera that starts when it likes, jitters, drops frames, stops for a while, and repeats itself."""
    rate_hz = draw(st.sampled_from([25.0, 29.97, 30.0, 60.0, 100.0]))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    times_s = draw(st.floats(0, 2)) + np.arange(draw(st.integers(1, int(40 * rate_hz)))) / rate_hz
    times_s = times_s + random.uniform(-0.3, 0.3, len(times_s)) / rate_hz * draw(st.booleans())
    keep = random.random(len(times_s)) > draw(st.sampled_from([0.0, 0.05]))
    stops = draw(st.lists(st.floats(0, 40), max_size=2))
    for stop_s in stops:
        keep &= (times_s < stop_s) | (times_s > stop_s + 1.0)
    times_s = times_s[keep]
    if draw(st.booleans()) and len(times_s) > 3:
        times_s[len(times_s) // 2] = times_s[len(times_s) // 2 - 1]
    return np.maximum(times_s, 0)


@settings(max_examples=60, deadline=None)
@given(frame_times(), st.floats(0.1, 40), st.floats(0.01, 0.04))
def test_every_sample_and_frame_tells_the_same_time(times_s: np.ndarray, sound_s: float, frame_s: float) -> None:
    recording = Recording(clock_sound(sound_s), times_s, clock_weights(times_s), frame_s)
    try:
        pieces, _ = cut(recording)
    except CorpusError as error:
        assert "in common" in str(error) or "frames have" in str(error)
        return
    ends_s = 0.0
    for piece in pieces:
        starts_s = piece.samples[0] / 32768 * FULL_S
        assert starts_s >= ends_s - 3e-3
        assert SHORTEST_S - 0.02 <= len(piece.samples) / 16000 <= LONGEST_S
        assert len(piece.motion) == motion_frame_count(len(piece.samples))
        wanted_s = np.clip(starts_s + np.arange(len(piece.motion)) / 60, times_s.min(), times_s.max())
        shown_s = piece.motion[:, BROW].astype(np.float64) * FULL_S
        tolerance_s = 0.02 + 0.01  # float16 of a clock of 64 s, and int16; the last frame is held for frame_s
        assert np.abs(shown_s[:-3] - wanted_s[:-3]).max(initial=0) <= tolerance_s
        ends_s = starts_s + len(piece.samples) / 16000


@settings(max_examples=30, deadline=None)
@given(st.integers(30, 3600), st.integers(-200, 200))
def test_nothing_of_a_regular_recording_is_lost(frames: int, more_samples: int) -> None:
    """At 60 fps every frame that has sound under it is in exactly one piece, bit for bit."""
    sound_s = frames / 60 + more_samples / 16000
    values = np.random.default_rng(frames).uniform(0, 1, (frames, len(MODEL_CHANNELS))).astype(np.float32)
    pieces, remarks = cut(Recording(clock_sound(sound_s), np.arange(frames) / 60, values, 1 / 60))
    motion = np.concatenate([piece.motion for piece in pieces])
    samples = np.concatenate([piece.samples for piece in pieces])
    assert not remarks
    assert len(motion) == min(frames, motion_frame_count(round(sound_s * 16000)))
    assert len(samples) == min(frames * 16000 // 60, round(sound_s * 16000))
    np.testing.assert_allclose(motion, values[: len(motion)], atol=1e-3)
    np.testing.assert_allclose(samples / 32768, np.arange(len(samples)) / 16000 / FULL_S, atol=2e-5)


def test_a_gap_ends_a_piece_and_a_shorter_hole_does_not() -> None:
    times_s = np.arange(300) / 60
    for hole_s, count in ((LARGEST_GAP_S - 0.02, 1), (LARGEST_GAP_S + 0.05, 2)):
        kept = times_s[(times_s < 2) | (times_s >= 2 + hole_s)]
        pieces, _ = cut(Recording(clock_sound(5), kept, clock_weights(kept), 1 / 60))
        assert len(pieces) == count


def test_vertices_are_interpolated_where_they_are() -> None:
    times_s = np.arange(50) / 25
    offsets = (times_s[:, None, None] * np.array([0.01, -0.005, 0.002]) * np.ones((1, 7, 1))).astype(np.float32)
    (piece,), _ = cut(Recording(clock_sound(2), times_s, offsets, 1 / 25))
    at_s = np.minimum(np.arange(120) / 60, times_s[-1])
    expected = at_s[:, None, None] * np.array([0.01, -0.005, 0.002])
    assert piece.motion.shape == (120, 7, 3) and piece.motion.dtype == np.float16
    assert np.abs(piece.motion - expected).max() <= 2.0**-17  # half a step of float16 between 2 ** -6 and 2 ** -5 m


@pytest.mark.parametrize("times_s", [[], [0.0, float("nan"), 0.1], [5.0, 6.0]])
def test_times_that_are_none_are_refused(times_s: list[float]) -> None:
    values = np.zeros((len(times_s), len(MODEL_CHANNELS)), np.float32)
    with pytest.raises(CorpusError, match="Leave this take out"):
        cut(Recording(clock_sound(2), np.array(times_s), values, 1 / 60))
