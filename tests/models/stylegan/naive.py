"""StyleGAN2's parts written out one picture and one tap at a time, in the order in which the papers describe them."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

TAPS = (1 / 8, 3 / 8, 3 / 8, 1 / 8)


def filtered(x: Tensor, before: int, after: int, gain: float = 1.0) -> Tensor:
    """Zeros around (B, C, H, W), then sums of shifted pictures for the 4 x 4 binomial filter."""
    x = F.pad(x, (before, after, before, after))
    height, width = x.shape[2] - 3, x.shape[3] - 3
    shifted = [a * b * x[:, :, i : i + height, j : j + width] for i, a in enumerate(TAPS) for j, b in enumerate(TAPS)]
    return gain * torch.stack(shifted).sum(dim=0)


def zeros_between(x: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, C, 2 H, 2 W)."""
    y = x.new_zeros(*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3])
    y[:, :, ::2, ::2] = x
    return y


def modulated(x: Tensor, weight: Tensor, style: Tensor, up: bool = False, demodulate: bool = True) -> Tensor:
    """Every picture with its own weight; doubled: zeros between the pixels, a full convolution, no crop."""
    pictures = []
    for picture, numbers in zip(x, style):
        own = weight * numbers[None, :, None, None]
        if demodulate:
            own = own / (own.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-8).sqrt()
        if up:
            spread = zeros_between(picture[None])[:, :, :-1, :-1]
            pictures.append(F.conv2d(spread, own.flip(2, 3), padding=2))
        else:
            pictures.append(F.conv2d(picture[None], own, padding=weight.shape[-1] // 2))
    return torch.cat(pictures)


def leaky(x: Tensor) -> Tensor:
    """Leaky ReLU times sqrt 2."""
    return torch.where(x > 0, x, 0.2 * x) * math.sqrt(2)


def linear(x: Tensor, weight: Tensor, bias: Tensor, rate: float = 1.0) -> Tensor:
    """Of equalised learning rate."""
    return x @ (weight * (rate / math.sqrt(weight.shape[1]))).T + rate * bias
