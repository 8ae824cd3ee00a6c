"""Soft dynamic time warping against plain loops, and exact warping for small gamma."""

import math

import numpy as np
import pytest
import torch

from metrics.soft_dtw import align, cost_per_step


def loop(costs: np.ndarray, gamma: float, band: float) -> float:
    """Algorithm 1 of Cuturi and Blondel 2017."""
    rows, columns = costs.shape
    r = np.full((rows + 1, columns + 1), np.inf)
    r[0, 0] = 0
    for i in range(1, rows + 1):
        for j in range(1, columns + 1):
            before = [value for value in (r[i - 1, j], r[i, j - 1], r[i - 1, j - 1]) if value < np.inf]
            if before and abs(i - j) <= band:
                low = min(before)
                soft = low - gamma * math.log(sum(math.exp((low - value) / gamma) for value in before))
                r[i, j] = costs[i - 1, j - 1] + soft
    return float(r[-1, -1])


def exact(costs: np.ndarray) -> float:
    """Dynamic time warping proper."""
    rows, columns = costs.shape
    best = np.full((rows + 1, columns + 1), np.inf)
    best[0, 0] = 0
    for i in range(rows):
        for j in range(columns):
            best[i + 1, j + 1] = costs[i, j] + min(best[i, j + 1], best[i + 1, j], best[i, j])
    return float(best[-1, -1])


SIZES = [(1, 1, None), (1, 5, None), (7, 4, None), (6, 6, 0), (12, 12, 2), (9, 11, 3)]


@pytest.mark.parametrize(("rows", "columns", "band"), SIZES)
@pytest.mark.parametrize("gamma", [0.01, 0.3, 5.0])
def test_equals_the_loop(rows: int, columns: int, band: int | None, gamma: float) -> None:
    costs = torch.rand(3, rows, columns, generator=torch.Generator().manual_seed(rows)) * 4
    found = align(costs, gamma, band).soft_minimum
    expected = [loop(part.double().numpy(), gamma, np.inf if band is None else band) for part in costs]
    np.testing.assert_allclose(found, expected, atol=1e-9)


@pytest.mark.parametrize(("rows", "columns", "band"), SIZES)
def test_mean_paths_are_the_derivative(rows: int, columns: int, band: int | None) -> None:
    """The derivative of the soft minimum by a cost is how probable it is that a path pays it (sec. 2.2)."""
    costs = torch.rand(2, rows, columns, dtype=torch.float64).requires_grad_()
    found = align(costs, 0.2, band)
    (probable,) = torch.autograd.grad(found.soft_minimum.sum(), costs)
    np.testing.assert_allclose(found.length.detach(), probable.sum((1, 2)), rtol=1e-9)
    np.testing.assert_allclose(found.cost.detach(), (probable * costs.detach()).sum((1, 2)), rtol=1e-9)


def test_small_gamma_is_exact_warping() -> None:
    costs = torch.rand(4, 15, 20, generator=torch.Generator().manual_seed(0))
    found = align(costs, 1e-4)
    expected = [exact(part.double().numpy()) for part in costs]
    np.testing.assert_allclose(found.soft_minimum, expected, atol=1e-2)
    np.testing.assert_allclose(found.cost, expected, atol=1e-3)


def test_without_a_band_to_move_in_it_is_the_mean_side_by_side() -> None:
    costs = torch.rand(2, 9, 9)
    np.testing.assert_allclose(cost_per_step(costs, 0.5, 0), costs.diagonal(dim1=1, dim2=2).mean(1), rtol=1e-6)


def test_longer_clips_do_not_cost_more() -> None:
    assert cost_per_step(torch.full((1, 40, 40), 3.0), 0.1)[0].item() == pytest.approx(3)


@pytest.mark.parametrize(
    ("shape", "gamma", "band"), [((1, 0, 3), 0.1, None), ((1, 3, 3), 0.0, None), ((1, 3, 9), 0.1, 5)]
)
def test_what_cannot_be_aligned_is_refused(shape: tuple[int, ...], gamma: float, band: int | None) -> None:
    with pytest.raises(ValueError, match=r"gamma is above 0|cannot be aligned within 5"):
        align(torch.zeros(shape), gamma, band)
