"""Which triangle is seen in each pixel, at which point of it, and how far away; differentiable to the vertices."""

import logging
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from models.errors import UserError
from models.face3d import rasterizer_numba, rasterizer_torch
from models.face3d.camera import Camera

Backend = Literal["auto", "numba", "torch", "nvdiffrast"]

_log = logging.getLogger(__name__)
_told_of_missing_numba = False


@dataclass(frozen=True)
class Fragments:
    """What each pixel shows.

    triangle: (B, H, W) int64, index into the triangles, -1 on the background;
    barycentric: (B, H, W, 3) perspective-correct weights of the triangle's corners, they sum to 1; 0 on the background;
    depth: (B, H, W) distance along the viewing direction, in the points' units; 0 on the background.
    """

    triangle: Tensor
    barycentric: Tensor
    depth: Tensor

    @property
    def mask(self) -> Tensor:
        """(B, H, W) bool, true where anything is seen."""
        return self.triangle >= 0


def rasterize(points: Tensor, triangles: Tensor, camera: Camera, backend: Backend = "auto") -> Fragments:
    """What is seen of a batch of meshes that share their triangles.

    A pixel shows the nearest triangle that covers its centre, edges included, whichever way it faces; of equally near
    ones the first. Nothing is clipped: triangles may reach out of the picture, but one with a corner that is not in
    front of the camera (z <= 0, or not finite) is left out. Barycentrics and depth are differentiable to the points;
    which triangle is seen is not, so silhouettes have no gradient.

    Args:
        points: (B, N, 3) in camera coordinates (see `Camera.view`).
        triangles: (F, 3) int64.
        camera: size of the picture and projection.
        backend: what searches the triangles. "auto" is numba on processors where it is installed, else torch; both find
            the same. "nvdiffrast" (CUDA, to be installed by yourself) differs in pixels whose centre lies on an edge.
    """
    backend = _choice(points) if backend == "auto" else backend
    if backend == "numba":
        if points.device.type != "cpu":
            raise UserError(f"the rasterizer's numba backend runs on processors, not on {points.device}: use auto")
        return _with_numba(points, triangles, camera)
    with torch.no_grad():
        if backend == "nvdiffrast":
            from models.face3d import rasterizer_nvdiffrast

            triangle = rasterizer_nvdiffrast.nearest(points, triangles, camera)
        else:
            triangle = rasterizer_torch.nearest(points, triangles, camera)
    return _fragments(points, triangles, camera, triangle)


def interpolate(fragments: Fragments, triangles: Tensor, attributes: Tensor) -> Tensor:
    """Attributes of the vertices in the pixels (B, H, W, C); 0 on the background.

    Args:
        fragments: of `rasterize`.
        triangles: (F, 3), the same.
        attributes: (B, N, C), such as colours; differentiable, as are the barycentrics.
    """
    needs_gradient = torch.is_grad_enabled() and (attributes.requires_grad or fragments.barycentric.requires_grad)
    single = attributes.dtype == fragments.barycentric.dtype == torch.float32
    if attributes.device.type == "cpu" and single and not needs_gradient and rasterizer_numba.available():
        if len(attributes) != len(fragments.triangle):
            raise IndexError(f"{len(attributes)} sets of attributes for {len(fragments.triangle)} pictures")
        _check(attributes, triangles, channels=attributes.shape[-1])
        picture = attributes.new_zeros(*fragments.triangle.shape, attributes.shape[2])
        rasterizer_numba.compiled(rasterizer_numba.interpolate)(
            *(_array(t) for t in (fragments.triangle, fragments.barycentric, triangles, attributes, picture))
        )
        return picture
    pixel = fragments.mask.flatten().nonzero()[:, 0]
    corners = _corners(attributes, triangles, fragments.triangle, pixel)
    weights = fragments.barycentric.flatten(0, 2).index_select(0, pixel)
    mixed = (weights[..., None] * corners).sum(1)
    picture = mixed.new_zeros(fragments.triangle.numel(), attributes.shape[2])
    return picture.index_copy(0, pixel, mixed).view(*fragments.triangle.shape, -1)


