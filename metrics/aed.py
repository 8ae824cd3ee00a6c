"""Average expression distance."""

from torch import Tensor

from metrics.coefficient_metric import CoefficientMetric
from models.face3d.coefficients import Coefficients


class AED(CoefficientMetric):
    """Average expression distance (PIRenderer, Ren et al. 2021, sec. 4; StyleHEAT, Yin et al. 2022, sec. 4).

    Mean over frames and the 64 expression coefficients of |prediction - driving|, coefficients by Deep3D's network. The
    papers say "average distance" only; that it is the mean of absolute differences is how StyleHEAT's author computed
    it in public code. (FOMM's metric of the same name is one of identity: `IdentityDistance`.) Lower is better.
    """

    title = "AED"

    def compare(self, prediction: Coefficients, driving: Coefficients) -> Tensor:
        """Mean absolute difference `(N,)`."""
        return (prediction.expression - driving.expression).abs().mean(dim=1)
