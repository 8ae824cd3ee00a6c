import pytest
import torch
from torch.nn import functional as F

from models.winograd import conv3x3, helps


@pytest.mark.parametrize(("before", "channels", "height", "width"), [(32, 48, 16, 16), (40, 32, 17, 30), (8, 8, 5, 5)])
def test_equals_a_convolution_with_its_gradients(before: int, channels: int, height: int, width: int) -> None:
    random = torch.Generator().manual_seed(0)
    x = torch.randn(2, before, height, width, generator=random, requires_grad=True)
    weight = torch.randn(channels, before, 3, 3, generator=random, requires_grad=True)
    bias = torch.randn(channels, generator=random, requires_grad=True)
    ours, plain = conv3x3(x, weight, bias), F.conv2d(x, weight, bias, padding=1)
    spread = plain.std().item()
    torch.testing.assert_close(ours, plain, rtol=1e-4, atol=1e-4 * spread)
    push = torch.randn(plain.shape, generator=random)
    leaves = (x, weight, bias)
    for mine, other in zip(torch.autograd.grad(ours, leaves, push), torch.autograd.grad(plain, leaves, push)):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-4 * other.std().item())


def test_other_numbers_and_orders_go_the_plain_way() -> None:
    x = torch.randn(1, 32, 16, 16)
    weight = torch.randn(32, 32, 3, 3)
    assert not helps(x.double())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert not helps(x)
        assert conv3x3(x, weight).dtype == torch.bfloat16
    assert torch.equal(conv3x3(x.double(), weight.double()), F.conv2d(x.double(), weight.double(), padding=1))
    last = x.to(memory_format=torch.channels_last)
    assert torch.equal(conv3x3(last, weight), F.conv2d(last, weight, padding=1))
