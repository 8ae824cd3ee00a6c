"""The nearest triangle of each pixel in plain torch, without a loop over triangles or images.

Every triangle is paired with the pixels of its bounding box. Works in float64 and in the same order of operations as
`rasterizer_numba`, so that both find the same triangles to the last pixel: keep them alike.
"""

import torch
from torch import Tensor

from models.face3d.camera import Camera
from models.face3d.pixel_boxes import PixelBoxes

THINNEST = 1e-9  # pixels: what is thinner is all rounding error


def nearest(points: Tensor, triangles: Tensor, camera: Camera) -> Tensor:
    """The nearest triangle (B, H, W) int64 of each pixel, -1 where there is none.

    Args:
        points: (B, N, 3) camera coordinates.
        triangles: (F, 3) int64.
        camera: size and projection.
    """
    batch, pixels = len(points), camera.height * camera.width
    corners = _projected(points.double(), camera)[:, triangles].flatten(0, 1)  # (B * F, corner, column row nearness)
    closest = points.new_zeros(batch * pixels, dtype=torch.double)
    found = torch.full((batch * pixels,), len(triangles), device=points.device)
    for drawn, row, column in _boxes(corners, camera).pairs():
        near, hit = _nearness(corners[drawn], column + 0.5, row + 0.5)
        near, drawn = near[hit], drawn[hit]
        pixel = drawn // len(triangles) * pixels + row[hit] * camera.width + column[hit]
        _keep_nearest(closest, found, pixel, near, drawn % len(triangles))
    found[found == len(triangles)] = -1
    return found.view(batch, camera.height, camera.width)


def _projected(points: Tensor, camera: Camera) -> Tensor:
    """Column, row and 1 / depth (B, N, 3); the last is 0 where the point cannot be drawn."""
    x, y, z = points.unbind(-1)
    column, row = camera.centre_x + camera.focal * x / z, camera.centre_y - camera.focal * y / z
    drawable = (z > 0) & column.isfinite() & row.isfinite()
    return torch.stack([column, row, 1 / z], dim=-1).where(drawable[..., None], 0)


def _boxes(corners: Tensor, camera: Camera) -> PixelBoxes:
    """The pixels that each triangle (T, 3, 3) may cover."""
    xy = corners[..., :2]
    least, most = xy.amin(1), xy.amax(1)
    a, b, c = xy.unbind(1)
    area = (b - a)[:, 0] * (c - a)[:, 1] - (c - a)[:, 0] * (b - a)[:, 1]
    drawable = (corners[..., 2] > 0).all(1) & (area.abs() > THINNEST * (most - least).sum(-1))
    return PixelBoxes.around(least, most, drawable, camera.height, camera.width)


def _nearness(corners: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """1 / depth (P,) of triangles (P, 3, 3) at (x, y), and whether they cover it, edges included."""
    (xa, ya, near_a), (xb, yb, near_b), (xc, yc, near_c) = (corner.unbind(-1) for corner in corners.unbind(1))
    area = (xb - xa) * (yc - ya) - (xc - xa) * (yb - ya)
    side = torch.where(area > 0, 1.0, -1.0).to(corners)
    a = side * (yb - yc) * x + (side * (xc - xb) * y + side * (xb * yc - xc * yb))
    b = side * (yc - ya) * x + (side * (xa - xc) * y + side * (xc * ya - xa * yc))
    c = side * (ya - yb) * x + (side * (xb - xa) * y + side * (xa * yb - xb * ya))
    near = (a * near_a + b * near_b + c * near_c) / (a + b + c)
    return near, (a >= 0) & (b >= 0) & (c >= 0) & (near > 0)


def _keep_nearest(closest: Tensor, found: Tensor, pixel: Tensor, near: Tensor, triangle: Tensor) -> None:
    """Update `closest` and `found` at `pixel`; of equally near triangles the first one stays."""
    before = closest[pixel]
    closest.scatter_reduce_(0, pixel, near, "amax")
    now = closest[pixel]
    found[pixel[now > before]] = torch.iinfo(found.dtype).max
    best = near == now
    found.scatter_reduce_(0, pixel[best], triangle[best], "amin")
