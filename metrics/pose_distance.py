"""Angle between the head poses of two faces."""

import torch
from torch import Tensor

from metrics.frame_mean import FrameMean
from metrics.landmarks import check_landmarks
from models.head_pose import head_rotation


def rotation_angle(first: Tensor, second: Tensor) -> Tensor:
    """Angle `(N,)` in degrees of the rotation that leads from one matrix `(N, 3, 3)` to the other."""
    chord = (first - second).flatten(1).norm(dim=1)  # 2 sqrt(2) sin(angle / 2); exact for small angles, unlike arccos
    return torch.rad2deg(2 * (chord / 8**0.5).clamp(max=1).arcsin())


class PoseDistance(FrameMean):
    """Mean angle in degrees between the head rotations of prediction and driving.

    The papers' APD compares the pose numbers of a 3D face model; this is an angle between rotations that were fitted
    to ten rigid landmarks, hence another name. Two people in the same pose differ by a few degrees. Takes landmarks
    `(N, 68, 2)`. Lower is better.
    """

    title = "PoseDistance"
    unit = "degrees"
    higher_is_better = False

    def update(self, prediction: Tensor, driving: Tensor) -> None:
        """Add landmarks `(N, 68, 2)` of the same frames; NaN where no face was found."""
        check_landmarks(prediction, driving)
        self.add(rotation_angle(head_rotation(prediction), head_rotation(driving)))
