"""The nearest triangle of each pixel by nvdiffrast (Laine et al., 2020) on CUDA, for whoever has it installed.

Never chosen by itself: nvdiffrast rounds vertices to a sub-pixel grid, so it differs from the other backends in pixels
whose centre lies near an edge. Not tried on the machines that this project is developed on.
"""

import torch
from torch import Tensor

from models.errors import UserError
from models.face3d.camera import Camera


def nearest(points: Tensor, triangles: Tensor, camera: Camera) -> Tensor:
    """The nearest triangle (B, H, W) int64 of each pixel, -1 where there is none.

    Args:
        points: (B, N, 3) camera coordinates on a CUDA device, in front of the camera.
        triangles: (F, 3) int64.
        camera: size and projection.

    Raises:
        UserError: nvdiffrast is not installed, or the points are not on a CUDA device.
    """
    try:
        import nvdiffrast.torch as nvdiffrast
    except ImportError as error:
        raise UserError(
            "the rasterizer's backend nvdiffrast is not installed: see github.com/NVlabs/nvdiffrast, or use auto"
        ) from error
    if not points.is_cuda:
        raise UserError(f"nvdiffrast needs a CUDA device, the points are on {points.device}: use auto")
    context = nvdiffrast.RasterizeCudaContext(device=points.device)
    rows = triangles.to(torch.int32).contiguous()
    seen, _ = nvdiffrast.rasterize(context, _clip_space(points.float(), camera), rows, (camera.height, camera.width))
    return seen[..., 3].long() - 1


def _clip_space(points: Tensor, camera: Camera) -> Tensor:
    """Homogeneous clip coordinates (B, N, 4); y grows downwards: row 0 of the result is the top."""
    x, y, z = points.unbind(-1)
    near, far = 0.5 * z.amin().clamp(min=1e-6), 2 * z.amax()
    column = 2 * (camera.centre_x * z + camera.focal * x) / camera.width - z
    row = 2 * (camera.centre_y * z - camera.focal * y) / camera.height - z
    return torch.stack([column, row, ((far + near) * z - 2 * far * near) / (far - near), z], dim=-1).contiguous()
