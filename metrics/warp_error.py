"""Temporal flicker."""

from torch import Tensor

from metrics.frame_mean import FrameMean


class WarpError(FrameMean):
    """Warping error E_warp (Lai et al. 2018, sec. 4.2): how much a video flickers once its motion is taken out.

    For each pair of consecutive frames the mean over visible pixels and channels of (V_t - V_t+1 warped to t)^2, in the
    range [0, 1], times 1000; mean over pairs. Lai et al. take flow and visibility from the unprocessed video, which a
    talking head does not have (of another person the driving moves otherwise), so both are of the scored video itself,
    as newer work on generated video does. Flow follows flicker that looks like motion, and a still picture scores 0:
    read it beside ground_truth and a measure of motion. Takes one number per pair `(N,)` from
    `evaluation.observers.warp_error`. Lower is better.
    """

    title = "WarpError"
    unit = "1e-3"
    higher_is_better = False
    minimum_frames = 2

    def update(self, prediction: Tensor) -> None:
        """Add the mean squares `(N,)` of N pairs; NaN where nothing was visible in both frames."""
        if prediction.ndim != 1:
            raise ValueError(f"one number per pair of frames is needed, got {tuple(prediction.shape)}")
        self.add(1000 * prediction)
