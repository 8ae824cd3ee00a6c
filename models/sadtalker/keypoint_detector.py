"""Canonical keypoint detector of face-vid2vid (sec. 3.1 and appendix A): image -> K points in 3-D.

Letters: B batch, C channels, K keypoints, D depth, H height, W width.
"""

from collections import OrderedDict
from itertools import pairwise

import torch
from torch import Tensor, nn

from models.sadtalker.layers import AntiAliasedDownsample, DownBlock, UpBlock, channels_at, check_images, unit_range


class KeypointDetector(nn.Module):
    """Person's keypoints without pose and expression: image (B, 3, H, W) in [-1, 1] -> (B, K, 3) in -1..1, (x, y, z).

    H and W must be multiples of `image_multiple` (128 with the paper's sizes).
    """

    def __init__(
        self,
        num_keypoints: int = 15,
        block_expansion: int = 32,
        max_features: int = 1024,
        num_blocks: int = 5,
        depth: int = 16,
        downscale: int = 4,
        temperature: float = 0.1,
    ) -> None:
        super().__init__()
        self.predictor = _FlatToVolume(block_expansion, max_features, num_blocks, depth)
        self.kp = nn.Conv3d(block_expansion, num_keypoints, 3, padding=1)
        if downscale > 1:
            self.down = AntiAliasedDownsample(3, downscale)
        self.temperature = temperature
        self.image_multiple = downscale * 2**num_blocks

    def heatmap(self, image: Tensor) -> Tensor:
        """Probability of each keypoint over the volume, (B, K, D, H / downscale, W / downscale), sums to 1."""
        check_images(image, self.image_multiple)
        image = unit_range(image)
        if hasattr(self, "down"):
            image = self.down(image)
        feature = self.predictor(image)
        with torch.autocast(feature.device.type, enabled=False):  # the temperature magnifies rounding
            scores = self.kp(feature.float()) / self.temperature
        return scores.flatten(2).softmax(-1).view_as(scores)

    def forward(self, image: Tensor) -> Tensor:
        """Keypoints (B, K, 3)."""
        return expected_position(self.heatmap(image))


def expected_position(heatmap: Tensor) -> Tensor:
    """Mean position under a heatmap (B, K, D, H, W): (B, K, 3) as (x, y, z), axes -1..1 with both ends included."""
    depth, height, width = heatmap.shape[2:]
    rows = heatmap.sum(2)
    marginals = {"x": rows.sum(2), "y": rows.sum(3), "z": heatmap.sum((3, 4))}
    sizes = {"x": width, "y": height, "z": depth}
    # Not matrix products: those would be in half precision under autocast.
    axes = [(marginals[a] * torch.linspace(-1, 1, sizes[a], device=heatmap.device)).sum(-1) for a in "xyz"]
    return torch.stack(axes, dim=-1)


class _FlatToVolume(nn.Module):
    """2-D encoder, its deepest feature folded into a volume, 3-D decoder: (B, 3, H, W) -> (B, C, D, H, W)."""

    def __init__(self, block_expansion: int, max_features: int, num_blocks: int, depth: int) -> None:
        super().__init__()
        widths = [channels_at(level, block_expansion, max_features) for level in range(num_blocks + 1)]
        down = [DownBlock(a, b, dims=2) for a, b in pairwise([3, *widths[1:]])]
        up = [UpBlock(a, b, dims=3) for a, b in pairwise(widths[::-1])]
        self.down_blocks = nn.Sequential(OrderedDict((f"down{i}", block) for i, block in enumerate(down)))
        self.conv = nn.Conv2d(widths[-1], widths[-1] * depth, 1)
        self.up_blocks = nn.Sequential(OrderedDict((f"up{i}", block) for i, block in enumerate(up)))
        self.depth = depth

    def forward(self, image: Tensor) -> Tensor:
        feature = self.conv(self.down_blocks(image))
        return self.up_blocks(feature.unflatten(1, (-1, self.depth)))
