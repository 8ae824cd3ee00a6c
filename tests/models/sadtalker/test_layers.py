"""Blocks of face-vid2vid: spectral norm against PyTorch's, down-sampling against its definition."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from models.errors import UserError
from models.sadtalker.layers import AntiAliasedDownsample, DownBlock, SpectralConv2d, UpBlock, check_images


def pair() -> tuple[SpectralConv2d, nn.Module]:
    """Our layer and PyTorch's, with the same weights, u and v."""
    ours = SpectralConv2d(3, 5, 3, padding=1)
    reference = nn.utils.spectral_norm(nn.Conv2d(3, 5, 3, padding=1))
    reference.load_state_dict(ours.state_dict())
    return ours, reference


def test_spectral_norm_evaluates_as_pytorch_does_and_keeps_u_and_v() -> None:
    ours, reference = (layer.eval() for layer in pair())
    before = copy.deepcopy(ours.state_dict())
    image = torch.randn(2, 3, 8, 8)
    torch.testing.assert_close(ours(image), reference(image))
    assert all(torch.equal(value, before[key]) for key, value in ours.state_dict().items())


def test_spectral_norm_trains_as_pytorch_does_over_two_calls_and_one_backward() -> None:
    ours, reference = pair()
    first, second = torch.randn(2, 2, 3, 8, 8)
    for layer in (ours, reference):
        (layer(first).square().sum() + layer(second).sum()).backward()
    torch.testing.assert_close(ours.weight_orig.grad, reference.get_parameter("weight_orig").grad)
    torch.testing.assert_close(ours.state_dict(), reference.state_dict())


def test_spectral_norm_converges_to_the_largest_singular_value() -> None:
    layer = SpectralConv2d(4, 6, 3)
    for _ in range(200):
        layer.normalised_weight()
    norm = torch.linalg.matrix_norm(layer.normalised_weight().flatten(1), ord=2)
    torch.testing.assert_close(norm, torch.tensor(1.0), rtol=1e-3, atol=0)


def test_spectral_norm_can_be_copied_after_training_steps() -> None:
    layer, _ = pair()
    layer(torch.randn(1, 3, 8, 8)).sum().backward()
    assert copy.deepcopy(layer).state_dict().keys() == {"weight_orig", "bias", "weight_u", "weight_v"}


@pytest.mark.parametrize("factor", [1, 2, 4])
def test_downsampling_is_blur_then_every_nth_pixel(factor: int) -> None:
    down = AntiAliasedDownsample(3, factor)
    image = torch.rand(1, 3, 32, 32)
    radius = down.weight.shape[-1] // 2
    blurred = F.conv2d(F.pad(image, [radius] * 4), down.weight, groups=3)
    torch.testing.assert_close(down(image), blurred[:, :, ::factor, ::factor])
    torch.testing.assert_close(down.weight.sum((1, 2, 3)), torch.ones(3))
    assert radius == round(2 * (factor - 1))


@pytest.mark.parametrize("size", [(4, 8), (3, 4, 8)])
def test_blocks_halve_and_double_the_plane_but_not_the_depth(size: tuple[int, ...]) -> None:
    volume = torch.randn(2, 3, *size)
    dims = len(size)
    half = DownBlock(3, 5, dims=dims)(volume)
    assert half.shape == (2, 5, *size[:-2], 2, 4)
    assert UpBlock(5, 3, dims=dims)(half).shape == volume.shape


@pytest.mark.parametrize(
    ("shape", "message"),
    [((3, 64, 64), "shape"), ((1, 4, 64, 64), "shape"), ((1, 3, 64, 96), "multiples of 64 pixels, got 96x64")],
)
def test_wrong_images_are_named(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_images(torch.zeros(shape), 64)
