"""Both games against their formulas, value by value."""

import pytest
import torch

from losses.adversarial import Hinge, LeastSquares

REAL = [torch.tensor([[2.0, 0.5]]), torch.tensor([-1.0])]
FAKE = [torch.tensor([[-2.0, 0.5]]), torch.tensor([1.0])]


def test_hinge() -> None:
    assert Hinge().generator(FAKE).item() == pytest.approx(0.75 - 1.0)
    expected = (0 + 0.5) / 2 + 2 + (0 + 1.5) / 2 + 2
    assert Hinge().discriminator(REAL, FAKE).item() == pytest.approx(expected)


def test_least_squares() -> None:
    assert LeastSquares().generator(FAKE).item() == pytest.approx((9 + 0.25) / 2 + 0)
    expected = (1 + 0.25) / 2 + 4 + (4 + 0.25) / 2 + 1
    assert LeastSquares().discriminator(REAL, FAKE).item() == pytest.approx(expected)
