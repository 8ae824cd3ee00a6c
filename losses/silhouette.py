"""The outline of a projected head against a mask of the head in the picture.

A rasterizer's mask has no gradient, so the outline is pulled by points: vertices that fall outside of the mask go to
the nearest pixel of its border, and border pixels that the rendering does not cover pull the nearest vertex.

Letters: B batch, N vertices.
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def silhouette(vertices: Tensor, covered: Tensor, target: Tensor) -> Tensor:
    """Mean distance, as a fraction of the picture's width, of what lies on the wrong side of the outline.

    Args:
        vertices: (B, N, 2) pixels, y down, centres at +0.5.
        covered: (B, 1, H, W) 1 where the rendering shows the head.
        target: (B, 1, H, W) 1 where the picture does.
    """
    return torch.stack([_one(*example) for example in zip(vertices, covered[:, 0], target[:, 0], strict=True)]).mean()


def _one(vertices: Tensor, covered: Tensor, target: Tensor) -> Tensor:
    """Of one picture: its border has its own number of pixels."""
    width = target.shape[1]
    inner = target * (1 - F.max_pool2d(1 - target[None], 3, 1, 1)[0])
    rows, columns = (target * (1 - inner)).nonzero(as_tuple=True)
    border = torch.stack([columns, rows], dim=1).to(vertices) + 0.5
    if not len(border):
        return vertices.sum() * 0
    places = (2 * vertices.detach() / width - 1)[None, None]
    inside = F.grid_sample(target[None, None], places, align_corners=False)[0, 0, 0] > 0.5
    near = torch.cdist(vertices, border)
    outside = (near.amin(dim=1) * ~inside).sum() / len(vertices)
    missing = (near.amin(dim=0) * (1 - covered[rows, columns])).sum() / len(border)
    return (outside + missing) / width
