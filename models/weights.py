"""Reads weights from the files that people publish and loads them strictly. No code is ever executed from a file."""

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.errors import UserError
from models.pickles import Network, read_pickle

TORCH_SUFFIXES = (".pt", ".pth", ".tar", ".ckpt", ".bin", ".model")
TORCH_STARTS = (
    b"PK\x03\x04",
    b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.",
)  # a zip archive; the magic number before that


class Weights(dict[str, Tensor]):
    """Tensors by name. Nested entries of a file are joined with dots: `generator.first.conv.weight`."""

    def part(self, *names: str) -> "Weights":
        """What stands under the first of `names` that is there, without that prefix; all of it if none is.

        So a network's weights are found in a whole training checkpoint (`generator`, `kp_detector`, ...), in a joint
        file with prefixes, and in a file of their own. The `module.` that data-parallel training leaves is dropped.
        """
        for name in names:
            found = Weights({k.removeprefix(f"{name}."): v for k, v in self.items() if k.startswith(f"{name}.")})
            if found:
                return found.part("module")
        return self.part("module") if "module" not in names else self

    def count(self, pattern: str, first: int = 0) -> int:
        """How many numbered entries there are: `count("blocks.{}.weight")` looks for blocks.0.weight and so on."""
        number = first
        while pattern.format(number) in self:
            number += 1
        return number - first

    def shape(self, key: str, axes: int | None = None) -> tuple[int, ...]:
        """Shape of a tensor that tells a network's size; `UserError` if there is none, or one of other than `axes`."""
        if key not in self:
            some = ", ".join(list(self)[:3]) or "nothing"
            raise UserError(f"the weights hold no {key!r} (they hold {some}, ...): this is another network's file")
        shape = tuple(self[key].shape)
        if axes is not None and len(shape) != axes:
            raise UserError(f"{key} has the shape {shape}, not {axes} axes: this is another network's file")
        return shape


def read_weights(path: Path) -> Weights:
    """Tensors of a `.safetensors`, `.npz`, `.pkl` or torch file, on the CPU; `UserError` when it cannot be read."""
    if not path.is_file():
        raise UserError(f"no weights at {path}: no such file")
    readers = {
        ".safetensors": _read_safetensors,
        ".npz": _read_npz,
        **dict.fromkeys((".pkl", *TORCH_SUFFIXES), _read_content),
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise UserError(f"{path.name}: weights end in one of {', '.join(readers)}, not in {path.suffix!r}")
    weights = Weights(reader(path))
    if not weights:
        raise UserError(f"{path.name}: there is no tensor in this file")
    return weights


def load_strictly(network: nn.Module, weights: Mapping[str, Tensor], assign: bool = False) -> None:
    """Load every tensor; one `UserError` lists all missing, unexpected and misshapen names.

    With `assign` the network takes the tensors themselves instead of copies: for large ones, made on "meta".
    """
    check_fit(weights, {key: tensor.shape for key, tensor in network.state_dict().items()}, type(network).__name__)
    network.load_state_dict(dict(weights), assign=assign)


def check_fit(weights: Mapping[str, Tensor], shapes: Mapping[str, Sequence[int]], network: str) -> None:
    """One `UserError` for all that is missing, unexpected or misshapen in weights that should have these `shapes`."""
    problems = {
        "missing": sorted(shapes.keys() - weights.keys()),
        "unexpected": sorted(weights.keys() - shapes.keys()),
        "misshapen": [
            f"{key} {tuple(weights[key].shape)} instead of {tuple(shape)}"
            for key, shape in shapes.items()
            if key in weights and tuple(weights[key].shape) != tuple(shape)
        ],
    }
    if any(problems.values()):
        parts = [f"{len(names)} {kind}: {', '.join(names)}" for kind, names in problems.items() if names]
        raise UserError(f"the weights do not fit {network}; {'; '.join(parts)}")


def _read_safetensors(path: Path) -> Mapping[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except SafetensorError as error:
        raise UserError(f"{path.name} is not a whole safetensors file ({error}); fetch it again") from error


def _read_npz(path: Path) -> Mapping[str, Tensor]:
    arrays = read_arrays(path)
    other = next((key for key, array in arrays.items() if array.dtype.kind not in "biuf"), None)
    if other is not None:
        raise UserError(f"{path.name}: {other} holds {arrays[other].dtype}, not numbers")
    return {key: torch.from_numpy(array) for key, array in arrays.items()}


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Arrays of an `.npz` file by name; `UserError` when it is missing, broken or holds objects."""
    if not path.is_file():
        raise UserError(f"no arrays at {path}: no such file")
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
    except (ValueError, EOFError, OSError, TypeError, zipfile.BadZipFile) as error:
        raise UserError(f"{path.name} is not a whole npz file of plain arrays ({error})") from error
    if not all(isinstance(array, np.ndarray) for array in arrays.values()):
        raise UserError(f"{path.name} is a zip file of something else than arrays")
    return arrays


def _read_content(path: Path) -> Mapping[str, Tensor]:
    return tensors_of(read_content(path))


def read_content(path: Path) -> Any:
    """Everything in a torch file or a `.pkl`, on the CPU; `UserError` when it cannot be read.

    NVIDIA's `.pkl` are plain pickles, see `read_pickle`; other people call what torch saved so too.
    """
    if path.suffix.lower() == ".pkl":
        with path.open("rb") as file:
            start = file.read(len(max(TORCH_STARTS, key=len)))
        if not start.startswith(TORCH_STARTS):
            return read_pickle(path)
    return read_torch(path)


def read_torch(path: Path) -> Any:
    """Everything in a torch file of tensors and plain types, on the CPU; `UserError` when it cannot be read."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:  # torch's text advises to run the code in the file
        raise UserError(f"{path.name} is not a torch file of plain tensors") from error
    except Exception as error:  # a broken or hostile file can make torch's reader raise anything
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise UserError(f"{path.name} is not a torch file of plain tensors ({reason})") from error


def tensors_of(content: Any) -> Weights:
    """The tensors in nested mappings; optimiser states (numbered) and everything else are passed over."""
    return Weights(_tensors(content))


def _tensors(content: Any, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    if isinstance(content, Tensor):
        yield prefix.removesuffix("."), content
    elif isinstance(content, np.ndarray) and content.dtype.kind in "biuf":
        yield prefix.removesuffix("."), torch.from_numpy(content)
    elif isinstance(content, Network):
        yield from _tensors(content.tensors(), prefix)
    elif isinstance(content, Mapping):
        for key, value in content.items():
            if isinstance(key, str):
                yield from _tensors(value, f"{prefix}{key}.")
