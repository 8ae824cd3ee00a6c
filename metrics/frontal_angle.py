"""How far a head is turned away from the viewer."""

import torch
from torch import Tensor

from metrics.frame_mean import FrameMean
from metrics.landmarks import check_landmarks
from metrics.pose_distance import rotation_angle
from models.head_pose import head_rotation


class FrontalAngle(FrameMean):
    """Mean angle in degrees between a head's rotation and looking straight ahead; our own measure of frontalisation.

    The rotation is fitted to ten rigid landmarks, so an upright face that looks ahead still measures a few degrees.
    Takes landmarks `(N, 68, 2)`. Lower is better.
    """

    title = "FrontalAngle"
    unit = "degrees"
    higher_is_better = False

    def update(self, prediction: Tensor) -> None:
        """Add landmarks `(N, 68, 2)`; NaN where no face was found."""
        check_landmarks(prediction, prediction)
        rotation = head_rotation(prediction)
        self.add(rotation_angle(rotation, torch.eye(3).to(rotation).expand_as(rotation)))
