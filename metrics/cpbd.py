"""Sharpness without a reference: cumulative probability of blur detection."""

import torch
from torch import Tensor
from torch.nn import functional as F

from metrics.frame_mean import FrameMean, check_range

BLOCK = 64  # pixels a side
EDGE_SHARE = 0.002  # of a block's pixels: those with more edges are edge blocks
CONTRAST, JNB_LOW, JNB_HIGH = 50, 5.0, 3.0  # just noticeable blur in pixels: 5 up to that contrast, else 3
BETA = 3.6
NOTICED = 63  # per cent: an edge with exactly the just noticeable blur is noticed by 63 %
STEEPEST = 2**0.5 - 1  # tangent of 22.5 degrees: how far from level the gradient of an upright edge may point
LONGEST = 100  # steps that an edge is followed to either side


def luma(images: Tensor) -> Tensor:
    """Grey levels `(N, H, W)` from 0 to 255, whole numbers, of images `(N, 3, H, W)` in [-1, 1] (BT.601)."""
    levels = ((images.float() + 1) * 127.5).round()
    return (levels * levels.new_tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(dim=1).round()


def vertical_edges(grey: Tensor) -> Tensor:
    """Where `(N, H, W)` bool the squared Sobel response across is above its threshold and its neighbours."""
    kernel = grey.new_tensor([[1, 0, -1], [2, 0, -2], [1, 0, -1]])[None, None] / 8
    power = F.conv2d(F.pad(grey[:, None], (1, 1, 1, 1), mode="replicate"), kernel)[:, 0].square()
    threshold = 2 * power.mean(dim=(1, 2), keepdim=True).sqrt()
    power = torch.where(power > threshold, power, 0)
    around = F.pad(power, (1, 1, 1, 1))
    middle, centre = slice(1, -1), around[:, 1:-1, 1:-1]
    across = (centre > around[:, middle, :-2]) & (centre > around[:, middle, 2:])
    down = (centre > around[:, :-2, middle]) & (centre > around[:, 2:, middle])
    return across | down


def run_left(steps: Tensor) -> Tensor:
    """How many true values `(N, H, W)` end at each place, counted along rows from the left, itself included."""
    column = torch.arange(steps.shape[-1], dtype=torch.int32, device=steps.device)
    return column - torch.where(steps, -1, column).cummax(dim=-1).values


def edge_widths(grey: Tensor, edges: Tensor) -> Tensor:
    """Widths `(N, H, W)` in pixels (Marziliano et al. 2002) of edges whose gradient points left or right, else 0.

    From its pixel an edge is followed to both sides while grey levels `(N, H, W)` go on falling and rising.
    """
    down, across = torch.gradient(grey, dim=(1, 2))
    upright = down.abs() <= STEEPEST * across.abs()
    rise = F.pad(grey[..., 1:] > grey[..., :-1], (1, 0))  # from the neighbour on the left to here
    fall = F.pad(grey[..., 1:] < grey[..., :-1], (1, 0))
    # (a pixel is stepped aside before the following starts, hence the rolls)
    left_rise, left_fall = (run_left(step).roll(1, -1) for step in (rise, fall))
    right_rise, right_fall = (
        run_left(F.pad(step[..., 1:], (0, 1)).flip(-1)).flip(-1).roll(-1, -1) for step in (rise, fall)
    )
    rising = left_rise.clamp(max=LONGEST) + right_rise.clamp(max=LONGEST) + 2
    falling = left_fall.clamp(max=LONGEST) + right_fall.clamp(max=LONGEST) + 2
    widths = torch.where((across > 0) & upright | (across == 0), rising, torch.where(upright, falling, 0))
    inside = F.pad(torch.ones_like(edges[:, 1:-1, 1:-1]), (1, 1, 1, 1))
    return torch.where(edges & inside, widths, 0)


def blocks(values: Tensor) -> Tensor:
    """`(N, B, 64 * 64)`: the whole blocks of `(N, H, W)`."""
    return values.unfold(1, BLOCK, BLOCK).unfold(2, BLOCK, BLOCK).flatten(3).flatten(1, 2)


def cpbd(images: Tensor) -> Tensor:
    """Sharpness `(N,)` of images `(N, 3, H, W)` in [-1, 1]."""
    grey = luma(images)
    edges = vertical_edges(grey)
    widths, grey_blocks, edge_blocks = blocks(edge_widths(grey, edges)), blocks(grey), blocks(edges)
    contrast = grey_blocks.amax(dim=2) - grey_blocks.amin(dim=2)
    noticeable = torch.where(contrast > CONTRAST, JNB_HIGH, JNB_LOW)
    counted = (edge_blocks.sum(dim=2, keepdim=True) > EDGE_SHARE * BLOCK**2) & (widths > 0)
    probability = 1 - torch.exp(-((widths / noticeable[..., None]) ** BETA))
    sharp = counted & ((100 * probability).round() <= NOTICED)
    return sharp.sum(dim=(1, 2)) / counted.sum(dim=(1, 2)).clamp(min=1)


class CPBD(FrameMean):
    """Cumulative probability of blur detection (Narvekar and Karam, TIP 2011), mean over frames.

    Share of edge pixels where blur would not be noticed: P(blur) = 1 - exp(-(w / w_jnb)^3.6) <= 63 %, where w is the
    width of the edge and w_jnb, the just noticeable one, is 5 pixels in blocks of 64 pixels with a contrast of up to 50
    grey levels and 3 in others; blocks with at most 0.2 % edge pixels do not count. An image without edges scores 0.
    The paper leaves the edge detector open: as in the Python package cpbd, which papers on talking heads use, it is a
    Sobel filter across, thresholded at 2 sqrt(mean of squares), for widths and for blocks (the authors' own program
    finds other edges: values differ by some .02).

    Takes images `(N, 3, H, W)` in [-1, 1] of at least 64 pixels a side; borders beyond whole blocks are not seen. It
    depends on the size: compare only at one. Noise counts as sharp. Higher is better; from 0 to 1.
    """

    title = "CPBD"
    higher_is_better = True

    def update(self, prediction: Tensor) -> None:
        """Add images `(N, 3, H, W)` in [-1, 1]; other ranges raise `ValueError`."""
        check_range("prediction", prediction)
        if min(prediction.shape[-2:]) < BLOCK:
            raise ValueError(f"CPBD needs images of at least {BLOCK} pixels a side, got {tuple(prediction.shape)}")
        if len(prediction):
            self.add(cpbd(prediction))
