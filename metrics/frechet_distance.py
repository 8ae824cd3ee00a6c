"""Fréchet distance between two sets of feature vectors."""

import torch
from torch import Tensor

from metrics.feature_sets import FeatureSetMetric


def factor(covariance: Tensor) -> Tensor:
    """F `(D, R)` with F F^T = the covariance `(D, D)` of rank R, float64; what is below rounding is left out."""
    values, vectors = torch.linalg.eigh(covariance)
    kept = values > values[-1] * len(values) * torch.finfo(values.dtype).eps
    return vectors[:, kept] * values[kept].sqrt()


def frechet_distance(mean_a: Tensor, covariance_a: Tensor, mean_b: Tensor, covariance_b: Tensor) -> Tensor:
    """|m_a - m_b|^2 + tr A + tr B - 2 tr (A B)^(1/2), never below 0; means `(D,)`, covariances `(D, D)`, float64.

    tr (A B)^(1/2) is the sum of the singular values of F_a^T F_b, where A = F_a F_a^T and B = F_b F_b^T. No root is
    taken of the rounding errors of zero eigenvalues, which is what makes other ways noisy when there are fewer frames
    than features.
    """
    shared = torch.linalg.svdvals(factor(covariance_a).T @ factor(covariance_b)).sum()
    apart = (mean_a - mean_b).square().sum() + covariance_a.trace() + covariance_b.trace()
    return (apart - 2 * shared).clamp(min=0)


class FrechetDistance(FeatureSetMetric):
    """The distance of Heusel et al. 2017 (eq. 6), in float64, on features of any network: FD, not FID.

    Between all predicted and all real frames, each set taken as one Gaussian; only sums are kept, whatever the number
    of frames. Values of different networks, or of different numbers of frames, cannot be compared: fewer frames give
    larger values. Lower is better; 0 for equal sets. NaN with fewer than two frames.
    """

    title = "FD"
    prediction_sum: Tensor
    prediction_products: Tensor
    real_sum: Tensor
    real_products: Tensor

    def __init__(self, features: int, stand_in: str | None = None) -> None:
        super().__init__(features, stand_in)
        for name in ("prediction", "real"):
            self.add_state(f"{name}_sum", torch.zeros(features, dtype=torch.float64), dist_reduce_fx="sum")
            products = torch.zeros(features, features, dtype=torch.float64)
            self.add_state(f"{name}_products", products, dist_reduce_fx="sum")

    @property
    def note(self) -> str:
        """Says when there are fewer frames than numbers per frame."""
        fewest = int(torch.minimum(self.count, self.real_count))
        if fewest >= self.features:
            return ""
        return f"{fewest} frames for {self.features} features: compare with rows of as many frames only"

    def add(self, name: str, rows: Tensor) -> None:
        """Add rows `(N, D)` to the sums of one set."""
        rows = rows.double()
        setattr(self, f"{name}_sum", getattr(self, f"{name}_sum") + rows.sum(dim=0))
        getattr(self, f"{name}_products").addmm_(rows.T, rows)

    def compute(self) -> Tensor:
        """The distance, on the CPU."""
        if min(self.count, self.real_count) < 2:
            return torch.tensor(torch.nan, dtype=torch.float64)
        prediction = _moments(self.count, self.prediction_sum, self.prediction_products)
        return frechet_distance(*prediction, *_moments(self.real_count, self.real_sum, self.real_products))


def _moments(count: Tensor, total: Tensor, products: Tensor) -> tuple[Tensor, Tensor]:
    mean = total.cpu() / count.cpu()
    return mean, (products.cpu() - count.cpu() * torch.outer(mean, mean)) / (count.cpu() - 1)
