"""Makes of a checkpoint of `train.py` the small file of a method's embedded weights, which reads like any other one.

    python -m lightning_modules.export_checkpoint CHECKPOINT models/METHOD/weights/embedded.ckpt

It keeps the (averaged) weights of `model` in half precision, the config of the network, and the facts about the images.
"""

import sys
from pathlib import Path
from typing import Any

import torch

from lightning_modules.checkpoints import VERSION, read_checkpoint
from lightning_modules.export_regressor import main
from models.aside import written_aside


def export(checkpoint: Path, file: Path) -> None:
    """Write the small file.

    Raises:
        UserError: `checkpoint` is none of ours.
    """
    stored = read_checkpoint(checkpoint)
    weights = {key: value.half() if value.is_floating_point() else value for key, value in stored.weights.items()}
    ours: dict[str, Any] = {
        "version": VERSION,
        "stage": stored.stage,
        "config": {"model": stored.config["model"]},
        "dataset": stored.dataset,
        "loggers": {},
        "generator_steps": stored.generator_steps,
        "batches": 0,
    }
    raw = {f"model.{key}": value for key, value in weights.items()}
    if stored.averaged:
        ours["average"], raw = weights, {}
    with written_aside(file) as aside:
        torch.save({"state_dict": raw, "figurehead": ours}, aside)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], export))
