"""HifiHead's gaze distance."""

from torch import Tensor

from metrics.coefficient_metric import CoefficientMetric, angle_distance
from models.face3d.coefficients import Coefficients


class Gaze(CoefficientMetric):
    """Gaze of HifiHead's tables (Zhu et al. 2022, sec. 4): distance of the eyes' angles, in degrees.

    We know of no formula; it is taken as that of `Angle`: mean over frames and the four angles (pitch and yaw of either
    eye, sec. 3.1) of |prediction - driving|. `GazeError` is the angle between directions instead. Lower is better.
    """

    title = "Gaze"
    unit = "degrees"

    def compare(self, prediction: Coefficients, driving: Coefficients) -> Tensor:
        """Mean absolute difference `(N,)`."""
        return angle_distance(prediction.gaze, driving.gaze)
