"""The losses of 3D reconstruction against loops and by what they pull."""

import pytest
import torch

from losses.coefficient_prior import coefficient_prior, white_light
from losses.coefficient_truth import coefficient_truth
from losses.photometric import photometric
from losses.silhouette import silhouette
from losses.weighted_landmarks import landmark_weights, weighted_landmarks
from models.errors import UserError
from models.face3d.coefficients import Coefficients
from tests.models.face3d.toy_face import draw, toy_face


def test_truth_is_squared_for_the_face_and_absolute_for_the_pose() -> None:
    one, two = draw(toy_face(), 5, seed=0), draw(toy_face(), 5, seed=1)
    found = coefficient_truth(one, two)
    assert found["identity"].item() == pytest.approx(((one.identity - two.identity) ** 2).mean().item(), rel=1e-5)
    assert found["gaze"].item() == pytest.approx((one.gaze - two.gaze).abs().mean().item(), rel=1e-5)
    assert found.keys() == one.to_arrays().keys()
    assert all(value == 0 for value in coefficient_truth(one, one).values())


def test_landmarks_are_deep3ds_weighted_squares() -> None:
    """Sum over points of weight x squared distance, by the numbers of images and points."""
    random = torch.Generator().manual_seed(0)
    one, two = (torch.rand(3, 68, 2, generator=random) * 224 for _ in range(2))
    weights = landmark_weights({"nose": 20, "inner_mouth": 20})
    assert weights.nonzero().numel() == 68 and weights.sum() == 57 + 20 * 11
    wanted = sum(
        (20 if point in (28, 29, 30) or point >= 60 else 1) * ((one[i, point] - two[i, point]) ** 2).sum().item()
        for i in range(3)
        for point in range(68)
    ) / (3 * 68)
    assert weighted_landmarks(one, two, weights).item() == pytest.approx(wanted, rel=1e-4)


def test_unknown_points_do_not_count_and_do_not_spoil_gradients() -> None:
    estimate = torch.rand(2, 70, 2, requires_grad=True)
    target = torch.rand(2, 70, 2)
    target[0, 68:] = torch.nan
    loss = weighted_landmarks(estimate, target, torch.ones(70))
    loss.backward()  # type: ignore[no-untyped-call]
    known = torch.cat([(estimate - target)[0, :68], (estimate - target)[1]])
    assert loss.item() == pytest.approx(known.square().sum(1).mean().item(), rel=1e-5)
    assert estimate.grad is not None and estimate.grad.isfinite().all() and (estimate.grad[0, 68:] == 0).all()


def test_unknown_parts_of_the_landmarks_are_named() -> None:
    with pytest.raises(UserError, match="mouth; they have jaw"):
        landmark_weights({"mouth": 2.0})


def test_photometric_is_the_mean_distance_of_colours_under_the_mask() -> None:
    picture, rendering = torch.zeros(2, 3, 4, 4), torch.zeros(2, 3, 4, 4)
    rendering[:, 0, 0, 0] = 0.6  # a tenth of red more in units of [0, 1]: 0.3
    rendering[:, :, 3, 3] = 1.0  # outside of the mask
    mask = torch.zeros(2, 1, 4, 4)
    mask[:, :, 0, :2] = 1
    assert photometric(rendering, picture, mask).item() == pytest.approx(0.15, abs=1e-3)
    rendering.requires_grad_(True)
    photometric(rendering, picture, mask).backward()  # type: ignore[no-untyped-call]
    assert rendering.grad is not None and rendering.grad.isfinite().all()


def square(low: int, high: int) -> torch.Tensor:
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., low:high, low:high] = 1
    return mask


def test_silhouette_pulls_points_in_and_the_nearest_ones_out() -> None:
    inside = torch.tensor([[[10.5, 16.0], [16.0, 16.0]]], requires_grad=True)
    loss = silhouette(inside, square(14, 18), square(8, 24))
    loss.backward()  # type: ignore[no-untyped-call]
    assert inside.grad is not None and inside.grad[0, 0, 0] > 0  # the border at the left pulls to the left
    outside = torch.tensor([[[4.5, 16.0], [16.0, 16.0]]], requires_grad=True)
    loss = silhouette(outside, square(8, 24), square(8, 24))
    assert loss.item() == pytest.approx(4 / 2 / 32, rel=0.01)
    loss.backward()  # type: ignore[no-untyped-call]
    assert outside.grad is not None and outside.grad[0, 0, 0] < 0 and outside.grad[0, 1].abs().max() == 0


def test_silhouettes_that_agree_cost_nothing_and_an_empty_mask_neither() -> None:
    points = torch.tensor([[[16.0, 16.0]]])
    assert silhouette(points, square(8, 24), square(8, 24)) == 0
    assert silhouette(points, square(8, 24), torch.zeros(1, 1, 32, 32)) == 0


def test_prior_and_white_light() -> None:
    faces = Coefficients.zeros(2, 6, 4, 3)
    faces = Coefficients(**{**faces.to_arrays(), "identity": torch.full((2, 6), 2.0), "texture": torch.ones(2, 3)})
    assert coefficient_prior(faces, {"identity": 1.0, "texture": 0.1}).item() == pytest.approx(24.3)
    light = torch.zeros(1, 27)
    assert white_light(light + 0.4) == 0
    light[0, 0] = 3.0  # red, first of nine: 3 against a mean of 1
    assert white_light(light).item() == pytest.approx((4 + 1 + 1) / 27)
