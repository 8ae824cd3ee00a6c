"""The quick convolution of repeated pixels against the plain one."""

import pytest
import torch
from torch.nn import functional as F

from models.sadtalker.repeated_convolution import convolve_repeated


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [(8, 9), (1, 1), (2, 10, 7), (2, 2, 3)])
def test_equal_to_repeating_and_convolving(scale: int, size: tuple[int, ...]) -> None:
    dims = len(size)
    x = torch.randn(2, 3, *size, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(4, 3, *[3] * dims, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(4, dtype=torch.float64, requires_grad=True)
    convolve = F.conv2d if dims == 2 else F.conv3d
    repeated = F.interpolate(x, scale_factor=[1.0] * (dims - 2) + [float(scale)] * 2)
    plain = convolve(repeated, weight, bias, padding=1)
    ours = convolve_repeated(x, weight, bias, scale)
    torch.testing.assert_close(ours, plain)
    direction = torch.randn_like(plain)
    gradients = [torch.autograd.grad((y * direction).sum(), (x, weight, bias)) for y in (ours, plain)]
    torch.testing.assert_close(gradients[0], gradients[1])
