"""The weights of a regressor in a file that stands for itself: half precision, with what they were made for."""

import json
from dataclasses import dataclass
from pathlib import Path

from models.aside import written_aside
from models.errors import UserError
from models.face3d.face_model import FaceModel
from models.face3d.regressor import Regressor
from models.face3d.resnet import ResNet
from models.weights import load_strictly, read_weights

WEIGHTS = Path(__file__).with_name("weights") / "procedural.safetensors"
LAYOUT = "1"


@dataclass(frozen=True)
class Embedded:
    """A trained regressor, the head it was trained for, and the version of its weights."""

    network: Regressor
    face_model: FaceModel
    version: str


def save_embedded(path: Path, network: Regressor, face_model: FaceModel, version: str) -> None:
    """Write `network` (its weights in float16) beside its place, then rename.

    Args:
        path: of the `.safetensors` file.
        network: trained on `face_model`.
        face_model: whose name and version the file will ask for.
        version: of these weights; stands beside every coefficient that they estimate.
    """
    from safetensors.torch import save_file

    backbone = network.backbone
    facts = {"blocks": backbone.blocks, "width": backbone.width, "bottleneck": backbone.bottleneck}
    metadata = {
        "layout": LAYOUT,
        "face_model": face_model.name,
        "face_model_version": face_model.version,
        "version": version,
        "backbone": json.dumps({**facts, "grid": backbone.grid, "fine": backbone.fine}),
        "size": str(network.size),
        "landmarks": str(network.landmarks),
    }
    tensors = {
        key: (value.half() if value.is_floating_point() else value).contiguous()
        for key, value in network.state_dict().items()
    }
    with written_aside(path) as part:
        save_file(tensors, part, metadata)


def read_embedded(path: Path) -> Embedded:
    """A file of `save_embedded`, for the procedural head.

    Raises:
        UserError: no such file, not of this kind, or made for another version of the head.
    """
    from models.face3d.procedural import procedural_head

    weights = read_weights(path)
    facts = _metadata(path)
    model = procedural_head()
    wanted = facts["face_model"], facts["face_model_version"]
    if wanted != (model.name, model.version):
        raise UserError(
            f"{path.name} was trained on the head {' '.join(wanted)}, this is {model.name} {model.version}; train it "
            f"again: {path.parent.name}/README.md has the command"
        )
    backbone = ResNet(**json.loads(facts["backbone"]))
    network = Regressor(model, backbone, int(facts["size"]), int(facts["landmarks"]))
    load_strictly(network, {k: v.float() if v.is_floating_point() else v for k, v in weights.items()})
    return Embedded(network, model, facts["version"])


def _metadata(path: Path) -> dict[str, str]:
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        facts: dict[str, str] = file.metadata() or {}
    if facts.get("layout") != LAYOUT:
        raise UserError(f"{path.name} is not a regressor of this project (layout {facts.get('layout')}, not {LAYOUT})")
    return facts
