"""Dense motion: the quick forms of sampling, heatmaps and blending against the plain ones."""

import pytest
import torch
from torch.nn import functional as F

from models.sadtalker.dense_motion import DenseMotion, blend, gaussians, identity_grid, translate

SIZE = (4, 6, 8)


@pytest.mark.parametrize("spread", [0.05, 0.5, 3.0])  # up to wholly outside
def test_translating_is_sampling_a_shifted_grid(spread: float) -> None:
    feature, shifts = torch.randn(2, 3, *SIZE), torch.randn(2, 5, 3) * spread
    shifts[:, 0] = 0
    grid = identity_grid(SIZE, feature.device) + shifts[:, :, None, None, None]
    sampled = [F.grid_sample(feature, grid[:, m], align_corners=False) for m in range(5)]
    torch.testing.assert_close(translate(feature, shifts), torch.stack(sampled, dim=1), atol=1e-5, rtol=1e-5)


def test_translating_has_the_gradients_of_sampling() -> None:
    feature = torch.randn(1, 2, *SIZE, dtype=torch.float32, requires_grad=True)
    shifts = (torch.randn(1, 3, 3) * 0.3).requires_grad_()
    weight = torch.randn(1, 3, 2, *SIZE)
    ours = torch.autograd.grad((translate(feature, shifts) * weight).sum(), (feature, shifts))
    grid = identity_grid(SIZE, feature.device) + shifts[:, :, None, None, None]
    sampled = torch.stack([F.grid_sample(feature, grid[:, m], align_corners=False) for m in range(3)], dim=1)
    plain = torch.autograd.grad((sampled * weight).sum(), (feature, shifts))
    torch.testing.assert_close(ours, plain, atol=1e-3, rtol=1e-4)


def test_gaussians_are_of_variance_a_hundredth() -> None:
    keypoints = torch.rand(2, 3, 3) * 2 - 1
    distance = identity_grid(SIZE, keypoints.device) - keypoints[:, :, None, None, None]
    torch.testing.assert_close(gaussians(keypoints, SIZE), torch.exp(-distance.square().sum(-1) / 0.02))


def test_blending_leaves_weak_motions_out() -> None:
    mask = torch.randn(2, 5, *SIZE).mul(4).softmax(1)
    assert (mask < 1e-3).any()
    shifts = torch.randn(2, 5, 3)
    grids = identity_grid(SIZE, mask.device) + shifts[:, :, None, None, None]
    plain = (grids * (mask * (mask >= 1e-3)).unsqueeze(-1)).sum(1)
    torch.testing.assert_close(blend(mask, shifts), plain)


@pytest.mark.parametrize("estimate_occlusion", [True, False])
def test_equal_keypoints_give_the_identity(estimate_occlusion: bool) -> None:
    network = DenseMotion(3, 2, 4, 4, 8, num_blocks=1, compress=2, estimate_occlusion=estimate_occlusion)
    keypoints = torch.rand(2, 2, 3)
    motion = network(network.compressed(torch.randn(2, 3, *SIZE)), keypoints, keypoints)
    identity = identity_grid(SIZE, keypoints.device).expand(2, *SIZE, 3)
    torch.testing.assert_close(motion.deformation, identity, atol=5e-3, rtol=0)  # weights under 0.001 are left out
    torch.testing.assert_close(motion.mask.sum(1), torch.ones(2, *SIZE))
    assert (motion.occlusion is not None) == estimate_occlusion
    assert motion.occlusion is None or motion.occlusion.shape == (2, 1, 6, 8)
