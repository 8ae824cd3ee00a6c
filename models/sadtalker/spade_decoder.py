"""SPADE decoder of face-vid2vid as SadTalker uses it: warped feature -> image (Park et al., CVPR 2019, for the blocks).

Letters: B batch, C channels, H height, W width.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.sadtalker.layers import SpectralConv2d
from models.sadtalker.repeated_convolution import convolve_repeated


class SpadeDecoder(nn.Module):
    """(B, C, H, W) -> RGB in 0..1 at 2^num_up times the size; the feature also modulates every normalisation."""

    def __init__(
        self, channels: int = 256, channels_out: int = 64, num_up: int = 2, num_middle: int = 6, hidden: int = 128
    ) -> None:
        super().__init__()
        self.fc = nn.Conv2d(channels, 2 * channels, 3, padding=1)
        self.middle = [f"G_middle_{i}" for i in range(num_middle)]
        for name in self.middle:
            setattr(self, name, _SpadeBlock(2 * channels, 2 * channels, channels, hidden))
        widths = [2 * channels, *(channels // 2**i for i in range(num_up - 1)), channels_out]
        self.up = [f"up_{i}" for i in range(num_up)]
        for name, a, b in zip(self.up, widths, widths[1:]):
            setattr(self, name, _SpadeBlock(a, b, channels, hidden))
        self.conv_img = nn.Conv2d(channels_out, 3, 3, padding=1)

    def forward(self, feature: Tensor) -> Tensor:
        """The feature (B, C, h, w) may be of any size."""
        x = self.fc(feature)
        for name in self.middle:
            x = getattr(self, name)(x, feature)
        for name in self.up:
            x = getattr(self, name)(F.interpolate(x, scale_factor=2.0), feature)
        return self.conv_img(F.leaky_relu(x, 0.2)).float().sigmoid()


class _SpadeBlock(nn.Module):
    def __init__(self, channels_in: int, channels_out: int, label_channels: int, hidden: int) -> None:
        super().__init__()
        middle = min(channels_in, channels_out)
        self.conv_0 = SpectralConv2d(channels_in, middle, 3, padding=1)
        self.conv_1 = SpectralConv2d(middle, channels_out, 3, padding=1)
        self.norm_0 = _Spade(channels_in, label_channels, hidden)
        self.norm_1 = _Spade(middle, label_channels, hidden)
        self.learned_shortcut = channels_in != channels_out
        if self.learned_shortcut:
            self.conv_s = SpectralConv2d(channels_in, channels_out, 1, bias=False)
            self.norm_s = _Spade(channels_in, label_channels, hidden)

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        y = self.conv_0(F.leaky_relu(self.norm_0(x, label), 0.2, inplace=True))
        y = self.conv_1(F.leaky_relu(self.norm_1(y, label), 0.2, inplace=True))
        shortcut = self.conv_s(self.norm_s(x, label)) if self.learned_shortcut else x
        return shortcut + y


class _Spade(nn.Module):
    """Instance norm whose scale and shift at each pixel are convolved from a label map, repeated to the size."""

    def __init__(self, channels: int, label_channels: int, hidden: int) -> None:
        super().__init__()
        self.mlp_shared = nn.Sequential(nn.Conv2d(label_channels, hidden, 3))
        self.mlp_gamma = nn.Conv2d(hidden, channels, 3, padding=1)
        self.mlp_beta = nn.Conv2d(hidden, channels, 3, padding=1)

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        weight, bias = self.mlp_shared.parameters()
        shared = convolve_repeated(label, weight, bias, scale=x.shape[-1] // label.shape[-1])
        shared = F.relu(shared, inplace=True)
        return torch.addcmul(self.mlp_beta(shared), F.instance_norm(x), 1 + self.mlp_gamma(shared))
