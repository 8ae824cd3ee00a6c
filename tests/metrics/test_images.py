"""L1, MSE, PSNR and SSIM against other derivations, and the check of value ranges."""

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from metrics.frame_mean import FrameMean
from metrics.l1 import L1
from metrics.mse import MSE
from metrics.psnr import PSNR
from metrics.ssim import SSIM


def pair(frames: int = 3, size: int = 32) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    target = torch.rand(frames, 3, size, size, generator=generator) * 2 - 1
    noise = 0.3 * torch.randn(target.shape, generator=generator)
    return (target + noise).clamp(-1, 1), target


def as_unit_array(images: torch.Tensor) -> np.ndarray:
    return (images.permute(0, 2, 3, 1).double().numpy() + 1) / 2


def test_l1_is_in_units_of_the_unit_range() -> None:
    metric = L1()
    metric.update(torch.ones(2, 3, 4, 4), -torch.ones(2, 3, 4, 4))
    assert metric.compute() == 1


def test_mse_is_in_units_of_the_unit_range() -> None:
    prediction, target = pair()
    metric = MSE()
    metric.update(prediction, target)
    expected = np.mean((as_unit_array(prediction) - as_unit_array(target)) ** 2)
    assert metric.compute().item() == pytest.approx(expected, rel=1e-5)


def test_psnr_is_the_mean_over_frames() -> None:
    prediction, target = pair()
    metric = PSNR()
    metric.update(prediction[:1], target[:1])
    metric.update(prediction[1:], target[1:])
    errors = (as_unit_array(prediction) - as_unit_array(target)) ** 2
    expected = np.mean([10 * math.log10(1 / error.mean()) for error in errors])
    assert metric.compute().item() == pytest.approx(expected, abs=1e-4)


def test_psnr_of_equal_images_is_infinite() -> None:
    _, target = pair()
    metric = PSNR()
    metric.update(target, target)
    assert metric.compute() == math.inf


def reference_ssim(left: np.ndarray, right: np.ndarray) -> float:
    """Wang et al. 2004, eq. 13, on one channel in [0, 1], mirrored at the border."""

    def blur(image: np.ndarray) -> np.ndarray:
        return gaussian_filter(image, 1.5, truncate=3.5, mode="mirror")

    mean_l, mean_r = blur(left), blur(right)
    var_l, var_r = blur(left**2) - mean_l**2, blur(right**2) - mean_r**2
    covariance = blur(left * right) - mean_l * mean_r
    c1, c2 = 0.01**2, 0.03**2
    similarity = (2 * mean_l * mean_r + c1) * (2 * covariance + c2)
    similarity /= (mean_l**2 + mean_r**2 + c1) * (var_l + var_r + c2)
    return float(similarity.mean())


def test_ssim_agrees_with_the_formula() -> None:
    prediction, target = pair()
    metric = SSIM()
    metric.update(prediction, target)
    frames = zip(as_unit_array(prediction), as_unit_array(target))
    expected = np.mean([reference_ssim(p[..., c], t[..., c]) for p, t in frames for c in range(3)])
    assert metric.compute().item() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("metric", [L1(), MSE(), PSNR(), SSIM()], ids=lambda metric: metric.label)
def test_values_out_of_range_are_refused(metric: FrameMean) -> None:
    _, target = pair()
    for wrong in (target * 127.5 + 127.5, target * math.nan):
        with pytest.raises(ValueError, match=r"prediction must lie in \[-1, 1\], got values from"):
            metric.update(wrong, target)
    with pytest.raises(ValueError, match="differ in shape"):
        metric.update(target[:1], target)
    with pytest.raises(ValueError, match="must be float images"):
        metric.update((target * 127).to(torch.uint8), (target * 127).to(torch.uint8))


def test_ssim_needs_its_window() -> None:
    small = torch.zeros(1, 3, 8, 8)
    with pytest.raises(ValueError, match="at least 11 pixels"):
        SSIM().update(small, small)
