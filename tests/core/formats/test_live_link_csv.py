# SPDX-License-Identifier: GPL-3.0-or-later
"""Live Link Face takes: real ones read, ours read back exactly, broken ones refused by line and column."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffusion_talker.channels import ARKIT_52, LIVE_LINK_COLUMNS, MODEL_CHANNELS
from diffusion_talker.errors import FormatError
from diffusion_talker.formats.live_link_csv import parse_timecode, read_live_link_csv, write_live_link_csv
from diffusion_talker.motion import Motion, lip_aperture, select_channels

HEADER = "Timecode,BlendShapeCount," + ",".join(LIVE_LINK_COLUMNS)
RATES_HZ = (24000 / 1001, 24.0, 25.0, 30000 / 1001, 30.0, 50.0, 60000 / 1001, 60.0, 12.0)


def noise(frame_count: int, rate_hz: float = 60.0) -> Motion:
    return Motion(np.random.default_rng(0).random((frame_count, 55), np.float32), MODEL_CHANNELS, rate_hz)


def row(timecode: str, value: float = 0.5) -> str:
    return f"{timecode},61," + ",".join([f"{value:.10f}"] * 61)


def write_take(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "take.csv"
    path.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("frame_count", [1, 2, 500])
def test_what_is_written_reads_back(tmp_path: Path, rate_hz: float, frame_count: int) -> None:
    motion = noise(frame_count, rate_hz)
    write_live_link_csv(tmp_path / "a.csv", motion)
    again = read_live_link_csv(tmp_path / "a.csv")
    if frame_count > 1:
        assert again.rate_hz == pytest.approx(rate_hz, rel=1e-4)
    assert again.frame_count == frame_count
    assert np.allclose(select_channels(again, MODEL_CHANNELS).weights, motion.weights, atol=1e-9)


def test_the_file_is_what_the_app_writes(tmp_path: Path) -> None:
    write_live_link_csv(tmp_path / "a.csv", noise(62))
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert lines[0] == HEADER
    assert lines[1].startswith("00:00:00:00.000,61,")
    assert lines[61].startswith("00:00:01:00.000,61,")
    assert {line.count(",") for line in lines} == {62}


def test_eye_rotation_follows_the_gaze(tmp_path: Path) -> None:
    weights = np.zeros((1, 52), np.float32)
    for name in ("eyeLookInLeft", "eyeLookOutRight", "eyeLookDownLeft", "eyeLookUpRight"):
        weights[0, ARKIT_52.index(name)] = 1
    write_live_link_csv(tmp_path / "a.csv", Motion(weights, ARKIT_52, 60.0))
    take = read_live_link_csv(tmp_path / "a.csv")
    assert take.column("LeftEyeYaw")[0] > 0.5 and take.column("RightEyeYaw")[0] > 0.5  # both turn to the same side
    assert take.column("LeftEyePitch")[0] > 0.5 and take.column("RightEyePitch")[0] < -0.4
    assert take.column("HeadYaw")[0] == 0


def test_real_takes_read_as_uniform_motion(shared_dir: Path) -> None:
    takes = sorted((shared_dir / "motion" / "livelink").glob("*.csv"))
    assert takes
    for path in takes:
        motion = read_live_link_csv(path)
        lines = path.read_text().splitlines()
        first_s, last_s = (parse_timecode(lines[i].split(",")[0]) for i in (1, -1))
        assert motion.rate_hz == 30.0
        assert motion.duration_s == pytest.approx(last_s - first_s, abs=0.1)
        assert set(ARKIT_52) < set(motion.channels)
        assert np.isfinite(motion.weights).all()
        assert np.allclose(motion.weights[0], [float(cell) for cell in lines[1].split(",")[2:]], atol=1e-6)
        assert lip_aperture(motion).max() > 0.5


def test_dropped_frames_do_not_shift_the_rest(tmp_path: Path) -> None:
    motion = noise(300)
    write_live_link_csv(tmp_path / "a.csv", motion)
    lines = (tmp_path / "a.csv").read_text().splitlines()
    kept = [line for number, line in enumerate(lines) if number not in (50, 51, 120, 200)]
    again = read_live_link_csv(write_take(tmp_path, *kept[1:]))
    assert again.frame_count == 300
    there = np.setdiff1d(np.arange(300), np.array([50, 51, 120, 200]) - 1)
    assert np.allclose(select_channels(again, MODEL_CHANNELS).weights[there], motion.weights[there], atol=1e-3)
    between = (motion.weights[118] + motion.weights[120]) / 2
    assert np.allclose(select_channels(again, MODEL_CHANNELS).weights[119], between, atol=1e-3)


def test_a_lost_face_is_bridged(tmp_path: Path) -> None:
    path = write_take(tmp_path, row("00:00:00:00.000", 0.2), "00:00:00:01.000,0", row("00:00:00:02.000", 0.4),
                      row("00:00:00:03.000", 0.4), row("00:00:00:04.000", 0.4))
    assert np.allclose(read_live_link_csv(path).column("jawOpen"), [0.2, 0.3, 0.4, 0.4, 0.4])


def test_a_take_may_run_over_midnight(tmp_path: Path) -> None:
    path = write_take(tmp_path, *(row(code) for code in ("23:59:59:58.000", "23:59:59:59.000", "00:00:00:00.000")))
    assert read_live_link_csv(path).frame_count == 3


def test_rows_out_of_order_or_twice_are_put_in_order(tmp_path: Path) -> None:
    rows = [row("00:00:00:02.000", 0.3), row("00:00:00:00.000", 0.1), row("00:00:00:01.000", 0.2)]
    path = write_take(tmp_path, rows[1], rows[2], rows[2], rows[0])
    assert np.allclose(read_live_link_csv(path).column("jawOpen"), [0.1, 0.2, 0.3])


def test_spelling_of_columns_does_not_matter(tmp_path: Path) -> None:
    path = write_take(tmp_path, "00:00:00:00.000,2,0.25,7", header="timecode,BlendshapeCount,jawopen,Custom")
    motion = read_live_link_csv(path)
    assert motion.channels == ("jawOpen", "Custom")
    assert motion.weights.tolist() == [[0.25, 7.0]]


@pytest.mark.parametrize(
    ("rows", "header", "message"),
    [
        ([], HEADER, "no row with values"),
        ([], "Time,Value", "line 1: not a Live Link Face take"),
        ([], "", "line 1: not a Live Link Face take"),
        ([], HEADER + ",jawOpen", "line 1: 'JawOpen' and 'jawOpen' are the same channel"),
        (["soon,61" + ",0" * 61], HEADER, "line 2: 'soon' is not a timecode"),
        (["12:61:00:00.0,61" + ",0" * 61], HEADER, "line 2: '12:61:00:00.0' is not a timecode"),
        ([row("00:00:00:00.000"), "00:00:00:01.000,61" + ",0" * 60], HEADER, "line 3: 60 values where the"),
        (["00:00:00:00.000,61" + ",0" * 60 + ",wide"], HEADER, "line 2, column 63: 'wide' is not a number"),
        (["00:00:00:00.000,61" + ",nan" * 61], HEADER, "line 2, column 3: 'nan' is not a number"),
        ([row("00:00:00:00.000"), row("00:00:00:00.001"), row("00:00:00:00.002"), row("11:00:00:00.000")], HEADER,
         "timecodes jump"),
    ],
)
def test_broken_takes_are_refused_by_line(tmp_path: Path, rows: list[str], header: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_live_link_csv(write_take(tmp_path, *rows, header=header))


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.binary(max_size=300), st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace")),
                 st.text("0123456789:;.,\n", max_size=200).map(lambda text: (HEADER + "\n" + text).encode())))
def test_any_file_is_motion_or_a_format_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.csv"
    path.write_bytes(content)
    try:
        assert read_live_link_csv(path).frame_count >= 1
    except FormatError as error:
        assert "fuzz.csv" in str(error)


@given(st.integers(0, 23), st.integers(0, 59), st.integers(0, 59), st.integers(0, 59999))
def test_timecodes_mean_what_they_say(hours: int, minutes: int, seconds: int, milliframes: int) -> None:
    text = f"{hours:02d}:{minutes:02d}:{seconds:02d}:{milliframes // 1000:02d}.{milliframes % 1000:03d}"
    assert parse_timecode(text) == pytest.approx(hours * 3600 + minutes * 60 + seconds + milliframes / 60000)


@given(st.text())
def test_any_text_is_a_timecode_or_none(text: str) -> None:
    assert parse_timecode(text) is None or 0 <= parse_timecode(text) < 1000 * 3600
