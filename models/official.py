"""Runs the authors' checkpoints: `python -m models.official list` and `python -m models.official run NAME ...`.

A case is a public function of some `models/<folder>/official.py`, and its signature is all there is to say about it:
`weights` is there when it needs a checkpoint and `model_file` when it needs the path of a face model, every other
positional argument is an array of the inputs file, every keyword-only argument can be set with `--config`, and it
returns the arrays of the outputs file. Numbers with a fraction come in float32; as they are in the file where the
annotation is an `Annotated`.
"""

import argparse
import importlib
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn, get_origin

import numpy as np
import torch
from torch import Tensor

from models.aside import written_aside
from models.errors import UserError
from models.weights import Weights, read_arrays, read_weights

Case = Callable[..., dict[str, Tensor]]
Parameters = Mapping[str, inspect.Parameter]

FILES = {"weights": "weights + ", "model_file": "face model file + "}  # arguments that --weights gives, and their words
TRUTH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def cases() -> dict[str, Case]:
    """Every case by name."""
    found: dict[str, Case] = {}
    for file in sorted(Path(__file__).parent.glob("*/official.py")):
        module = importlib.import_module(f"models.{file.parent.name}.official")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ == module.__name__ and not name.startswith("_"):
                found[name] = function
    return found


def run(
    name: str,
    weights: Weights | None,
    inputs: Mapping[str, np.ndarray],
    config: Mapping[str, str] | None = None,
    model_file: Path | None = None,
) -> dict[str, np.ndarray]:
    """Outputs of case `name`; `config` holds values as text; `model_file` is a face model, None: from the assets.

    Raises `UserError` for an unknown case, for weights, arrays or settings that are missing, and for what does not fit.
    """
    case, parameters = _find(name)
    arrays, settings = _arrays(name, parameters, inputs), _settings(name, parameters, config or {})
    if "weights" in parameters:
        if weights is None:
            raise UserError(f"{name} needs --weights: a checkpoint in the authors' key layout")
        settings["weights"] = weights
    if "model_file" in parameters:
        settings["model_file"] = model_file
    try:
        with torch.inference_mode():
            outputs = case(**arrays, **settings)
    except (
        RuntimeError,
        IndexError,
        TypeError,
        ValueError,
        ArithmeticError,
    ) as error:  # how shapes are said not to fit
        shapes = ", ".join(f"{key} {tuple(array.shape)}" for key, array in arrays.items())
        reason = str(error).strip().split("\n")[0]
        raise UserError(f"{name}: these inputs do not fit ({shapes}): {reason}") from error
    return {key: value.numpy() for key, value in outputs.items()}


def _find(name: str) -> tuple[Case, Parameters]:
    known = cases()
    if name not in known:
        raise UserError(f"there is no case {name!r}; `python -m models.official list` names them")
    return known[name], inspect.signature(known[name]).parameters


def _array_names(parameters: Parameters) -> list[str]:
    return [key for key, p in parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD and key not in FILES]


def _setting_names(parameters: Parameters) -> list[str]:
    return [key for key, p in parameters.items() if p.kind is p.KEYWORD_ONLY]


def _arrays(name: str, parameters: Parameters, inputs: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    """The inputs as tensors."""
    names = _array_names(parameters)
    missing = [key for key in names if key not in inputs and parameters[key].default is inspect.Parameter.empty]
    unknown = [key for key in inputs if key not in names]
    if missing or unknown:
        wrong = " and ".join(
            f"{verb} {', '.join(keys)}" for verb, keys in (("lacks", missing), ("has unknown", unknown)) if keys
        )
        raise UserError(f"{name} takes the arrays {', '.join(names)}; the inputs file {wrong}")
    return {key: _tensor(key, array, parameters[key].annotation) for key, array in inputs.items()}


def _tensor(key: str, array: np.ndarray, annotation: Any) -> Tensor:
    if array.dtype.kind not in "biuf":
        raise UserError(f"the inputs file's {key} holds {array.dtype}, not numbers")
    tensor = torch.from_numpy(np.array(array, array.dtype.newbyteorder("="), order="C"))
    keep = get_origin(annotation) is Annotated or not tensor.is_floating_point()
    return tensor if keep else tensor.float()


def _settings(name: str, parameters: Parameters, config: Mapping[str, str]) -> dict[str, Any]:
    names = _setting_names(parameters)
    unknown = [key for key in config if key not in names]
    if unknown:
        choice = f"it has {', '.join(names)}" if names else "it has none"
        raise UserError(f"{name} has no setting {', '.join(unknown)}; {choice}")
    return {key: _value(key, text, parameters[key].annotation) for key, text in config.items()}


def _value(key: str, text: str, kind: type) -> Any:
    try:
        return TRUTH[text.lower()] if kind is bool else kind(text)
    except (KeyError, ValueError) as error:
        raise UserError(f"--config {key}={text}: this must be of type {kind.__name__}") from error


def _write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write an `.npz` beside its place and rename it, so that nothing half-written is ever found there."""
    try:
        with written_aside(path) as part, part.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from error


def _list() -> None:
    for name, case in cases().items():
        parameters = inspect.signature(case).parameters
        files = "".join(word for key, word in FILES.items() if key in parameters)
        takes = [files + ", ".join(_array_names(parameters))]
        takes += [f"{key}={parameters[key].default}" for key in _setting_names(parameters)]
        print(f"{name:28s} {(inspect.getdoc(case) or '').splitlines()[0]}\n{'':28s}   {'; '.join(takes)}")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; see `python -m models.official --help`")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m models.official", description="Run the authors' checkpoints on arrays.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="what can be run, with the arrays and settings it takes")
    one = commands.add_parser("run", help="run one case")
    one.add_argument("name", metavar="NAME")
    one.add_argument(
        "--weights",
        type=Path,
        help="checkpoint in the authors' layout: .safetensors, .npz, .pkl, .pt, .pth, .tar; or the face model's file",
    )
    one.add_argument("--inputs", type=Path, required=True, help="npz file of the arrays that the case takes")
    one.add_argument("--outputs", type=Path, required=True, help="npz file to write")
    one.add_argument(
        "--config", nargs="+", action="extend", default=[], metavar="KEY=VALUE", help="settings that shapes do not tell"
    )
    return parser


def _run(options: argparse.Namespace) -> None:
    _, parameters = _find(options.name)
    for setting in options.config:
        if "=" not in setting:
            raise UserError(f"--config {setting}: settings are written key=value")
    inputs = read_arrays(options.inputs)
    weights = read_weights(options.weights) if options.weights and "weights" in parameters else None
    config = dict(setting.split("=", 1) for setting in options.config)
    _write_arrays(options.outputs, run(options.name, weights, inputs, config, options.weights))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code: 0, or 2 for a mistake of the user's."""
    try:
        options = _parser().parse_args(arguments)
        if options.command == "list":
            _list()
        else:
            _run(options)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
