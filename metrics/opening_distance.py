"""Difference of how far mouth and eyes are open."""

from torch import Tensor

from metrics.frame_mean import FrameMean
from metrics.landmarks import check_landmarks, opening


class OpeningDistance(FrameMean):
    """Mean |opening(prediction) - opening(driving)| over mouth and both eyes, where opening is height over width.

    The ratios hardly depend on the person, so expressions of two people can be compared without a 3D face model (the
    papers' AED needs one). Takes landmarks `(N, 68, 2)`. Lower is better; eyes go from 0 to about .35, mouths to .9.
    """

    title = "OpeningDistance"
    higher_is_better = False

    def update(self, prediction: Tensor, driving: Tensor) -> None:
        """Add landmarks `(N, 68, 2)` of the same frames; NaN where no face was found."""
        check_landmarks(prediction, driving)
        self.add((opening(prediction) - opening(driving)).abs().mean(dim=1))
