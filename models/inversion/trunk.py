"""Encoders begin where a network that recognises people ended: the trunk of pSp's and e4e's is IR-SE50's."""

from pathlib import Path

import torch

from models.assets import find
from models.inversion.gradual_style import GradualStyleEncoder
from models.weights import Weights, load_strictly, read_weights

COLOURS = 3


def start_trunk(encoder: GradualStyleEncoder, file: str) -> None:
    """Load the stem and the blocks of an IR-SE network into an encoder of the same sizes.

    A second picture behind the first begins with zeros; ReStyle's public code draws them from a normal distribution.

    Args:
        encoder: it is changed.
        file: an asset, or a path in the layout of `model_ir_se50.pth`.

    Raises:
        MissingAsset: the asset is not there.
        UserError: the file is another network's.
    """
    weights = read_weights(Path(file) if Path(file).suffix else find(file)).part("state_dict")
    first = weights.shape("input_layer.0.weight")
    wide = torch.zeros(first[0], encoder.get_parameter("input_layer.0.weight").shape[1], *first[2:])
    wide[:, :COLOURS] = weights["input_layer.0.weight"]
    weights["input_layer.0.weight"] = wide
    for name in ("input_layer", "body"):
        load_strictly(encoder.get_submodule(name), Weights(weights.part(name)))
