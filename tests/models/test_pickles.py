"""Pickles of other people's: what is read out of them, and that nothing in them is ever executed."""

import io
import pickle
import struct
import sys
import types
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models.errors import UserError
from models.pickles import Opaque, read_npy, read_pickle

ARRAYS = [
    np.arange(6, dtype=np.float32).reshape(2, 3),
    np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.arange(4, dtype=">i4"),
    np.array([4294967295, 0], dtype=np.uint32),
    np.array([True, False]),
    np.array(["a", "bcd"]),
    np.zeros((0, 3)),
    np.array(2.5),
]


Pickler: Any = pickle._Pickler  # the one in Python, which can be told to write other opcodes


class PythonTwoPickler(Pickler):
    """Writes text and bytes as Python 2 wrote its strings, and names modules as they were called then."""

    def save_string(self, text: bytes) -> None:
        self.write(b"T" + struct.pack("<i", len(text)) + text)

    dispatch = {  # noqa: RUF012
        **Pickler.dispatch,
        bytes: save_string,
        str: lambda self, text: self.save_string(text.encode("latin1")),
    }


def python_two(content: Any) -> bytes:
    file = io.BytesIO()
    PythonTwoPickler(file, protocol=2, fix_imports=True).dump(content)
    renamed = {b"cnumpy._core.": b"cnumpy.core.", b"cscipy.sparse._csc\n": b"cscipy.sparse.csc\n"}
    raw = file.getvalue()
    for now, then in renamed.items():
        raw = raw.replace(now, then)
    return raw


@pytest.fixture
def chumpy(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A package as chumpy's, there while a pickle is written; the class keeps its numbers in `x`."""
    package, module = types.ModuleType("chumpy"), types.ModuleType("chumpy.ch")

    class Ch:
        def __init__(self, x: np.ndarray | None) -> None:
            self.x, self._dirty_vars, self._status = x, {"x"}, "new"

    Ch.__module__, Ch.__qualname__ = "chumpy.ch", "Ch"
    module.Ch = Ch  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "chumpy", package)
    monkeypatch.setitem(sys.modules, "chumpy.ch", module)
    return Ch


def written(folder: Path, raw: bytes) -> Path:
    path = folder / "file.pkl"
    path.write_bytes(raw)
    return path


@pytest.mark.parametrize("protocol", range(6))
def test_arrays_and_containers_of_every_protocol(protocol: int, tmp_path: Path) -> None:
    content = {
        "arrays": ARRAYS,
        "scalar": np.float64(0.1),
        "plain": [1, 2.5, None, True, "text", b"\x00\xff", (1, (2,))],
        "ordered": OrderedDict(a=1),
        7: {"twice": [ARRAYS[0], ARRAYS[0]]},
    }
    back = read_pickle(written(tmp_path, pickle.dumps(content, protocol)))
    for found, array in zip(back["arrays"], ARRAYS, strict=True):
        assert found.shape == array.shape
        assert found.dtype == array.dtype
        np.testing.assert_array_equal(found, array)
    assert back["scalar"] == 0.1
    assert back["plain"] == content["plain"]
    assert back["ordered"] == {"a": 1}
    assert back[7]["twice"][0] is back[7]["twice"][1]


def test_python_two_file_with_chumpy_and_a_sparse_matrix(chumpy: Any, tmp_path: Path) -> None:
    from scipy.sparse import csc_matrix

    matrix = np.array([[0, 2.5, 0], [1, 0, 0]])
    content = {
        "v": chumpy(ARRAYS[0]),
        "regressor": csc_matrix(matrix),
        "f": np.arange(3, dtype=np.uint32),
        "bs": "lrotmin",
    }
    raw = python_two(content)
    assert raw.startswith(b"\x80\x02")
    assert b"cchumpy.ch\nCh\n" in raw
    assert b"cnumpy.core.multiarray\n" in raw
    back = read_pickle(written(tmp_path, raw))
    np.testing.assert_array_equal(back["v"], ARRAYS[0])
    np.testing.assert_array_equal(back["regressor"], matrix)
    np.testing.assert_array_equal(back["f"], [0, 1, 2])
    assert back["bs"] == "lrotmin"


@pytest.mark.parametrize("protocol", [0, 1, 2, 4])
def test_chumpy_of_other_protocols_and_without_numbers(protocol: int, chumpy: Any, tmp_path: Path) -> None:
    back = read_pickle(written(tmp_path, pickle.dumps([chumpy(ARRAYS[0]), chumpy(None)], protocol)))
    np.testing.assert_array_equal(back[0], ARRAYS[0])
    assert isinstance(back[1], Opaque)
    assert back[1].name == "chumpy.ch.Ch"


