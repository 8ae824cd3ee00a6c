"""Keypoint prior and deformation prior against loops."""

import pytest
import torch

from losses.deformation_prior import deformation_prior
from losses.keypoint_prior import keypoint_prior


def test_keypoint_prior_is_the_double_sum() -> None:
    points = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(0)) * 0.3
    expected = 0.0
    for person in points:
        for i in range(4):
            for j in range(4):
                if i != j:
                    expected += max(0.0, 0.1 - (person[i] - person[j]).square().sum().item()) / 2
        expected += abs(person[:, 2].mean().item() - 0.33) / 2
    assert keypoint_prior(points).item() == pytest.approx(expected, rel=1e-5)


def test_coinciding_points_have_finite_gradients() -> None:
    points = torch.zeros(1, 5, 3, requires_grad=True)
    keypoint_prior(points).backward()  # type: ignore[no-untyped-call]
    assert points.grad is not None
    assert points.grad.isfinite().all()


def test_deformation_prior_sums_over_points_and_averages_over_people() -> None:
    assert deformation_prior(torch.tensor([[[1.0, -2.0, 0.0]], [[0.0, 0.0, 3.0]]])).item() == pytest.approx(3.0)
