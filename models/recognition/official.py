"""What `python -m models.official` can run of the networks that recognise people and speech."""

from torch import Tensor

from models.recognition.iresnet import read_iresnet
from models.weights import Weights

Outputs = dict[str, Tensor]


def iresnet50(weights: Weights, x: Tensor) -> Outputs:
    """ArcFace's embeddings, not of unit length, of aligned faces (B, 3, 112, 112), RGB in [-1, 1]; any depth."""
    return {"embed": read_iresnet(weights).eval()(x)}
