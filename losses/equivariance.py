"""Keypoints must move with the image (FOMM sec. 3.1; face-vid2vid appendix A.2).

Letters: B batch, K keypoints, H height, W width. Positions are (x, y), -1..1 across the image with both ends included.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class RandomWarp:
    """T(p) = A [p, 1] + sum over control points c of w_c r^2 log r, r = |p - c|: affine plus thin-plate spline.

    `affine`: (B, 2, 3). `spline`: (B, n^2), the weights on a regular n x n grid of control points.
    """

    affine: Tensor
    spline: Tensor

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
        return cls(affine, sigma_spline * torch.randn(count, points**2, generator=generator))

    def __getitem__(self, index: slice) -> "RandomWarp":
        """A part of the batch."""
        return RandomWarp(self.affine[index], self.spline[index])

    def to(self, device: torch.device) -> "RandomWarp":
        """The same warps on another device."""
        return RandomWarp(self.affine.to(device), self.spline.to(device))

    def points(self, positions: Tensor) -> Tensor:
        """T of positions (B, N, 2)."""
        side = torch.linspace(-1, 1, round(self.spline.shape[1] ** 0.5), device=positions.device)
        controls = torch.cartesian_prod(side, side)
        squared = (positions.unsqueeze(2) - controls).square().sum(-1)  # (B, N, n^2)
        bending = (0.5 * squared * torch.log(squared + 1e-12)) @ self.spline.unsqueeze(-1)
        return positions @ self.affine[:, :, :2].mT + self.affine[:, None, :, 2] + bending

    def image(self, image: Tensor) -> Tensor:
        """The image (B, C, H, W) whose pixel p shows what `image` shows at T(p); reflected at the border."""
        height, width = image.shape[2:]
        y, x = torch.meshgrid(
            torch.linspace(-1, 1, height, device=image.device),
            torch.linspace(-1, 1, width, device=image.device),
            indexing="ij",
        )
        pixels = torch.stack([x, y], dim=-1).view(1, -1, 2).expand(len(image), -1, -1)
        grid = self.points(pixels).view(-1, height, width, 2)
        return F.grid_sample(image.float(), grid, padding_mode="reflection", align_corners=True)


def equivariance(keypoints: Tensor, warped_keypoints: Tensor, warp: RandomWarp) -> Tensor:
    """Mean |x - T(x')|: keypoints (B, K, 2 or 3) of an image, and those found in `warp.image(image)`; x and y count."""
    return (keypoints[..., :2] - warp.points(warped_keypoints[..., :2].float())).abs().mean()
