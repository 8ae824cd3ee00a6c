"""The convolution of StyleGAN2 whose weights depend on a style (Karras et al., CVPR 2020, sec. 2.2).

Letters: B batch, C channels, S style numbers, k side of the kernel.
"""

from torch import Tensor
from torch.nn import functional as F


def modulated_conv(x: Tensor, weight: Tensor, style: Tensor, gain: float = 1.0, up: bool = False) -> Tensor:
    """A convolution with weight[o, i] * style[i] / |weight[o] * style| * gain, separately for every picture.

    Args:
        x: (B, C_in, H, W).
        weight: (C_out, C_in, k, k), already scaled.
        style: (B, C_in).
        gain: of the result.
        up: stride-2 transposed convolution without padding, (2 H + 1, 2 W + 1): a blur must follow.

    Returns (B, C_out, H, W).

    One picture has its weights modulated; for several, whose weights would be many, the same numbers come from scaling
    what goes in and what comes out.
    """
    demodulation = (style.square() @ weight.square().sum(dim=(2, 3)).T + 1e-8).rsqrt() * gain
    if len(x) == 1:
        weight = weight * style.view(1, -1, 1, 1) * demodulation.view(-1, 1, 1, 1)
        return _convolve(x, weight, up)
    return _convolve(x * style[:, :, None, None], weight, up) * demodulation[:, :, None, None]


def _convolve(x: Tensor, weight: Tensor, up: bool) -> Tensor:
    if up:
        return F.conv_transpose2d(x, weight.transpose(0, 1), stride=2)
    return F.conv2d(x, weight, padding=weight.shape[-1] // 2)


def plain_modulated_conv(x: Tensor, weight: Tensor, style: Tensor) -> Tensor:
    """The same without dividing by the norm, for 1x1 convolutions to RGB."""
    if len(x) == 1:
        return F.conv2d(x, weight * style.view(1, -1, 1, 1))
    return F.conv2d(x * style[:, :, None, None], weight)
