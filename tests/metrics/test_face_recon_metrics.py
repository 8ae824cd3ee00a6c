"""Errors of estimated 3D faces: known angles, numpy's correlation, and the same from parts as from the whole."""

import numpy as np
import pytest
import torch

from metrics.correlation import Correlation
from metrics.gaze_error import GazeError, gaze_direction
from metrics.rotation_error import RotationError


def test_rotation_error_of_known_angles() -> None:
    metric = RotationError()
    truth = torch.tensor([[0.2, -0.3, 0.1], [0.0, 0.0, 0.0]])
    metric.update(truth + torch.tensor([[0.0, 0.0, 0.1], [0.05, 0.0, 0.0]]), truth)
    assert metric.compute().item() == pytest.approx(np.degrees(0.075), rel=1e-3)


def test_gaze_error_is_the_mean_over_the_eyes() -> None:
    metric = GazeError()
    truth = torch.zeros(1, 4)
    metric.update(torch.tensor([[0.1, 0.0, 0.0, 0.0]]), truth)
    assert metric.compute().item() == pytest.approx(np.degrees(0.05), rel=1e-3)
    assert torch.allclose(gaze_direction(truth), torch.tensor([0.0, 0.0, 1.0]).expand(1, 2, 3))
    right_and_down = gaze_direction(torch.tensor([[0.2, 0.3, 0.2, 0.3]]))[0, 0]
    assert right_and_down[0] > 0 and right_and_down[1] < 0


def test_correlation_is_numpys_and_adds_up_over_processes() -> None:
    random = torch.Generator().manual_seed(0)
    one = torch.randn(50, generator=random) + 3
    two = 0.5 * one + torch.randn(50, generator=random)
    wanted = np.corrcoef(one, two)[0, 1]
    whole, parts = Correlation(), [Correlation(), Correlation()]
    whole.update(one, two)
    assert whole.compute().item() == pytest.approx(wanted, abs=1e-6)
    parts[0].update(one[:7], two[:7])
    parts[1].update(one[7:], two[7:])
    parts[0].sums += parts[1].sums
    assert parts[0].compute().item() == pytest.approx(wanted, abs=1e-6)
    still = Correlation()
    still.update(torch.ones(4), one[:4])
    assert still.compute().isnan()
