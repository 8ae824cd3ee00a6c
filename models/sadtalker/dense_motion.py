"""Dense motion of face-vid2vid (sec. 3.2, appendix A): keypoint pairs -> a 3-D flow and an occlusion map.

Letters: B batch, C channels, K keypoints, M = K + 1 motions (0 is the still background), D depth, H height, W width.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.sadtalker.layers import DownBlock, UpBlock, channels_at
from models.sadtalker.shallow_convolution import ShallowConv3d

KEYPOINT_VARIANCE = 0.01
SMALLEST_WEIGHT = 1e-3  # SadTalker leaves weaker motions out of the flow


class Motion(NamedTuple):
    """How the source volume is seen from the driving frame.

    `deformation`: (B, D, H, W, 3) sampling grid (x, y, z). `mask`: (B, M, D, H, W), sums to 1 over M.
    `occlusion`: (B, 1, H, W) in 0..1, None when not estimated.
    """

    deformation: Tensor
    mask: Tensor
    occlusion: Tensor | None


class DenseMotion(nn.Module):
    """Weighs K + 1 translations at each point of the volume, from features moved by each and keypoint heatmaps."""

    def __init__(
        self,
        feature_channels: int = 32,
        num_keypoints: int = 15,
        depth: int = 16,
        block_expansion: int = 32,
        max_features: int = 1024,
        num_blocks: int = 5,
        compress: int = 4,
        estimate_occlusion: bool = True,
    ) -> None:
        super().__init__()
        motions = num_keypoints + 1
        channels = motions * (compress + 1)
        self.hourglass = _Hourglass(channels, block_expansion, max_features, num_blocks)
        self.mask = ShallowConv3d(self.hourglass.channels_out, motions, 7)
        self.compress = nn.Conv3d(feature_channels, compress, 1)
        self.norm = nn.BatchNorm3d(compress)
        self.occlusion = nn.Conv2d(self.hourglass.channels_out * depth, 1, 7, padding=3) if estimate_occlusion else None

    def compressed(self, feature: Tensor) -> Tensor:
        """The few channels that every keypoint moves, (B, compress, D, H, W); they depend on the source alone."""
        return torch.relu(self.norm(self.compress(feature)))

    def forward(self, compressed: Tensor, driving: Tensor, source: Tensor) -> Motion:
        """`compressed` from the method of that name; keypoints of the driving frame and of the source, (B, K, 3)."""
        size = compressed.shape[2:]
        with torch.autocast(compressed.device.type, enabled=False):
            shifts = F.pad(source.float() - driving.float(), (0, 0, 1, 0))  # (B, M, 3)
            moved = translate(compressed.float(), shifts)
            heat = gaussians(driving.float(), size) - gaussians(source.float(), size)
            heat = F.pad(heat, (0, 0, 0, 0, 0, 0, 1, 0))
            evidence = torch.cat([heat.unsqueeze(2), moved], dim=2).flatten(1, 2)  # motion by motion: heatmap, features
        feature = self.hourglass(evidence)
        mask = self.mask(feature).float().softmax(1)
        occlusion = None if self.occlusion is None else self.occlusion(feature.flatten(1, 2)).float().sigmoid()
        return Motion(blend(mask, shifts), mask, occlusion)


def identity_grid(size: Sequence[int], device: torch.device) -> Tensor:
    """(D, H, W, 3) positions (x, y, z), -1..1 with both ends included."""
    axes = [torch.linspace(-1, 1, n, device=device) for n in size]
    z, y, x = torch.meshgrid(*axes, indexing="ij")
    return torch.stack([x, y, z], dim=-1)


def blend(mask: Tensor, shifts: Tensor) -> Tensor:
    """Flow (B, D, H, W, 3) = sum over m of mask_m (identity + shift_m), weights under 0.001 left out."""
    with torch.autocast(mask.device.type, enabled=False):
        mask = torch.where(mask < SMALLEST_WEIGHT, 0.0, mask)
        identity = identity_grid(mask.shape[2:], mask.device)
        return identity * mask.sum(1).unsqueeze(-1) + torch.einsum("bmdhw,bmc->bdhwc", mask, shifts)


def gaussians(keypoints: Tensor, size: Sequence[int]) -> Tensor:
    """exp(-distance^2 / 0.02) to keypoints (B, K, 3) on the identity grid, (B, K, D, H, W): a product of three axes."""
    depth, height, width = size
    x, y, z = (
        torch.exp(
            -((torch.linspace(-1, 1, n, device=keypoints.device) - keypoints[..., axis, None]) ** 2)
            / (2 * KEYPOINT_VARIANCE)
        )
        for axis, n in enumerate((width, height, depth))
    )
    return z[..., :, None, None] * y[..., None, :, None] * x[..., None, None, :]


def translate(feature: Tensor, shifts: Tensor) -> Tensor:
    """Sample `feature` (B, C, D, H, W) at identity + shift for each of `shifts` (B, M, 3): (B, M, C, D, H, W).

    Equal to `grid_sample(..., align_corners=False)` with zeros outside. A shift moves each axis by itself, so three
    small matrix products do it, twice as fast as sampling a grid, and their backward pass is deterministic.
    """
    batch, motions = shifts.shape[:2]
    depth, height, width = feature.shape[2:]
    along_x, along_y, along_z = (_interpolation(shifts[..., axis], n) for axis, n in enumerate((width, height, depth)))
    x = feature.flatten(1, 3).unsqueeze(1) @ along_x.mT  # (B, M, C D H, W)
    x = along_y.unsqueeze(2) @ x.reshape(batch, motions, -1, height, width)
    x = along_z.unsqueeze(2) @ x.reshape(batch, motions, -1, depth, height * width)
    return x.reshape(batch, motions, -1, depth, height, width)


def _interpolation(shift: Tensor, size: int) -> Tensor:
    """(..., size, size) rows of linear interpolation weights at identity + shift (...), zeros outside."""
    position = torch.linspace(-1, 1, size, device=shift.device) + shift.unsqueeze(-1)
    pixel = ((position + 1) * size - 1) / 2
    index = torch.arange(size, dtype=torch.float32, device=shift.device)
    return (1 - (pixel.unsqueeze(-1) - index).abs()).clamp(min=0)


class _Hourglass(nn.Module):
    """3-D U-Net on (B, C, D, H, W) that keeps the depth; the last skip is the input itself."""

    def __init__(self, channels: int, block_expansion: int, max_features: int, num_blocks: int) -> None:
        super().__init__()
        self.encoder = _Encoder(channels, block_expansion, max_features, num_blocks)
        self.decoder = _Decoder(channels, block_expansion, max_features, num_blocks)
        self.channels_out = block_expansion + channels

    def forward(self, x: Tensor) -> Tensor:
        return self.decoder(self.encoder(x))


class _Encoder(nn.Module):
    def __init__(self, channels: int, block_expansion: int, max_features: int, num_blocks: int) -> None:
        super().__init__()
        widths = [channels] + [channels_at(i + 1, block_expansion, max_features) for i in range(num_blocks)]
        self.down_blocks = nn.ModuleList(DownBlock(a, b, dims=3) for a, b in pairwise(widths))

    def forward(self, x: Tensor) -> list[Tensor]:
        levels = [x]
        for block in self.down_blocks:
            levels.append(block(levels[-1]))
        return levels


class _Decoder(nn.Module):
    def __init__(self, channels: int, block_expansion: int, max_features: int, num_blocks: int) -> None:
        super().__init__()
        widths = [channels_at(i, block_expansion, max_features) for i in range(num_blocks, -1, -1)]
        doubled = [widths[0], *(2 * width for width in widths[1:])]  # after the first, a skip comes along
        self.up_blocks = nn.ModuleList(UpBlock(a, b, dims=3) for a, b in zip(doubled, widths[1:]))
        self.conv = nn.Conv3d(block_expansion + channels, block_expansion + channels, 3, padding=1)
        self.norm = nn.BatchNorm3d(block_expansion + channels)

    def forward(self, levels: list[Tensor]) -> Tensor:
        x = levels.pop()
        for block in self.up_blocks:
            x = torch.cat([block(x), levels.pop()], dim=1)
        return torch.relu(self.norm(self.conv(x)))
