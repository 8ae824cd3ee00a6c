"""Pearson's correlation over frames."""

import torch
from torch import Tensor
from torchmetrics import Metric


class Correlation(Metric):
    """Pearson's correlation of two numbers per frame (N,); NaN where one of them never changes. Higher is better.

    Kept as sums, which processes add, so they may have seen different numbers of frames.
    """

    higher_is_better = True
    is_differentiable = False
    full_state_update = False
    sums: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("sums", torch.zeros(6, dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, estimate: Tensor, truth: Tensor) -> None:
        """Add frames (N,) each."""
        a, b = estimate.double(), truth.double()
        self.sums += torch.stack([torch.ones_like(a), a, b, a * a, b * b, a * b]).sum(dim=1)

    def compute(self) -> Tensor:
        """Between -1 and 1."""
        count, a, b, aa, bb, ab = self.sums
        return (count * ab - a * b) / ((count * aa - a * a) * (count * bb - b * b)).clamp(min=0).sqrt()
