"""FID, KID and the same distances on other features, against scipy, torchmetrics and what must hold."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance

from metrics.feature_sets import FeatureSetMetric
from metrics.fid import FID
from metrics.frechet_distance import FrechetDistance
from metrics.kernel_distance import KernelDistance, kernel_distance
from metrics.kid import KID
from models.errors import UserError

D = 24


class PassThrough(nn.Module):
    """What torchmetrics takes for an extractor: the 'images' are features already."""

    num_features = D

    def forward(self, features: Tensor) -> Tensor:
        return features


def sets(first: int = 90, second: int = 120, size: int = D) -> tuple[Tensor, Tensor]:
    """Features that are correlated, positive and of two distributions, as Inception's are."""
    generator = torch.Generator().manual_seed(0)
    mixing = torch.randn(size, size, generator=generator) / 5
    one = (torch.randn(first, size, generator=generator) @ mixing + 0.4).relu()
    other = (torch.randn(second, size, generator=generator) @ mixing * 1.2 + 0.5).relu()
    return one, other


def filled(metric: FeatureSetMetric, one: Tensor, other: Tensor, parts: Sequence[int] = (1000,)) -> float:
    """The metric's value after updates of these sizes."""
    start = 0
    for length in parts:
        metric.update(one[start : start + length], other[start : start + length])
        start += length
    return float(metric.compute())


def by_sqrtm(one: Tensor, other: Tensor) -> float:
    a, b = one.double().numpy(), other.double().numpy()
    first, second = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    return float(
        ((a.mean(0) - b.mean(0)) ** 2).sum()
        + np.trace(first)
        + np.trace(second)
        - 2 * np.trace(sqrtm(first @ second)).real
    )


def test_frechet_distance_is_scipys_and_torchmetrics() -> None:
    one, other = sets()
    value = filled(FrechetDistance(D), one, other, (50, 1, 300))
    assert value == pytest.approx(by_sqrtm(one, other), abs=1e-8)
    theirs = FrechetInceptionDistance(feature=PassThrough())
    theirs.set_dtype(torch.float64)
    theirs.update(other, real=True)
    theirs.update(one, real=False)
    assert value == pytest.approx(theirs.compute().item(), rel=1e-5)


