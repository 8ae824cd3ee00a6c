"""How far the eyes are open, from landmarks."""

from typing import NamedTuple

import torch
from torch import Tensor


class EyeRatio(NamedTuple):
    """Lengths and ratios of each face, all (...,).

    width: mean of the two eyes' widths; height: SUM of the two eyes' heights; ratio: height / width, so about twice one
    eye's aspect ratio (open eyes: 0.4 to 0.8); right, left: aspect ratio of the subject's right eye (left in the image)
    and of the other.
    """

    width: Tensor
    height: Tensor
    ratio: Tensor
    right: Tensor
    left: Tensor


def eye_ratio(landmarks: Tensor) -> EyeRatio:
    """Openness of the eyes by the 68 iBUG points (..., 68, 2), in any unit and y direction; differentiable.

    Width, height and ratio are the eye terms of SadTalker's landmark loss (Zhang et al., CVPR 2023, ExpNet): the height
    of an eye is from the middle of its two upper points to that of its two lower ones. The aspect ratios are those of
    Soukupova and Cech (2016).
    """
    eyes = torch.stack([landmarks[..., 36:42, :], landmarks[..., 42:48, :]], dim=-3)
    outer, upper_1, upper_2, inner, lower_2, lower_1 = eyes.unbind(-2)
    width = _length(inner - outer)
    height = _length(upper_1 + upper_2 - lower_2 - lower_1) / 2
    right, left = ((_length(upper_1 - lower_1) + _length(upper_2 - lower_2)) / (2 * width)).unbind(-1)
    mean_width, total_height = width.mean(-1), height.sum(-1)
    return EyeRatio(mean_width, total_height, total_height / mean_width, right, left)


def _length(vector: Tensor) -> Tensor:
    return torch.linalg.vector_norm(vector, dim=-1)
