"""Deformations are small: what pose can explain, pose shall explain (face-vid2vid appendix A.2)."""

from torch import Tensor


def deformation_prior(deformation: Tensor) -> Tensor:
    """|delta|_1, summed over keypoints and axes, mean over the batch; deformation (B, K, 3)."""
    return deformation.float().abs().sum((1, 2)).mean()
