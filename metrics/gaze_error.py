"""Angle between estimated and true directions of the eyes."""

import torch
from torch import Tensor

from metrics.frame_mean import FrameMean
from models.face3d.rotation import rotation_matrix


def gaze_direction(gaze: Tensor) -> Tensor:
    """Unit vectors (..., 2, 3) of gaze (..., 4): where the eyes look, relative to the head."""
    angles = torch.nn.functional.pad(gaze.reshape(*gaze.shape[:-1], 2, 2), (0, 1))
    return rotation_matrix(angles)[..., 2]


class GazeError(FrameMean):
    """Mean angle in degrees over both eyes; takes gaze (N, 4) of the 3DMM in radians. Lower is better."""

    title = "GazeError"
    unit = "degrees"
    higher_is_better = False

    def update(self, estimate: Tensor, truth: Tensor) -> None:
        """Add gaze (N, 4): pitch and yaw of one eye, then of the other."""
        chord = (gaze_direction(estimate.double()) - gaze_direction(truth.double())).norm(dim=-1)
        self.add(torch.rad2deg(2 * (chord / 2).clamp(max=1).arcsin()).mean(dim=1))
