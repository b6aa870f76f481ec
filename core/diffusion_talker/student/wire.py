# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages between this process and a worker: a JSON header and raw float32 arrays, each with its length in front."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np

_LENGTH = struct.Struct("<Q")
_MAX_HEADER_BYTES = 1 << 20


class WireClosedError(Exception):
    """The other side is gone, or does not speak this protocol."""


@dataclass(frozen=True)
class Message:
    """A request or an answer: small values and arrays, both by name."""

    values: dict[str, str | int | float] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


def write_message(stream: BinaryIO, message: Message) -> None:
    """Send `message`; arrays travel as float32. Raises OSError when the other side is gone."""
    arrays = {name: np.ascontiguousarray(array, np.float32) for name, array in message.arrays.items()}
    shapes = {name: list(array.shape) for name, array in arrays.items()}
    header = json.dumps({"values": message.values, "shapes": shapes}).encode()
    stream.write(_LENGTH.pack(len(header)) + header)
    for array in arrays.values():
        stream.write(array.tobytes())
    stream.flush()


def read_message(stream: BinaryIO) -> Message:
    """Receive one message. Raises WireClosedError at the end of the stream or on foreign bytes."""
    (length,) = _LENGTH.unpack(_read_exactly(stream, _LENGTH.size))
    if length > _MAX_HEADER_BYTES:
        raise WireClosedError("foreign bytes instead of a message")
    header = json.loads(_read_exactly(stream, length))
    arrays = {}
    for name, shape in header["shapes"].items():
        count = int(np.prod(shape, dtype=np.int64))
        arrays[name] = np.frombuffer(_read_exactly(stream, 4 * count), "<f4").reshape(shape).copy()
    return Message(header["values"], arrays)


def _read_exactly(stream: BinaryIO, count: int) -> bytes:
    chunks = bytearray()
    while len(chunks) < count:
        chunk = stream.read(count - len(chunks))
        if not chunk:
            raise WireClosedError("the stream ended")
        chunks += chunk
    return bytes(chunks)
