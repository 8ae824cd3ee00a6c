"""Objects from config nodes: a constructor is the schema of its node, an argument is a key of the same name."""

import inspect
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal, Union, Unpack, get_args, get_origin, get_type_hints

import hydra
from hydra.errors import InstantiationException
from omegaconf import DictConfig, OmegaConf

from models.errors import UserError

RESERVED = {"_target_", "_partial_", "_recursive_", "_convert_", "_args_"}


def build(node: DictConfig | Mapping[str, Any], **extra: Any) -> Any:
    """Instantiate `node` (and the nodes inside) with plain Python values; `extra` adds arguments that no YAML can hold.

    Raises:
        UserError: a key that the constructor does not take, a value of another type, or a required argument missing.
    """
    plain: Any = OmegaConf.to_container(node, resolve=True) if isinstance(node, DictConfig) else dict(node)
    check_config(plain)
    taken = arguments(hydra.utils.get_object(plain["_target_"]))
    missing = sorted(taken.required - set(plain) - set(extra))
    if missing and not plain.get("_partial_"):
        raise UserError(f"{plain['_target_']} needs {', '.join(missing)}")
    try:
        return hydra.utils.instantiate(plain, _convert_="all", **extra)
    except InstantiationException as error:
        cause = error.__cause__  # what the constructor says, in its own words
        if isinstance(cause, UserError):
            raise cause from None
        if type(cause).__name__ == "MisconfigurationException":  # Lightning's word for a mistake of the user's
            raise UserError(str(cause)) from error
        raise


def check_config(config: DictConfig | Mapping[str, Any]) -> None:
    """Hold every `_target_` node of a composed config against the signature it will be passed to.

    Raises:
        UserError: all that is wrong, in one line, each with the dotted key and the nearest right name.
    """
    plain = OmegaConf.to_container(config, resolve=True) if isinstance(config, DictConfig) else config
    problems = [problem for key, node in targets(plain) for problem in node_problems(key, node)]
    if problems:
        raise UserError("; ".join(problems))


def targets(node: Any, key: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (dotted key, node) for every mapping with a `_target_`, outermost first."""
    if isinstance(node, Mapping):
        if "_target_" in node:
            yield key, dict(node)
        for name, child in node.items():
            yield from targets(child, f"{key}.{name}" if key else str(name))
    elif isinstance(node, list):
        for index, child in enumerate(node):
            yield from targets(child, f"{key}[{index}]")


def node_problems(key: str, node: dict[str, Any]) -> list[str]:
    """What is wrong with the arguments of one node, in words."""
    try:
        target = hydra.utils.get_object(node["_target_"])
    except (ImportError, AttributeError, ValueError) as error:
        return [f"{key}._target_: cannot find {node['_target_']} ({error})"]
    taken, problems = arguments(target), []
    for name, value in node.items():
        where = f"{key}.{name}" if key else name
        if name in RESERVED:
            continue
        if name not in taken.types:
            if not taken.open_ended:
                near = get_close_matches(name, list(taken.types), 1)
                problems.append(f"unknown key {where}{f'; did you mean {near[0]}?' if near else ''}")
        elif not fits(value, taken.types[name]):
            wanted = inspect.formatannotation(taken.types[name])
            problems.append(f"{where}={value!r} should be {wanted}")
    return problems


@dataclass
class Arguments:
    """What a constructor takes by name."""

    types: dict[str, Any]
    required: set[str]
    open_ended: bool = False  # whether it takes names that it does not say


def arguments(target: Any) -> Arguments:
    """Of a class or a function; those of `**more: Unpack[T]` are the keys of the TypedDict T."""
    hints, found = annotations(target), Arguments({}, set())
    for name, parameter in inspect.signature(target).parameters.items():
        hint = hints.get(name, Any)
        if parameter.kind is parameter.VAR_KEYWORD and get_origin(hint) is Unpack:
            (more,) = get_args(hint)
            found.types |= get_type_hints(more)
            found.required |= more.__required_keys__
        elif parameter.kind is parameter.VAR_KEYWORD:
            found.open_ended = True
        elif parameter.kind is not parameter.VAR_POSITIONAL:
            found.types[name] = hint
            found.required |= {name} if parameter.default is parameter.empty else set()
    return found


def annotations(target: Any) -> dict[str, Any]:
    """Types of the arguments by name; none where a library names types that exist only for its type checker."""
    try:
        return get_type_hints(target.__init__ if inspect.isclass(target) else target)
    except NameError:
        return {}


def fits(value: Any, hint: Any) -> bool:
    """Whether a plain YAML value can be passed where `hint` is asked for; objects built from nodes always fit."""
    if isinstance(value, Mapping) and "_target_" in value:
        return True
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return any(fits(value, argument) for argument in arguments)
    if origin is Literal:
        return value in arguments
    if origin in (list, tuple, Sequence) or hint in (list, tuple):
        if not isinstance(value, list | tuple):
            return False
        inner = arguments[:1] if origin is not tuple or Ellipsis in arguments else ()
        return all(fits(item, inner[0]) for item in value) if inner else True
    if origin in (dict, Mapping) or hint is dict:
        return isinstance(value, Mapping)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if hint is None or hint is type(None):
        return value is None
    return isinstance(value, hint) if hint in (bool, str) else True
