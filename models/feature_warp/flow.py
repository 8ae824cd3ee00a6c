"""How a flow moves a feature, as StyleHEAT and PIRender do it. Letters: B batch, C channels, H, W size of a feature.

The places where a feature is read are counted from centre to centre of its outer pixels, but the feature is read with
-1 and 1 at its edges: a flow of zero enlarges it by size / (size - 1). Trained weights expect that.
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def deformation(flow: Tensor) -> Tensor:
    """Where each pixel comes from, (B, H, W, 2), x and y from -1 to 1, by a flow (B, 2, H, W) in pixels of its own."""
    height, width = flow.shape[2:]
    rows, columns = (torch.linspace(-1, 1, side, device=flow.device, dtype=flow.dtype) for side in (height, width))
    still = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), dim=-1)
    return still + 2 * flow.permute(0, 2, 3, 1) / flow.new_tensor([width - 1, height - 1])


def warped(feature: Tensor, places: Tensor) -> Tensor:
    """A feature (B, C, H, W) read at a deformation (B, h, w, 2), which is brought to its size; zero outside."""
    if places.shape[1:3] != feature.shape[2:]:
        places = F.interpolate(
            places.permute(0, 3, 1, 2), feature.shape[2:], mode="bilinear", align_corners=False
        ).permute(0, 2, 3, 1)
    return F.grid_sample(feature, places, mode="bilinear", padding_mode="zeros", align_corners=False)
