"""Peak signal-to-noise ratio."""

from torch import Tensor

from metrics.frame_mean import FrameMean, check_images


def psnr(prediction: Tensor, target: Tensor) -> Tensor:
    """10 log10(peak^2 / MSE) per image `(N,)`, with the peak 2 of images in [-1, 1]; infinite for equal images."""
    error = (prediction - target).square().mean(dim=(1, 2, 3))
    return 10 * (4 / error).log10()


class PSNR(FrameMean):
    """Mean over frames of 10 log10(peak^2 / MSE), in decibel.

    The mean is over frames, as in most papers, and not over pixels of all frames together: the two differ.
    Takes images `(N, 3, H, W)` in [-1, 1]. Higher is better; equal images give infinity.
    """

    title = "PSNR"
    unit = "dB"
    higher_is_better = True

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Add images `(N, 3, H, W)` in [-1, 1]; other ranges raise `ValueError`."""
        check_images(prediction, target)
        self.add(psnr(prediction, target))
