"""A trained method from its config (`configs/method/*.yaml`) and a checkpoint of `train.py`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf

from configs.command import CONFIGS, options
from configs.instantiate import build
from datamodules.location import Location
from datamodules.shard_format import parse_dataset, sha256
from lightning_modules.checkpoints import Checkpoint, read_checkpoint
from models.animator import Animator
from models.errors import UserError


@dataclass(frozen=True)
class Method:
    """A method that is ready to run.

    Attributes:
        name: as in `configs/method`.
        animator: the network behind the common interface.
        checkpoint: where its weights come from.
        crop: the config node of the crop that its training data were cut by, None when nothing tells.
        file: the checkpoint's file.

    """

    name: str
    animator: Animator
    checkpoint: Checkpoint
    crop: Mapping[str, Any] | None
    file: Path

    @property
    def facts(self) -> dict[str, Any]:
        """Which weights these are, for result rows."""
        return {
            "file": self.file.name,
            "sha256": sha256(self.file)[:16],
            "stage": self.checkpoint.stage,
            "generator_steps": self.checkpoint.generator_steps,
            "averaged_weights": self.checkpoint.averaged,
        }


EMBEDDED = "embedded"


def load_method(node: DictConfig, checkpoint: str | Path, device: str) -> Method:
    """Build the network that the checkpoint describes, load its weights, put the method's animator around it.

    Args:
        node: of `configs/method`.
        checkpoint: a file of `train.py`, or `embedded`: the small weights that come with the method.
        device: see `choose_device`.

    Raises:
        UserError: the file is no checkpoint of ours, belongs to another method, or its weights do not fit.
    """
    path = _embedded(node) if checkpoint == EMBEDDED else Path(checkpoint)
    stored = read_checkpoint(path)
    if stored.stage not in node.stages:
        raise UserError(
            f"checkpoint={path} is of the training {stored.stage}, and method={node.name} takes "
            f"{', '.join(node.stages)}{_owner(stored.stage)}"
        )
    model = build(stored.config["model"])
    try:
        model.load_state_dict(stored.weights)
    except RuntimeError as error:
        raise UserError(f"checkpoint={path}: its weights do not fit the network of its config: {error}") from error
    size, crop = _trained_on(stored)
    if size is None:
        raise UserError(f"checkpoint={path} does not say at which image size it was trained; give data.view.size there")
    animator: Animator = build(node.animator, model=model.to(choose_device(device)), size=size)
    return Method(node.name, animator, stored, crop, path)


def _embedded(node: DictConfig) -> Path:
    if node.get("embedded") is None:
        raise UserError(f"method={node.name} comes without weights; give the checkpoint of a training")
    return CONFIGS.parent / node.embedded


def choose_device(device: str) -> torch.device:
    """`auto`: the accelerator of this machine, if there is one; else any name that torch knows.

    Raises:
        UserError: there is no such device here.
    """
    try:
        if device == "auto":
            return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
        chosen = torch.device(device)
        torch.empty(1, device=chosen)
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"device={device}: it is not to be had here ({error}); device=cpu always works") from error
    return chosen


def crop_node(kind: str) -> dict[str, Any]:
    """The config node of `configs/crop/<kind>.yaml`."""
    known = options("crop")
    if kind not in known:
        raise UserError(f"crop={kind} is not known; there are {', '.join(known)}")
    return OmegaConf.to_container(OmegaConf.load(CONFIGS / "crop" / f"{kind}.yaml"), resolve=True)  # type: ignore[return-value]


def _trained_on(checkpoint: Checkpoint) -> tuple[int | None, Mapping[str, Any] | None]:
    """Image size and crop of the training data: as the checkpoint says, else as its shards do if still there."""
    data: Mapping[str, Any] = checkpoint.config.get("data", {})
    facts = {**shard_facts(data.get("shards")), **checkpoint.dataset}
    size = data.get("view", {}).get("size") or facts.get("size")
    crop = facts.get("crop")
    return size, crop_node(crop) if isinstance(crop, str) else crop


def shard_facts(shards: str | None) -> dict[str, Any]:
    """`size` and `crop` from the files beside the shards, as far as they are there."""
    try:
        place = Location(str(shards))
        size = parse_dataset(place.read("dataset.json"), "dataset.json").size
        return {"size": size, "crop": json.loads(place.read("preparation.json"))["settings"]["crop"]}
    except (UserError, KeyError):
        return {}


def _owner(stage: str) -> str:
    """`; use method=X` for the method that takes checkpoints of this stage, when there is one."""
    for name in options("method"):
        node = OmegaConf.load(CONFIGS / "method" / f"{name}.yaml")
        if isinstance(node, DictConfig) and stage in node.get("stages", []):
            return f"; use method={name}"
    return ""
