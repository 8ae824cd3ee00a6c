"""The convolution of StyleGAN2 whose weights depend on a style (Karras et al., CVPR 2020, sec. 2.2).

Letters: B batch, C channels, S style numbers, k side of the kernel.
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def modulated_conv(
    x: Tensor, weight: Tensor, style: Tensor, gain: float = 1.0, up: bool = False, bias: Tensor | None = None
) -> Tensor:
    """A convolution with weight[o, i] * style[i] / |weight[o] * style| * gain, separately for every picture.

    Args:
        x: (B, C_in, H, W).
        weight: (C_out, C_in, k, k), already scaled.
        style: (B, C_in).
        gain: of the result.
        up: stride-2 transposed convolution without padding, (2 H + 1, 2 W + 1): a blur must follow.
        bias: (C_out,), added behind the gain.

    Returns (B, C_out, H, W), a tensor that nothing else holds.

    One picture has its weights modulated. For several, whose weights would be many, the same numbers come from scaling
    what goes in and what comes out; so they do where styles have a gradient and weights have none, as the gradient into
    modulated weights costs as much as the convolution.
    """
    with torch.autocast(x.device.type, enabled=False):  # lengths of weights in bfloat16 would be off by a percent
        style = style.float() if style.dtype == torch.bfloat16 else style
        demodulation = (style.square() @ weight.square().sum(dim=(2, 3)).T + 1e-8).rsqrt() * gain
    if len(x) == 1 and (weight.requires_grad or not style.requires_grad):
        return _convolve(x, weight * (demodulation.view(-1, 1) * style)[..., None, None], up, bias)
    y = _convolve(x * style[:, :, None, None].to(x.dtype), weight, up)
    factor = demodulation[:, :, None, None].to(y.dtype)
    return y * factor if bias is None else torch.addcmul(bias.view(1, -1, 1, 1).to(y.dtype), y, factor)


def _convolve(x: Tensor, weight: Tensor, up: bool, bias: Tensor | None = None) -> Tensor:
    if up:
        return F.conv_transpose2d(x, weight.transpose(0, 1), bias, stride=2)
    return F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)


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
