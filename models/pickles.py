"""Reads the numbers out of pickles that others published, without executing them and without the packages they name.

A pickle is a program that may call anything. Here the few names that such files need stand for inert objects of our
own, which only keep what they are given; any other name ends the reading. NVIDIA's StyleGAN files hold the source code
of their networks too: it is thrown away unread.
"""

import pickle
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy as np

from models.errors import UserError

ARRAY_KINDS = "biufcSU"  # types of arrays whose bytes are plain numbers or text
MOST_MODULES = 10_000  # in a network; NVIDIA's largest have a hundred


def read_pickle(path: Path) -> Any:
    """Content of a pickle of any protocol, of Python 2 (read as latin-1) or 3.

    Containers, numbers and text come back as they are; NumPy arrays, torch tensors, the numbers of chumpy arrays and
    scipy's csc matrices (made dense) as NumPy arrays; networks of NVIDIA's StyleGAN code as `Network`. What has no such
    numbers stays an `Opaque`.

    Raises:
        UserError: the file is missing or broken, or names a class or function outside this short list.
    """
    if not path.is_file():
        raise UserError(f"no file at {path}")
    with path.open("rb") as file:
        return _read(file, path)


def read_npy(path: Path) -> Any:
    """Content of a `.npy` file; one that holds an object, such as a dict of arrays, is read like `read_pickle`.

    Raises:
        UserError: as for `read_pickle`.
    """
    if not path.is_file():
        raise UserError(f"no file at {path}")
    with path.open("rb") as file:
        try:
            if np.lib.format.read_magic(file) == (1, 0):
                header = np.lib.format.read_array_header_1_0(file)
            else:
                header = np.lib.format.read_array_header_2_0(file)
            if not header[2].hasobject:
                return np.load(path, allow_pickle=False)
        except (ValueError, EOFError, OSError) as error:
            raise UserError(f"{path} is not a whole npy file ({error}); get it again") from error
        content = _read(file, path)
    return content[0] if isinstance(content, list) and len(content) == 1 else content


def _read(file: BinaryIO, path: Path) -> Any:
    try:
        return _plain(_Reader(file, encoding="latin1").load(), {})
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    except Exception as error:  # a broken or hostile pickle can make its reader raise anything
        reason = str(error).split("\n")[0] or type(error).__name__
        raise UserError(f"{path} is not a whole pickle ({reason}); get it again") from error


class Opaque:
    """An object of another package: the `name` of its class, and what stood in its `state`."""

    name = "itself"
    state: dict[str, Any]

    def __new__(cls, *_: Any) -> "Opaque":
        """With whatever arguments its class was made: protocol 2 makes objects without their constructor."""
        made = super().__new__(cls)
        made.state = {}
        return made

    def __setstate__(self, state: Any) -> None:
        """Keep the attributes of the pickled object, whatever they are called, out of the way of our own."""
        if isinstance(state, dict):
            self.state = state