def test_npy_with_a_dict_of_arrays_and_tensors(tmp_path: Path) -> None:
    """As DECA's landmark_embedding.npy: an array of one object, with torch tensors inside a plain pickle."""
    tensor = torch.arange(12, dtype=torch.int64).view(3, 4).T
    content = {"faces": tensor, "weights": torch.rand(2, 3), "static": ARRAYS[0]}
    np.save(tmp_path / "file.npy", np.array(content, dtype=object))
    back = read_npy(tmp_path / "file.npy")
    np.testing.assert_array_equal(back["faces"], tensor.numpy())
    np.testing.assert_array_equal(back["weights"], content["weights"])
    np.testing.assert_array_equal(back["static"], ARRAYS[0])
    np.save(tmp_path / "plain.npy", ARRAYS[0])
    np.testing.assert_array_equal(read_npy(tmp_path / "plain.npy"), ARRAYS[0])


HARMFUL = ["os.system", "subprocess.call", "builtins.eval", "builtins.exec", "builtins.getattr"]


class Gadget:
    """Pickles as a call of `function`."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize(
    "words", ["os.system", "builtins.eval", "builtins.exec", "subprocess.call", "builtins.getattr"]
)
def test_a_call_of_anything_is_refused_by_name(words: str, protocol: int, tmp_path: Path) -> None:
    import importlib

    module, name = words.split(".")
    mark = tmp_path / "executed"
    harm = Gadget(getattr(importlib.import_module(module), name), f"touch {mark}")
    with pytest.raises(UserError, match=rf"file.pkl: it names \w+\.{name}, which a file of numbers does not need"):
        read_pickle(written(tmp_path, pickle.dumps({"v_template": ARRAYS[0], "harm": harm}, protocol)))
    assert not mark.exists()


BROKEN = {
    "a chumpy class is not asked to run": b"cchumpy.os\nsystem\n(S'touch executed'\ntR.",
    "a state for a function": b"c_codecs\nencode\n}S'__defaults__'\nI1\nsb.",
    "a state for a class": b"cchumpy.ch\nCh\n}S'name'\nI1\nsb.",
    "codecs that run": b"c_codecs\nencode\n(S'x'\nS'rot13'\ntR.",
    "an array of objects from bytes": (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"
        b"(I1\n(I1\ntcnumpy\ndtype\n(S'O8'\nI0\nI1\ntRI00\nS'12345678'\ntb."
    ),
    "an array larger than its bytes": (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"
        b"(I1\n(I1000000\ntcnumpy\ndtype\n(S'f8'\nI0\nI1\ntRI00\nS'12345678'\ntb."
    ),
    "an object outside": b"I1\nQ.",
    "an unknown maker": b"ccopy_reg\n_reconstructor\n(ccollections\nOrderedDict\nc__builtin__\nobject\nNtR.",
    "no pickle": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 53023716\n",
    "cut short": pickle.dumps(ARRAYS)[:-20],
    "empty": b"",
}


@pytest.mark.parametrize("raw", BROKEN.values(), ids=BROKEN.keys())
def test_broken_and_hostile_files_are_one_plain_line(
    raw: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = written(tmp_path, raw)
    try:
        content = read_pickle(path)
    except UserError as error:
        assert "\n" not in str(error)
        assert "file.pkl" in str(error)
    else:
        assert isinstance(content, Opaque)  # inert, and nothing happened
    assert not (tmp_path / "executed").exists()
    np.testing.assert_array_equal(read_pickle(written(tmp_path, pickle.dumps(ARRAYS[0]))), ARRAYS[0])  # no traces left


def test_nesting_that_would_never_end(tmp_path: Path) -> None:
    itself: list[Any] = []
    itself.append(itself)
    assert isinstance(read_pickle(written(tmp_path, pickle.dumps(itself)))[0], Opaque)
    doubled: list[Any] = [1]
    for _ in range(200):
        doubled = [doubled, doubled]  # 2 ** 200 entries if each were visited
    assert len(read_pickle(written(tmp_path, pickle.dumps(doubled)))) == 2
    with pytest.raises(UserError, match="not a whole pickle"):
        read_pickle(written(tmp_path, b"]" * 100_000 + b"a" * 99_999 + b"."))


def test_missing_files(tmp_path: Path) -> None:
    for reader in (read_pickle, read_npy):
        with pytest.raises(UserError, match="no file at"):
            reader(tmp_path / "none")
    (tmp_path / "text.npy").write_text("not an array")
    with pytest.raises(UserError, match="not a whole npy file"):
        read_npy(tmp_path / "text.npy")
