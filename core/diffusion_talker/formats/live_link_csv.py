# SPDX-License-Identifier: GPL-3.0-or-later
"""Live Link Face CSV: Timecode, BlendShapeCount, then 61 values a row, timecode HH:MM:SS:FF.sub.

Real takes drop frames and lose the face now and then (rows without values), so the time of a row is what its timecode
says; the reader turns the take into uniform motion.
"""

from __future__ import annotations

import csv
import os
import re
from typing import Final

import numpy as np

from diffusion_talker.channels import HEAD_CHANNELS, LIVE_LINK_COLUMNS, canonical_motion_channel
from diffusion_talker.errors import FormatError
from diffusion_talker.files import atomic_write
from diffusion_talker.formats.reading import MAX_RATE_HZ, checked_channels, read_text
from diffusion_talker.motion import Motion

#: Frames in a second of the timecode, whatever the rate of the rows.
TIMECODE_BASE: Final = 60
_TIMECODE: Final = re.compile(r"\s*(\d{1,3}):(\d{1,2}):(\d{1,2})[:;](\d{1,3}(?:\.\d+)?)\s*", re.ASCII)
_DAY_S: Final = 86400.0
_COMMON_RATES_HZ: Final = (24000 / 1001, 24.0, 25.0, 30000 / 1001, 30.0, 50.0, 60000 / 1001, 60.0, 100.0, 120.0)
_LARGEST: Final = 1e9  # a value beyond it is no weight and no angle
#: Uniform frames for each line of a take; a face that is lost longer than that makes two takes.
_MAX_STRETCH: Final = 60
#: Radians of eye rotation at full gaze, (towards the nose, outwards) and (up, down): fitted on recorded takes.
_EYE_YAW_IN_OUT: Final = (0.62, 0.58)
_EYE_PITCH_UP_DOWN: Final = (0.45, 0.615)


def read_live_link_csv(path: str | os.PathLike[str]) -> Motion:
    """Uniform motion from a take; its first row is time 0. Raises FormatError naming line and column."""
    rows = _split_rows(path)
    channels = _read_header(path, rows)
    times_s, weights = _read_rows(path, rows, len(channels))
    if len(times_s) == 0:
        raise FormatError(f"'{path}' has no row with values: the face was never tracked. Choose another take.")
    return Motion(*_to_uniform(path, _ascending(times_s), weights, channels))


def write_live_link_csv(path: str | os.PathLike[str], motion: Motion) -> None:
    """Take of all 61 columns, atomically; the timecode starts at 0. Raises OutputError.

    Eye rotation, which the network does not predict, is derived from the gaze channels. Channels that Live Link Face
    has no column for are left out.
    """
    table = np.stack([_column(motion, name) for name in LIVE_LINK_COLUMNS], axis=1)
    row_format = ",".join(["%.10f"] * table.shape[1])
    with atomic_write(path) as stream:
        stream.write(",".join(("Timecode", "BlendShapeCount", *LIVE_LINK_COLUMNS)).encode() + b"\n")
        for frame, row in enumerate(table):
            stamp = _format_timecode(frame / motion.rate_hz)
            stream.write(f"{stamp},{len(LIVE_LINK_COLUMNS)},{row_format % tuple(row.tolist())}\n".encode())


def parse_timecode(text: str) -> float | None:
    """Seconds since midnight of HH:MM:SS:FF.sub, or None if the text is not a timecode."""
    match = _TIMECODE.fullmatch(text)
    if match is None:
        return None
    hours, minutes, seconds = (int(part) for part in match.groups()[:3])
    frames = float(match.group(4))
    if minutes > 59 or seconds > 59 or frames >= TIMECODE_BASE:
        return None
    return hours * 3600 + minutes * 60 + seconds + frames / TIMECODE_BASE


def _format_timecode(time_s: float) -> str:
    """HH:MM:SS:FF.sub with three digits of sub-frame."""
    sub_frames = round(time_s * TIMECODE_BASE * 1000)
    seconds, sub_frames = divmod(sub_frames, TIMECODE_BASE * 1000)
    frame = f"{sub_frames // 1000:02d}.{sub_frames % 1000:03d}"
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}:{frame}"


def _column(motion: Motion, column: str) -> np.ndarray:
    """Values (T,) float64 of one Live Link column."""
    name = canonical_motion_channel(column)
    if name in motion.channels or name in HEAD_CHANNELS or not column.startswith(("LeftEye", "RightEye")):
        return motion.column(name).astype(np.float64)
    side, angle = column[: column.index("Eye")], column[column.index("Eye") + 3 :]
    if angle == "Pitch":
        up, down = _EYE_PITCH_UP_DOWN
        return motion.column(f"eyeLookDown{side}") * down - motion.column(f"eyeLookUp{side}") * up
    if angle == "Yaw":
        inwards, outwards = _EYE_YAW_IN_OUT
        towards_nose = motion.column(f"eyeLookIn{side}") * inwards - motion.column(f"eyeLookOut{side}") * outwards
        return towards_nose if side == "Left" else -towards_nose
    return np.zeros(motion.frame_count)


def _split_rows(path: str | os.PathLike[str]) -> list[tuple[int, list[str]]]:
    """(line number, cells) of every line that is not blank."""
    reader = csv.reader(read_text(path).splitlines())
    rows: list[tuple[int, list[str]]] = []
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append((reader.line_num, row))
    except csv.Error as error:
        raise FormatError(f"'{path}', line {reader.line_num}: not a CSV file. Export the take again.") from error
    return rows


