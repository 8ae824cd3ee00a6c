"""Sliced Wasserstein distance between two sets of pictures, which needs no network.

Letters: N pictures, L sizes of the pyramid, P patches of a picture, D = 147 numbers of a patch.
"""

import torch
from torch import Tensor
from torch.nn import functional as F
from torchmetrics.utilities import dim_zero_cat

from metrics.frame_mean import check_images
from metrics.score_metric import ScoreMetric

SMALLEST = 16  # pixels, of the pyramid
SIDE = 7  # of a patch
DIRECTIONS = 512
FLOOR = 1e-6  # of a standard deviation, for pictures of one colour


class SlicedWasserstein(ScoreMetric):
    """SWD x 1000 (Karras et al., ICLR 2018, sec. 5): how far the distributions of small patches are apart.

    7x7 patches of every size of the Laplacian pyramid, from the picture's down to 16 pixels, normalised in each colour;
    the mean over sizes and 512 directions of the distance between the two sorted projections. Predicted and real are
    sets: which belongs to which does not matter. Takes pictures `(N, 3, H, W)` in [-1, 1], H = W a power of two. Lower
    is better; 0 for equal sets. Patches are kept: 38 kB a picture and size. NaN without pictures.

    Args:
        patches: P; the paper has 128.
        stand_in: see `ScoreMetric`.

    """

    title = "SWD"
    higher_is_better = False
    # Flat, all pictures one after the other: else torchmetrics cannot gather from a process that has seen nothing.
    prediction: list[Tensor]
    real: list[Tensor]

    def __init__(self, patches: int = 64, stand_in: str | None = None) -> None:
        super().__init__(stand_in)
        self.patches = patches
        self.add_state("prediction", [], dist_reduce_fx="cat")
        self.add_state("real", [], dist_reduce_fx="cat")

    def update(self, prediction: Tensor, real: Tensor) -> None:
        """Add pictures `(N, 3, H, W)` in [-1, 1] of both sets; other ranges raise `ValueError`."""
        check_images(prediction, real)
        self.prediction.append(self._described(prediction))
        self.real.append(self._described(real))
        self.count += len(prediction)

    def compute(self) -> Tensor:
        """The distance."""
        if not self.count:
            return torch.tensor(torch.nan)
        shape = (int(self.count), -1, self.patches, 3 * SIDE * SIDE)
        levels = zip(*(dim_zero_cat(kept).view(shape).unbind(dim=1) for kept in (self.prediction, self.real)))
        return 1000 * torch.stack([_distance(a, b) for a, b in levels]).mean()

    def _described(self, images: Tensor) -> Tensor:
        """Patches (N, L, P, D), flat, from places that are the same in every picture: the order of none matters."""
        random = torch.Generator().manual_seed(0)
        described = []
        for level in _laplacian(images.float()):
            patches = F.unfold(level, SIDE).transpose(1, 2)  # (N, places, D)
            described.append(patches[:, torch.randint(patches.shape[1], (self.patches,), generator=random)])
        return torch.stack(described, dim=1).flatten()


def _laplacian(images: Tensor) -> list[Tensor]:
    levels = []
    while images.shape[-1] > SMALLEST:
        smaller = F.avg_pool2d(images, 2)
        levels.append(images - F.interpolate(smaller, scale_factor=2, mode="bilinear"))
        images = smaller
    return [*levels, images]


def _distance(a: Tensor, b: Tensor) -> Tensor:
    """Between patches (N, P, D) of one size."""
    directions = torch.randn(a.shape[2], DIRECTIONS, generator=torch.Generator().manual_seed(1))
    directions = (directions / directions.norm(dim=0)).to(a.device)
    slices = [(_normalised(patches) @ directions).sort(dim=0).values for patches in (a, b)]
    return (slices[0] - slices[1]).abs().mean()


def _normalised(patches: Tensor) -> Tensor:
    """(N P, D), where each colour has mean 0 and deviation 1 over all patches."""
    colours = patches.reshape(-1, 3, SIDE * SIDE)
    mean, deviation = colours.mean(dim=(0, 2), keepdim=True), colours.std(dim=(0, 2), keepdim=True)
    return ((colours - mean) / deviation.clamp(min=FLOOR)).flatten(1)
