"""Checkpoints that stand for themselves: what is in them, and how the other commands read them.

Beside Lightning's own keys a file holds `figurehead`, plain types and tensors only:

    version          of this layout
    stage            which training, e.g. "sadtalker/face_vid2vid"
    config           the resolved config of the training
    dataset          facts about the training images: `size`, `crop`
    loggers          class -> id of the run there, to be continued by a resumed training
    generator_steps  and `batches`
    average          averaged weights of `model`; only when they were kept
"""

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from models.errors import UserError

VERSION = 1


@dataclass(frozen=True)
class Checkpoint:
    """What is needed to use the network of a training.

    Attributes:
        stage: the experiment, such as `sadtalker/face_vid2vid`.
        config: the resolved config of the training, plain types.
        dataset: facts about the training images: `size` in pixels and `crop`, the kind of crop.
        weights: of `model`, without a prefix; the averaged ones where there are any.
        averaged: whether `weights` are averaged.
        generator_steps: how long it was trained.
        loggers: class of the logger -> id of the run.

    """

    stage: str
    config: dict[str, Any]
    dataset: dict[str, Any]
    weights: dict[str, Tensor]
    averaged: bool
    generator_steps: int
    loggers: dict[str, str]


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a file of `train.py` on the CPU, without running code from it.

    Raises:
        UserError: there is no such file, it is truncated, or it is not one of ours.
    """
    if not path.is_file():
        raise UserError(f"checkpoint={path}: there is no such file; train.py writes OUTPUT/checkpoints/last.ckpt")
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise UserError(f"checkpoint={path} cannot be read: {error.strerror}") from error
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        # what torch says here includes how to run the code in the file
        raise UserError(
            f"checkpoint={path} ({path.stat().st_size} bytes) cannot be read: it is truncated or not a checkpoint of "
            "train.py"
        ) from error
    ours = stored.get("figurehead") if isinstance(stored, dict) else None
    if not isinstance(ours, dict):
        raise UserError(f"checkpoint={path} was not written by train.py; the authors' weights go to models.official")
    if ours.get("version") != VERSION:
        raise UserError(f"checkpoint={path} has layout {ours.get('version')}, this is layout {VERSION}; train again")
    average = ours.get("average")
    raw = {key.removeprefix("model."): v for key, v in stored["state_dict"].items() if key.startswith("model.")}
    return Checkpoint(
        stage=ours["stage"],
        config=ours["config"],
        dataset=ours["dataset"],
        weights=raw if average is None else average,
        averaged=average is not None,
        generator_steps=ours["generator_steps"],
        loggers=ours["loggers"],
    )
