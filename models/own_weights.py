"""Weights in files of our own: `.safetensors` with facts in the metadata, and checkpoints of `train.py`."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from torch import nn

from models.aside import written_aside
from models.assets import find, registry
from models.errors import UserError
from models.weights import Weights

SMALL = 1024  # numbers of a tensor that is kept in full precision


class Trained(NamedTuple):
    """What a training has made: the class of its model, the constructor's arguments, and the weights."""

    kind: str
    arguments: dict[str, Any]
    weights: Weights


def located(file: str, what: str, embedded: Mapping[str, Path], suits: Callable[[str], bool]) -> Path:
    """The path of weights that come with the code, of an asset, or that is given as it is.

    Args:
        file: one of `embedded`, the name of an asset, or a path.
        what: they are of, for messages.
        embedded: by name.
        suits: whether an asset of that name may be what is wanted, for messages.

    Raises:
        MissingAsset: of that name.
        UserError: there is no such file.
    """
    path = embedded.get(file, Path(file).expanduser())
    if file in registry() and not path.is_file():
        return find(file)
    if path.is_file():
        return path
    if file in embedded:
        raise UserError(
            f"the {what} {file} does not come with this version: {path.parent}/README.md tells how far it is"
        )
    named = ", ".join([*embedded, *filter(suits, registry())])
    raise UserError(f"there is no {what} {file}: neither such a file nor one of {named}")


@contextmanager
def reading(what: str, path: Path) -> Iterator[None]:
    """Inside, a network is made of a file: what goes wrong there becomes a `UserError` that names both."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{what} {path}: {error}") from error
    except Exception as error:  # what hostile facts and shapes lead to
        reason = str(error).split("\n")[0] or type(error).__name__
        raise UserError(f"{what} {path}: this file holds no such network ({reason})") from error


def save_halved(path: Path, network: nn.Module, facts: dict[str, str]) -> None:
    """Write the weights, what is large of them in half precision, with facts about them."""
    from safetensors.torch import save_file

    tensors = {
        key: (tensor.half() if tensor.is_floating_point() and tensor.numel() >= SMALL else tensor).cpu().contiguous()
        for key, tensor in network.state_dict().items()
    }
    with written_aside(path) as part:
        save_file(tensors, part, facts)


def facts_of(path: Path) -> dict[str, str]:
    """The facts in a `.safetensors` file; none where there are none.

    Raises:
        UserError: it is not whole.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            return file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise UserError(f"this is not a whole safetensors file ({error}); get it again") from error


def trained(content: Mapping[str, Any]) -> Trained:
    """The `model` of a checkpoint of `train.py`: the averaged weights where there are any.

    Raises:
        UserError: it is none.
    """
    try:
        ours = content["figurehead"]
        arguments = dict(ours["config"]["model"])
        kind = arguments.pop("_target_").split(".")[-1]
        return Trained(kind, arguments, Weights(ours.get("average") or Weights(content["state_dict"]).part("model")))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UserError("this is not a checkpoint of train.py") from error
