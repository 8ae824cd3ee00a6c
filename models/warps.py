"""Warps of pictures, and of features of any size in the same way. Later methods warp features of a generator by them.

Letters: B warps (1 warps everything alike), N positions, n side of a grid of control points, H, W size. Positions are
(x, y), -1 and 1 at opposite borders of the picture: pixels are areas, as StyleGAN's doublings keep them.
"""

from dataclasses import dataclass
from typing import Literal, Protocol, Self

import torch
from torch import Tensor
from torch.nn import functional as F

TINY = 1e-12  # for the logarithm of no distance


class Change(Protocol):
    """What is done to a picture, or to any feature behind it, in the same way."""

    def image(self, image: Tensor) -> Tensor:
        """The picture or feature (B, C, H, W), changed."""
        ...

    def inside(self, height: int, width: int) -> Tensor:
        """Pixels (B, H, W) that still show a part of the picture, bool."""
        ...


@dataclass(frozen=True)
class Warp:
    """A pixel p shows what was at T(p) = A [p, 1] + sum over control points c of w_c r^2 log r, r = |p - c|.

    Affine plus thin-plate spline (Bookstein 1989). See `translation` and its neighbours.

    Attributes:
        affine: A, (B, 2, 3).
        spline: w (B, n^2, 2) on a regular grid of control points from -1 to 1; (B, n^2, 1) moves along the diagonal
            only, and n = 0 is no spline.
    """

    affine: Tensor
    spline: Tensor

    def __getitem__(self, index: slice) -> Self:
        """A part of the batch."""
        return type(self)(self.affine[index], self.spline[index])

    def to(self, device: torch.device) -> Self:
        """The same warps on another device."""
        return type(self)(self.affine.to(device), self.spline.to(device))

    def points(self, positions: Tensor) -> Tensor:
        """T of positions (B, N, 2); in full precision, whatever is around it."""
        side = round(self.spline.shape[1] ** 0.5)
        with torch.autocast(positions.device.type, enabled=False):
            bending = _kernel(positions, _controls(side, positions)) @ self.spline
            return positions @ self.affine[:, :, :2].mT + self.affine[:, None, :, 2] + bending

    def grid(self, height: int, width: int, ends: bool = False) -> Tensor:
        """T of the centres of all pixels (B, H, W, 2). With `ends`, -1 and 1 are centres of the outermost pixels."""
        y, x = torch.meshgrid(_axis(height, ends, self.affine), _axis(width, ends, self.affine), indexing="ij")
        pixels = torch.stack([x, y], dim=-1).view(1, -1, 2).expand(len(self.affine), -1, -1)
        return self.points(pixels).view(-1, height, width, 2)

    def image(
        self, image: Tensor, padding: Literal["zeros", "border", "reflection"] = "zeros", ends: bool = False
    ) -> Tensor:
        """The picture or feature (B, C, H, W), warped; `padding` says what is beyond the border, `ends` see `grid`."""
        grid = self.grid(image.shape[2], image.shape[3], ends).expand(len(image), -1, -1, -1)
        return F.grid_sample(image.to(grid.dtype), grid, padding_mode=padding, align_corners=ends).to(image.dtype)

    def inside(self, height: int, width: int) -> Tensor:
        """See `Change`."""
        return (self.grid(height, width).abs() <= 1).all(dim=-1)


@dataclass(frozen=True)
class Occlusion:
    """A rectangle of zeros from (left, top) to (right, bottom); a pixel that it covers in part keeps the rest."""

    left: float
    top: float
    right: float
    bottom: float

    def image(self, image: Tensor) -> Tensor:
        """See `Change`."""
        return image * (1 - self._covered(image.shape[2], image.shape[3], image)).to(image.dtype)

    def inside(self, height: int, width: int) -> Tensor:
        """See `Change`."""
        return self._covered(height, width, torch.empty(0))[None] == 0

    def _covered(self, height: int, width: int, like: Tensor) -> Tensor:
        y = _overlap(height, self.top, self.bottom, like.device)
        return y[:, None] * _overlap(width, self.left, self.right, like.device)


def affine(matrix: Tensor) -> Warp:
    """T(p) = A [p, 1] for A (B, 2, 3)."""
    return Warp(matrix, matrix.new_zeros(len(matrix), 0, 1))


def translation(x: float, y: float) -> Warp:
    """Everything moves to the right and down; 2 is the side of the picture."""
    return affine(torch.tensor([[[1.0, 0.0, -x], [0.0, 1.0, -y]]]))


def rotation(angle: float) -> Warp:
    """Everything turns clockwise about the centre, radians."""
    turn = torch.tensor(angle)
    cosine, sine = float(turn.cos()), float(turn.sin())
    return affine(torch.tensor([[[cosine, sine, 0.0], [-sine, cosine, 0.0]]]))


def zoom(factor: float) -> Warp:
    """Everything becomes `factor` times as big."""
    return affine(torch.tensor([[[1 / factor, 0.0, 0.0], [0.0, 1 / factor, 0.0]]]))


def shear(slope: float) -> Warp:
    """What is at y moves to the right by `slope` times y."""
    return affine(torch.tensor([[[1.0, -slope, 0.0], [0.0, 1.0, 0.0]]]))


def thin_plate(moves: Tensor) -> Warp:
    """The smoothest warp where every control point, of an n x n grid from -1 to 1, shows what was `moves` before it.

    T(c) = c - moves(c) for `moves` (B, n, n, 2), rows first, which says how much the picture moves there.
    """
    side = moves.shape[1]
    controls = _controls(side, moves)
    kernel = _kernel(controls[None], controls)[0]
    plane = torch.cat([controls, torch.ones_like(controls[:, :1])], dim=1)  # (n^2, 3)
    system = torch.cat([torch.cat([kernel, plane], dim=1), F.pad(plane.mT, (0, 3))])
    # `_controls` counts x first
    wanted = torch.cat([-moves.transpose(1, 2).flatten(1, 2), moves.new_zeros(len(moves), 3, 2)], dim=1)
    solved = torch.linalg.solve(system, wanted)
    return Warp(torch.eye(2, 3, device=moves.device) + solved[:, -3:].mT, solved[:, :-3])


def _controls(side: int, like: Tensor) -> Tensor:
    axis = torch.linspace(-1, 1, side, device=like.device, dtype=like.dtype)
    return torch.cartesian_prod(axis, axis).view(-1, 2)


def _kernel(positions: Tensor, controls: Tensor) -> Tensor:
    """r^2 log r of positions (B, N, 2) to control points (n^2, 2): (B, N, n^2)."""
    squared = (positions.unsqueeze(2) - controls).square().sum(-1)
    return 0.5 * squared * torch.log(squared + TINY)


def _axis(count: int, ends: bool, like: Tensor) -> Tensor:
    if ends:
        return torch.linspace(-1, 1, count, device=like.device, dtype=like.dtype)
    return (2 * torch.arange(count, device=like.device, dtype=like.dtype) + 1) / count - 1


def _overlap(count: int, start: float, stop: float, device: torch.device) -> Tensor:
    """How much of each of `count` pixels between -1 and 1 lies between start and stop."""
    edges = torch.linspace(-1, 1, count + 1, device=device)
    shared = edges[1:].clamp(max=stop) - edges[:-1].clamp(min=start)
    return (shared * count / 2).clamp(0, 1)
