from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from models.face3d.region_masks import eye_boxes, eye_mask, mouth_box, mouth_mask, polygon_distance

MASKS = [eye_mask, mouth_mask, eye_boxes, mouth_box]


def faces(size: float = 96.0) -> Tensor:
    """Two rough faces: eyes, nose and mouth at likely places, the second one turned by half a radian."""
    angles = torch.arange(12) / 12 * 2 * torch.pi
    points = torch.full((68, 2), 0.5)
    points[27:36] = torch.stack([torch.full((9,), 0.5), torch.linspace(0.36, 0.58, 9)], dim=-1)
    for eye, x in ((36, 0.35), (42, 0.65)):
        ring = torch.tensor([3.0, 2, 1, 0, 5, 4]) / 6 * 2 * torch.pi
        points[eye : eye + 6] = torch.stack([x + 0.07 * ring.cos(), 0.38 - 0.03 * ring.sin()], dim=-1)
    points[48:60] = torch.stack([0.5 - 0.14 * angles.cos(), 0.72 - 0.06 * angles.sin()], dim=-1)
    points[60:68] = points[48:64:2]
    turn = torch.tensor([[0.88, 0.48], [-0.48, 0.88]])
    return torch.stack([points, (points - 0.5) @ turn + 0.5]) * size


def test_signed_distance_of_a_square() -> None:
    square = torch.tensor([[[2.0, 3], [12, 3], [12, 9], [2, 9]]])
    for polygon in (square, square.flip(1)):
        distance = polygon_distance(polygon, 14, 16)[0]
        assert torch.equal(distance > 0, (polygon_distance(square, 14, 16) > 0)[0])
        assert (distance > 0).sum() == 60
        assert (distance[5, 2], distance[5, 1], distance[0, 0]) == pytest.approx(
            (0.5, -0.5, -((1.5**2 + 2.5**2) ** 0.5))
        )


def test_concave_polygon() -> None:
    """An arrow head: the notch is outside."""
    arrow = torch.tensor([[[1.0, 1], [19, 10], [1, 19], [9, 10]]])
    inside = polygon_distance(arrow, 20, 20)[0] > 0
    assert inside[9, 12] and not inside[9, 4] and inside[4, 5] and not inside[1, 15]
    assert inside.sum() == pytest.approx(90, abs=3)  # by the shoelace formula


@pytest.mark.parametrize("mask", MASKS)
def test_masks(mask: Callable[..., Tensor]) -> None:
    points = faces()
    found = mask(points, 96, 100)
    assert found.shape == (2, 1, 96, 100) and found.amin() == 0 and found.amax() == 1
    regions = [range(36, 42), range(42, 48)] if "eye" in mask.__name__ else [range(48, 60)]
    for face, picture in zip(points, found[:, 0]):
        for region in regions:
            x, y = face[list(region)].mean(0).tolist()
            assert picture[int(y), int(x)] == 1
        assert picture[int(face[33, 1]), 3] == 0
    wide, hard = mask(points, 96, 100, grow=0.3), mask(points, 96, 100, soft=0.0)
    assert wide.sum() > found.sum() and (wide >= found - 1e-6).all()
    assert ((hard > 0) & (hard < 1)).sum() < ((found > 0) & (found < 1)).sum()
    twice = torch.nn.functional.avg_pool2d(mask(points * 2, 192, 200), 2)  # the same at every size
    assert (twice - found).abs().mean() < 2e-3


def test_mask_of_a_closed_eye_and_of_a_profile_is_not_empty() -> None:
    points = faces()
    points[0, 36:48, 1] = points[0, 36:48, 1].mean()
    points[1, :, 0] = points[1, :, 0].mean() + (points[1, :, 0] - points[1, :, 0].mean()) * 0.05
    assert eye_mask(points, 96, 96).sum((1, 2, 3)).amin() > 20


def test_masks_pull_at_the_landmarks() -> None:
    points = faces().requires_grad_()
    torch.autograd.backward(mouth_mask(points, 96, 96).sum() + mouth_box(points, 96, 96).sum())
    assert points.grad is not None and points.grad.isfinite().all()
    assert points.grad[0, 57, 1] > 0  # the lower lip downwards: larger
