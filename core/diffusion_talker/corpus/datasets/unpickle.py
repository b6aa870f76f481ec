# SPDX-License-Identifier: GPL-3.0-or-later
"""Pickles of arrays and plain containers, read without running anything that they ask for.

A pickle is a program. Here it may build dicts, lists, tuples, strings, bytes and numbers, and NumPy arrays through
stand-ins of our own that check shape, type and size against the bytes that are there; NumPy's own reconstruction is
never called. Any other global is refused by name before it is looked up. Memory stays within a small multiple of the
file's size: no opcode's claim of a length is believed beyond the data that follows it.

Reads what Python 2 and 3 wrote, protocols 0 to 5, NumPy 1 and 2 (`numpy.core` and `numpy._core`). Format: the
annotated opcodes of Python's pickletools module; array states: numpy/core/src/multiarray/methods.c, array_setstate.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from diffusion_talker.errors import CorpusError

_LARGEST_DEPTH: Final = 64
#: Booleans, integers, floats, complex numbers and strings of a fixed size.
_PLAIN_DTYPE: Final = re.compile(r"[<>=|]?(?:[?bBhHiIlLqQefdgFD]|[biufcSU]\d{1,9})", re.ASCII)
_PLAIN_KEYS: Final = (str, bytes, int, float, np.generic)
_PLAIN_LEAVES: Final = (str, bytes, bytearray, int, float, complex, bool, type(None), np.generic)


def load_pickle(path: Path) -> Any:
    """Content of a pickle: arrays, scalars, dicts, lists, tuples, strings (Python 2's as latin-1), bytes and numbers.

    The last few files are remembered as long as they do not change; treat what comes back as read-only. Raises
    CorpusError when the file is missing or damaged, or asks for anything else; the message names it.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise CorpusError(f"'{path}' could not be read: {error.strerror}. Check the data set's folder.") from error
    return _load(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=4)
def _load(path: Path, changed_ns: int, size: int) -> Any:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CorpusError(f"'{path}' could not be read: {error.strerror}. Check the data set's folder.") from error
    return parse_pickle(data, str(path))


def parse_pickle(data: bytes, name: str) -> Any:
    """Content of a pickle in memory, see `load_pickle`; `name` is what messages call it. Raises CorpusError."""
    try:
        _check_claims(data)
        loaded = _Unpickler(data).load()
        return _Resolver().resolve(loaded)
    except _RefusedError as error:
        raise CorpusError(
            f"'{name}' was not opened: it asks for {error}, and only arrays, numbers, strings and plain containers are "
            "accepted, because a pickle can run code. Use the file of the data set's own download."
        ) from error
    except Exception as error:  # a damaged pickle fails in almost any way
        raise CorpusError(
            f"'{name}' is no readable pickle ({error or type(error).__name__}). Download or copy it again."
        ) from error


class _RefusedError(Exception):
    """The pickle asks for something outside the allowed few; the text names it."""


def _check_claims(data: bytes) -> None:
    """Walk over the opcodes without executing them: every declared length must be there, memo slots must be real."""
    for count, (opcode, argument, _) in enumerate(pickletools.genops(io.BytesIO(data))):
        if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT") and argument > count:
            raise ValueError(f"memo slot {argument} cannot exist")  # the memo is an array as long as its largest slot
        if opcode.name in ("EXT1", "EXT2", "EXT4"):
            raise _RefusedError(f"extension {argument} of the copyreg registry")


class _Unpickler(pickle.Unpickler):
    """Python's unpickler with nothing to find but the stand-ins of a workshop."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data), encoding="latin1")
        self._globals = _Workshop(2 * len(data)).globals()

    def find_class(self, module: str, name: str) -> _Global:
        found = self._globals.get((module, name))
        if found is None:
            raise _RefusedError(f"{module}.{name}")
        return found

    def persistent_load(self, identifier: Any) -> Any:
        raise _RefusedError(f"an object outside the file ({identifier!r})")


class _Global:
    """What a pickle gets for a global: an object that can be called, and not altered."""

    __slots__ = ("_build", "_name")

    def __init__(self, name: str, build: Callable[..., Any]) -> None:
        self._name = name
        self._build = build

    def __call__(self, *arguments: Any) -> Any:
        return self._build(*arguments)

    def __setstate__(self, state: Any) -> None:
        raise _RefusedError(f"a change of {self._name}")


class _DType:
    """Stand-in of numpy.dtype while a pickle builds one."""

    __slots__ = ("dtype",)

    def __init__(self, code: Any, align: Any = False, copy: Any = True) -> None:
        code = _text(code)
        if not _PLAIN_DTYPE.fullmatch(code):
            raise _RefusedError(f"an array of type {code[:40]!r}")
        self.dtype = np.dtype(code)

    def __setstate__(self, state: Any) -> None:
        byte_order, parts = _text(state[1]), state[2:5]
        if byte_order not in "<>|=" or any(part is not None for part in parts):
            raise _RefusedError("an array type with fields")
        self.dtype = self.dtype.newbyteorder(byte_order)


class _Array:
    """Stand-in of numpy.ndarray while a pickle builds one."""

    __slots__ = ("_workshop", "array")

    def __init__(self, workshop: _Workshop, array: np.ndarray | None = None) -> None:
        self._workshop = workshop
        self.array = array

    def __setstate__(self, state: Any) -> None:
        shape, dtype, is_fortran, data = state[-4:]
        self.array = self._workshop.array(data, dtype, shape, "F" if is_fortran else "C")


class _Workshop:
    """Makes what a pickle may ask for. All copies together stay under a budget of bytes: a pickle can name the same
    data again and again, and would otherwise multiply it."""

    def __init__(self, budget_bytes: int) -> None:
        self._left_bytes = budget_bytes
        self._ndarray = _Global("numpy.ndarray", _never_called)

    def globals(self) -> dict[tuple[str, str], _Global]:
        """(module, name) -> stand-in: everything that is allowed."""
        makers: dict[tuple[str, str], Callable[..., Any]] = {
            ("numpy", "dtype"): _DType,
            ("_codecs", "encode"): self._encode,
            ("collections", "OrderedDict"): self._ordered_dict,
        }
        for package in ("numpy.core", "numpy._core"):  # NumPy 1 and 2
            makers[f"{package}.multiarray", "_reconstruct"] = self._reconstruct
            makers[f"{package}.multiarray", "scalar"] = self._scalar
            makers[f"{package}.numeric", "_frombuffer"] = self._from_buffer
        for package in ("__builtin__", "builtins"):  # Python 2 and 3
            makers[package, "bytes"] = _empty_bytes
            makers[package, "bytearray"] = self._byte_array
        stand_ins = {place: _Global(".".join(place), maker) for place, maker in makers.items()}
        return {("numpy", "ndarray"): self._ndarray, **stand_ins}

    def array(self, data: Any, dtype: Any, shape: Any, order: Any) -> np.ndarray:
        """Array over the bytes of a pickle; its shape must account for each of them."""
        if not isinstance(dtype, _DType):
            raise ValueError("an array without a type")
        if isinstance(data, str):  # Python 2's bytes
            data = self._encode(data, "latin1")
        if not isinstance(data, (bytes, bytearray)):
            raise _RefusedError("an array of objects")
        if type(shape) is not tuple or not all(type(size) is int and size >= 0 for size in shape):
            raise ValueError("an array whose shape is no shape")
        if math.prod(shape) * dtype.dtype.itemsize != len(data) or dtype.dtype.itemsize == 0:
            raise ValueError(f"an array of shape {shape} with {len(data)} bytes")
        if order not in ("C", "F"):
            raise ValueError("an array of unknown order")
        flat = np.frombuffer(data, dtype.dtype)
        if not flat.dtype.isnative:
            self._spend(len(data))
            flat = flat.astype(flat.dtype.newbyteorder("="))
        return flat.reshape(shape, order=order)

    def _spend(self, count: int) -> None:
        self._left_bytes -= count
        if self._left_bytes < 0:
            raise ValueError("it unpacks to far more than its own size")

    def _reconstruct(self, kind: Any, shape: Any, code: Any) -> _Array:
        if kind is not self._ndarray:
            raise _RefusedError("an array of another class than numpy.ndarray")
        return _Array(self)

    def _scalar(self, dtype: Any, data: Any) -> np.generic:
        return self.array(data, dtype, (1,), "C")[0]

    def _from_buffer(self, data: Any, dtype: Any, shape: Any, order: Any) -> _Array:
        return _Array(self, self.array(data, dtype, shape, order))

    def _encode(self, text: Any, encoding: Any) -> bytes:
        """Bytes as Python 2 wrote them, and Python 3 into protocols 0 to 2."""
        if encoding not in ("latin1", "latin-1"):
            raise _RefusedError(f"the encoding {encoding!r}")
        self._spend(len(_text(text)))
        return _text(text).encode("latin1")

    def _byte_array(self, data: Any = b"") -> bytearray:
        if not isinstance(data, bytes):  # a number would mean that many zeros
            raise _RefusedError("a bytearray that is not made of bytes")
        self._spend(len(data))
        return bytearray(data)

    def _ordered_dict(self, pairs: Any = ()) -> dict[Any, Any]:
        self._spend(4 * len(pairs))  # a pair takes more than that in the file
        return dict(pairs)


def _empty_bytes() -> bytes:
    return b""


def _never_called(*_: Any) -> Any:
    raise _RefusedError("numpy.ndarray as a function")


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        value = value.decode("latin1")
    if not isinstance(value, str):
        raise ValueError("a number or container where a name belongs")
    return value


class _Resolver:
    """Puts arrays in the place of their stand-ins; visits what is shared once."""

    def __init__(self) -> None:
        self._known: dict[int, Any] = {}

    def resolve(self, value: Any, depth: int = 0) -> Any:
        """The value with real arrays. Containers are changed in place."""
        if depth > _LARGEST_DEPTH:
            raise _RefusedError(f"containers nested deeper than {_LARGEST_DEPTH}")
        if id(value) in self._known:
            return self._known[id(value)]
        if isinstance(value, _Array):
            if value.array is None:
                raise ValueError("an array without content")
            return value.array
        if type(value) in (dict, list, tuple):
            return self._container(value, depth + 1)
        if not isinstance(value, _PLAIN_LEAVES):
            raise _RefusedError(f"an object of type {type(value).__name__.lstrip('_')}")
        return value

    def _container(self, value: Any, depth: int) -> Any:
        self._known[id(value)] = value
        if type(value) is tuple:
            resolved = tuple(self.resolve(item, depth) for item in value)
            self._known[id(value)] = resolved
            return resolved
        if type(value) is dict and not all(isinstance(key, _PLAIN_KEYS) for key in value):
            raise _RefusedError("a dictionary whose keys are no names or numbers")
        for key in value if type(value) is dict else range(len(value)):
            value[key] = self.resolve(value[key], depth)
        return value
