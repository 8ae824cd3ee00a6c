"""Linear systems that are a chain in time, solved by cyclic reduction: every second block at once, then the rest."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


class Ties(Protocol):
    """The blocks (N, n, n) that tie each block of a chain to the one before it; the first is not used."""

    def every(self, part: slice) -> "Ties":
        """Some of the blocks."""
        ...

    def times(self, right: Tensor) -> Tensor:
        """Blocks times (N, n, m)."""
        ...

    def transposed_times(self, right: Tensor) -> Tensor:
        """Transposed blocks times (N, n, m)."""
        ...


@dataclass(frozen=True)
class DenseTies:
    """Ties by whole matrices (N, n, n)."""

    blocks: Tensor

    def every(self, part: slice) -> Ties:
        """See `Ties`."""
        return DenseTies(self.blocks[part])

    def times(self, right: Tensor) -> Tensor:
        """See `Ties`."""
        return self.blocks @ right

    def transposed_times(self, right: Tensor) -> Tensor:
        """See `Ties`."""
        return self.blocks.transpose(1, 2) @ right


@dataclass(frozen=True)
class FrameTies:
    """Ties of pairs of frames by accelerations, which tie each unknown only to itself: [[far, near], [0, far]].

    far (N, 2, n, 1): of both frames to those two before; near (N, n, 1): of the first one to the one before.
    """

    far: Tensor
    near: Tensor

    def every(self, part: slice) -> Ties:
        """See `Ties`."""
        return FrameTies(self.far[part], self.near[part])

    def times(self, right: Tensor) -> Tensor:
        """See `Ties`."""
        first, second = right.chunk(2, dim=1)
        return torch.cat([self.far[:, 0] * first + self.near * second, self.far[:, 1] * second], dim=1)

    def transposed_times(self, right: Tensor) -> Tensor:
        """See `Ties`."""
        first, second = right.chunk(2, dim=1)
        return torch.cat([self.far[:, 0] * first, self.near * first + self.far[:, 1] * second], dim=1)


def solve_chain(diagonal: Tensor, ties: Ties, right: Tensor) -> Tensor:
    """The answer (N, n, m) of a symmetric positive definite block-tridiagonal system.

    Args:
        diagonal: (N, n, n) blocks.
        ties: below the diagonal.
        right: (N, n, m).
    """
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(diagonal[1::2] if len(diagonal) > 1 else diagonal))
    if len(diagonal) == 1:
        return inverse @ right
    count, later = len(diagonal) // 2, (len(diagonal) - 1) // 2
    to_even, from_even = ties.every(slice(1, None, 2)), ties.every(slice(2, None, 2))
    alone = inverse @ right[1::2]
    by_before = to_even.transposed_times(inverse).transpose(1, 2)  # inverses are symmetric
    by_after = from_even.times(inverse[:later]).transpose(1, 2)

    even_diagonal, even_right = diagonal[::2].clone(), right[::2].clone()
    even_diagonal[:count] -= to_even.transposed_times(by_before)
    even_right[:count] -= to_even.transposed_times(alone)
    even_diagonal[1:] -= from_even.times(by_after)
    even_right[1:] -= from_even.times(alone[:later])
    even_ties = torch.zeros_like(even_diagonal)
    even_ties[1:] = -from_even.times(by_before[:later])
    even = solve_chain(even_diagonal, DenseTies(even_ties), even_right)

    around = to_even.times(even[:count])
    around[:later] += from_even.transposed_times(even[1:])
    answer = torch.empty_like(right)
    answer[::2], answer[1::2] = even, alone - inverse @ around
    return answer


def smooth_chain(blocks: Tensor, stiffness: Tensor, free: Tensor) -> tuple[Tensor, FrameTies]:
    """The chain of one system per frame plus a price on accelerations, as (diagonal, ties) for `solve_chain`.

    A second difference ties a frame to two others, so one block of the chain holds two frames; an odd number of frames
    is filled up with one that moves nothing.

    Args:
        blocks: (T, n, n).
        stiffness: (n,) price of the squared acceleration of each unknown.
        free: (T, n) 1 or 0; what is 0 stays where it is, and its block's row and column have been emptied.
    """
    count, size = blocks.shape[:2]
    pairs = -(-count // 2)
    bands = acceleration_bands(count, blocks)[..., None] * stiffness * free
    ties = blocks.new_zeros(2, 2 * pairs, size)  # to the frame before, to the one before that
    for back in (1, 2):
        ties[back - 1, back:count] = bands[back, back:] * free[:-back]
    whole = torch.eye(size).to(blocks).repeat(2 * pairs, 1, 1)
    whole[:count] = blocks
    whole[:count].diagonal(dim1=1, dim2=2).add_(bands[0])
    diagonal = blocks.new_zeros(pairs, 2, size, 2, size)
    diagonal[:, 0, :, 0], diagonal[:, 1, :, 1] = whole[::2], whole[1::2]
    inside = torch.diag_embed(ties[0, 1::2])
    diagonal[:, 1, :, 0], diagonal[:, 0, :, 1] = inside, inside
    far = ties[1].view(pairs, 2, size, 1)
    return diagonal.view(pairs, 2 * size, 2 * size), FrameTies(far, ties[0, ::2, :, None])


def acceleration_bands(count: int, like: Tensor) -> Tensor:
    """(3, T) of the matrix D'D of second differences D: its diagonal, and entries (t, t - 1) and (t, t - 2)."""
    bands = like.new_zeros(3, count)
    middle = max(count - 2, 0)
    for place, weight in enumerate((1.0, 4.0, 1.0)):
        bands[0, place : place + middle] += weight
    for place in (1, 2):
        bands[1, place : place + middle] -= 2.0
    bands[2, 2 : 2 + middle] += 1.0
    return bands


def accelerations(track: Tensor) -> Tensor:
    """Second differences (T - 2, n) of a track (T, n)."""
    return track[2:] - 2 * track[1:-1] + track[:-2] if len(track) > 2 else track[:0]
