"""Light between the lids and between the lips, which changes as they open."""

import torch
from torch import Tensor

from models.face3d.face_model import LinearFaceModel

MOUTH = ("teeth_upper", "teeth_lower", "tongue", "mouth_cavity", "teeth", "mouth_inside")


def _step(low: float, high: float, x: Tensor) -> Tensor:
    t = ((x - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)


def _vertices(model: LinearFaceModel, *names: str) -> Tensor:
    parts = torch.tensor([index for index, name in enumerate(model.part_names) if name in names])
    return torch.isin(model.vertex_part, parts).nonzero()[:, 0]


def light_inside(model: LinearFaceModel, shape: Tensor, openness: Tensor) -> Tensor:
    """`openness` (N,) of the skin for all frames, with that of the eyes and the mouth's inside: (B, N).

    The upper lid shades the eye below it; teeth and tongue get darker away from the gap of the lips, and black in a
    mouth that is nearly closed.

    Args:
        model: the embedded head.
        shape: (B, N, 3) unturned vertices.
        openness: (N,) from `occlusion`.
    """
    light = openness.repeat(len(shape), 1)
    points = model.landmarks68(shape)
    for name, first in (("eye_right", 36), ("eye_left", 42)):
        index = _vertices(model, name)
        x, y = shape[:, index, 0], shape[:, index, 1]
        upper = points[:, first + 1 : first + 3, 1].mean(1, keepdim=True)
        lower = points[:, first + 4 : first + 6, 1].mean(1, keepdim=True)
        corners = points[:, [first, first + 3], 0]
        middle, half = corners.mean(1, keepdim=True), 0.5 * (corners[:, 1:] - corners[:, :1])
        across = ((x - middle) / half).abs()
        top = upper - 0.03 * across.square()
        shade = 1 - 0.55 * _step(-0.055, 0.01, y - top) - 0.12 * _step(0.02, -0.01, y - lower)
        light[:, index] = shade * (1 - 0.35 * _step(0.55, 1.0, across))
    index = _vertices(model, *MOUTH)
    inner = points[:, [62, 66]]
    gap = (inner[:, 0, 1] - inner[:, 1, 1]).clamp(min=0)[:, None]
    depth = inner[..., 2].amin(1, keepdim=True) - shape[:, index, 2]
    aside = (shape[:, index, 0] - inner[..., 0].mean(1, keepdim=True)).abs()
    reach = 0.24 + 0.6 * gap
    fall = torch.exp(-(depth.clamp(min=0) / reach) - (aside / (0.30 + 0.2 * gap)) ** 2)
    light[:, index] = fall * (0.5 + 0.45 * _step(0.0, 0.16, gap))
    return light
