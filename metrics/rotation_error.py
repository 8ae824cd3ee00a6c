"""Angle between estimated and true head rotations."""

from torch import Tensor

from metrics.frame_mean import FrameMean
from metrics.pose_distance import rotation_angle
from models.face3d.rotation import rotation_matrix


class RotationError(FrameMean):
    """Mean angle in degrees between two rotations; takes angles (N, 3) of the 3DMM in radians. Lower is better."""

    title = "RotationError"
    unit = "degrees"
    higher_is_better = False

    def update(self, estimate: Tensor, truth: Tensor) -> None:
        """Add angles (N, 3): pitch, yaw, roll."""
        self.add(rotation_angle(rotation_matrix(estimate.double()), rotation_matrix(truth.double())))
