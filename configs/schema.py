"""The typed schema of each command's config: its keys, their types and choices.

Nodes that build an object (`_target_`) are typed `Any` here: their schema is the signature of what they build
(configs/instantiate.py).
"""

import types
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from omegaconf import DictConfig, ListConfig

from configs.instantiate import fits
from models.errors import UserError

Switch = Literal["on", "off"]


@dataclass
class Prepare:
    """`prepare.py`."""

    task: Literal["prepare", "describe", "preview", "coefficients", "invert"]
    input: str | None
    output: str
    identities: str | None
    workers: int | None
    size: int
    policy: Literal["largest", "central", "all"]
    kind: Literal["clips", "frames"]
    crf: int
    rows: int
    source: Any
    data: Any
    analyser: Any
    crop: Any
    coefficients: Any
    face_model: Any
    runner: Any
    generator: Any
    inversion: Any
    name: str | None
    batch: int
    device: str
    rules: Any
    shards: Any


@dataclass
class Train:
    """`train.py`, its experiments and presets."""

    stage: str
    preset: str
    size: int | None
    validate_every: int
    output: str
    resume: bool
    seed: int
    data: Any
    face_model: Any
    generator: Any
    model: Any
    module: Any
    callbacks: Any
    trainer: Any
    logger: Any


@dataclass
class Animate:
    """`animate.py`."""

    checkpoint: str
    source: str
    driving: str
    output: str
    motion: Literal["relative", "absolute"]
    scale: dict[str, float]
    face: Literal["largest", "central"] | int
    driving_face: Literal["largest", "central"]
    missing_face: Literal["hold", "skip", "stop"]
    mark: Switch
    sound: Switch
    device: str
    batch: int
    method: Any
    analyser: Any
    crop: Any


@dataclass
class Evaluate:
    """`evaluate.py`."""

    name: str
    checkpoint: str
    output: str
    device: str
    batch: int
    data: Any
    method: Any
    protocol: Any
    landmarks: Any
    observers: Any
    logger: Any


@dataclass
class Benchmark:
    """`benchmark.py`."""

    rows: list[str] | str
    output: str
    title: str
    tables: list[str] | str | None
    media_mb: float
    logger: Any


def check_schema(config: DictConfig, schema: type) -> None:
    """Hold the first level of a composed config against its schema; true and false stand for on and off.

    Raises:
        UserError: all that is wrong in one line: unknown keys, wrong types, words that are no choice.
    """
    hints, problems = get_type_hints(schema), []
    known = [field.name for field in fields(schema)]
    for key in map(str, config):
        if key not in known:
            near = get_close_matches(key, known, 1)
            problems.append(f"unknown key {key}{f'; did you mean {near[0]}?' if near else ''}")
            continue
        if hints[key] == Switch and isinstance(config[key], bool):
            config[key] = "on" if config[key] else "off"
        if key in config and not fits(_plain(config[key]), hints[key]):
            problems.append(f"{key}={config[key]}: it must be {_in_words(hints[key])}")
    if problems:
        raise UserError("; ".join(problems))


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, ListConfig) else value


WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text", types.NoneType: "null"}


def _in_words(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return f"one of {', '.join(map(str, get_args(hint)))}"
    if get_origin(hint) in (Union, types.UnionType):
        return " or ".join(_in_words(part) for part in get_args(hint))
    if get_origin(hint) is list:
        return "a list, as in [a,b]"
    return WORDS.get(hint, str(hint))
