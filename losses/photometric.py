"""A rendered face against the picture it was made of."""

from torch import Tensor


def photometric(rendering: Tensor, picture: Tensor, mask: Tensor) -> Tensor:
    """Mean over the masked pixels of the distance of colours in RGB, in units of [0, 1] (Deep3D, eq. 2).

    Args:
        rendering: (B, 3, H, W) in [-1, 1].
        picture: the same.
        mask: (B, 1, H, W), 1 where the rendering shows the face; no gradient goes through it.
    """
    squared = (rendering.float() - picture.float()).square().sum(dim=1, keepdim=True) / 4
    distance = (squared + 1e-6).sqrt()  # the root of zero has no gradient
    return (distance * mask).sum() / mask.sum().clamp(min=1)
