"""What `python -m models.official` can run of the encoders and of HFGI."""

from torch import Tensor

from models.inversion.e4e import Encoder4Editing
from models.inversion.gradual_style import GradualStyleEncoder, load_encoder
from models.weights import Weights

Outputs = dict[str, Tensor]


def e4e_encoder(weights: Weights, x: Tensor) -> Outputs:
    """e4e: codes without the mean of W of pictures (B, 3, 256, 256) in [-1, 1], after training and at its stage 0."""
    network = load_encoder(Encoder4Editing, weights.part("state_dict").part("encoder"))
    return {"w": network(x), "w_stage0": network(x, stage=0)}


def psp_gradual(weights: Weights, x: Tensor) -> Outputs:
    """pSp: codes without the mean of W of pictures (B, 3 or 6, 256, 256) in [-1, 1]."""
    return {"w": load_encoder(GradualStyleEncoder, weights.part("state_dict").part("encoder"))(x)}


def psp_gradual_6ch(weights: Weights, x: Tensor) -> Outputs:
    """PSp of two pictures, one behind the other: (B, 6, 256, 256)."""
    return psp_gradual(weights, x)
