"""What the metrics of 3D face coefficients share."""

from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from metrics.frame_mean import FrameMean
from models.face3d.coefficients import Coefficients


class CoefficientMetric(FrameMean):
    """Compares the coefficients of a 3D face model in two faces, frame by frame; all are distances: lower is better.

    Takes flat vectors `(N, 261)` in HifiHead's order (`Coefficients.to_vector("hifihead")`), a row of NaN where there
    was no face. The papers take the coefficients as the network gives them: nothing is done about what they say of the
    person, so with two people even the driving clip itself does not score 0 against another estimate of itself, and
    values of different networks cannot be compared.
    """

    higher_is_better: ClassVar[bool] = False

    def update(self, prediction: Tensor, driving: Tensor) -> None:
        """Add vectors `(N, 261)` of the same frames.

        Raises:
            UserError: they are of a face model with other sizes.
        """
        if prediction.ndim != 2 or prediction.shape != driving.shape:
            raise ValueError(f"coefficients are (N, 261) twice, got {tuple(prediction.shape)}, {tuple(driving.shape)}")
        first, second = (Coefficients.from_vector(vectors.double(), "hifihead") for vectors in (prediction, driving))
        self.add(self.compare(first, second))

    @abstractmethod
    def compare(self, prediction: Coefficients, driving: Coefficients) -> Tensor:
        """One number per frame `(N,)`."""


def angle_distance(first: Tensor, second: Tensor) -> Tensor:
    """Mean |first - second| of angles `(N, K)` in radians, the shorter way around, in degrees `(N,)`."""
    difference = (first - second).abs() % (2 * torch.pi)
    return torch.rad2deg(torch.minimum(difference, 2 * torch.pi - difference).mean(dim=1))
