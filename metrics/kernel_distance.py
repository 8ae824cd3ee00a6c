"""Kernel distance (squared maximum mean discrepancy) between two sets of feature vectors."""

import torch
from torch import Tensor
from torchmetrics.utilities import dim_zero_cat

from metrics.feature_sets import FeatureSetMetric

BLOCK = 1024  # rows of the kernel matrix at a time


def kernel_sum(rows: Tensor, columns: Tensor) -> Tensor:
    """Sum of (x . y / D + 1)^3 over all pairs of rows `(N, D)` and `(M, D)`, float64."""
    blocks = [
        (x.double() @ y.double().T / rows.shape[1] + 1).pow(3).sum()
        for x in torch.split(rows, BLOCK)
        for y in torch.split(columns, BLOCK)
    ]
    return torch.stack(blocks).sum()


def within(rows: Tensor) -> Tensor:
    """Mean of the kernel over all pairs of two different rows."""
    own = (rows.double().square().sum(dim=1) / rows.shape[1] + 1).pow(3).sum()
    return (kernel_sum(rows, rows) - own) / (len(rows) * (len(rows) - 1))


def kernel_distance(first: Tensor, second: Tensor) -> Tensor:
    """The unbiased estimate from all pairs (Binkowski et al. 2018, sec. 2.1), of rows `(N, D)` and `(M, D)`."""
    between = kernel_sum(first, second) / (len(first) * len(second))
    return within(first) + within(second) - 2 * between


class KernelDistance(FeatureSetMetric):
    """The distance of Binkowski et al. 2018 (sec. 4: cubic kernel) on features of any network: KD, not KID.

    Between all predicted and all real frames, times 1000. The usual tools average over random subsets; this is the
    estimate from all pairs, which has the same expectation, less noise, and no seed. Unlike FID's it does not depend on
    the number of frames, and it may fall below 0 for equal distributions. Keeps the features. Lower is better. NaN with
    fewer than two frames.
    """

    title = "KD"
    unit = "1e-3"
    # Flat, all rows one after the other: else torchmetrics cannot gather from a process that has seen nothing.
    prediction_rows: list[Tensor]
    real_rows: list[Tensor]

    def __init__(self, features: int, stand_in: str | None = None) -> None:
        super().__init__(features, stand_in)
        self.add_state("prediction_rows", [], dist_reduce_fx="cat")
        self.add_state("real_rows", [], dist_reduce_fx="cat")

    def add(self, name: str, rows: Tensor) -> None:
        """Keep rows `(N, D)` of one set."""
        getattr(self, f"{name}_rows").append(rows.float().flatten())

    def compute(self) -> Tensor:
        """1000 times the distance, float64."""
        if min(self.count, self.real_count) < 2:
            return torch.tensor(torch.nan, dtype=torch.float64)
        sets = (dim_zero_cat(rows).cpu().view(-1, self.features) for rows in (self.prediction_rows, self.real_rows))
        return 1000 * kernel_distance(*sets)
