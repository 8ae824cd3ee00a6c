"""Distances of 3DMM coefficients: known offsets give known values, parts do not mix, and what is refused."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from metrics.aed import AED
from metrics.angle import Angle
from metrics.apd import APD
from metrics.ard import ARD
from metrics.auh import AUH
from metrics.coefficient_metric import CoefficientMetric
from metrics.exp import Exp
from metrics.gaze import Gaze
from models.errors import UserError
from models.face3d.coefficients import ORDERS, Coefficients

ALL = (AED, APD, Exp, ARD, Angle, Gaze)


def coefficients(frames: int = 6, **offsets: float | list[float]) -> Tensor:
    """The same random faces each time, but for offsets of the parts."""
    generator = torch.Generator().manual_seed(0)
    parts = {name: 0.3 * torch.randn(frames, size, generator=generator) for name, size in ORDERS["hifihead"]}
    for name, offset in offsets.items():
        parts[name] = parts[name] + torch.tensor(offset)
    return Coefficients(**parts).to_vector("hifihead")


def score(metric: CoefficientMetric, prediction: Tensor, driving: Tensor) -> float:
    metric.update(prediction, driving)
    return float(metric.compute())


def place(part: str) -> slice:
    """Where a part stands in HifiHead's order (sec. 3.1), counted by hand from the sizes 80, 64, 80, 27, 3, 3, 4."""
    starts = {"identity": 0, "expression": 80, "texture": 144, "lighting": 224, "rotation": 251, "translation": 254}
    sizes = {"identity": 80, "expression": 64, "texture": 80, "lighting": 27, "rotation": 3, "translation": 3}
    return slice(starts[part], starts[part] + sizes[part]) if part in starts else slice(257, 261)


def test_expression_and_pose_distances_are_mean_absolute_differences() -> None:
    one, two = (torch.randn(7, 261, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2))
    a, b = one.numpy(), two.numpy()
    for metric, part in ((AED(), "expression"), (Exp(), "expression"), (APD(), "rotation")):
        expected = np.mean([np.abs(a[t, place(part)] - b[t, place(part)]).mean() for t in range(7)])
        assert score(metric, one, two) == pytest.approx(expected, rel=1e-6), metric.label


@pytest.mark.parametrize("degrees", [0.0, 1.0, 5.0, 20.0])
def test_a_turn_scores_its_degrees(degrees: float) -> None:
    turned = coefficients(rotation=math.radians(degrees))
    assert score(ARD(), turned, coefficients()) == pytest.approx(degrees, abs=1e-4)
    assert score(Angle(), turned, coefficients()) == pytest.approx(degrees, abs=1e-4)
    assert score(APD(), turned, coefficients()) == pytest.approx(math.radians(degrees), abs=1e-6)
    assert score(AED(), turned, coefficients()) == 0
    one_axis = coefficients(rotation=[0.0, math.radians(degrees), 0.0])
    assert score(ARD(), one_axis, coefficients()) == pytest.approx(degrees / 3, abs=1e-4)


def test_angles_go_the_shorter_way_around() -> None:
    nearly = coefficients(rotation=math.radians(355))
    assert score(ARD(), nearly, coefficients()) == pytest.approx(5, abs=1e-3)
    assert score(ARD(), coefficients(), nearly) == pytest.approx(5, abs=1e-3)


def test_looking_elsewhere_and_grimacing() -> None:
    assert score(Gaze(), coefficients(gaze=math.radians(3)), coefficients()) == pytest.approx(3, abs=1e-4)
    assert score(Gaze(), coefficients(rotation=0.1, expression=0.2), coefficients()) == 0
    grades = [score(AED(), coefficients(expression=offset), coefficients()) for offset in (0.0, 0.1, 0.2, 0.4)]
    assert grades == pytest.approx([0, 0.1, 0.2, 0.4], abs=1e-6)
    other_person = coefficients(identity=1.0, texture=1.0, lighting=0.5, translation=0.3)
    assert [score(make(), other_person, coefficients()) for make in ALL] == [0] * 6


def test_frames_without_a_face_are_missing() -> None:
    prediction = coefficients(expression=0.1)
    prediction[[1, 4]] = torch.nan
    metric = AED("embedded")
    assert score(metric, prediction, coefficients()) == pytest.approx(0.1, abs=1e-6)
    assert (metric.count.item(), metric.missing.item(), metric.label) == (4, 2, "AED[embedded]")
    blind = coefficients()
    blind[:, 257:] = torch.nan  # a network that does not see gaze
    gaze = Gaze()
    assert math.isnan(score(gaze, blind, coefficients())) and gaze.missing == 6
    assert score(AED(), blind, coefficients()) == 0


def test_what_is_no_such_vector_is_refused() -> None:
    with pytest.raises(UserError, match="in the order of hifihead have 261 numbers, not 257"):
        AED().update(torch.zeros(2, 257), torch.zeros(2, 257))
    with pytest.raises(ValueError, match=r"coefficients are \(N, 261\) twice, got \(2, 261\), \(3, 261\)"):
        ARD().update(torch.zeros(2, 261), torch.zeros(3, 261))


def test_auh_is_scipys_hamming_distance() -> None:
    from scipy.spatial.distance import hamming

    one, two = (torch.rand(9, 18, generator=torch.Generator().manual_seed(seed)).round() for seed in (1, 2))
    metric = AUH()
    metric.update(one, two)
    assert float(metric.compute()) == pytest.approx(np.mean([hamming(a, b) for a, b in zip(one, two)]))
    one[3] = torch.nan
    metric.update(one, two)
    assert (metric.count.item(), metric.missing.item()) == (17, 1)


def test_auh_rises_with_every_unit_that_differs() -> None:
    truth = torch.zeros(1, 18)
    for count in (0, 1, 9, 18):
        metric = AUH()
        metric.update((torch.arange(18) < count).float()[None], truth)
        assert float(metric.compute()) == pytest.approx(count / 18)
    with pytest.raises(ValueError, match="present \\(1\\) or not"):
        AUH().update(truth + 0.5, truth)
    with pytest.raises(ValueError, match=r"action units are \(N, K\) twice"):
        AUH().update(truth, truth[:, :9])
