"""Mean absolute difference of pixels."""

from torch import Tensor

from metrics.frame_mean import FrameMean, check_images


def l1(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean of |prediction - target| per image `(N,)`, halved so that it is in units of the [0, 1] range."""
    return (prediction - target).abs().mean(dim=(1, 2, 3)) / 2


class L1(FrameMean):
    """L1 of FOMM (Siarohin et al. 2019, sec. 4): mean |prediction - target| over pixels and channels.

    Takes images `(N, 3, H, W)` in [-1, 1]; the value is in units of the [0, 1] range, as the papers print it.
    Lower is better; 0 is perfect.
    """

    title = "L1"
    higher_is_better = False

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Add images `(N, 3, H, W)` in [-1, 1]; other ranges raise `ValueError`."""
        check_images(prediction, target)
        self.add(l1(prediction, target))
