"""The shared state of all metrics that are a mean over frames, and the check of their images."""

from typing import ClassVar

import torch
from torch import Tensor
from torchmetrics import Metric

TOLERANCE = 1e-3


def check_images(prediction: Tensor, target: Tensor) -> None:
    """Raise `ValueError` unless both are finite `(N, 3, H, W)` images of one shape in [-1, 1]."""
    if prediction.shape != target.shape:
        raise ValueError(f"prediction {tuple(prediction.shape)} and target {tuple(target.shape)} differ in shape")
    for name, images in (("prediction", prediction), ("target", target)):
        if images.ndim != 4 or images.shape[1] != 3 or not images.is_floating_point():
            raise ValueError(f"{name} must be float images (N, 3, H, W), got {images.dtype} {tuple(images.shape)}")
        if images.numel() == 0:
            continue
        low, high = images.aminmax()
        if not (low >= -1 - TOLERANCE and high <= 1 + TOLERANCE):  # written so that NaN fails too
            raise ValueError(f"{name} must lie in [-1, 1], got values from {low.item():.4g} to {high.item():.4g}")


class FrameMean(Metric):
    """Mean over frames of one number per frame; NaN marks a frame that could not be measured.

    Sums and counts are reduced by addition, so ranks may have seen different numbers of frames, none included. Frames
    that could not be measured (no face found) are left out of the mean and counted in `missing`: the value is to be
    read together with that count. The value is NaN when nothing was measured.

    Subclasses set `title`, `unit` and `higher_is_better` and call `add` with their numbers.

    Attributes:
        minimum_frames: how many frames of a clip one `update` needs.
        stand_in: the freely available network that measures in place of the one of the papers, `None` if there is none.

    """

    title: ClassVar[str]
    unit: str = ""
    minimum_frames: ClassVar[int] = 1
    is_differentiable = False
    full_state_update = False
    total: Tensor
    count: Tensor
    missing: Tensor

    def __init__(self, stand_in: str | None = None) -> None:
        super().__init__()
        self.stand_in = stand_in
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.long), dist_reduce_fx="sum")
        self.add_state("missing", torch.zeros((), dtype=torch.long), dist_reduce_fx="sum")

    @property
    def label(self) -> str:
        """The name to print: the title, with the stand-in in brackets, e.g. `CSIM[dlib]`."""
        return self.title if self.stand_in is None else f"{self.title}[{self.stand_in}]"

    def add(self, values: Tensor) -> None:
        """Add one number per frame `(N,)`; NaN is counted as missing."""
        measured = ~values.isnan()
        self.total += values[measured].double().sum()
        self.count += measured.sum()
        self.missing += (~measured).sum()

    def compute(self) -> Tensor:
        """Mean over all measured frames of all ranks, NaN when there are none."""
        return self.total / self.count