def _choice(points: Tensor) -> Backend:
    global _told_of_missing_numba
    if points.device.type != "cpu":
        return "torch"
    if rasterizer_numba.available():
        return "numba"
    if not _told_of_missing_numba:
        _log.warning("numba is not installed: the rasterizer runs in plain torch, many times slower on processors")
        _told_of_missing_numba = True
    return "torch"


def _with_numba(points: Tensor, triangles: Tensor, camera: Camera) -> Fragments:
    _check(points, triangles, channels=3)
    size = (len(points), camera.height, camera.width)
    triangle = torch.full(size, -1)
    mesh = (_array(points.double()), _array(triangles))
    lens = (float(camera.focal), float(camera.centre_x), float(camera.centre_y))
    rasterizer_numba.compiled(rasterizer_numba.nearest)(*mesh, *lens, rasterizer_torch.THINNEST, triangle.numpy())
    if points.dtype != torch.float32 or (points.requires_grad and torch.is_grad_enabled()):
        return _fragments(points, triangles, camera, triangle)
    barycentric, depth = torch.zeros(*size, 3), torch.zeros(size)
    rasterizer_numba.compiled(rasterizer_numba.barycentric)(
        *mesh, *lens, triangle.numpy(), barycentric.numpy(), depth.numpy()
    )
    return Fragments(triangle, barycentric, depth)


def _check(vertices: Tensor, triangles: Tensor, channels: int) -> None:
    """Machine code would not notice what lies outside of arrays."""
    if vertices.ndim != 3 or vertices.shape[2] != channels or triangles.shape[1:] != (3,):
        raise IndexError(f"vertices {tuple(vertices.shape)} and triangles {tuple(triangles.shape)} are no meshes")
    if triangles.numel() and not 0 <= int(triangles.min()) <= int(triangles.max()) < vertices.shape[1]:
        raise IndexError(f"triangles have corners outside 0 to {vertices.shape[1] - 1}")


def _fragments(points: Tensor, triangles: Tensor, camera: Camera, triangle: Tensor) -> Fragments:
    """Barycentrics and depth at the pixels of known triangles (B, H, W), differentiable to the points."""
    kind = torch.promote_types(points.dtype, torch.float32)
    pixel = triangle.flatten().ge(0).nonzero()[:, 0]
    x, y, z = _corners(points, triangles, triangle, pixel).double().unbind(-1)
    row, column = (pixel // camera.width % camera.height).double(), (pixel % camera.width).double()
    # Corners relative to the pixel's ray, each at its own depth: small numbers, so that nothing cancels.
    x = x - ((column + 0.5 - camera.centre_x) / camera.focal)[:, None] * z
    y = y - ((camera.centre_y - (row + 0.5)) / camera.focal)[:, None] * z
    parts = x.roll(-1, 1) * y.roll(-2, 1) - x.roll(-2, 1) * y.roll(-1, 1)
    weights = parts * parts.sum(1, keepdim=True).reciprocal()
    barycentric = points.new_zeros(triangle.numel(), 3, dtype=kind).index_copy(0, pixel, weights.to(kind))
    depth = points.new_zeros(triangle.numel(), dtype=kind).index_copy(0, pixel, (weights * z).sum(1).to(kind))
    return Fragments(triangle, barycentric.view(*triangle.shape, 3), depth.view(triangle.shape))


def _corners(values: Tensor, triangles: Tensor, triangle: Tensor, pixel: Tensor) -> Tensor:
    """What (B, N, C) holds for the corners of the triangles seen in some pixels: (P, 3, C)."""
    batch, count, channels = values.shape
    image = pixel // (triangle.shape[1] * triangle.shape[2])
    rows = triangles[triangle.flatten()[pixel]] + (image * count)[:, None]
    return values.reshape(batch * count, channels).index_select(0, rows.flatten()).view(-1, 3, channels)


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().contiguous().numpy()
