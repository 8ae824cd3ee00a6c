"""Average rotation distance."""

from torch import Tensor

from metrics.coefficient_metric import CoefficientMetric, angle_distance
from models.face3d.coefficients import Coefficients


class ARD(CoefficientMetric):
    """Average rotation distance (HeadGAN, Doukas et al. 2021, sec. 4), in degrees.

    Mean over frames and the three Euler angles of |prediction - driving|, the shorter way around, as the same authors'
    public code for Head2Head computes it. They fitted a face model of their own, which is not public; through Deep3D's
    network this is `APD` in degrees. It is not the angle between two rotations, which `PoseDistance` is: turning about
    one axis by d degrees counts d / 3. Lower is better.
    """

    title = "ARD"
    unit = "degrees"

    def compare(self, prediction: Coefficients, driving: Coefficients) -> Tensor:
        """Mean absolute difference `(N,)`."""
        return angle_distance(prediction.rotation, driving.rotation)
