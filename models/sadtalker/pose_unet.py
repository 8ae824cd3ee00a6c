"""The residual U-Net of PoseVAE (SadTalker, B.1): a sequence of poses as a picture of one channel.

The attribute names are those of the authors' checkpoints.
Letters: B batch, C channels, T frames, P numbers of a pose.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

MULTIPLE = 8  # frames: time is halved three times


class PoseUNet(nn.Module):
    """(B, 1, T, P) -> (B, 1, T, P) in [0, 1]; T is a multiple of 8, and P is never made smaller.

    Args:
        filters: channels at T, T / 2, T / 4 and T / 8.
    """

    def __init__(self, filters: Sequence[int] = (32, 64, 128, 256)) -> None:
        super().__init__()
        full, half, quarter, eighth = filters
        self.input_layer = nn.Sequential(
            nn.Conv2d(1, full, 3, padding=1),
            nn.BatchNorm2d(full),
            nn.ReLU(inplace=True),
            nn.Conv2d(full, full, 3, padding=1),
        )
        self.input_skip = nn.Sequential(nn.Conv2d(1, full, 3, padding=1))
        self.residual_conv_1 = _Residual(full, half, down=True)
        self.residual_conv_2 = _Residual(half, quarter, down=True)
        self.bridge = _Residual(quarter, eighth, down=True)
        self.upsample_1 = _Upsample(eighth)
        self.up_residual_conv1 = _Residual(eighth + quarter, quarter)
        self.upsample_2 = _Upsample(quarter)
        self.up_residual_conv2 = _Residual(quarter + half, half)
        self.upsample_3 = _Upsample(half)
        self.up_residual_conv3 = _Residual(half + full, full)
        self.output_layer = nn.Sequential(nn.Conv2d(full, 1, 1), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        full = self.input_layer(x) + self.input_skip(x)
        half = self.residual_conv_1(full)
        quarter = self.residual_conv_2(half)
        up = self.upsample_1(self.bridge(quarter))
        up = self.upsample_2(self.up_residual_conv1(torch.cat([up, quarter], dim=1)))
        up = self.upsample_3(self.up_residual_conv2(torch.cat([up, half], dim=1)))
        return self.output_layer(self.up_residual_conv3(torch.cat([up, full], dim=1)))


class _Residual(nn.Module):
    """Pre-activation residual block whose skip has a convolution of its own; `down` halves time."""

    def __init__(self, channels_in: int, channels_out: int, down: bool = False) -> None:
        super().__init__()
        stride = (2, 1) if down else (1, 1)
        self.conv_block = nn.Sequential(
            nn.BatchNorm2d(channels_in),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels_in, channels_out, 3, stride, padding=1),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels_out, channels_out, 3, padding=1),
        )
        skip = nn.Conv2d(channels_in, channels_out, 3, stride, padding=1)
        self.conv_skip = nn.Sequential(skip, nn.BatchNorm2d(channels_out))

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_block(x) + self.conv_skip(x)


class _Upsample(nn.Module):
    """Time is doubled by a transposed convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.upsample = nn.ConvTranspose2d(channels, channels, (2, 1), (2, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.upsample(x)
