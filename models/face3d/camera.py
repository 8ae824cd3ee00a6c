"""The perspective camera of Deep3D. World: decimetres, x right, y up, z to the viewer; the camera looks along -z."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True)
class Camera:
    """A pinhole on the z axis.

    height, width: of the picture in pixels; focal: pixels; centre_x, centre_y: of projection in pixels, pixel centres
    at +0.5; distance: decimetres from the world's origin.
    """

    height: int
    width: int
    focal: float
    centre_x: float
    centre_y: float
    distance: float = 10.0

    @classmethod
    def deep3d(cls, size: int = 224) -> Self:
        """Deep3D's camera (focal length 1015 and centre 112 at 224 pixels), scaled to `size`."""
        return cls(size, size, 1015 * size / 224, size / 2, size / 2)

    def view(self, world: Tensor) -> Tensor:
        """World points (..., 3) in camera coordinates: x right, y up, z = distance along the viewing direction."""
        return torch.cat([world[..., :2], self.distance - world[..., 2:]], dim=-1)

    def project(self, points: Tensor) -> Tensor:
        """Camera points (..., 3) to pixels (..., 2): x right, y DOWN, pixel centres at +0.5."""
        x, y, z = points.unbind(-1)
        return torch.stack([self.centre_x + self.focal * x / z, self.centre_y - self.focal * y / z], dim=-1)
