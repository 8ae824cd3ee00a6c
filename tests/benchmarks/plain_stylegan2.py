"""StyleGAN2's synthesis as the two public PyTorch implementations compute it on a CPU, with the parameters of ours.

Written anew from what the methods are. Both modulate a weight for every picture and convolve in groups, one for each
picture; the transposed convolution is followed by a blur. They differ in the blur and in what comes behind it:

`Rosinality`: every channel is a picture of one channel that an ordinary convolution blurs; zero insertion, padding and
blur are one routine whatever is asked for.
`Nvidia`: the reference paths of its three custom operators: a depthwise convolution blurs, noise is added in place.

Letters: B batch, C channels, O channels given, I channels taken.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor
from torch.nn import functional as F

from models.stylegan.layers import GAIN, SLOPE
from models.stylegan.stylegan2 import StyledConv, StyleGAN2, ToRGB


class Plain(ABC):
    """A StyleGAN2 that reads the parameters of ours."""

    def __init__(self, model: StyleGAN2) -> None:
        self.synthesis = model.synthesis
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
        self.kernel = torch.outer(taps, taps) * 4

    def __call__(self, codes: Tensor) -> Tensor:
        """(B, N, w_dim) -> picture, with fixed noise."""
        x = self.synthesis.const[None].repeat(len(codes), 1, 1, 1)
        image = None
        for number, (name, layer) in enumerate(self.synthesis.layers.items()):
            assert isinstance(layer, StyledConv)
            x = self.styled(layer, x, codes[:, number])
            if name.startswith("conv"):
                to_rgb = self.synthesis.to_rgb[name.removeprefix("conv")]
                assert isinstance(to_rgb, ToRGB)
                colours = self.colours(to_rgb, x, codes[:, number + 1])
                image = colours if image is None else colours + self.resampled(image, 2, 2, 1)
        assert image is not None
        return image

    def styled(self, layer: StyledConv, x: Tensor, code: Tensor) -> Tensor:
        """Convolution, noise, bias, leaky ReLU."""
        up = layer.blur is not None
        y = grouped_conv(x, layer.weight * layer.scale, layer.affine(code), demodulate=True, up=up)
        if up:
            y = self.resampled(y, 1, 1, 1)
        return self.activated(y, layer)

    def colours(self, to_rgb: ToRGB, x: Tensor, code: Tensor) -> Tensor:
        """What a feature adds to the picture."""
        y = grouped_conv(x, to_rgb.weight * to_rgb.scale, to_rgb.affine(code), demodulate=False)
        return y + to_rgb.bias.view(1, -1, 1, 1)

    @abstractmethod
    def resampled(self, x: Tensor, up: int, before: int, after: int) -> Tensor:
        """Zeros between the pixels and around them, then the blur."""

    @abstractmethod
    def activated(self, x: Tensor, layer: StyledConv) -> Tensor:
        """Noise, bias, leaky ReLU, sqrt 2."""


class Rosinality(Plain):
    """See the file."""

    def resampled(self, x: Tensor, up: int, before: int, after: int) -> Tensor:
        """Channels become pictures."""
        batch, channels, height, width = x.shape
        y = zeros_between(x.reshape(-1, 1, height, width), up)
        y = F.conv2d(F.pad(y, (before, after, before, after)), self.kernel.flip(0, 1)[None, None])
        return y.reshape(batch, channels, *y.shape[2:])

    def activated(self, x: Tensor, layer: StyledConv) -> Tensor:
        """Four passes, each to a new tensor."""
        x = x + layer.noise_strength * layer.noise
        return F.leaky_relu(x + layer.bias.view(1, -1, 1, 1), SLOPE) * GAIN


class Nvidia(Plain):
    """See the file."""

    def resampled(self, x: Tensor, up: int, before: int, after: int) -> Tensor:
        """A depthwise convolution."""
        y = F.pad(zeros_between(x, up), (before, after, before, after))
        kernel = self.kernel.flip(0, 1)[None, None].repeat(x.shape[1], 1, 1, 1)
        return F.conv2d(y, kernel, groups=x.shape[1])

    def activated(self, x: Tensor, layer: StyledConv) -> Tensor:
        """Noise is added in place."""
        x = x.add_(layer.noise * layer.noise_strength)
        return F.leaky_relu(x + layer.bias.view(1, -1, 1, 1), SLOPE) * GAIN


def grouped_conv(x: Tensor, weight: Tensor, style: Tensor, demodulate: bool, up: bool = False) -> Tensor:
    """One weight for every picture, pictures side by side as groups of channels."""
    batch, channels, height, width = x.shape
    weights = weight[None] * style[:, None, :, None, None]  # (B, O, I, k, k)
    if demodulate:
        weights = weights * (weights.square().sum(dim=(2, 3, 4)) + 1e-8).rsqrt()[:, :, None, None, None]
    x = x.reshape(1, batch * channels, height, width)
    if up:
        weights = weights.transpose(1, 2).reshape(batch * channels, len(weight), *weight.shape[2:])
        y = F.conv_transpose2d(x, weights, stride=2, groups=batch)
    else:
        padding = weight.shape[-1] // 2
        y = F.conv2d(x, weights.reshape(-1, *weight.shape[1:]), padding=padding, groups=batch)
    return y.reshape(batch, len(weight), *y.shape[2:])


def zeros_between(x: Tensor, up: int) -> Tensor:
    """(B, C, H, W) -> (B, C, up H, up W): every pixel, then up - 1 zeros, in both directions."""
    batch, channels, height, width = x.shape
    y = F.pad(x.reshape(batch, channels, height, 1, width, 1), (0, up - 1, 0, 0, 0, up - 1))
    return y.reshape(batch, channels, height * up, width * up)
