# SPDX-License-Identifier: GPL-3.0-or-later
"""Audio2Face JSON: exportFps, trackPath, numPoses, numFrames, facsNames[numPoses], weightMat[numFrames][numPoses]."""

from __future__ import annotations

import json
import os

import numpy as np

from diffusion_talker.errors import FormatError
from diffusion_talker.files import atomic_write
from diffusion_talker.formats.reading import checked_channels, checked_rate, read_text
from diffusion_talker.motion import Motion

_ROWS_AT_ONCE = 512


def read_audio2face_json(path: str | os.PathLike[str]) -> Motion:
    """Motion from an Audio2Face export. Raises FormatError naming the field and frame at fault."""
    document = _parse(path)
    names = document.get("facsNames")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise FormatError(f"'{path}': 'facsNames' must be a list of names. Export the file again from Audio2Face.")
    rate_hz = checked_rate(path, "exportFps", document.get("exportFps"))
    weights = _read_weights(path, document.get("weightMat"), len(names))
    for field, found in (("numPoses", len(names)), ("numFrames", len(weights))):
        if document.get(field, found) != found:
            raise FormatError(f"'{path}': '{field}' says {document[field]!r}, the file holds {found}. Export it again.")
    return Motion(weights, checked_channels(path, "'facsNames'", names), rate_hz)


def write_audio2face_json(path: str | os.PathLike[str], motion: Motion, track_path: str = "") -> None:
    """Audio2Face document of the motion, atomically; track_path names the sound it belongs to. Raises OutputError."""
    rate_hz = int(motion.rate_hz) if motion.rate_hz.is_integer() else motion.rate_hz
    header = {"exportFps": rate_hz, "trackPath": track_path, "numPoses": len(motion.channels),
              "numFrames": motion.frame_count, "facsNames": list(motion.channels)}
    row_format = "[" + ", ".join(["%.7g"] * len(motion.channels)) + "]"
    with atomic_write(path) as stream:
        stream.write((json.dumps(header)[:-1] + ', "weightMat": [').encode())
        for start in range(0, motion.frame_count, _ROWS_AT_ONCE):
            rows = motion.weights[start : start + _ROWS_AT_ONCE].tolist()
            lines = ",\n".join(row_format % tuple(row) for row in rows)
            stream.write(((",\n" if start else "\n") + lines).encode())
        stream.write(b"\n]}\n")


def _parse(path: str | os.PathLike[str]) -> dict:
    try:
        document = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise FormatError(f"'{path}', {where}: not valid JSON. Export it again.") from error
    except (RecursionError, ValueError) as error:  # nested without end; an integer of thousands of digits
        raise FormatError(f"'{path}' is not an Audio2Face export. Choose another file.") from error
    if not isinstance(document, dict):
        raise FormatError(f"'{path}' is not an Audio2Face export: it has no fields. Choose another file.")
    return document


def _read_weights(path: str | os.PathLike[str], rows: object, channel_count: int) -> np.ndarray:
    """(T, C) float32 from weightMat."""
    if not isinstance(rows, list):
        raise FormatError(f"'{path}': 'weightMat' must be a list of frames. Export the file again from Audio2Face.")
    for frame, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != channel_count:
            raise FormatError(f"'{path}': 'weightMat' frame {frame} must hold {channel_count} values. Export it again.")
        if not all(isinstance(value, (int, float)) and abs(value) < 1e9 for value in row):
            raise FormatError(f"'{path}': 'weightMat' frame {frame} holds what is not a weight. Export it again.")
    return np.array(rows, np.float32).reshape(len(rows), channel_count)
