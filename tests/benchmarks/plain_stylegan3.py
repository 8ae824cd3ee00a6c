"""StyleGAN3's synthesis as NVIDIA's code computes it on a CPU, with the parameters of ours.

Written anew from what the method is: a weight is modulated for every picture and convolves in groups, one for each
picture; filters run over a picture between whose pixels zeros have been put, as depthwise convolutions; what
downsampling drops is computed first. Letters: B batch, C channels, O channels given, I channels taken.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from models.stylegan.layers import GAIN, SLOPE
from models.stylegan.stylegan3 import Layer, StyleGAN3, ToRGB


class PlainStyleGAN3:
    """A StyleGAN3 in evaluation mode that reads the parameters of ours."""

    def __init__(self, model: StyleGAN3) -> None:
        self.model = model

    def __call__(self, codes: Tensor, transform: Tensor | None = None) -> Tensor:
        """(B, N, w_dim) -> picture."""
        synthesis = self.model.synthesis
        x = synthesis.input(codes[:, 0], transform)
        for number, layer in enumerate(synthesis.layers.values(), start=1):
            assert isinstance(layer, Layer)
            y = modulated(x, layer.weight, layer.affine(codes[:, number]), layer.magnitude, demodulate=True)
            x = plain_filtered_lrelu(y, layer)
        to_rgb = synthesis.to_rgb
        assert isinstance(to_rgb, ToRGB)
        style = to_rgb.affine(codes[:, -1]) / x.shape[1] ** 0.5
        colours = modulated(x, to_rgb.weight, style, to_rgb.magnitude, demodulate=False) + to_rgb.bias[:, None, None]
        return limited(colours, to_rgb.clamp) * synthesis.output_scale


def modulated(x: Tensor, weight: Tensor, style: Tensor, magnitude: Tensor, demodulate: bool) -> Tensor:
    """Every picture with a weight of its own."""
    batch, before, side = len(x), weight.shape[1], weight.shape[2]
    weight = weight[None] * style[:, None, :, None, None]  # (B, O, I, k, k)
    if demodulate:
        weight = weight * (weight.square().sum(dim=(2, 3, 4), keepdim=True) + 1e-8).rsqrt()
    weight = (weight * magnitude.rsqrt()).reshape(-1, before, side, side)
    y = F.conv2d(x.reshape(1, -1, *x.shape[2:]), weight, padding=side - 1, groups=batch)
    return y.view(batch, -1, *y.shape[2:])


def plain_filtered_lrelu(x: Tensor, layer: Layer) -> Tensor:
    """Bias, zeros between the pixels, filter, leaky ReLU, filter, dropped pixels."""
    up, down = layer.rates.up.up, layer.rates.down.down
    taps = len(layer.up_filter), len(layer.down_filter)
    between = (layer.rates.down.after - 1) * down + taps[1]
    total = between - x.shape[2] * up + taps[0] - 1
    before = (total + up) // 2
    x = zeros_between(x + layer.bias[:, None, None], up)
    x = F.pad(x, (before, total - before, before, total - before))  # less than 0 crops
    x = limited(F.leaky_relu(filtered(x, layer.up_filter * up), SLOPE) * GAIN, layer.clamp)
    return filtered(x, layer.down_filter)[:, :, ::down, ::down]


def zeros_between(x: Tensor, factor: int) -> Tensor:
    """(B, C, H, W) -> (B, C, factor H, factor W)."""
    batch, channels, height, width = x.shape
    x = F.pad(x.view(batch, channels, height, 1, width, 1), (0, factor - 1, 0, 0, 0, factor - 1))
    return x.view(batch, channels, height * factor, width * factor)


def filtered(x: Tensor, taps: Tensor) -> Tensor:
    """A depthwise convolution, in two steps where the filter is separable."""
    channels = x.shape[1]
    kernels = [taps.flip(0, 1)[None, None]] if taps.ndim == 2 else [taps.flip(0)[None, None, None, :]]
    kernels = kernels if taps.ndim == 2 else [kernels[0].mT, kernels[0]]
    for kernel in kernels:
        x = F.conv2d(x, kernel.repeat(channels, 1, 1, 1), groups=channels)
    return x


def limited(x: Tensor, clamp: float | None) -> Tensor:
    """Clamped, where there is a limit."""
    return x if clamp is None else torch.clamp(x, -clamp, clamp)
