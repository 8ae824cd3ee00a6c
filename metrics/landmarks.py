"""Geometry of the 68 iBUG landmarks that several metrics use. Points are `(N, 68, 2)` in pixels, x right, y down."""

import torch
from torch import Tensor

LEFT_EYE, RIGHT_EYE = slice(36, 42), slice(42, 48)  # left in the image


def check_landmarks(prediction: Tensor, target: Tensor) -> None:
    """Raise `ValueError` unless both are `(N, 68, 2)` of one length. NaN is allowed: no face was found there."""
    for name, points in (("prediction", prediction), ("target", target)):
        if points.ndim != 3 or points.shape[1:] != (68, 2):
            raise ValueError(f"{name} must be landmarks (N, 68, 2), got {tuple(points.shape)}")
    if len(prediction) != len(target):
        raise ValueError(f"{len(prediction)} frames of landmarks are compared with {len(target)}")


def interocular(points: Tensor) -> Tensor:
    """Distance of the outer eye corners `(N,)` in pixels, the usual normaliser of 68-point errors (300-W)."""
    return (points[:, 36] - points[:, 45]).norm(dim=-1)


def opening(points: Tensor) -> Tensor:
    """How far mouth, left and right eye are open `(N, 3)`: height over width, so nearly free of identity and size.

    Mouth: mean of the three inner-lip heights over the width of the inner mouth; eyes: the eye aspect ratio
    (Soukupova and Cech 2016, eq. 1).
    """

    def gap(upper: list[int], lower: list[int], left: int, right: int) -> Tensor:
        height = (points[:, upper] - points[:, lower]).norm(dim=-1).mean(dim=1)
        return height / (points[:, left] - points[:, right]).norm(dim=-1)

    return torch.stack(
        [
            gap([61, 62, 63], [67, 66, 65], 60, 64),
            gap([37, 38], [41, 40], 36, 39),
            gap([43, 44], [47, 46], 42, 45),
        ],
        dim=1,
    )
