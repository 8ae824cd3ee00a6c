"""How open to the light each point of a head is: the soft shadow under the chin, in the eye sockets, below the hair."""

import torch
from torch import Tensor

from datamodules.synthetic.light import sphere_directions
from models.face3d.camera import Camera
from models.face3d.rasterizer import rasterize

_VIEWS, _SIZE = 42, 144
_WIDTH, _FAR = 5.0, 100.0  # decimetres that a view shows, and how far away its camera stands
_BIAS = 0.06  # decimetres; a point hidden by less than that is seen


def openness(points: Tensor, normals: Tensor, triangles: Tensor, sheet: Tensor | None = None) -> Tensor:
    """Share (N,) of the light from all sides, weighted by the angle to the surface, that reaches each point.

    Args:
        points: (N, 3) in the world.
        normals: (N, 3).
        triangles: (F, 3) that cast the shadow.
        sheet: indices (M,) of points that are lit from both sides, as hair is.
    """
    directions = torch.from_numpy(sphere_directions(_VIEWS))
    up = torch.where(directions[:, 1:2].abs() > 0.9, torch.tensor([[1.0, 0, 0]]), torch.tensor([[0.0, 1, 0]]))
    right = torch.nn.functional.normalize(torch.linalg.cross(up, directions), dim=1)
    up = torch.linalg.cross(directions, right)
    frames = torch.stack([right, up, directions], dim=1)  # rows: the view's axes
    middle = points.mean(0)
    camera = Camera(_SIZE, _SIZE, _SIZE * _FAR / _WIDTH, _SIZE / 2, _SIZE / 2, _FAR)
    seen = camera.view((points - middle) @ frames.transpose(1, 2))  # (V, N, 3)
    depth = rasterize(seen, triangles, camera).depth
    depth = torch.where(depth > 0, depth, torch.inf)
    pixels = camera.project(seen).floor().long().clamp(0, _SIZE - 1)
    nearest = torch.stack([depth[v, pixels[v, :, 1], pixels[v, :, 0]] for v in range(_VIEWS)])
    visible = (nearest > seen[..., 2] - _BIAS).float()
    facing = directions @ normals.T  # (V, N)
    if sheet is not None:
        facing[:, sheet] = facing[:, sheet].abs()
    # more light comes from above and from in front than from the floor and the back
    weight = facing.clamp(min=0) * (0.8 + 0.35 * directions[:, 1:2] + 0.25 * directions[:, 2:])
    return (weight * visible).sum(0) / weight.sum(0).clamp(min=1e-6)


def darken(open_share: Tensor, floor: float = 0.3) -> Tensor:
    """Factor (N,) on the light from `openness`: an even, soft curve that never gets black."""
    return floor + (1 - floor) * open_share.clamp(0, 1) ** 0.75


def smooth(values: Tensor, triangles: Tensor, rounds: int = 2) -> Tensor:
    """Values (N,) averaged with their neighbours on the mesh."""
    first, second = (torch.cat([triangles[:, i] for i in order]) for order in ((0, 1, 2), (1, 2, 0)))
    count = torch.zeros_like(values).index_add_(0, first, torch.ones(len(first)))
    for _ in range(rounds):
        near = torch.zeros_like(values).index_add_(0, first, values[second])
        values = torch.where(count > 0, 0.5 * values + 0.5 * near / count.clamp(min=1), values)
    return values
