import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from losses.gradient_penalty import r1_penalty
from models.stylegan.discriminator import Discriminator, ResidualBlock, spread_over_group
from models.stylegan.layers import EqualConv2d
from tests.models.stylegan import naive


def discriminator(size: int, channel_max: int = 6) -> Discriminator:
    """Small, random, with biases, in float64."""
    torch.manual_seed(size)
    model = Discriminator(size, channel_base=4 * size, channel_max=channel_max)
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter, std=0.5)
    return model.double()


def pictures(batch: int, size: int) -> Tensor:
    return torch.randn(batch, 3, size, size, dtype=torch.float64, generator=torch.Generator().manual_seed(batch))


def naive_logits(model: Discriminator, image: Tensor) -> Tensor:
    """As the papers say it: every gain at its own place, pixels dropped after the filters."""

    def convolved(layer: EqualConv2d, x: Tensor, padding: int = 0) -> Tensor:
        return F.conv2d(x, layer.weight / math.sqrt(layer.weight[0].numel()), padding=padding)

    def activated(x: Tensor, bias: Tensor) -> Tensor:
        return naive.leaky(x + bias[:, None, None])

    x = activated(convolved(model.from_rgb, image), model.act.bias)
    for block in model.blocks:
        assert isinstance(block, ResidualBlock)
        y = activated(convolved(block.conv1, x, 1), block.act1.bias)
        y = activated(convolved(block.conv2, naive.filtered(y, 2, 2))[:, :, ::2, ::2], block.act2.bias)
        x = (y + convolved(block.skip, naive.filtered(x, 1, 1)[:, :, ::2, ::2])) / math.sqrt(2)
    x = torch.cat([x, naive_spread(x)], dim=1)
    x = activated(convolved(model.last_conv, x, 1), model.last_act.bias)
    x = naive.leaky(naive.linear(x.flatten(1), model.hidden.weight, model.hidden.bias))
    return naive.linear(x, model.logit.weight, model.logit.bias)


def naive_spread(x: Tensor) -> Tensor:
    """Group by group: pictures i, i + B / 4, i + 2 B / 4, i + 3 B / 4."""
    step = max(len(x) // 4, 1)
    spread = x.new_zeros(len(x), 1, *x.shape[2:])
    for first in range(step):
        members = x[first::step]
        deviation = ((members - members.mean(dim=0)).square().mean(dim=0) + 1e-8).sqrt()
        spread[first::step] = deviation.mean()
    return spread


@pytest.mark.parametrize("size", [8, 16, 32, 64])
def test_logits_are_those_of_the_naive_formulation(size: int) -> None:
    model, image = discriminator(size), pictures(4, size)
    torch.testing.assert_close(model(image), naive_logits(model, image), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("batch", [1, 2, 4, 8, 12])
def test_groups_are_interleaved(batch: int) -> None:
    x = torch.randn(batch, 3, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(batch))
    torch.testing.assert_close(spread_over_group(x), naive_spread(x))


def test_r1_teaches_what_it_teaches_the_naive_formulation() -> None:
    model, image = discriminator(16), pictures(4, 16).requires_grad_()
    wanted = [parameter for name, parameter in model.named_parameters() if name != "logit.bias"]
    got, expected = (
        torch.autograd.grad(r1_penalty(logits, image), wanted, allow_unused=True)
        for logits in (model(image), naive_logits(model, image))
    )
    for one, other in zip(got, expected):
        assert (one is None or not one.any()) == (other is None or not other.any())
        if one is not None and other is not None:
            torch.testing.assert_close(one, other, rtol=1e-7, atol=1e-10)


def test_gradients_have_gradients() -> None:
    model, image = discriminator(8, channel_max=2).requires_grad_(False), pictures(2, 8).requires_grad_()
    assert torch.autograd.gradcheck(model, image, fast_mode=True)
    assert torch.autograd.gradgradcheck(model, image, fast_mode=True)


def test_bfloat16_autocast_is_close() -> None:
    model, image = discriminator(16, channel_max=16).float(), pictures(4, 16).float()
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        half = model(image)
    torch.testing.assert_close(half.float(), model(image), rtol=0.05, atol=0.05)
