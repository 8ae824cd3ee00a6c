"""Multi-scale SSIM against torchmetrics, and what the loss is zero for."""

import pytest
import torch
from torchmetrics.functional.image import multiscale_structural_similarity_index_measure as reference

from losses.ms_ssim import MSSSIM, SCALE_WEIGHTS
from models.errors import UserError


def images(size: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    clean = torch.nn.functional.interpolate(
        torch.rand(2, 3, 8, 8, generator=generator), size=(size, size), mode="bicubic"
    )
    noisy = clean + 0.05 * torch.randn(2, 3, size, size, generator=generator)
    return clean.clamp(0, 1) * 2 - 1, noisy.clamp(0, 1) * 2 - 1


def test_five_scales_equal_another_implementation() -> None:
    x, y = images(192)
    theirs = reference((x + 1) / 2, (y + 1) / 2, data_range=1.0, kernel_size=11, sigma=1.5, betas=SCALE_WEIGHTS)
    assert MSSSIM(alpha=1.0)(x, y).item() == pytest.approx(1 - theirs.item(), abs=2e-3)


@pytest.mark.parametrize("size", [16, 64, 100])
def test_equal_images_cost_nothing_and_gradients_are_finite(size: int) -> None:
    x, y = images(size)
    assert MSSSIM()(x, x).item() == pytest.approx(0, abs=1e-5)
    x.requires_grad_()
    MSSSIM()(x, y).backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()
    assert x.grad.count_nonzero() > 0


def test_opposite_images_still_have_gradients() -> None:
    x, _ = images(64)
    y = (-x).requires_grad_()
    MSSSIM()(y, x).backward()
    assert y.grad is not None
    assert y.grad.isfinite().all()


def test_too_small() -> None:
    with pytest.raises(UserError, match="at least 11 pixels"):
        MSSSIM()(torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 8))
