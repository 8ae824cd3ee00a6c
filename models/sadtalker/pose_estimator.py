"""Head pose and expression estimator of face-vid2vid (sec. 3.1 and appendix A): image -> `HeadMotion`.

Letters: B batch, C channels, K keypoints, H height, W width.
"""

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.errors import UserError
from models.sadtalker.keypoint_transform import HeadMotion
from models.sadtalker.layers import unit_range


class PoseEstimator(nn.Module):
    """ResNet-50-like regressor: image (B, 3, H, W) in [-1, 1] -> yaw, pitch and roll bins, translation, deformation.

    `stage_blocks`: bottlenecks that keep the resolution in each of the four stages; stages 2 to 4 halve it first.
    A fresh network says "no translation, no deformation" and angles near 0 for every image, so that training
    begins with an identity motion (our choice; it does not touch loaded weights).
    """

    def __init__(
        self,
        num_keypoints: int = 15,
        num_bins: int = 66,
        block_expansion: int = 64,
        stage_blocks: Sequence[int] = (3, 3, 5, 2),
    ) -> None:
        super().__init__()
        if len(stage_blocks) != 4:
            raise UserError(f"stage_blocks must have four numbers, got {list(stage_blocks)}")
        self.conv1 = nn.Conv2d(3, block_expansion, 7, stride=2, padding=3)
        self.norm1 = nn.BatchNorm2d(block_expansion)
        width = block_expansion
        for stage, blocks in enumerate(stage_blocks):
            wide = block_expansion * 4 * 2**stage
            setattr(self, f"conv{stage + 2}", nn.Conv2d(width, wide, 1))
            setattr(self, f"norm{stage + 2}", nn.BatchNorm2d(wide))
            if stage > 0:
                setattr(self, f"block{2 * stage}", _Bottleneck(wide, stride=2))
            name = 2 * stage + 1
            kept: OrderedDict[str, nn.Module] = OrderedDict((f"b{name}_{i}", _Bottleneck(wide)) for i in range(blocks))
            setattr(self, f"block{name}", nn.Sequential(kept))
            width = wide
        self.fc_roll = nn.Linear(width, num_bins)
        self.fc_pitch = nn.Linear(width, num_bins)
        self.fc_yaw = nn.Linear(width, num_bins)
        self.fc_t = nn.Linear(width, 3)
        self.fc_exp = nn.Linear(width, 3 * num_keypoints)
        self._start_with_identity()

    def _start_with_identity(self) -> None:
        for head in (self.fc_roll, self.fc_pitch, self.fc_yaw):
            nn.init.normal_(head.weight, std=1e-3)
            nn.init.zeros_(head.bias)
        for head in (self.fc_t, self.fc_exp):
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)

    def forward(self, image: Tensor) -> HeadMotion:
        """Any H and W from 32 on."""
        x = F.relu(self.norm1(self.conv1(unit_range(image))), inplace=True)
        x = F.max_pool2d(x, 3, stride=2, padding=1)
        for stage in range(4):
            x = getattr(self, f"conv{stage + 2}")(x)
            x = F.relu(getattr(self, f"norm{stage + 2}")(x), inplace=True)
            if stage > 0:
                x = getattr(self, f"block{2 * stage}")(x)
            x = getattr(self, f"block{2 * stage + 1}")(x)
        x = x.float().mean((2, 3))
        with torch.autocast(x.device.type, enabled=False):  # a rounded score is a jump of a degree
            return self._heads(x)

    def _heads(self, x: Tensor) -> HeadMotion:
        # The authors' layer names of yaw and roll are swapped: fc_roll was trained to give yaw.
        return HeadMotion.from_logits(
            yaw=self.fc_roll(x),
            pitch=self.fc_pitch(x),
            roll=self.fc_yaw(x),
            translation=self.fc_t(x),
            deformation=self.fc_exp(x),
        )


class _Bottleneck(nn.Module):
    """1x1, 3x3 (with the stride), 1x1 at a quarter of the channels; the shortcut is a convolution under a stride."""

    def __init__(self, channels: int, stride: int = 1) -> None:
        super().__init__()
        narrow = channels // 4
        self.conv1 = nn.Conv2d(channels, narrow, 1)
        self.conv2 = nn.Conv2d(narrow, narrow, 3, stride=stride, padding=1)
        self.conv3 = nn.Conv2d(narrow, channels, 1)
        self.norm1 = nn.BatchNorm2d(narrow)
        self.norm2 = nn.BatchNorm2d(narrow)
        self.norm3 = nn.BatchNorm2d(channels)
        self.stride = stride
        if stride > 1:
            self.skip = nn.Conv2d(channels, channels, 1, stride=stride)
            self.norm4 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)), inplace=True)
        y = F.relu(self.norm2(self.conv2(y)), inplace=True)
        y = self.norm3(self.conv3(y))
        if self.stride > 1:
            x = self.norm4(self.skip(x))
        return F.relu(x + y, inplace=True)