class Network(Opaque):
    """A module of NVIDIA's StyleGAN code (`torch_utils.persistence`): its attributes and children in `state`."""

    def __init__(self, name: str, state: dict[str, Any]) -> None:
        self.name, self.state = name, state

    @property
    def arguments(self) -> dict[str, Any]:
        """Those of its constructor, by name."""
        return _dict(self.state.get("_init_kwargs"))

    def tensors(self) -> dict[str, np.ndarray]:
        """Parameters and buffers under the names of its state dict."""
        found: dict[str, np.ndarray] = {}
        for number, (prefix, module) in enumerate(self._modules()):
            if number == MOST_MODULES:
                raise UserError(f"a network of more than {MOST_MODULES} modules is none of NVIDIA's")
            passing = module.get("_non_persistent_buffers_set") or ()
            for kind in ("_parameters", "_buffers"):
                for name, value in _dict(module.get(kind)).items():
                    if isinstance(value, np.ndarray) and name not in passing:
                        found[f"{prefix}{name}"] = value
        return found

    def _modules(self, prefix: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
        yield prefix, self.state
        for name, module in _dict(self.state.get("_modules")).items():
            if isinstance(module, Network):
                yield from module._modules(f"{prefix}{name}.")


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


class _Name:
    """Something that a pickle may name; calling it runs `function`. A pickle can set nothing on it."""

    __slots__ = ("function", "name")

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        self.name, self.function = name, function

    def __call__(self, *arguments: Any) -> Any:
        return self.function(*arguments)

    def __setstate__(self, state: Any) -> NoReturn:
        raise UserError(f"it tries to change {self.name}")


class _Array:
    """An array under construction: NumPy pickles an empty one, then its state."""

    def __init__(self) -> None:
        self.value: Any = None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        *_, shape, kind, fortran, raw = state
        self.value = _array(raw, kind, shape, "F" if fortran else "C")


class _Type:
    """A NumPy dtype under construction."""

    def __init__(self, code: str, *_: Any) -> None:
        self.code = code
        self.big_endian = False

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.big_endian = state[1] == ">"

    @property
    def dtype(self) -> np.dtype:
        dtype = np.dtype(self.code).newbyteorder(">" if self.big_endian else "<")
        if dtype.kind not in ARRAY_KINDS:
            raise UserError(f"it holds an array of type {self.code}")
        return dtype


def _bytes(raw: Any) -> bytes:
    """Python 2 pickled bytes as text, which we read as latin-1."""
    return raw.encode("latin1") if isinstance(raw, str) else bytes(raw)


def _array(raw: Any, kind: _Type, shape: tuple[int, ...], order: Any) -> Any:
    """An array from its bytes; an array of objects as the flat list of them."""
    if isinstance(raw, list):
        return raw
    return np.frombuffer(_bytes(raw), kind.dtype).reshape(shape, order=order).copy()


def _wrapped(value: Any) -> _Array:
    array = _Array()
    array.value = value
    return array


def _encoded(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise UserError(f"it holds text in {encoding}")
    return text.encode("latin1")


def _storage(raw: Any) -> Any:
    """A torch storage within a pickle is a torch file of its own, which torch reads without executing it."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            return torch.load(BytesIO(_bytes(raw)), map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:  # torch's text advises to run the code in the file
            raise UserError("it holds a tensor that is not one of plain numbers") from error


def _tensor(storage: Any, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any) -> _Array:
    import torch

    with warnings.catch_warnings():  # torch makes typed storages of such files and calls them deprecated
        warnings.simplefilter("ignore", UserWarning)
        if np.prod(size, dtype=float) > len(storage):  # as a file of a few bytes can ask for, with strides of 0
            raise UserError(f"it holds a tensor {tuple(size)} of {len(storage)} numbers")
        empty = torch.empty(0, dtype=storage.dtype)
        return _wrapped(empty.set_(storage.untyped(), offset, size, stride).numpy().copy())


def _persistent(meta: Any) -> Network:
    """What NVIDIA's code pickles a module as: its attributes, and the source code of its class, never looked at."""
    if not isinstance(meta, dict) or not isinstance(meta.get("state"), dict):
        raise UserError("it makes a network in an unknown way")
    return Network(str(meta.get("class_name")), meta["state"])


def _made(maker: Any, *_: Any) -> Any:
    """Protocols 0 and 1: an object of the named class, made without its constructor."""
    if not isinstance(maker, type) or not issubclass(maker, Opaque):
        raise UserError("it makes an object in an unknown way")
    return maker()


def _numpy_names() -> dict[str, Callable[..., Any]]:
    names: dict[str, Callable[..., Any]] = {"numpy.dtype": _Type, "numpy.ndarray": _Array}
    for core in ("numpy.core", "numpy._core"):
        names[f"{core}.multiarray._reconstruct"] = lambda *_: _Array()
        names[f"{core}.multiarray.scalar"] = lambda kind, raw: _wrapped(_array(raw, kind, (), "C")[()])
        names[f"{core}.numeric._frombuffer"] = lambda raw, kind, shape, order: _wrapped(_array(raw, kind, shape, order))
    return names


FUNCTIONS: dict[str, Callable[..., Any]] = {
    **_numpy_names(),
    "_codecs.encode": _encoded,
    "copy_reg._reconstructor": _made,
    "copyreg._reconstructor": _made,
    **{f"{home}.{plain.__name__}": plain for home in ("__builtin__", "builtins") for plain in (object, set, frozenset)},
    "__builtin__.bytes": lambda: b"",
    "torch._utils._rebuild_tensor_v2": _tensor,
    **{f"torch._utils._rebuild_parameter{more}": lambda data, *_: data for more in ("", "_with_state")},
    "torch.nn.parameter.Parameter": lambda data, *_: data,
    "torch.Size": tuple,
    "torch.device": lambda *words: ":".join(str(word) for word in words),
    "torch_utils.persistence._reconstruct_persistent_obj": _persistent,
    "torch.storage._load_from_bytes": _storage,
}
DICTIONARIES = ("collections.OrderedDict", "dnnlib.util.EasyDict")
SPARSE = {f"scipy.sparse.{module}.csc_matrix" for module in ("csc", "_csc")}


class _Reader(pickle.Unpickler):
    """An unpickler for which the world consists of `FUNCTIONS` and inert classes."""

    def find_class(self, module: str, name: str) -> Any:
        full = f"{module}.{name}"
        if full in FUNCTIONS:
            return _Name(full, FUNCTIONS[full])
        if full in DICTIONARIES:
            return OrderedDict
        if full in SPARSE or module.split(".")[0] == "chumpy":
            return type("Inert", (Opaque,), {"name": full, "__init__": lambda self, *_: None})
        if module.startswith("dnnlib.tflib"):
            raise UserError("it is of NVIDIA's TensorFlow code; get that of their PyTorch code (models.assets list)")
        raise UserError(f"it names {full}, which a file of numbers does not need; it is not read any further")

    def persistent_load(self, pid: Any) -> NoReturn:
        raise UserError("it refers to objects outside itself")


def _plain(value: Any, done: dict[int, Any]) -> Any:
    """The containers of `value` with arrays for what stands for arrays; `done` keeps what occurs twice."""
    key = id(value)
    if key not in done:
        done[key] = Opaque()  # what a container that holds itself finds there
        done[key] = _converted(value, done)
    return done[key]


def _converted(value: Any, done: dict[int, Any]) -> Any:
    if isinstance(value, _Array):
        return _plain(value.value, done)
    if isinstance(value, dict):
        return {_plain(key, done): _plain(entry, done) for key, entry in value.items()}
    if isinstance(value, list):
        return [_plain(entry, done) for entry in value]
    if isinstance(value, tuple):
        return tuple(_plain(entry, done) for entry in value)
    if isinstance(value, Network):
        return Network(value.name, _plain(value.state, done))
    if isinstance(value, Opaque):
        state = _plain(value.state, done)
        if value.name in SPARSE:
            return _dense(state)
        return state["x"] if isinstance(state.get("x"), np.ndarray) else value
    return value


def _dense(state: dict[str, Any]) -> np.ndarray:
    """A compressed sparse column matrix (R, C) as an array."""
    rows, columns = (int(size) for size in state["_shape"])
    column = np.repeat(np.arange(columns), np.diff(state["indptr"]))
    matrix = np.zeros((rows, columns), state["data"].dtype)
    np.add.at(matrix, (state["indices"], column), state["data"])
    return matrix
