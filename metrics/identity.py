"""What the identity metrics share."""

from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from metrics.frame_mean import FrameMean

BINS = 80


class IdentityMetric(FrameMean):
    """Compares identity embeddings of faces; a row of NaN where there was no face.

    Attributes:
        lowest: where the histogram begins; smaller numbers are counted in its first bin.
        highest: where it ends; larger numbers are counted in its last bin.

    """

    lowest: ClassVar[float]
    highest: ClassVar[float]
    bins: Tensor

    def __init__(self, stand_in: str | None = None) -> None:
        super().__init__(stand_in)
        self.add_state("bins", torch.zeros(BINS, dtype=torch.long), dist_reduce_fx="sum")

    def update(self, prediction: Tensor, reference: Tensor) -> None:
        """Add embeddings `(N, D)` of N frames and of as many references, or of one for all."""
        if prediction.ndim != 2 or reference.ndim != 2:
            raise ValueError(f"embeddings are (N, D), got {tuple(prediction.shape)} and {tuple(reference.shape)}")
        if len(reference) not in (1, len(prediction)):
            raise ValueError(f"{len(prediction)} predictions need as many references, or one; got {len(reference)}")
        values = self.compare(prediction, reference)
        self.add(values)
        inside = values[~values.isnan()].clamp(self.lowest, self.highest)
        self.bins += torch.histc(inside, BINS, self.lowest, self.highest).long()

    @abstractmethod
    def compare(self, prediction: Tensor, reference: Tensor) -> Tensor:
        """One number `(N,)` per pair of embeddings `(N, D)` and `(N or 1, D)`."""

    def histogram(self) -> dict[str, list[float]]:
        """The `edges` of the bins and the `counts` of frames between them (HifiHead fig. 6 draws this)."""
        edges = torch.linspace(self.lowest, self.highest, BINS + 1, dtype=torch.float64)
        return {"edges": edges.tolist(), "counts": self.bins.tolist()}
