"""Turns a checkpoint of an encoder for a StyleGAN into the file of weights that comes with the code.

    python -m lightning_modules.export_encoder CHECKPOINT models/inversion/weights/e4e.safetensors

They are the averaged weights, in half precision; `read_encoder` reads the file. (Generators: `models.stylegan.export`.)
"""

import sys
from pathlib import Path
from typing import Any

from lightning_modules.checkpoints import Checkpoint, read_checkpoint
from lightning_modules.export_regressor import main
from models.errors import UserError
from models.inversion.pretrained import read_encoder, save_encoder


def export(checkpoint: Path, file: Path) -> None:
    """Write the file.

    Raises:
        UserError: the checkpoint is of another stage, or e4e's deltas have not all been trained.
    """
    stored = read_checkpoint(checkpoint)
    if not stored.stage.startswith("inversion/"):
        raise UserError(f"{checkpoint} is of {stored.stage}, which trains no encoder")
    check_deltas(stored)
    save_encoder(file, read_encoder(checkpoint))


def check_deltas(stored: Checkpoint) -> None:
    """Refuse an e4e some of whose deltas are still as they were drawn."""
    module: dict[str, Any] = stored.config.get("module", {})
    if "first_delta" not in module:
        return
    last = module["first_delta"] + (stored.config["model"]["codes"] - 2) * module["delta_every"]
    if stored.generator_steps <= last:
        raise UserError(
            f"the last delta of this e4e comes at generator step {last}, and it was trained for "
            f"{stored.generator_steps}; train it on"
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], export))
