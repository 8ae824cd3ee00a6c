"""Turns a checkpoint of `experiment=lip_sync/sync_expert` into the file of weights that `load_lip_sync` reads.

python -m lightning_modules.export_lip_sync CHECKPOINT models/recognition/weights/lip_sync.safetensors VERSION

The last word is the version of the weights.
"""

import sys
from pathlib import Path

from lightning_modules.checkpoints import read_checkpoint
from lightning_modules.export_regressor import main
from models.errors import UserError
from models.recognition.lip_sync import LipSync, save_lip_sync
from models.weights import load_strictly

STAGE = "lip_sync/sync_expert"


def export(checkpoint: Path, file: Path, version: str) -> None:
    """Write the (averaged) weights of a checkpoint to `file`.

    Raises:
        UserError: the checkpoint is of another stage.
    """
    stored = read_checkpoint(checkpoint)
    if stored.stage != STAGE:
        raise UserError(f"{checkpoint} is of {stored.stage}, not {STAGE}")
    network = LipSync(stored.config["model"]["width"], stored.config["model"]["size"])
    load_strictly(network, stored.weights)
    save_lip_sync(file, network, version)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], export))
