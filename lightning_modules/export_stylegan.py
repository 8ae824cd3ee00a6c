"""Turns a checkpoint of a StyleGAN, or of an encoder for one, into the file of weights that comes with the code.

    python -m lightning_modules.export_stylegan CHECKPOINT models/stylegan/weights/stylegan2.safetensors
    python -m lightning_modules.export_stylegan CHECKPOINT models/inversion/weights/e4e.safetensors

They are the averaged weights, in half precision; `read_generator` and `read_encoder` read the file.
"""

import sys
from pathlib import Path
from typing import Any

from lightning_modules.checkpoints import Checkpoint, read_checkpoint
from lightning_modules.export_regressor import main
from models.errors import UserError
from models.inversion.pretrained import read_encoder, save_encoder
from models.stylegan.pretrained import read_generator, save_generator


def export(checkpoint: Path, file: Path) -> None:
    """Write the file.

    Raises:
        UserError: the checkpoint is of another stage, or e4e's deltas have not all been trained.
    """
    stored = read_checkpoint(checkpoint)
    check_deltas(stored)
    match stored.stage.split("/")[0]:
        case "stylegan":
            save_generator(file, read_generator(checkpoint))
        case "inversion":
            save_encoder(file, read_encoder(checkpoint))
        case _:
            raise UserError(f"{checkpoint} is of {stored.stage}, neither a StyleGAN nor an encoder for one")


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
