# SPDX-License-Identifier: GPL-3.0-or-later
"""Pickles of arrays and plain containers are read whoever wrote them; nothing that they ask for is ever run."""

from __future__ import annotations

import builtins
import collections
import functools
import io
import operator
import os
import pickle
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from diffusion_talker.corpus.datasets.unpickle import load_pickle, parse_pickle
from diffusion_talker.errors import CorpusError
from tests.core.corpus.datasets.make_sounds import python2_pickle

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def same(first: Any, second: Any) -> bool:
    """Equal in type, shape and every value."""
    if isinstance(first, np.ndarray):
        is_array = isinstance(second, np.ndarray) and first.shape == second.shape
        return is_array and first.dtype == second.dtype.newbyteorder("=") and np.array_equal(
            first, second, equal_nan=first.dtype.kind in "fc"
        )
    if isinstance(first, (list, tuple)):
        return type(first) is type(second) and len(first) == len(second) and all(map(same, first, second))
    if isinstance(first, dict):
        return list(first) == list(second) and all(same(first[key], second[key]) for key in first)
    return type(first) is type(second) and (first == second or first != first)


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.binary(max_size=300)
    | hnp.arrays(hnp.floating_dtypes(endianness="=") | hnp.integer_dtypes(endianness="=") | st.just(np.dtype("U3")),
                 hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)),
    lambda inner: st.lists(inner, max_size=4) | st.tuples(inner, inner)
    | st.dictionaries(st.text(max_size=8) | st.integers(), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(plain, st.sampled_from(PROTOCOLS))
def test_what_python_3_pickled_comes_back(value: Any, protocol: int) -> None:
    assert same(parse_pickle(pickle.dumps(value, protocol), "x.pkl"), value)


@settings(max_examples=100, deadline=None)
@given(hnp.arrays(np.float64, hnp.array_shapes(max_dims=3, max_side=5)), st.integers(0, 2**40))
def test_what_python_2_pickled_comes_back(array: np.ndarray, number: int) -> None:
    value = {"FaceTalk": {"sentence01": {"audio": array, "sample_rate": number}}, "byte\xe9": [array.T, (number,)]}
    assert same(parse_pickle(python2_pickle(value), "x.pkl"), value)


@pytest.mark.parametrize("old", [True, False])
@pytest.mark.parametrize("protocol", [2, 3])
def test_both_names_of_numpys_core(old: bool, protocol: int) -> None:
    written = pickle.dumps({"a": np.arange(5.0), "b": np.float32(1.5)}, protocol).replace(b"numpy._core", b"numpy.core")
    written = written if old else written.replace(b"numpy.core", b"numpy._core")
    loaded = parse_pickle(written, "x.pkl")
    assert loaded["a"].tolist() == [0, 1, 2, 3, 4] and loaded["b"] == 1.5


def test_orders_of_bytes_and_of_axes() -> None:
    grid = np.arange(12, dtype=np.int32).reshape(3, 4)
    for array in (grid.astype(">i4"), np.asfortranarray(grid), grid[::2, ::-1], grid.T):
        for protocol in PROTOCOLS:
            loaded = parse_pickle(pickle.dumps(array, protocol), "x.pkl")
            assert np.array_equal(loaded, array) and loaded.dtype.isnative


def test_shared_and_ordered_containers() -> None:
    array = np.zeros(3)
    shared = [array, array]
    value = collections.OrderedDict([("b", shared), ("a", shared), ("c", (shared, 1))])
    for protocol in PROTOCOLS:
        loaded = parse_pickle(pickle.dumps(value, protocol), "x.pkl")
        assert list(loaded) == ["b", "a", "c"] and loaded["a"] is loaded["b"] is loaded["c"][0]
        assert isinstance(loaded["a"][0], np.ndarray)


class Calls:
    """An object whose pickle calls something."""

    def __init__(self, function: Any, *arguments: Any, state: Any = None) -> None:
        self._reduced = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self) -> Any:
        return self._reduced


