"""Leaky ReLU between an upsampling and a downsampling filter (Karras et al., NeurIPS 2021, sec. 3.2 and appendix C.3).

Letters: B batch, C channels, H, W size, R parts of the downsampling filter.
"""

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F

from models.stylegan.layers import GAIN, SLOPE
from models.stylegan.resample import Sampling, resample

BLOCKS = (16, 20, 24, 28, 32)  # samples between the filters come in such blocks


@dataclass(frozen=True)
class Rates:
    """The two samplings of a layer, for rows and columns alike.

    Attributes:
        up: from the size that comes in to the size between.
        down: from there to the size that goes out.
    """

    up: Sampling
    down: Sampling


def rates(before: int, after: int, up: int, down: int, up_taps: int, down_taps: int) -> Rates:
    """Samplings whose middles agree, as the authors place them.

    Args:
        before: height and width that come in.
        after: that go out.
        up: factor.
        down: factor.
        up_taps: length of the filter.
        down_taps: length of the filter.

    """
    between = (after - 1) * down + down_taps  # what the second filter needs
    padding = between - before * up + up_taps - 1  # zeros at both ends of what is upsampled, or less than none: cropped
    shift = up_taps - 1 - (padding + up) // 2
    between = min(-(-between // block) * block for block in BLOCKS)  # more than it needs, but whole blocks
    return Rates(
        Sampling(up, 1, shift, up_taps, before, between), Sampling(1, down, down_taps - 1, down_taps, between, after)
    )


def filtered_lrelu(
    x: Tensor, up_taps: Tensor, down_taps: tuple[Tensor, Tensor], rates: Rates, clamp: float | None = None
) -> Tensor:
    """(B, C, H, H) -> (B, C, H', H'): upsampled, leaky ReLU times sqrt 2, limited to +-clamp, downsampled.

    Args:
        x: already with its bias; zeros lie around it.
        up_taps: of sum 1.
        down_taps: columns (R, taps) and rows (R, taps), whose products add up to the filter.
        rates: sizes.
        clamp: None: no limit.

    """
    taps = up_taps[None] * rates.up.up
    y = resample(x.permute(0, 2, 3, 1), taps, taps * GAIN, rates.up)
    y = F.leaky_relu_(y, SLOPE)
    if clamp is not None:
        y = y.clamp(-clamp, clamp)
    return resample(y, *down_taps, rates.down).permute(0, 3, 1, 2)
