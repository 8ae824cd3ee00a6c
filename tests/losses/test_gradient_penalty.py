"""R1 and path lengths, where both are known in closed form."""

import math

import pytest
import torch

from losses.gradient_penalty import path_lengths, r1_penalty


def test_r1_of_a_linear_discriminator_is_the_square_of_its_weights() -> None:
    weight, real = torch.randn(3, 8, 8), torch.randn(5, 3, 8, 8, requires_grad=True)
    logits = (real * weight).sum(dim=(1, 2, 3))[:, None]
    assert r1_penalty(logits, real).item() == pytest.approx(weight.square().sum().item(), rel=1e-5)


def test_r1_is_a_mean_over_pictures() -> None:
    """D(x) = |x|^2 / 2 has x itself as its gradient; it teaches the discriminator, so it has a gradient of its own."""
    real, scale = torch.randn(4, 3, 8, 8, requires_grad=True), torch.tensor(2.0, requires_grad=True)
    penalty = r1_penalty(scale * real.square().sum(dim=(1, 2, 3)) / 2, real)
    expected = sum(float(picture.square().sum()) for picture in real.detach()) / 4
    assert penalty.item() == pytest.approx(4 * expected, rel=1e-5)
    (slope,) = torch.autograd.grad(penalty, scale)
    assert slope.item() == pytest.approx(4 * expected, rel=1e-5)  # d s^2 / d s = 2 s


def test_r1_of_codes() -> None:
    weight, codes = torch.randn(6), torch.randn(3, 6, requires_grad=True)
    assert r1_penalty(codes @ weight, codes).item() == pytest.approx(weight.square().sum().item(), rel=1e-5)


def test_path_lengths_of_a_linear_generator_follow_from_its_jacobian() -> None:
    """Picture = J code: the length is |J^T y| / sqrt(pixels), its square a mean over codes."""
    batch, count, width, side = 3, 4, 5, 6
    jacobian, noise = torch.randn(3 * side * side, count * width), torch.randn(batch, 3, side, side)
    codes = torch.randn(batch, count, width, requires_grad=True)
    image = (codes.flatten(1) @ jacobian.T).view(batch, 3, side, side)
    back = (noise.flatten(1) @ jacobian).view(batch, count, width) / side
    expected = torch.tensor([math.sqrt(float(b.square().sum()) / count) for b in back])
    assert torch.allclose(path_lengths(image, codes, noise), expected, rtol=1e-4)


def test_path_lengths_teach_the_generator() -> None:
    scale = torch.tensor(3.0, requires_grad=True)
    codes, noise = torch.randn(2, 1, 12, requires_grad=True), torch.randn(2, 3, 2, 2)
    lengths = path_lengths((scale * codes).view(2, 3, 2, 2), codes, noise)
    assert torch.allclose(lengths, 3 * noise.flatten(1).norm(dim=1) / 2)
    (slope,) = torch.autograd.grad(lengths.sum(), scale)
    assert slope.item() == pytest.approx(float(lengths.detach().sum()) / 3, rel=1e-5)
