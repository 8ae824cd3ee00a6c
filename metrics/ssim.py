"""Structural similarity."""

from typing import cast

from torch import Tensor
from torchmetrics.functional.image import structural_similarity_index_measure

from metrics.frame_mean import FrameMean, check_images


def ssim(prediction: Tensor, target: Tensor) -> Tensor:
    """Structural similarity per image `(N,)`: Gaussian window 11, sigma 1.5, mirrored at the border, mean over all."""
    # SSIM compares means, so it depends on where zero is: the published constants belong to [0, 1].
    values = structural_similarity_index_measure(
        (prediction + 1) / 2, (target + 1) / 2, data_range=1.0, reduction="none"
    )
    return cast(Tensor, values).reshape(len(prediction))


class SSIM(FrameMean):
    """Mean over frames of the structural similarity (Wang et al. 2004) of RGB images, each channel on its own.

    Takes images `(N, 3, H, W)` in [-1, 1] of at least 11 pixels a side. Higher is better; 1 is perfect.
    """

    title = "SSIM"
    higher_is_better = True

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Add images `(N, 3, H, W)` in [-1, 1]; other ranges raise `ValueError`."""
        check_images(prediction, target)
        if min(prediction.shape[-2:]) < 11:
            raise ValueError(f"SSIM needs images of at least 11 pixels a side, got {tuple(prediction.shape)}")
        if len(prediction):
            self.add(ssim(prediction, target))
