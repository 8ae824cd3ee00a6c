"""Layers of equalised learning rate, and the blur of StyleGAN2 (Karras et al., CVPR 2020).

Parameters are stored with unit variance; what scales them to their fan-in stands in the forward pass. Letters: B batch,
C channels, H, W size.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SLOPE = 0.2  # of all leaky ReLUs but those of the encoders
GAIN = math.sqrt(2)  # keeps the variance through them


class EqualLinear(nn.Module):
    """x W^T / sqrt(n_in) * rate + b * rate, then, with `activate`, a leaky ReLU times sqrt 2.

    Args:
        n_in: numbers per example.
        n_out: numbers given.
        bias: what the bias starts with.
        rate: learning rate of this layer relative to others: 0.01 in mapping networks.
        activate: whether the leaky ReLU follows.

    """

    def __init__(self, n_in: int, n_out: int, bias: float = 0.0, rate: float = 1.0, activate: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_out, n_in) / rate)
        self.bias = nn.Parameter(torch.full((n_out,), bias / rate))
        self.scale, self.rate, self.activate = rate / math.sqrt(n_in), rate, activate

    def forward(self, x: Tensor) -> Tensor:
        """(..., n_in) -> (..., n_out)."""
        y = F.linear(x, self.weight * self.scale, self.bias * self.rate)
        return F.leaky_relu(y, SLOPE) * GAIN if self.activate else y


class EqualConv2d(nn.Module):
    """A convolution whose weight is scaled by 1 / sqrt(C_in k^2); without `bias` where an activation brings its own."""

    def __init__(
        self, before: int, channels: int, side: int, stride: int = 1, padding: int = 0, bias: bool = True
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(channels, before, side, side))
        self.bias = nn.Parameter(torch.zeros(channels)) if bias else None
        self.scale, self.stride, self.padding = 1 / math.sqrt(before * side**2), stride, padding

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) -> (B, C_out, H', W')."""
        return F.conv2d(x, self.weight * self.scale, self.bias, self.stride, self.padding)

    def activated(self, x: Tensor, bias: Tensor, gain: float = GAIN) -> Tensor:
        """leaky_relu(convolution + bias) * gain, for a layer without a bias of its own.

        The gain is in weight and bias: a leaky ReLU of gain times y is gain times that of y.
        """
        y = F.conv2d(x, self.weight * (self.scale * gain), bias * gain, self.stride, self.padding)
        return F.leaky_relu_(y, SLOPE)


class BiasedLeakyReLU(nn.Module):
    """leaky_relu(x + bias) * sqrt 2 for (B, C, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return F.leaky_relu(x + self.bias.view(1, -1, 1, 1), SLOPE) * GAIN


class Blur(nn.Module):
    """A depthwise 4 x 4 binomial filter of sum `gain`, behind zeros: `padding` before and after, in both directions."""

    kernel: Tensor

    def __init__(self, padding: tuple[int, int], gain: float = 1.0) -> None:
        super().__init__()
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
        self.register_buffer("kernel", torch.outer(taps, taps) * gain, persistent=False)
        self.padding = padding

    def forward(self, x: Tensor, bias: Tensor | None = None, stride: int = 1) -> Tensor:
        """(B, C, H, W) -> (B, C, H + p0 + p1 - 3, W + p0 + p1 - 3) plus a bias (C,); or every `stride`-th pixel."""
        before, after = self.padding
        if before == after:
            return F.conv2d(x, self.weight(x), bias, stride, before, groups=x.shape[1])
        x = F.pad(x, (before, after, before, after))
        return F.conv2d(x, self.weight(x), bias, stride, groups=x.shape[1])

    def weight(self, x: Tensor) -> Tensor:
        """The filter once per channel of `x`, (C, 1, 4, 4)."""
        return self.kernel.to(x.dtype).expand(x.shape[1], 1, 4, 4)
