from itertools import product

import pytest
import torch
from torch import Tensor

from models.stylegan.modulated_conv import modulated_colours, modulated_conv
from tests.models.stylegan import naive

ways = pytest.mark.parametrize(
    "batch, up, biased, trained", list(product((1, 3), (False, True), (False, True), (False, True)))
)


def example(batch: int, trained: bool, channels: int = 4, size: int = 5) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Feature, weight, style, bias in float64."""
    random = torch.Generator().manual_seed(batch)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, dtype=torch.float64, generator=random)

    style = normal(batch, channels).requires_grad_()
    return normal(batch, channels, size, size), normal(3, channels, 3, 3).requires_grad_(trained), style, normal(3)


@ways
def test_each_picture_is_convolved_with_a_weight_of_its_own(batch: int, up: bool, biased: bool, trained: bool) -> None:
    x, weight, style, bias = example(batch, trained)
    expected = 1.5 * naive.modulated(x, weight, style, up)
    if biased and not up:
        expected = expected + bias[:, None, None]
    got = modulated_conv(x, weight, style, 1.5, up=up, bias=bias if biased and not up else None)
    torch.testing.assert_close(got, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("batch, up", [(1, False), (1, True), (2, True)])
def test_it_is_the_same_without_gradients_and_with_channels_last(batch: int, up: bool) -> None:
    x, weight, style, bias = example(batch, trained=False, channels=8)
    expected = naive.modulated(x, weight, style, up)
    if batch == 1:
        expected = expected + bias[:, None, None]
    with torch.no_grad():
        for feature in (x, x.contiguous(memory_format=torch.channels_last)):
            got = modulated_conv(feature, weight, style, up=up, bias=bias if batch == 1 else None)
            torch.testing.assert_close(got, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("batch, trained, up", [(1, False, False), (1, True, True), (2, False, True), (2, True, False)])
def test_its_gradients_have_gradients(batch: int, trained: bool, up: bool) -> None:
    x, weight, style, bias = example(batch, trained, channels=2, size=2)
    given = (x.requires_grad_(), weight, style, bias.requires_grad_())

    def convolve(x: Tensor, weight: Tensor, style: Tensor, bias: Tensor) -> Tensor:
        return modulated_conv(x, weight, style, up=up, bias=None if up else bias)

    assert torch.autograd.gradcheck(convolve, given)
    assert torch.autograd.gradgradcheck(convolve, given)


@pytest.mark.parametrize("trained", [False, True])
def test_frozen_weights_give_the_gradient_of_the_naive_formulation(trained: bool) -> None:
    x, weight, style, _ = example(1, trained)
    wanted = [x.requires_grad_(), style]
    got = torch.autograd.grad(modulated_conv(x, weight, style).square().sum(), wanted)
    expected = torch.autograd.grad(naive.modulated(x, weight, style).square().sum(), wanted)
    torch.testing.assert_close(got, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("batch", [1, 3])
def test_colours_are_not_demodulated(batch: int) -> None:
    x, _, style, bias = example(batch, trained=False)
    weight = torch.randn(3, 4, 1, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(9))
    expected = naive.modulated(x, weight, style, demodulate=False) + bias[:, None, None]
    for feature in (x, x.contiguous(memory_format=torch.channels_last)):
        torch.testing.assert_close(modulated_colours(feature, weight, style, bias), expected, rtol=1e-10, atol=1e-10)


def test_a_style_without_length_gives_nothing_but_the_bias() -> None:
    x, weight, style, bias = example(2, trained=False)
    got = modulated_conv(x, weight, torch.zeros_like(style), bias=bias)
    torch.testing.assert_close(got, bias[None, :, None, None].expand_as(got))


def test_bfloat16_autocast_is_close() -> None:
    x, weight, style, _ = (tensor.detach().float() for tensor in example(2, trained=False, channels=16))
    expected = modulated_conv(x, weight, style)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = modulated_conv(x, weight, style)
    assert got.dtype == torch.bfloat16
    assert (got - expected).square().mean() < 1e-4 * expected.square().mean()
