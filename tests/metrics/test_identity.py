"""CSIM and IdentityDistance on embeddings made here."""

import math

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from metrics.csim import CSIM
from metrics.identity import IdentityMetric
from metrics.identity_distance import IdentityDistance


def embeddings(count: int, seed: int = 0) -> torch.Tensor:
    return torch.nn.functional.normalize(torch.randn(count, 16, generator=torch.Generator().manual_seed(seed)))


@pytest.mark.parametrize(("metric", "kind"), [(CSIM("toy"), "cosine"), (IdentityDistance("toy"), "euclidean")])
def test_against_scipy(metric: IdentityMetric, kind: str) -> None:
    prediction, reference = embeddings(7), embeddings(7, seed=1)
    metric.update(prediction[:3], reference[:3])
    metric.update(prediction[3:], reference[3:])
    expected = np.diag(cdist(prediction, reference, kind)).mean()
    assert metric.compute().item() == pytest.approx(1 - expected if kind == "cosine" else expected, abs=1e-6)
    assert metric.label == f"{metric.title}[toy]"
    assert type(metric)().label == metric.title


def test_one_reference_for_all() -> None:
    csim, distance = CSIM(), IdentityDistance()
    for metric in (csim, distance):
        metric.update(torch.tensor([[1.0, 0.0], [0.0, 0.5]]), torch.tensor([[1.0, 0.0]]))
    assert csim.compute().item() == pytest.approx(0.5)
    assert distance.compute().item() == pytest.approx(math.sqrt(1.25) / 2)


def test_frames_without_a_face_are_counted_and_left_out() -> None:
    prediction = embeddings(3)
    prediction[1] = torch.nan
    metric = CSIM()
    metric.update(prediction, embeddings(3))
    assert metric.compute().item() == pytest.approx(1)
    assert (metric.count.item(), metric.missing.item()) == (2, 1)
    assert sum(metric.histogram()["counts"]) == 2


def test_nothing_measured_is_not_a_number() -> None:
    metric = CSIM()
    metric.update(torch.full((2, 4), torch.nan), torch.ones(1, 4))
    assert metric.compute().isnan()


def test_histogram_is_numpys_and_adds_up() -> None:
    prediction, reference = embeddings(200), embeddings(200, seed=1)
    metric = CSIM()
    for part in range(0, 200, 32):
        metric.update(prediction[part : part + 32], reference[part : part + 32])
    found = metric.histogram()
    expected, places = np.histogram((prediction * reference).sum(dim=1).double(), bins=80, range=(-1, 1))
    assert found == {"edges": pytest.approx(places.tolist()), "counts": expected.tolist()}


def test_what_is_off_the_histogram_falls_into_its_last_bin() -> None:
    metric = IdentityDistance()
    metric.update(torch.tensor([[3.0, 4.0], [0.0, 0.0]]), torch.zeros(1, 2))
    counts = metric.histogram()["counts"]
    assert (metric.compute().item(), counts[0], counts[-1]) == (2.5, 1, 1)


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"embeddings are \(N, D\)"):
        CSIM().update(torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 4))
    with pytest.raises(ValueError, match="2 predictions need as many references, or one; got 3"):
        CSIM().update(torch.zeros(2, 2), torch.zeros(3, 2))
