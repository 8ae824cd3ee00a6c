"""Renderer of face-vid2vid (sec. 3.2; occlusion-aware SPADE version of SadTalker): source image and keypoints -> image.

Letters: B batch, C channels, K keypoints, D depth, H height, W width.
"""

from collections import OrderedDict
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.sadtalker.dense_motion import DenseMotion, Motion
from models.sadtalker.layers import ConvBlock, DownBlock, ResBlock3d, channels_at, check_images, unit_range
from models.sadtalker.spade_decoder import SpadeDecoder


class Appearance(NamedTuple):
    """What depends on the source alone: `feature` (B, C, D, h, w), `compressed` (B, c, D, h, w) for dense motion."""

    feature: Tensor
    compressed: Tensor


class Generator(nn.Module):
    """Appearance volume of the source, warped by dense motion, decoded to an image in [-1, 1].

    H and W must be multiples of `image_multiple` (128 with the authors' sizes).
    """

    def __init__(
        self,
        num_keypoints: int = 15,
        block_expansion: int = 64,
        max_features: int = 512,
        num_down_blocks: int = 2,
        feature_channels: int = 32,
        depth: int = 16,
        num_resblocks: int = 6,
        motion_block_expansion: int = 32,
        motion_max_features: int = 1024,
        motion_blocks: int = 5,
        motion_compress: int = 4,
        estimate_occlusion: bool = True,
        decoder_blocks: int = 6,
        decoder_hidden: int = 128,
    ) -> None:
        super().__init__()
        widths = [channels_at(level, block_expansion, max_features) for level in range(num_down_blocks + 1)]
        self.first = ConvBlock(3, widths[0], dims=2)
        self.down_blocks = nn.ModuleList(DownBlock(a, b, dims=2) for a, b in pairwise(widths))
        self.second = nn.Conv2d(widths[-1], feature_channels * depth, 1)
        self.resblocks_3d = nn.Sequential(
            OrderedDict((f"3dr{i}", ResBlock3d(feature_channels)) for i in range(num_resblocks))
        )
        self.dense_motion_network = DenseMotion(
            feature_channels,
            num_keypoints,
            depth,
            motion_block_expansion,
            motion_max_features,
            motion_blocks,
            motion_compress,
            estimate_occlusion,
        )
        self.third = ConvBlock(feature_channels * depth, widths[-1], dims=2, slope=0.01)
        self.fourth = nn.Conv2d(widths[-1], widths[-1], 1)
        self.decoder = SpadeDecoder(widths[-1], widths[0], num_down_blocks, decoder_blocks, decoder_hidden)
        self.depth = depth
        self.image_multiple = 2 ** (num_down_blocks + motion_blocks)

    def encode(self, image: Tensor) -> Appearance:
        """Appearance of source images (B, 3, H, W) in [-1, 1]."""
        check_images(image, self.image_multiple)
        x = self.first(unit_range(image))
        for block in self.down_blocks:
            x = block(x)
        feature = self.resblocks_3d(self.second(x).unflatten(1, (-1, self.depth)))
        return Appearance(feature, self.dense_motion_network.compressed(feature))

    def decode(self, appearance: Appearance, driving: Tensor, source: Tensor) -> tuple[Tensor, Motion]:
        """Image (B, 3, H, W) in [-1, 1] and the motion, from keypoints (B, K, 3) of driving frame and source."""
        motion = self.dense_motion_network(appearance.compressed, driving, source)
        warped = warp(appearance.feature, motion.deformation)
        x = self.fourth(self.third(warped.flatten(1, 2)))
        if motion.occlusion is not None:
            x = x * motion.occlusion
        return self.decoder(x) * 2 - 1, motion

    def forward(self, image: Tensor, driving: Tensor, source: Tensor) -> tuple[Tensor, Motion]:
        """As `decode`, from the source image."""
        return self.decode(self.encode(image), driving, source)


def warp(feature: Tensor, deformation: Tensor) -> Tensor:
    """`feature` (B, C, D, H, W) read at `deformation` (B, D, H, W, 3); outside is 0. Always in float32."""
    with torch.autocast(feature.device.type, enabled=False):
        return F.grid_sample(feature.float(), deformation.float(), padding_mode="zeros", align_corners=False)
