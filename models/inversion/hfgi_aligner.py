"""HFGI's aligner (Wang et al., CVPR 2022, sec. 3.3): brings what an inversion has lost to where the picture has it.

Letters: B batch, S side of the picture.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.recognition.ir_se import Bottleneck, stem


def stage(widths: Sequence[int], stride: int = 1) -> nn.Sequential:
    """Three bottlenecks without squeeze and excitation through four widths; the first one has the stride."""
    steps = zip(widths, widths[1:], (stride, 1, 1))
    return nn.Sequential(*(Bottleneck(before, width, by, excite=False) for before, width, by in steps))


class ResidualAligner(nn.Module):
    """Residual and picture (B, 6, S, S) -> the residual where it belongs (B, 3, S, S); a U-Net of four sizes."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_layer1 = stem(6, 16)
        self.conv_layer2 = stage((16, 32, 32, 32), stride=2)
        self.conv_layer3 = stage((32, 48, 48, 48), stride=2)
        self.conv_layer4 = stage((48, 64, 64, 64), stride=2)
        self.dconv_layer1 = stage((64 + 48, 64, 32, 32))
        self.dconv_layer2 = stage((32 + 32, 32, 16, 16))
        self.dconv_layer3 = stage((16 + 16, 16, 3, 3))

    def forward(self, residual: Tensor, image: Tensor) -> Tensor:
        """What the picture lacks, and the picture: each (B, 3, S, S), S a multiple of 8."""
        whole = self.conv_layer1(torch.cat([residual, image], dim=1))
        half = self.conv_layer2(whole)
        quarter = self.conv_layer3(half)
        x = self.dconv_layer1(_beside(self.conv_layer4(quarter), quarter))
        x = self.dconv_layer2(_beside(x, half))
        return self.dconv_layer3(_beside(x, whole))


def _beside(small: Tensor, large: Tensor) -> Tensor:
    """The small feature, enlarged, and the large one as channels of one."""
    small = F.interpolate(small, large.shape[2:], mode="bilinear", align_corners=False)
    return torch.cat([small, large], dim=1)
