"""How often sound is found in step with the lips."""

from typing import ClassVar

import torch
from torch import Tensor
from torchmetrics import Metric

from models.recognition.sync_distance import SHIFT

TOLERANCE = 1  # frames


class InSync(Metric):
    """Share of windows whose nearest sound among the shifts of -15 to 15 frames is at most one frame off.

    The off-screen test of SyncNet (Chung and Zisserman 2016, sec. 4.1: right to within a frame) for single windows.
    Shifts that lie beyond the ends of the clip cannot be chosen: `chance` says what guessing would reach. In [0, 1];
    higher is better. Kept as sums, which processes add.
    """

    higher_is_better: ClassVar[bool] = True
    is_differentiable = False
    full_state_update = False
    total: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, lips: Tensor, sound: Tensor) -> None:
        """Add clips of n windows: embeddings (B, n, D) of their lips and of their sound."""
        apart = shifts(lips.shape[1], lips.device)
        distance = torch.cdist(lips.float(), sound.float()).masked_fill(apart > SHIFT, torch.inf)
        hit = apart.expand_as(distance).gather(2, distance.argmin(dim=2, keepdim=True)) <= TOLERANCE
        self.total += hit.sum()
        self.count += hit.numel()

    def compute(self) -> Tensor:
        """The share."""
        return self.total / self.count


class InSyncByChance(InSync):
    """What `InSync` would be for somebody who guesses: three of 31, more near the ends of a clip."""

    def update(self, lips: Tensor, sound: Tensor) -> None:
        """Add clips; only their lengths count."""
        apart = shifts(lips.shape[1], lips.device)
        share = (apart <= TOLERANCE).sum(dim=1) / (apart <= SHIFT).sum(dim=1)
        self.total += share.sum() * len(lips)
        self.count += share.numel() * len(lips)


def shifts(windows: int, device: torch.device) -> Tensor:
    """(n, n): how many frames each window of sound is away from each window of the lips."""
    place = torch.arange(windows, device=device)
    return (place[:, None] - place).abs()
