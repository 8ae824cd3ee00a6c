"""Keypoints must move with the image (FOMM sec. 3.1; face-vid2vid appendix A.2).

Letters: B batch, K keypoints, H height, W width. Positions are (x, y), -1..1 across the image with both ends included.
"""

from typing import Literal

import torch
from torch import Tensor

from models.warps import Warp


class RandomWarp(Warp):
    """FOMM's warps: each control point moves along the diagonal only."""

    @classmethod
    def draw(
        cls,
        count: int,
        generator: torch.Generator,
        sigma_affine: float = 0.05,
        sigma_spline: float = 0.005,
        points: int = 5,
    ) -> "RandomWarp":
        """`count` warps from a CPU `generator`; sigmas and number of points as in FOMM's configuration."""
        affine = torch.eye(2, 3) + sigma_affine * torch.randn(count, 2, 3, generator=generator)
        return cls(affine, sigma_spline * torch.randn(count, points**2, 1, generator=generator))

    def image(
        self, image: Tensor, padding: Literal["zeros", "border", "reflection"] = "reflection", ends: bool = True
    ) -> Tensor:
        """The image (B, C, H, W) whose pixel p shows what `image` shows at T(p); reflected at the border."""
        return super().image(image, padding, ends)


def equivariance(keypoints: Tensor, warped_keypoints: Tensor, warp: RandomWarp) -> Tensor:
    """Mean |x - T(x')|: keypoints (B, K, 2 or 3) of an image, and those found in `warp.image(image)`; x and y count."""
    return (keypoints[..., :2] - warp.points(warped_keypoints[..., :2].float())).abs().mean()
