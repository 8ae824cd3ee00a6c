"""The convolution of StyleGAN2 whose weights depend on a style (Karras et al., CVPR 2020, sec. 2.2).

Letters: B batch, C channels, S style numbers, k side of the kernel.
"""

from itertools import product

import torch
from torch import Tensor
from torch.nn import functional as F

from models.winograd import conv3x3

PHASES_PAY = 256  # channels up to which transposed convolutions with channels last are slow (1.5 x, AVX2, torch 2.14)


def modulated_conv(
    x: Tensor, weight: Tensor, style: Tensor, gain: float = 1.0, up: bool = False, bias: Tensor | None = None
) -> Tensor:
    """A convolution with weight[o, i] * style[i] / |weight[o] * style| * gain, separately for every picture.

    Args:
        x: (B, C_in, H, W).
        weight: (C_out, C_in, k, k).
        style: (B, C_in); what scales the weights (equalised learning rates) may be in it.
        gain: of the result.
        up: stride-2 transposed convolution without padding, (2 H + 1, 2 W + 1): a blur must follow.
        bias: (C_out,), added behind the gain.

    Returns (B, C_out, H, W), a tensor that nothing else holds.

    One picture has its weights modulated. For several, whose weights would be many, the same numbers come from scaling
    what goes in and what comes out; so they do where styles have a gradient and weights have none, as the gradient into
    modulated weights costs as much as the convolution.
    """
    alone = len(x) == 1 and (weight.requires_grad or not style.requires_grad)
    with torch.autocast(x.device.type, enabled=False):  # lengths of weights in bfloat16 would be off by a percent
        style = style.float() if style.dtype == torch.bfloat16 else style
        if alone:
            weight = weight * style[..., None, None]
            length = torch.linalg.vector_norm(weight, dim=(1, 2, 3), keepdim=True)
            weight = weight * ((length.square() + 1e-8).rsqrt() * gain)
        else:
            demodulation = (style.square() @ weight.square().sum(dim=(2, 3)).T + 1e-8).rsqrt() * gain
    if alone:
        return _convolve(x, weight, up, bias)
    y = _convolve(x * style[:, :, None, None].to(x.dtype), weight, up)
    factor = demodulation[:, :, None, None].to(y.dtype)
    return y * factor if bias is None else torch.addcmul(bias.view(1, -1, 1, 1).to(y.dtype), y, factor)


def _convolve(x: Tensor, weight: Tensor, up: bool, bias: Tensor | None = None) -> Tensor:
    if not up:
        return conv3x3(x, weight, bias)
    arranged = x.is_cpu and x.is_contiguous(memory_format=torch.channels_last)
    learnt = x.requires_grad or weight.requires_grad  # writing into parts of a tensor has a costly gradient
    if arranged and not learnt and 8 <= x.shape[1] <= PHASES_PAY:
        return _doubled_by_phases(x, weight, bias)
    return F.conv_transpose2d(x, weight.transpose(0, 1), bias, stride=2)


def _doubled_by_phases(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """The transposed 3 x 3 convolution of stride 2 as four convolutions, for even and odd rows and columns.

    An even row has taps 2 and 0, of the rows before and behind it; an odd one tap 1 of the row that it stands on.
    """
    taps, flipped = (slice(0, None, 2), slice(1, 2)), weight.flip(2, 3)
    parts = {
        (row, column): F.conv2d(x, flipped[:, :, taps[row], taps[column]], bias, padding=(1 - row, 1 - column))
        for row, column in product((0, 1), repeat=2)
    }
    shape = (len(x), len(weight), 2 * x.shape[2] + 1, 2 * x.shape[3] + 1)
    whole = torch.empty(shape, dtype=parts[0, 0].dtype, device=x.device, memory_format=torch.channels_last)
    for (row, column), part in parts.items():
        whole[:, :, row::2, column::2] = part
    return whole


def modulated_colours(x: Tensor, weight: Tensor, style: Tensor, bias: Tensor) -> Tensor:
    """A 1 x 1 convolution with weight[o, i] * style[i] for every picture, without dividing by the norm.

    Args:
        x: (B, C, H, W).
        weight: (3, C, 1, 1), already scaled.
        style: (B, C).
        bias: (3,).

    Returns (B, 3, H, W): a matrix product for each picture, which never touches `x` but to read it.
    """
    weights = weight.flatten(1) * style[:, None]
    return torch.baddbmm(bias[:, None], weights.to(x.dtype), x.flatten(2)).view(len(x), 3, *x.shape[2:])
