"""Turns a checkpoint of `experiment=face3d/face_recon` into the file of weights that `load_embedded` reads.

    python -m lightning_modules.export_regressor CHECKPOINT models/face3d/weights/procedural.safetensors VERSION

The last word is the version of the weights, which stands beside every coefficient that they estimate.
"""

import inspect
import sys
from collections.abc import Callable
from pathlib import Path

from lightning_modules.checkpoints import read_checkpoint
from models.errors import UserError
from models.face3d.embedded import save_embedded
from models.face3d.procedural import procedural_head
from models.face3d.regressor import Regressor
from models.face3d.resnet import ResNet
from models.weights import load_strictly

STAGE = "face3d/face_recon"


def export(checkpoint: Path, file: Path, version: str) -> None:
    """Write the (averaged) weights of a checkpoint of the procedural head to `file`.

    Raises:
        UserError: the checkpoint is of another stage, network or face model.
    """
    stored = read_checkpoint(checkpoint)
    head, wanted = procedural_head(), stored.config.get("face_model", {}).get("_target_", "")
    if stored.stage != STAGE or not wanted.endswith(".procedural_head"):
        raise UserError(f"{checkpoint} is of {stored.stage} with {wanted or 'no face model'}, not the procedural head")
    backbone = {key: value for key, value in stored.config["model"]["backbone"].items() if key != "_target_"}
    config = stored.config["model"]
    network = Regressor(head, ResNet(**backbone), config["size"], config["landmarks"])
    load_strictly(network, stored.weights)
    save_embedded(file, network, head, version)


def main(words: list[str], export: Callable[..., None] = export) -> int:
    """The command, of other stages too: `export` takes a checkpoint, a file, and what else; returns its exit code."""
    try:
        names = [name.upper() for name in inspect.signature(export).parameters]
        if len(words) != len(names):
            raise UserError(f"usage: python -m lightning_modules.{Path(sys.argv[0]).stem} {' '.join(names)}")
        export(Path(words[0]), Path(words[1]), *words[2:])
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"wrote {words[1]}: {Path(words[1]).stat().st_size / 1e6:.2f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
