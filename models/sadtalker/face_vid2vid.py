"""face-vid2vid (Wang et al., CVPR 2021) with the renderer that SadTalker publishes: a portrait driven by head motion.

Letters: B batch, K keypoints, D depth, H height, W width.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.errors import UserError
from models.sadtalker.dense_motion import Motion
from models.sadtalker.generator import Appearance, Generator
from models.sadtalker.keypoint_detector import KeypointDetector
from models.sadtalker.keypoint_transform import HeadMotion, transform_keypoints
from models.sadtalker.pose_estimator import PoseEstimator


@dataclass(frozen=True)
class EncodedSource:
    """All that depends on the portrait alone: computed once, used for every frame."""

    appearance: Appearance
    canonical: Tensor
    motion: HeadMotion
    keypoints: Tensor


@dataclass(frozen=True)
class Output:
    """A training pass: `prediction` (B, 3, H, W) in [-1, 1], keypoints (B, K, 3), `dense` flow, mask and occlusion."""

    prediction: Tensor
    canonical: Tensor
    source_keypoints: Tensor
    driving_keypoints: Tensor
    source_motion: HeadMotion
    driving_motion: HeadMotion
    dense: Motion

    @property
    def mask(self) -> Tensor:
        """(B, K + 1, D, h, w), sums to 1 over the motions."""
        return self.dense.mask

    @property
    def occlusion(self) -> Tensor | None:
        """(B, 1, h, w) in 0..1, or None when the network does not estimate it."""
        return self.dense.occlusion


class FaceVid2Vid(nn.Module):
    """Keypoint detector, pose estimator and generator behind one border of images in [-1, 1].

    The defaults are the authors' sizes for 256 and 512 pixels. H and W must be multiples of `image_multiple`.
    `translation_axes`: the parts of the translation that move keypoints: "xyz" in face-vid2vid, "y" in SadTalker.
    `detector_*` are sizes of the keypoint detector, `pose_*` of the pose estimator, `motion_*` of the dense motion
    network, `decoder_*` of the SPADE decoder, the rest of the appearance encoder.
    """

    def __init__(
        self,
        num_keypoints: int = 15,
        depth: int = 16,
        translation_axes: str = "xyz",
        detector_block_expansion: int = 32,
        detector_max_features: int = 1024,
        detector_blocks: int = 5,
        detector_downscale: int = 4,
        pose_bins: int = 66,
        pose_block_expansion: int = 64,
        pose_stage_blocks: Sequence[int] = (3, 3, 5, 2),
        block_expansion: int = 64,
        max_features: int = 512,
        num_down_blocks: int = 2,
        feature_channels: int = 32,
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
        if not set(translation_axes) <= set("xyz"):
            raise UserError(f"translation_axes must be made of the letters x, y and z, got {translation_axes!r}")
        self.keypoint_detector = KeypointDetector(
            num_keypoints, detector_block_expansion, detector_max_features, detector_blocks, depth, detector_downscale
        )
        self.pose_estimator = PoseEstimator(num_keypoints, pose_bins, pose_block_expansion, pose_stage_blocks)
        self.generator = Generator(
            num_keypoints,
            block_expansion,
            max_features,
            num_down_blocks,
            feature_channels,
            depth,
            num_resblocks,
            motion_block_expansion,
            motion_max_features,
            motion_blocks,
            motion_compress,
            estimate_occlusion,
            decoder_blocks,
            decoder_hidden,
        )
        self.translation_axes = translation_axes
        self.image_multiple = math.lcm(self.keypoint_detector.image_multiple, self.generator.image_multiple)

    def canonical(self, image: Tensor) -> Tensor:
        """Keypoints (B, K, 3) of the person without pose and expression; images (B, 3, H, W) in [-1, 1]."""
        return self.keypoint_detector(image)

    def head_motion(self, image: Tensor) -> HeadMotion:
        """Pose (radians) and deformation seen in images (B, 3, H, W) in [-1, 1]."""
        return self.pose_estimator(image)

    def keypoints(self, canonical: Tensor, motion: HeadMotion) -> Tensor:
        """Keypoints (B, K, 3) of a person (B or 1, K, 3) under a motion."""
        return transform_keypoints(canonical, motion, self.translation_axes)

    def encode_source(self, image: Tensor) -> EncodedSource:
        """Everything of portraits (B, 3, H, W) in [-1, 1] that rendering needs."""
        canonical, motion = self.canonical(image), self.head_motion(image)
        return EncodedSource(self.generator.encode(image), canonical, motion, self.keypoints(canonical, motion))

    def render(self, source: EncodedSource, keypoints: Tensor) -> Tensor:
        """Images (N, 3, H, W) in [-1, 1] of a source under driving keypoints (N, K, 3).

        The source has batch N, or 1 to be used for all N.
        """
        count = len(keypoints)
        appearance = Appearance(*(part.expand(count, -1, -1, -1, -1) for part in source.appearance))
        prediction, _ = self.generator.decode(appearance, keypoints, source.keypoints.expand(count, -1, -1))
        return prediction

    def forward(self, source: Tensor, driving: Tensor) -> Output:
        """Source images re-enacted by driving images of the same person, both (B, 3, H, W) in [-1, 1]."""
        canonical = self.canonical(source)
        motions = self.head_motion(torch.cat([source, driving]))
        batch = len(source)
        source_motion, driving_motion = motions[:batch], motions[batch:]
        source_keypoints = self.keypoints(canonical, source_motion)
        driving_keypoints = self.keypoints(canonical, driving_motion)
        prediction, dense = self.generator(source, driving_keypoints, source_keypoints)
        return Output(prediction, canonical, source_keypoints, driving_keypoints, source_motion, driving_motion, dense)
