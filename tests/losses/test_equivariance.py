"""The warp of points and the warp of images are the same warp."""

import pytest
import torch

from losses.equivariance import RandomWarp, equivariance


def warp(count: int = 3, sigma_spline: float = 0.01) -> RandomWarp:
    return RandomWarp.draw(count, torch.Generator().manual_seed(1), 0.1, sigma_spline)


def test_no_noise_is_the_identity() -> None:
    identity = RandomWarp.draw(2, torch.Generator(), 0.0, 0.0)
    points, image = torch.rand(2, 7, 2) * 2 - 1, torch.rand(2, 3, 16, 16)
    assert torch.allclose(identity.points(points), points, atol=1e-6)
    assert torch.allclose(identity.image(image), image, atol=1e-5)


def test_a_blob_moves_as_the_points_say() -> None:
    size = 65
    axis = torch.linspace(-1, 1, size)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    warps = warp(count=1)
    seen = torch.tensor([[[0.2, -0.3]]])  # where the blob shall be in the warped image
    centre = warps.points(seen)[0, 0]
    blob = torch.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / 0.01)
    warped = warps.image(blob[None, None])[0, 0]
    found = torch.stack([(warped * x).sum(), (warped * y).sum()]) / warped.sum()
    assert torch.allclose(found, seen[0, 0], atol=0.01)


def test_loss_is_zero_for_points_that_follow_and_depth_does_not_count() -> None:
    warps = warp()
    warped = torch.rand(3, 5, 3) - 0.5
    keypoints = torch.cat([warps.points(warped[..., :2]), torch.rand(3, 5, 1)], dim=-1)
    assert equivariance(keypoints, warped, warps).item() == pytest.approx(0, abs=1e-6)
    assert equivariance(keypoints + 0.1, warped, warps).item() == pytest.approx(0.1, abs=1e-5)


def test_a_share_of_the_batch_is_the_same_warps() -> None:
    points = torch.rand(4, 5, 2)
    assert torch.equal(warp(4).points(points)[2:], warp(4)[2:4].points(points[2:]))


def test_gradients() -> None:
    warps = RandomWarp(*(part.double() for part in (warp(2).affine, warp(2).spline)))
    points = (torch.rand(2, 3, 2, dtype=torch.double) * 1.6 - 0.8).requires_grad_()
    assert torch.autograd.gradcheck(warps.points, points)
