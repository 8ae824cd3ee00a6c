"""Landmark distance."""

from torch import Tensor

from metrics.frame_mean import FrameMean
from metrics.landmarks import check_landmarks


def landmark_distance(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean Euclidean distance over the 68 points `(N,)`, in the pixels of the landmarks."""
    return (prediction - target).norm(dim=-1).mean(dim=1)


class LMD(FrameMean):
    """Landmark distance: mean over frames and the 68 points of |prediction - target|.

    Of the whole face, pose included. Chen et al. 2018 (sec. 4), whose name it is, take the points of the lips alone,
    with their means laid over each other: their numbers are of another kind.

    Args:
        size: side in pixels of the images that the landmarks belong to; printed beside the number.
        stand_in: short name of the landmark network.

    Takes landmarks `(N, 68, 2)` in pixels; NaN where no face was found. Lower is better.

    """

    title = "LMD"
    higher_is_better = False

    def __init__(self, size: int, stand_in: str | None = None) -> None:
        super().__init__(stand_in)
        self.unit = f"px of {size}"

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Add landmarks `(N, 68, 2)` of the same frames."""
        check_landmarks(prediction, target)
        self.add(landmark_distance(prediction, target))