ATTACKS = {
    "system": (Calls(os.system, "echo broken > OWNED"), os.system.__module__ + ".system"),
    "eval": (Calls(builtins.eval, "open('OWNED', 'w').close()"), "eval"),
    "exec": (Calls(builtins.exec, "open('OWNED', 'w').close()"), "exec"),
    "open": (Calls(builtins.open, "OWNED", "w"), "open"),
    "getattr": (Calls(builtins.getattr, np.ndarray, "tofile"), "getattr"),
    "import": (Calls(builtins.__import__, "antigravity"), "__import__"),
    "attrgetter": (Calls(operator.attrgetter, "__class__.__base__"), "attrgetter"),
    "partial": (Calls(functools.partial, print, "x"), "partial"),
    "numpy load": (Calls(np.load, "x.npy"), "load"),
    "numpy zeros": (Calls(np.full, (10**6, 10**6), 1.0), "full"),
    "numpy fromfile": (Calls(np.fromfile, "/etc/passwd"), "fromfile"),
    "bytes of a number": (Calls(builtins.bytes, 10**12), "bytes"),
    "bytearray of a number": (Calls(builtins.bytearray, 10**12), "bytearray"),
    "path": (Path("x"), "Path"),
    "set": ({1, 2}, "set"),
    "class": (Calls, "Calls"),
    "function": (np.zeros, "zeros"),
    "bare array type": (np.ndarray, "Global"),
}  # fmt: skip


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: {"a": [np.zeros(2), (x,)]}], ids=["bare", "nested"])
def test_anything_that_runs_is_refused_by_name(
    attack: str, protocol: int, wrap: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    value, name = ATTACKS[attack]
    with pytest.raises(CorpusError) as refused:
        parse_pickle(pickle.dumps(wrap(value), protocol), "bad.pkl")
    assert "bad.pkl" in str(refused.value)
    assert name in str(refused.value) or attack.startswith(("bytes", "bytearray"))
    assert not list(tmp_path.iterdir())


def test_reductions_inside_reductions_are_refused() -> None:
    inner = Calls(os.system, "echo inner")
    for value in (Calls(collections.OrderedDict, [("a", inner)]), Calls(collections.OrderedDict, [], state=inner)):
        with pytest.raises(CorpusError, match="system"):
            parse_pickle(pickle.dumps(value), "x.pkl")


def raw(*parts: bytes) -> bytes:
    """A pickle of protocol 2 written by hand."""
    return b"\x80\x02" + b"".join(parts) + b"."


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


RECONSTRUCT = b"cnumpy.core.multiarray\n_reconstruct\n"
NDARRAY = b"cnumpy\nndarray\n"
EMPTY = RECONSTRUCT + NDARRAY + b"K\x00\x85" + text("b") + b"\x87R"  # an array that waits for its state


def float_type(code: str = "f8") -> bytes:
    minus_one = b"J\xff\xff\xff\xff"
    made = b"cnumpy\ndtype\n" + text(code) + b"K\x00K\x01\x87R"
    return made + b"(K\x03" + text("<") + b"NNN" + 2 * minus_one + b"K\x00tb"


def state(shape: bytes, data: bytes, code: str = "f8") -> bytes:
    return b"(K\x01" + shape + float_type(code) + b"\x89" + data + b"tb"


EIGHT = b"U\x08" + bytes(8)
BOMBS = {
    "shape without bytes": raw(EMPTY, state(b"\x8a\x06\x00\x00\x00\x00\x00\x01\x85", EIGHT)),
    "negative shape": raw(EMPTY, state(b"J\xff\xff\xff\xff\x85", EIGHT)),
    "shape of floats": raw(EMPTY, state(b"G\x3f\xf0\x00\x00\x00\x00\x00\x00\x85", EIGHT)),
    "shape that is a number": raw(EMPTY, state(b"K\x01", EIGHT)),
    "object array": raw(EMPTY, state(b"K\x01\x85", b"]K\x01a", "O8")),
    "objects behind a float type": raw(EMPTY, state(b"K\x01\x85", b"]K\x01a")),
    "type of a gigabyte": raw(EMPTY, state(b"K\x01\x85", EIGHT, "S999999999")),
    "type with a name": raw(EMPTY, state(b"K\x01\x85", EIGHT, "f8,f8")),
    "array without state": raw(EMPTY),
    "huge string": raw(b"T\xff\xff\xff\x7f" + b"x"),
    "huge bytes": b"\x80\x04\x8e" + struct.pack("<Q", 2**50) + b"x.",
    "huge bytearray": b"\x80\x05\x96" + struct.pack("<Q", 2**40) + b"x.",
    "huge text": b"\x80\x04\x8d" + struct.pack("<Q", 2**45) + b"x.",
    "huge frame": b"\x80\x04\x95" + struct.pack("<Q", 2**50) + b"N.",
    "huge memo slot": raw(b"Nr\xff\xff\xff\xef"),
    "huge memo slot in text": raw(b"Np999999999\n"),
    "huge number": raw(b"I" + b"9" * 10000 + b"\n"),
    "extension registry": raw(b"\x82\x01"),
    "persistent object": raw(b"Psecret\n"),
    "out-of-band buffer": b"\x80\x05\x97.",
    "changed global": raw(RECONSTRUCT, b"}X\x01\x00\x00\x00aK\x01sb"),
    "changed class": raw(NDARRAY, b"N}X\x0c\x00\x00\x00__setstate__K\x01s\x86b"),
    "called class": raw(NDARRAY, b"(K\x01tR"),
    "new instance of a stand-in": raw(NDARRAY, b")\x81"),
    "another array class": raw(RECONSTRUCT, b"ccollections\nOrderedDict\n", b"K\x00\x85", text("b"), b"\x87R"),
    "list in itself as a key": raw(b"}(]K\x01tR"),
    "deep nesting": raw(b"]" * 5000 + b"a" * 4999),
    "empty": b"",
    "no pickle": b"RIFF....WAVE",
    "cut": pickle.dumps([np.arange(100.0)])[:-200],
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_false_claims_cost_neither_memory_nor_more_than_one_message(name: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(CorpusError, match="x.pkl"):
            parse_pickle(BOMBS[name], "x.pkl")
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_the_stand_ins_of_the_bombs_are_well_made() -> None:
    """The hand-written pieces are right but for what each bomb changes."""
    loaded = parse_pickle(raw(EMPTY, state(b"K\x01\x85", b"U\x08" + struct.pack("<d", 2.5))), "x.pkl")
    assert loaded.tolist() == [2.5]


def test_copies_of_the_same_data_cannot_multiply() -> None:
    """A megabyte encoded a thousand times over would be a gigabyte."""
    once = b"X" + struct.pack("<I", 10**6) + b"x" * 10**6 + b"q\x010"
    again = b"c_codecs\nencode\nh\x01" + text("latin1") + b"\x86R"
    with pytest.raises(CorpusError, match="far more than its own size"):
        parse_pickle(raw(b"(", once, again * 1000, b"l"), "x.pkl")


def test_references_to_the_same_list_are_followed_once() -> None:
    value: list[Any] = [np.zeros(2)]
    for _ in range(40):
        value = [value, value, value]
    loaded = parse_pickle(pickle.dumps(value), "x.pkl")
    for _ in range(40):
        assert loaded[0] is loaded[2]
        loaded = loaded[1]
    assert isinstance(loaded[0], np.ndarray)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_plain_or_refused(data: bytes) -> None:
    try:
        parse_pickle(b"\x80\x02" + data, "x.pkl")
    except CorpusError:
        pass


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_change_of_a_pickle_is_plain_or_refused(data: st.DataObject) -> None:
    written = bytearray(pickle.dumps({"a": np.arange(6.0).reshape(2, 3), "b": [np.float32(1), "x"]}, 2))
    for _ in range(data.draw(st.integers(1, 4))):
        written[data.draw(st.integers(0, len(written) - 1))] = data.draw(st.integers(0, 255))
    try:
        parse_pickle(bytes(written), "x.pkl")
    except CorpusError:
        pass


def test_files_are_remembered_until_they_change(tmp_path: Path) -> None:
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps({"a": 1}))
    first = load_pickle(path)
    assert load_pickle(path) is first
    path.write_bytes(pickle.dumps({"a": 12345}))
    assert load_pickle(path) == {"a": 12345}
    with pytest.raises(CorpusError, match="could not be read"):
        load_pickle(tmp_path / "none.pkl")


def test_python_would_have_run_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The attacks are real: Python's own unpickler runs this one."""
    monkeypatch.chdir(tmp_path)
    attack = pickle.dumps(Calls(builtins.exec, "open('OWNED', 'w').close()"))
    pickle.load(io.BytesIO(attack))
    assert (tmp_path / "OWNED").exists()
