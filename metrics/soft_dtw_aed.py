"""Average expression distance after soft alignment."""

from typing import ClassVar

import torch
from torch import Tensor

from metrics.frame_mean import FrameMean
from metrics.soft_dtw import cost_per_step
from models.face3d.coefficients import Coefficients

BAND = 15  # frames that prediction and driving may part by, as in SoftDTW-LSE-D


class SoftDTWAED(FrameMean):
    """SoftDTW-AED: average expression distance after a soft alignment in time, per step of the alignment.

    Costs are AED's, the mean over coefficients of |prediction_i - driving_j|; the alignment is soft dynamic time
    warping (Cuturi and Blondel 2017) in which the two may part by at most 15 frames. The value is the mean cost of a
    path divided by its mean length: in AED's unit, whatever the length of a clip. For methods driven by sound, whose
    motion may be right but a little early or late. After the proposal to align before comparing (Zhang et al. 2026,
    Temporally-Aligned Evaluation for Audio-Driven Talking Head Generation); the normalisation per step is ours.
    One `update` takes one whole clip; frames where one of the two has no face (NaN) are left out, and a clip without
    any other is counted as missing. Mean over clips. Lower is better.

    Args:
        gamma: how soft, in the unit of the coefficients; values for different gammas cannot be compared.
        stand_in: short name of the network in that of the papers' place.

    """

    title: ClassVar[str] = "SoftDTW-AED"
    higher_is_better: ClassVar[bool] = False
    whole_clip: ClassVar[bool] = True
    counted: ClassVar[str] = "clips"

    def __init__(self, gamma: float = 0.001, stand_in: str | None = None) -> None:
        super().__init__(stand_in)
        self.gamma = gamma

    def update(self, prediction: Tensor, driving: Tensor) -> None:
        """Add one clip of coefficients `(T, 261)` in HifiHead's order, as `AED` takes them.

        Raises:
            UserError: they are of a face model with other sizes.
        """
        if prediction.ndim != 2 or prediction.shape != driving.shape:
            raise ValueError(f"coefficients are (T, 261) twice, got {tuple(prediction.shape)}, {tuple(driving.shape)}")
        first, second = (
            Coefficients.from_vector(part.double(), "hifihead").expression for part in (prediction, driving)
        )
        seen = (first + second).isfinite().all(dim=1)
        self.add(aligned_distance(first[seen], second[seen], self.gamma).reshape(1))


def aligned_distance(prediction: Tensor, driving: Tensor, gamma: float) -> Tensor:
    """Sequences `(T, n)` -> mean absolute difference per step of their soft alignment; NaN of empty ones."""
    if not len(prediction):
        return prediction.new_tensor(torch.nan)
    costs = torch.cdist(prediction, driving, p=1) / prediction.shape[1]
    return cost_per_step(costs[None], gamma, BAND)[0]
