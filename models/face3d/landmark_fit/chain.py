"""Linear systems that are a chain of blocks in time, solved by cyclic reduction: every second block at once."""

import torch
from torch import Tensor


def solve_chain(diagonal: Tensor, lower: Tensor, right: Tensor) -> Tensor:
    """X of a symmetric positive definite block-tridiagonal system.

    Args:
        diagonal: (N, n, n) blocks.
        lower: (N, n, n) block that ties each to the one before; the first is not used.
        right: (N, n, m).

    Returns:
        (N, n, m).
    """
    if len(diagonal) == 1:
        return torch.cholesky_solve(right, torch.linalg.cholesky(diagonal))
    size = diagonal.shape[-1]
    odd_lower = lower[1::2]
    after = torch.zeros_like(odd_lower)  # ties each odd block to the even one after it
    after[: len(lower[2::2])] = lower[2::2].transpose(1, 2)
    factor = torch.linalg.cholesky(diagonal[1::2])
    solved = torch.cholesky_solve(torch.cat([odd_lower, after, right[1::2]], dim=2), factor)
    to_before, to_after, alone = solved.split([size, size, right.shape[2]], dim=2)

    even_diagonal, even_right = diagonal[::2].clone(), right[::2].clone()
    even_lower = torch.zeros_like(even_diagonal)
    count, later = len(odd_lower), len(lower[2::2])
    even_diagonal[:count] -= odd_lower.transpose(1, 2) @ to_before
    even_right[:count] -= odd_lower.transpose(1, 2) @ alone
    even_diagonal[1:] -= lower[2::2] @ to_after[:later]
    even_right[1:] -= lower[2::2] @ alone[:later]
    even_lower[1:] = -lower[2::2] @ to_before[:later]
    even = solve_chain(even_diagonal, even_lower, even_right)

    odd = alone - to_before @ even[:count]
    odd[:later] -= to_after[:later] @ even[1:]
    answer = torch.empty_like(right)
    answer[::2], answer[1::2] = even, odd
    return answer


def smooth_chain(blocks: Tensor, stiffness: Tensor, free: Tensor) -> tuple[Tensor, Tensor]:
    """The chain of one system per frame plus a price on accelerations, as (diagonal, lower) for `solve_chain`.

    A second difference ties a frame to two others, so one block of the chain holds two frames; an odd number of frames
    is filled up with one that moves nothing.

    Args:
        blocks: (T, n, n).
        stiffness: (n,) price of the squared acceleration of each unknown.
        free: (T, n) 1 or 0; what is 0 stays where it is, and its block's row and column have been emptied.
    """
    count, size = blocks.shape[:2]
    pairs = -(-count // 2)
    bands = acceleration_bands(count, blocks)
    whole = torch.eye(size).to(blocks).repeat(2 * pairs, 1, 1)
    whole[:count] = blocks + torch.diag_embed(bands[0, :, None] * stiffness * free)
    ties = torch.zeros(2, 2 * pairs, size, size).to(blocks)  # to the frame before, to the one before that
    for back in (1, 2):
        ties[back - 1, back:count] = torch.diag_embed(bands[back, back:, None] * stiffness * free[back:] * free[:-back])
    diagonal = blocks.new_zeros(pairs, 2, size, 2, size)
    diagonal[:, 0, :, 0], diagonal[:, 1, :, 1] = whole[::2], whole[1::2]
    diagonal[:, 1, :, 0] = diagonal[:, 0, :, 1] = ties[0, 1::2]
    lower = torch.zeros_like(diagonal)
    lower[:, 0, :, 1], lower[:, 0, :, 0], lower[:, 1, :, 1] = ties[0, ::2], ties[1, ::2], ties[1, 1::2]
    return diagonal.view(pairs, 2 * size, 2 * size), lower.view(pairs, 2 * size, 2 * size)


def acceleration_bands(count: int, like: Tensor) -> Tensor:
    """(3, T) of the matrix D'D of second differences D: its diagonal, and entries (t, t - 1) and (t, t - 2)."""
    bands = torch.zeros(3, count).to(like)
    middle = max(count - 2, 0)
    for place, weight in enumerate((1.0, -2.0, 1.0)):
        bands[0, place : place + middle] += weight**2
    for place in (1, 2):
        bands[1, place : place + middle] += -2.0
    bands[2, 2 : 2 + middle] += 1.0
    return bands


def accelerations(track: Tensor) -> Tensor:
    """Second differences (T - 2, n) of a track (T, n)."""
    return track[2:] - 2 * track[1:-1] + track[:-2] if len(track) > 2 else track[:0]
