"""What tells codes of W that an encoder gave from those that the mapping network gives (Tov et al., SIGGRAPH 2021)."""

from torch import Tensor, nn

from models.stylegan.layers import SLOPE


class LatentDiscriminator(nn.Module):
    """Codes (..., w_dim) -> logits (..., 1), high for codes of z (e4e, sec. 3.2).

    Plain fully connected layers with leaky ReLUs between them; their learning rates are not equalised.

    Args:
        w_dim: numbers of a code.
        layers: how many, the last one, which gives the logit, among them.

    """

    def __init__(self, w_dim: int = 512, layers: int = 4) -> None:
        super().__init__()
        hidden = [part for _ in range(layers - 1) for part in (nn.Linear(w_dim, w_dim), nn.LeakyReLU(SLOPE))]
        self.mlp = nn.Sequential(*hidden, nn.Linear(w_dim, 1))

    def forward(self, w: Tensor) -> Tensor:
        """See the class."""
        return self.mlp(w)
