"""The shared state of all metrics that are a mean over frames, and the check of their images."""

import torch
from torch import Tensor

from metrics.score_metric import ScoreMetric

TOLERANCE = 1e-3


def check_range(name: str, images: Tensor) -> None:
    """Raise `ValueError` unless these are finite float images `(N, 3, H, W)` in [-1, 1]."""
    if images.ndim != 4 or images.shape[1] != 3 or not images.is_floating_point():
        raise ValueError(f"{name} must be float images (N, 3, H, W), got {images.dtype} {tuple(images.shape)}")
    if images.numel() == 0:
        return
    low, high = images.aminmax()
    if not (low >= -1 - TOLERANCE and high <= 1 + TOLERANCE):  # written so that NaN fails too
        raise ValueError(f"{name} must lie in [-1, 1], got values from {low.item():.4g} to {high.item():.4g}")


def check_images(prediction: Tensor, target: Tensor) -> None:
    """Raise `ValueError` unless both are finite `(N, 3, H, W)` images of one shape in [-1, 1]."""
    if prediction.shape != target.shape:
        raise ValueError(f"prediction {tuple(prediction.shape)} and target {tuple(target.shape)} differ in shape")
    check_range("prediction", prediction)
    check_range("target", target)


class FrameMean(ScoreMetric):
    """Mean of one number per frame (or, where `counted` is clips, per clip); NaN marks what could not be measured.

    What could not be measured (no face found) is left out of the mean and counted in `missing`: the value is to be
    read together with that count. The value is NaN when nothing was measured.

    Subclasses set `title`, `unit` and `higher_is_better` and call `add` with their numbers.

    """

    total: Tensor

    def __init__(self, stand_in: str | None = None) -> None:
        super().__init__(stand_in)
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def add(self, values: Tensor) -> None:
        """Add one number per frame or clip `(N,)`; NaN is counted as missing."""
        measured = ~values.isnan()
        self.total += values[measured].double().sum()
        self.count += measured.sum()
        self.missing += (~measured).sum()

    def compute(self) -> Tensor:
        """Mean over all that was measured on all ranks, NaN when there is nothing."""
        return self.total / self.count
