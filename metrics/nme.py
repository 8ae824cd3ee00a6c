"""Landmark distance free of image size."""

from torch import Tensor

from metrics.frame_mean import FrameMean
from metrics.landmarks import check_landmarks, interocular
from metrics.lmd import landmark_distance


class NME(FrameMean):
    """Normalised mean error (Sagonas et al. 2013, 300-W): landmark distance over the target's interocular distance.

    In per cent of the distance of the target's outer eye corners. Takes landmarks `(N, 68, 2)`; NaN where no face was
    found. Lower is better.
    """

    title = "NME"
    unit = "% interocular"
    higher_is_better = False

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Add landmarks `(N, 68, 2)` of the same frames."""
        check_landmarks(prediction, target)
        self.add(100 * landmark_distance(prediction, target) / interocular(target))
