# SPDX-License-Identifier: GPL-3.0-or-later
"""Readers of meshes: PLY (text and binary), OBJ, and npz with `vertices` or `neutral` and `faces`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from diffusion_talker.errors import FormatError

_PLY_TYPES: Final = {
    "char": "i1",
    "int8": "i1",
    "uchar": "u1",
    "uint8": "u1",
    "short": "i2",
    "int16": "i2",
    "ushort": "u2",
    "uint16": "u2",
    "int": "i4",
    "int32": "i4",
    "uint": "u4",
    "uint32": "u4",
    "float": "f4",
    "float32": "f4",
    "double": "f8",
    "float64": "f8",
}
_ADVICE: Final = "Export it again as PLY or OBJ."


@dataclass(frozen=True)
class Mesh:
    """vertices (V, 3) float64; polygons (F, K) int64, -1 filling up shorter ones; sculpted shapes by name, dense (V, 3)
    offsets, where the file holds some (npz with `expr_names` and `expr_delta`)."""

    vertices: np.ndarray
    polygons: np.ndarray
    shapes: dict[str, np.ndarray] = field(default_factory=dict)


def read_mesh(path: str | os.PathLike[str]) -> Mesh:
    """Read a mesh by its extension. Raises FormatError for a file that is missing, damaged or of another kind."""
    path = Path(path)
    readers = {".ply": _read_ply, ".obj": _read_obj, ".npz": _read_npz}
    if path.suffix.lower() not in readers:
        raise FormatError(f"'{path}' is not a mesh that can be read here. Use .ply, .obj or .npz.")
    try:
        mesh = readers[path.suffix.lower()](path)
    except OSError as error:
        raise FormatError(f"Could not read '{path}': {error.strerror or error}. Check the file's name.") from error
    except (ValueError, KeyError, IndexError, UnicodeDecodeError) as error:
        raise FormatError(f"'{path}' is damaged or holds no mesh ({error}). {_ADVICE}") from error
    if not len(mesh.polygons) or mesh.polygons.max() >= len(mesh.vertices):
        raise FormatError(f"'{path}' holds no faces, or faces of vertices that are not there. {_ADVICE}")
    return mesh


def triangulated(polygons: np.ndarray) -> np.ndarray:
    """Triangles (T, 3) of polygons (F, K), fanned from the first corner."""
    fans = [polygons[:, [0, corner - 1, corner]] for corner in range(2, polygons.shape[1])]
    return np.concatenate([fan[fan[:, 2] >= 0] for fan in fans])


def _read_npz(path: Path) -> Mesh:
    with np.load(path, allow_pickle=False) as file:
        vertices = file["vertices"] if "vertices" in file else file["neutral"]
        names = [str(name) for name in file["expr_names"]] if "expr_names" in file else []
        deltas = file["expr_delta"] if names else []
        shapes = {name: np.asarray(delta, np.float64) for name, delta in zip(names, deltas, strict=True)}
        return Mesh(np.asarray(vertices, np.float64), np.asarray(file["faces"], np.int64), shapes)


def _read_obj(path: Path) -> Mesh:
    vertices, faces = [], []
    with open(path, encoding="utf-8", errors="replace") as stream:
        for line in stream:
            words = line.split()
            if words[:1] == ["v"]:
                vertices.append([float(word) for word in words[1:4]])
            elif words[:1] == ["f"]:
                numbers = [int(word.split("/")[0]) for word in words[1:]]
                faces.append([number - 1 if number > 0 else len(vertices) + number for number in numbers])
    return Mesh(np.array(vertices, np.float64).reshape(-1, 3), _padded(faces))


def _padded(faces: list[list[int]]) -> np.ndarray:
    width = max((len(face) for face in faces), default=3)
    return np.array([face + [-1] * (width - len(face)) for face in faces], np.int64).reshape(-1, width)


@dataclass(frozen=True)
class _Element:
    name: str
    count: int
    properties: list[tuple[str, str, str]]  # name, type, type of a list's length or ""


def _read_ply(path: Path) -> Mesh:
    data = path.read_bytes()
    end = data.find(b"end_header")
    if not data.startswith(b"ply") or end < 0:
        raise ValueError("no PLY header")
    body = data.index(b"\n", end) + 1
    header = data[:end].decode("ascii").splitlines()
    form = next(line.split()[1] for line in header if line.startswith("format"))
    elements = _ply_elements(header)
    values = (
        _ply_words(data[body:], elements)
        if form == "ascii"
        else _ply_binary(data, body, elements, "<" if form == "binary_little_endian" else ">")
    )
    tables = dict(values)
    return Mesh(np.asarray(tables["vertex"], np.float64), _padded(tables["face"]))


def _ply_elements(header: list[str]) -> list[_Element]:
    elements: list[_Element] = []
    for line in header:
        words = line.split()
        if words[:1] == ["element"]:
            elements.append(_Element(words[1], int(words[2]), []))
        elif words[:2] == ["property", "list"]:
            elements[-1].properties.append((words[4], _PLY_TYPES[words[3]], _PLY_TYPES[words[2]]))
        elif words[:1] == ["property"]:
            elements[-1].properties.append((words[2], _PLY_TYPES[words[1]], ""))
    return elements


def _place(element: _Element) -> list[int]:
    names = [name for name, _, _ in element.properties]
    return [names.index(axis) for axis in "xyz"]


def _ply_words(body: bytes, elements: list[_Element]) -> Iterator[tuple[str, list]]:
    """Tables of a text PLY: vertices' places and faces' corners."""
    lines = body.decode("ascii").splitlines()
    if len(lines) < sum(element.count for element in elements):
        raise ValueError("it ends too early")
    first = 0
    for element in elements:
        rows = [line.split() for line in lines[first : first + element.count]]
        first += element.count
        if element.name == "vertex":
            yield "vertex", [[float(row[i]) for i in _place(element)] for row in rows]
        elif element.name == "face":
            yield "face", [[int(word) for word in row[1 : 1 + int(row[0])]] for row in rows]


def _ply_binary(data: bytes, offset: int, elements: list[_Element], order: str) -> Iterator[tuple[str, object]]:
    """Tables of a binary PLY; a face's list of corners must be its first property."""
    for element in elements:
        if all(not length for _, _, length in element.properties):
            kind = np.dtype([(name, order + code) for name, code, _ in element.properties])
            table = np.frombuffer(data, kind, element.count, offset)
            offset += kind.itemsize * element.count
            if element.name == "vertex":
                yield "vertex", np.stack([table[axis] for axis in "xyz"], axis=1)
        else:
            rows, offset = _ply_lists(data, offset, element, order)
            yield element.name, rows


def _ply_lists(data: bytes, offset: int, element: _Element, order: str) -> tuple[list[list[int]], int]:
    rows = []
    for _ in range(element.count):
        row: list[int] = []
        for number, (_, code, length) in enumerate(element.properties):
            count = 1
            if length:
                count = int(np.frombuffer(data, order + length, 1, offset)[0])
                offset += np.dtype(length).itemsize
            values = np.frombuffer(data, order + code, count, offset)
            offset += count * np.dtype(code).itemsize
            row = values.tolist() if number == 0 else row
        rows.append(row)
    return rows, offset
