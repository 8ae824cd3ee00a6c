"""3x3 convolutions of one picture by fewer products, where a processor cannot do more of them at once."""

import torch
from torch import Tensor
from torch.nn import functional as F

LEAST_SIDE, LEAST_CHANNELS = 16, 32  # from which it pays, measured


def helps(x: Tensor) -> bool:
    """Whether this is for a feature to be convolved: float32, on a CPU with vectors of 256 bits (AVX2).

    There NNPACK's Winograd convolutions F(6x6, 3x3) are two to three times as quick as oneDNN's plain ones. With 512
    bits (AVX-512) the plain ones are as quick, and more exact.
    """
    return (
        x.is_cpu
        and x.dtype == torch.float32
        and not torch.is_autocast_enabled("cpu")
        and torch.backends.nnpack.is_available()  # type: ignore[no-untyped-call]
        and torch.backends.cpu.get_cpu_capability() == "AVX2"
    )


def conv3x3(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`F.conv2d` with a padding of 1: (B, C, H, W), (O, C, 3, 3) -> (B, O, H, W).

    By Winograd's way errors are about 5e-5 of the deviation at most in place of 1e-5; after all of StyleGAN2 it is
    3e-5.
    """
    large = min(x.shape[2:]) >= LEAST_SIDE and min(weight.shape[:2]) >= LEAST_CHANNELS
    if large and x.is_contiguous() and helps(x):
        return torch._nnpack_spatial_convolution(x, weight, bias, [1, 1])
    return F.conv2d(x, weight, bias, padding=1)
