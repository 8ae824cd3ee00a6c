"""How far the motion of a face is from the motion that was to be transferred, whoever the faces are."""

from torch import Tensor

from metrics.frame_mean import FrameMean
from metrics.landmarks import check_landmarks, interocular


def landmark_motion(points: Tensor, measured: Tensor) -> Tensor:
    """Displacement `(T, 68, 2)` from the mean place over the `measured` frames, in interocular distances."""
    width = interocular(points)[measured].mean()
    return (points - points[measured].mean(dim=0)) / width


class MotionDistance(FrameMean):
    """Mean over frames and points of |d(prediction) - d(driving)|, in per cent of each face's interocular distance.

    d(t) is the displacement of the 68 landmarks at time t from their mean place over the clip, divided by the face's
    own mean distance of outer eye corners: the shape of the face drops out, so two people can be compared, and so does
    where the head is on average, so relative and absolute motion are both allowed. A still picture scores how much the
    driving face moves. Our own measure, for the cross-identity protocol, where no true picture exists. One `update`
    takes one whole clip `(T, 68, 2)`, T >= 2. Lower is better.
    """

    title = "MotionDistance"
    unit = "% interocular"
    higher_is_better = False
    minimum_frames = 2
    whole_clip = True

    def update(self, prediction: Tensor, driving: Tensor) -> None:
        """Add one clip of landmarks `(T, 68, 2)`; NaN where no face was found."""
        check_landmarks(prediction, driving)
        measured = (prediction + driving).isfinite().all(dim=(1, 2))
        distance = landmark_motion(prediction, measured) - landmark_motion(driving, measured)
        self.add(100 * distance.norm(dim=-1).mean(dim=1))