def test_frechet_distance_of_known_gaussians() -> None:
    """Spheres of standard deviation 1 and 3, 2 apart: 4 + D (1 - 3)^2."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(400, 5, generator=generator, dtype=torch.float64)
    noise = torch.linalg.qr(noise - noise.mean(dim=0))[0] * 399**0.5  # mean 0, covariance 1 exactly
    shift = torch.tensor([2.0, 0, 0, 0, 0], dtype=torch.float64)
    assert filled(FrechetDistance(5), noise, 3 * noise + shift) == pytest.approx(4 + 5 * 4, abs=1e-9)


def loop_mmd(one: Tensor, other: Tensor) -> float:
    def kernel(x: np.ndarray, y: np.ndarray) -> float:
        return (float(x @ y) / len(x) + 1) ** 3

    a, b = list(one.double().numpy()), list(other.double().numpy())
    inside_a = np.mean([kernel(x, y) for i, x in enumerate(a) for j, y in enumerate(a) if i != j])
    inside_b = np.mean([kernel(x, y) for i, x in enumerate(b) for j, y in enumerate(b) if i != j])
    return float(inside_a + inside_b - 2 * np.mean([kernel(x, y) for x in a for y in b]))


def test_kernel_distance_is_the_unbiased_mmd(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = sets(40, 25)
    assert filled(KernelDistance(D), one, other) == pytest.approx(1000 * loop_mmd(one, other), abs=1e-7)
    monkeypatch.setattr("metrics.kernel_distance.BLOCK", 7)
    assert filled(KernelDistance(D), one, other, (3, 5, 100)) == pytest.approx(1000 * loop_mmd(one, other), abs=1e-7)


@pytest.mark.filterwarnings("ignore:Metric `Kernel Inception Distance` will save")
def test_kernel_distance_of_all_is_torchmetrics_with_one_subset_of_all() -> None:
    one, other = sets(60, 60)
    theirs = KernelInceptionDistance(feature=PassThrough(), subsets=1, subset_size=60)
    theirs.update(other, real=True)
    theirs.update(one, real=False)
    assert filled(KernelDistance(D), one, other) == pytest.approx(1000 * theirs.compute()[0].item(), rel=1e-4)


def test_kernel_distance_has_no_bias_from_few_frames() -> None:
    """Over many small sets of one distribution the mean is 0, where the Fréchet distance is far above."""
    everything, _ = sets(4000, 2)
    halves = [torch.split(part, 10) for part in torch.split(everything, 20)]
    kernel = [float(kernel_distance(one, other)) for one, other in halves]
    frechet = [filled(FrechetDistance(D), one, other) for one, other in halves[:20]]
    assert abs(np.mean(kernel)) < 3 * np.std(kernel) / len(kernel) ** 0.5
    assert min(frechet) > 0.1


@pytest.mark.parametrize("kind", [FrechetDistance, KernelDistance])
@pytest.mark.parametrize("count", [10, 90])
def test_batch_size_and_order_do_not_matter(kind: type[FeatureSetMetric], count: int) -> None:
    one, other = sets(count, count)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(1))
    whole = filled(kind(D), one, other)
    assert filled(kind(D), one[order], other[order.flip(0)], [1] * count) == pytest.approx(whole, abs=1e-8)


@pytest.mark.parametrize("count", [10, 90])
def test_identical_sets_are_at_distance_0(count: int) -> None:
    one, _ = sets(count)
    assert filled(FrechetDistance(D), one, one.flip(0)) == pytest.approx(0, abs=1e-9)
    # unbiased: pairs of a frame with itself count between the sets but not within, so it is a little below
    assert filled(KernelDistance(D), one, one) < 0


def test_a_constant_set_has_no_spread() -> None:
    one = torch.ones(5, D)
    assert filled(FrechetDistance(D), one, 3 * one) == pytest.approx(4 * D)


def test_missing_faces_are_left_out_of_their_own_set() -> None:
    one, other = sets()
    with_holes = torch.cat([one, torch.full((4, D), torch.nan)])
    for kind in (FrechetDistance, KernelDistance):
        metric = kind(D, "dlib")
        metric.update(with_holes, torch.cat([torch.full((2, D), torch.nan), other]))
        assert metric.compute().item() == pytest.approx(filled(kind(D), one, other), abs=1e-9)
        assert (int(metric.count), int(metric.missing), int(metric.real_count)) == (90, 4, 120)


@pytest.mark.filterwarnings("ignore:The ``compute`` method of metric")
def test_too_few_frames_are_not_a_number_and_few_are_a_note() -> None:
    metric = FID()
    assert metric.compute().isnan()
    small = FrechetDistance(D)
    small.update(*sets(20, 90))
    assert small.note == "20 frames for 24 features: compare with rows of as many frames only"
    small.update(*sets(20, 90))
    assert small.note == "" == KID().note
    assert KID().compute().isnan()


def test_names() -> None:
    labels = [metric.label for metric in (FID(), KID(), FrechetDistance(D, "dlib"), KernelDistance(D, "dlib"))]
    assert labels == ["FID", "KID", "FD[dlib]", "KD[dlib]"]
    for kind, other in ((FID, "frechet_distance.FrechetDistance"), (KID, "kernel_distance.KernelDistance")):
        with pytest.raises(UserError, match=f"features; for those of dlib take metrics.{other}"):
            kind(D, "dlib")
    with pytest.raises(ValueError, match=r"FD\[dlib\] takes features \(N, 24\), got \(2, 8\)"):
        FrechetDistance(D, "dlib").update(torch.zeros(2, 8), torch.zeros(2, 8))