def _read_header(path: str | os.PathLike[str], rows: list[tuple[int, list[str]]]) -> tuple[str, ...]:
    """Channel names of the value columns."""
    header = [cell.strip() for cell in rows[0][1]] if rows else []
    if [cell.lower() for cell in header[:2]] != ["timecode", "blendshapecount"] or len(header) < 3:
        raise FormatError(
            f"'{path}', line 1: not a Live Link Face take, which begins with 'Timecode,BlendShapeCount,EyeBlinkLeft'. "
            "Choose another file."
        )
    return checked_channels(path, "line 1", header[2:])


def _read_rows(
    path: str | os.PathLike[str], rows: list[tuple[int, list[str]]], channel_count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Times (N,) in seconds since midnight and weights (N, C) of the rows in which the face was tracked."""
    times_s = [_read_time(path, line, cells) for line, cells in rows[1:]]
    tracked = [(line, cells) for line, cells in rows[1:] if len(cells) != 2]
    for line, cells in tracked:
        if len(cells) != channel_count + 2:
            raise FormatError(f"'{path}', line {line}: {len(cells) - 2} values where the header names {channel_count}. "
                              "Correct or remove the line.")
    weights = np.array([_read_values(path, line, cells) for line, cells in tracked]).reshape(-1, channel_count)
    wrong = np.flatnonzero(~(np.abs(weights) < _LARGEST).all(axis=1))  # NaN compares as false
    if len(wrong):
        raise _value_error(path, *tracked[wrong[0]])
    kept = [time_s for time_s, (_, cells) in zip(times_s, rows[1:], strict=True) if len(cells) != 2]
    return np.array(kept), weights.astype(np.float32)


def _read_time(path: str | os.PathLike[str], line: int, cells: list[str]) -> float:
    time_s = parse_timecode(cells[0])
    if time_s is None:
        raise FormatError(f"'{path}', line {line}: '{cells[0][:40]}' is not a timecode such as 12:27:47:31.169. "
                          "Correct or remove the line.")
    return time_s


def _read_values(path: str | os.PathLike[str], line: int, cells: list[str]) -> list[float]:
    try:
        return list(map(float, cells[2:]))
    except ValueError:  # rare: an empty cell, which counts as 0, or no number at all
        pass
    try:
        return [float(cell or 0) for cell in cells[2:]]
    except ValueError as error:
        raise _value_error(path, line, cells) from error


def _value_error(path: str | os.PathLike[str], line: int, cells: list[str]) -> FormatError:
    """Names the first cell of a row that is not a weight."""
    column = next(i for i, cell in enumerate(cells[2:], start=3) if not _is_weight(cell))
    text = cells[column - 1][:40]
    return FormatError(f"'{path}', line {line}, column {column}: '{text}' is not a number. Correct the line.")


def _is_weight(cell: str) -> bool:
    try:
        return abs(float(cell or 0)) < _LARGEST
    except ValueError:
        return False


def _ascending(times_s: np.ndarray) -> np.ndarray:
    """Seconds from the first row on; a take may run over midnight."""
    nights = np.concatenate(([0], np.cumsum(np.diff(times_s) < -_DAY_S / 2)))
    return times_s + nights * _DAY_S - times_s[0]


def _to_uniform(
    path: str | os.PathLike[str], times_s: np.ndarray, weights: np.ndarray, channels: tuple[str, ...]
) -> tuple[np.ndarray, tuple[str, ...], float]:
    """(weights, channels, rate_hz): rows that sit on a frame grid as they are, others by linear interpolation."""
    times_s, first = np.unique(times_s, return_index=True)
    weights, times_s = weights[first], times_s - times_s[0]
    rate_hz = _row_rate(times_s)
    grid = times_s * rate_hz
    if rate_hz > MAX_RATE_HZ or grid[-1] > _MAX_STRETCH * (len(grid) + TIMECODE_BASE):
        raise FormatError(f"'{path}': the timecodes jump over {times_s[-1]:.0f} s in {len(grid)} lines. "
                          "Sort the lines by timecode and remove those of other takes.")
    if np.array_equal(np.round(grid), np.arange(len(grid))) and np.abs(grid - np.round(grid)).max() < 0.02:
        return weights, channels, rate_hz
    uniform_s = np.arange(int(grid[-1] + 0.5) + 1) / rate_hz
    columns = [np.interp(uniform_s, times_s, column) for column in weights.T]
    return np.stack(columns, axis=1), channels, rate_hz


def _row_rate(times_s: np.ndarray) -> float:
    """Frame rate of the rows: the common one that the usual step is nearest to, if it is near one."""
    if len(times_s) < 2:
        return float(TIMECODE_BASE)
    steps_s = np.diff(times_s)
    usual_s = float(np.median(steps_s))
    # Timecodes are rounded; the mean of the usual steps is finer than their median.
    rate_hz = 1 / float(steps_s[np.abs(steps_s - usual_s) < usual_s / 2].mean())
    nearest = min((*_COMMON_RATES_HZ, float(round(rate_hz))), key=lambda common: abs(common - rate_hz))
    return nearest if abs(nearest - rate_hz) < 0.01 * nearest else rate_hz
