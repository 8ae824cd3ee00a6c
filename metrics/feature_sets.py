"""What metrics that compare two sets of pictures share: which frame belongs to which does not matter to them."""

from abc import abstractmethod

import torch
from torch import Tensor

from metrics.score_metric import ScoreMetric


class FeatureSetMetric(ScoreMetric):
    """A distance between the features of predicted and of real frames, as two sets; a row of NaN where no face was.

    `count` are the predicted frames, `missing` those of them without a face.

    Args:
        features: how many numbers the observer sees per frame.
        stand_in: short name of the network in place of Inception.

    """

    higher_is_better = False
    real_count: Tensor

    def __init__(self, features: int, stand_in: str | None = None) -> None:
        super().__init__(stand_in)
        self.features = features
        self.add_state("real_count", torch.zeros((), dtype=torch.long), dist_reduce_fx="sum")

    def update(self, prediction: Tensor, real: Tensor) -> None:
        """Add features `(N, D)` of predicted and `(M, D)` of real frames."""
        for rows in (prediction, real):
            if rows.ndim != 2 or rows.shape[1] != self.features:
                raise ValueError(f"{self.label} takes features (N, {self.features}), got {tuple(rows.shape)}")
        seen, true = (rows[~rows.isnan().any(dim=1)].cpu() for rows in (prediction, real))
        self.count += len(seen)
        self.missing += len(prediction) - len(seen)
        self.real_count += len(true)
        self.add("prediction", seen)
        self.add("real", true)

    @abstractmethod
    def add(self, name: str, rows: Tensor) -> None:
        """Keep what is needed of rows `(N, D)` of the set `prediction` or `real`."""
