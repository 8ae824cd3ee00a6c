"""Average pose distance."""

from torch import Tensor

from metrics.coefficient_metric import CoefficientMetric
from models.face3d.coefficients import Coefficients


class APD(CoefficientMetric):
    """Average pose distance (PIRenderer, Ren et al. 2021, sec. 4; StyleHEAT, Yin et al. 2022, sec. 4).

    Mean over frames and the three head angles of |prediction - driving| in radians, angles by Deep3D's network. What
    belongs to the pose is not written in the papers; public code of StyleHEAT's author leaves the translation out
    (it depends on how a frame was cropped). Lower is better. `ARD` is the same in degrees.
    """

    title = "APD"
    unit = "rad"

    def compare(self, prediction: Coefficients, driving: Coefficients) -> Tensor:
        """Mean absolute difference `(N,)`."""
        return (prediction.rotation - driving.rotation).abs().mean(dim=1)
