"""HFGI's encoder of what an inversion has lost (Wang et al., CVPR 2022, sec. 3.2): it modulates a generator's feature.

Letters: B batch, S side of the picture, C, H, W of the feature.
"""

from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

from models.inversion.hfgi_aligner import stage
from models.recognition.ir_se import stem
from models.stylegan.layers import GAIN, SLOPE, EqualConv2d

INNER = 64  # channels in front of the two heads


class Condition(NamedTuple):
    """What to make of a feature (B, C, H, W): feature * (1 + scale) + shift."""

    scale: Tensor
    shift: Tensor

    def __call__(self, feature: Tensor) -> Tensor:
        """The modulated feature: an `Edit` of the synthesis."""
        return feature * (1 + self.scale) + self.shift


class ScaledLeakyReLU(nn.Module):
    """leaky_relu(x) * sqrt 2."""

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return F.leaky_relu(x, SLOPE) * GAIN


class ResidualEncoder(nn.Module):
    """Aligned residuals (B, 3, S, S) -> a condition, each (B, channels, side, side).

    Args:
        channels: of the feature that is modulated.
        side: of that feature.

    """

    def __init__(self, channels: int = 512, side: int = 64) -> None:
        super().__init__()
        self.side = side
        self.conv_layer1 = stem(3, 32)
        self.conv_layer2 = stage((32, 48, 48, 48), stride=2)
        self.conv_layer3 = stage((48, INNER, INNER, INNER), stride=2)
        self.condition_scale3 = _head(channels)
        self.condition_shift3 = _head(channels)

    def forward(self, residual: Tensor) -> Condition:
        """See the class."""
        x = self.conv_layer3(self.conv_layer2(self.conv_layer1(residual)))
        return Condition(*(self._resized(head(x)) for head in (self.condition_scale3, self.condition_shift3)))

    def _resized(self, x: Tensor) -> Tensor:
        return F.interpolate(x, self.side, mode="bilinear", align_corners=False)


def _head(channels: int) -> nn.Sequential:
    return nn.Sequential(
        EqualConv2d(INNER, channels, 3, padding=1), ScaledLeakyReLU(), EqualConv2d(channels, channels, 3, padding=1)
    )
