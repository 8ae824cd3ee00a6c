"""LPIPS with AlexNet (Zhang et al. 2018, eq. 1, version 0.1) as a loss.

Letters: B batch, S side of the pictures, F numbers that describe one.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from losses.frozen import Frozen
from models.recognition.lpips_features import load_lpips_features


class LPIPS(nn.Module):
    """sum_l mean_hw w_l |y_l - z_l|^2 of AlexNet's features y, z, of unit length in every pixel.

    Args:
        side: pictures larger than this are averaged down to it before; None: never.
        zero_to_one: show the network pictures in [0, 1] although it knows those in [-1, 1], as Choe's thesis does; only
            for the sake of its numbers.

    Raises:
        MissingAsset: AlexNet's weights, the asset `alexnet`, are not there.

    """

    def __init__(self, side: int | None = None, zero_to_one: bool = False) -> None:
        super().__init__()
        self.network = Frozen(load_lpips_features())
        self.side, self.zero_to_one = side, zero_to_one

    def extra_repr(self) -> str:
        """The arguments, for the record."""
        return f"side={self.side}, zero_to_one={self.zero_to_one}"

    def describe(self, image: Tensor) -> Tensor:
        """Pictures (B, 3, S, S) in [-1, 1] -> (B, F), of which |difference|^2 is the loss."""
        if self.side and image.shape[-1] > self.side:
            image = F.adaptive_avg_pool2d(image, self.side)
        return self.network(image * 0.5 + 0.5 if self.zero_to_one else image)

    def distance(self, description: Tensor, wanted: Tensor) -> Tensor:
        """(B,) of two descriptions (B, F)."""
        return (description - wanted).square().sum(dim=1)

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Scalar, the mean over the pictures (B, 3, S, S) in [-1, 1]."""
        return self.distance(self.describe(prediction), self.describe(target)).mean()
