"""Mean squared difference of pixels."""

from torch import Tensor

from metrics.frame_mean import FrameMean, check_images


def mse(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean of (prediction - target)^2 per image `(N,)`, in units of the [0, 1] range."""
    return (prediction - target).square().mean(dim=(1, 2, 3)) / 4


class MSE(FrameMean):
    """Mean of (prediction - target)^2 over pixels and channels, in units of the [0, 1] range.

    Papers on StyleGAN inversion follow pSp's script, which takes it on [-1, 1] after scaling to 256 pixels: four times
    as much.
    Takes images `(N, 3, H, W)` in [-1, 1]. Lower is better; 0 is perfect.
    """

    title = "MSE"
    higher_is_better = False

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Add images `(N, 3, H, W)` in [-1, 1]; other ranges raise `ValueError`."""
        check_images(prediction, target)
        self.add(mse(prediction, target))
