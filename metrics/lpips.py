"""Learned perceptual image patch similarity."""

from torch import Tensor

from metrics.frame_mean import FrameMean


class LPIPS(FrameMean):
    """LPIPS (Zhang et al. 2018, eq. 1) with AlexNet, version 0.1: mean over frames of sum_l mean_hw w_l |y_l - z_l|^2.

    y_l and z_l are the features of layer l of both pictures, of unit length in every pixel, w_l the weights learned
    from people's judgements. The observer `alexnet` gives y_l sqrt(w_l / (H_l W_l)) of all layers as one vector per
    frame, so this is the squared Euclidean distance of two vectors `(N, F)`. Lower is better; 0 is perfect.
    """

    title = "LPIPS"
    higher_is_better = False

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Add features `(N, F)` of the same frames, of pictures of the same size."""
        if prediction.shape != target.shape or prediction.ndim != 2:
            raise ValueError(f"features are (N, F) of both, got {tuple(prediction.shape)} and {tuple(target.shape)}")
        self.add((prediction - target).square().sum(dim=1))
