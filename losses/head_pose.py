"""Head pose of the driving frame against a pose estimator (face-vid2vid appendix A.2), and where the target comes from.

Letters: B batch.
"""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from losses.frozen import Frozen
from models.errors import UserError
from models.head_pose import euler_angles, head_rotation
from models.sadtalker.keypoint_transform import bins_to_degrees


def head_pose(angles: Tensor, target: Tensor) -> Tensor:
    """|yaw - yaw'| + |pitch - pitch'| + |roll - roll'| in degrees, mean over the batch; both (B, 3) in radians.

    Rows whose target is NaN (no pose was found) do not count. Public training code measures degrees, and the weight
    of 20 belongs to them.
    """
    known = target.isfinite().all(1)
    difference = torch.where(known[:, None], angles.float() - torch.where(known[:, None], target, 0), 0)
    return difference.abs().sum() / known.sum().clamp(min=1) * (180 / math.pi)


class LandmarkPose(nn.Module):
    """Target from the 68 landmarks that the shards hold: weak-perspective fit of a mean head, in closed form.

    The explicit alternative where the paper's estimator is not at hand (`head_pose=landmarks`). The constant error of
    a person is absorbed by the canonical keypoints; changes over time are what matters.
    """

    @torch.no_grad()
    def forward(self, batch: Mapping[str, Any]) -> Tensor:
        """(B, 3) yaw, pitch, roll in radians of `driving`, from `driving_landmarks` (B, 68, 2) in pixels."""
        if "driving_landmarks" not in batch:
            raise UserError("head_pose=landmarks needs landmarks in the batch; set data.view.landmarks=true")
        return euler_angles(head_rotation(batch["driving_landmarks"].float()))


class HopenetPose(nn.Module):
    """Target from Hopenet (Ruiz et al. 2018), the estimator of public training code (`head_pose=hopenet`).

    Raises:
        MissingAsset: the weights `hopenet` are not there.
    """

    def __init__(self) -> None:
        super().__init__()
        from models.recognition.hopenet import load_hopenet

        self.network = Frozen(load_hopenet())

    @torch.no_grad()
    def forward(self, batch: Mapping[str, Any]) -> Tensor:
        """(B, 3) yaw, pitch, roll in radians of `driving` (B, 3, H, W) in [-1, 1]."""
        return torch.deg2rad(bins_to_degrees(self.network(batch["driving"])))
