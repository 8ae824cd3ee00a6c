"""CSIM and IdentityDistance with an embedder made here."""

import pytest
import torch
from torch import Tensor, nn

from metrics.csim import CSIM
from metrics.identity_distance import IdentityDistance


def first_pixel(images: Tensor) -> Tensor:
    """An embedding anybody can compute by hand; no face where the first pixel is black."""
    embedding = images[:, :2, 0, 0].clone()
    embedding[(images[:, :, 0, 0] == -1).all(dim=1)] = torch.nan
    return embedding


def images(*pixels: tuple[float, float]) -> Tensor:
    frames = torch.zeros(len(pixels), 3, 4, 4)
    for frame, (x, y) in zip(frames, pixels):
        frame[:, 0, 0] = torch.tensor([x, y, 0.0 if (x, y) != (-1, -1) else -1.0])
    return frames


def test_cosine_and_distance_to_one_reference() -> None:
    prediction, reference = images((1, 0), (0, 0.5)), images((1, 0))
    csim, distance = CSIM(first_pixel, "toy"), IdentityDistance(first_pixel, "toy")
    csim.update(prediction, reference)
    distance.update(prediction, reference)
    assert csim.compute().item() == pytest.approx(0.5)
    assert distance.compute().item() == pytest.approx((1.25**0.5) / 2)
    assert (csim.label, distance.label) == ("CSIM[toy]", "IdentityDistance[toy]")
    assert CSIM(first_pixel).label == "CSIM"


def test_frames_without_a_face_are_counted_and_left_out() -> None:
    metric = CSIM(first_pixel)
    metric.update(images((1, 0), (-1, -1)), images((1, 0)))
    assert (metric.compute().item(), metric.count.item(), metric.missing.item()) == (1, 1, 1)


def test_nothing_measured_is_not_a_number() -> None:
    metric = CSIM(first_pixel)
    metric.update(images((-1, -1)), images((1, 0)))
    assert metric.compute().isnan()


def test_a_network_inside_is_no_part_of_the_module() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(48, 4), nn.BatchNorm1d(4)).eval()
    holder = nn.Module()
    holder.metric = CSIM(network)
    holder.train()
    assert not network.training
    assert list(holder.parameters()) == []
    assert holder.state_dict() == {}
    holder.metric.update(torch.zeros(2, 3, 4, 4), torch.zeros(1, 3, 4, 4))


def test_range_is_checked() -> None:
    with pytest.raises(ValueError, match=r"must lie in \[-1, 1\]"):
        CSIM(first_pixel).update(images((1, 0)) * 255, images((1, 0)))


def test_embeddings_can_be_given_instead_of_images() -> None:
    metric = IdentityDistance(stand_in="toy")
    metric.update(torch.tensor([[3.0, 4.0], [0.0, 0.0]]), torch.zeros(1, 2))
    assert metric.compute() == 2.5
    with pytest.raises(ValueError, match=r"embeddings are \(N, D\)"):
        metric.update(images((1, 0)), images((1, 0)))
    with pytest.raises(ValueError, match="2 predictions need as many references, or one; got 3"):
        metric.update(torch.zeros(2, 2), torch.zeros(3, 2))
