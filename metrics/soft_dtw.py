"""Soft dynamic time warping (Cuturi and Blondel, ICML 2017), along anti-diagonals for whole batches.

Letters: B batch, N and M lengths of the two sequences. A path goes from (0, 0) to (N - 1, M - 1) in steps of
(1, 0), (0, 1) or (1, 1); the weight of each path is exp(-cost / gamma), so that small gamma leaves the best one alone.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

FAR = 1e30  # cost of what no path may enter; finite, so that nothing becomes infinity minus infinity


class Alignment(NamedTuple):
    """Of each pair of sequences: the soft minimum over all paths, and the mean cost and length of a path, all (B,)."""

    soft_minimum: Tensor
    cost: Tensor
    length: Tensor


def align(costs: Tensor, gamma: float, band: int | None = None) -> Alignment:
    """Align pairs of sequences, in float64.

    With r(i, j) = c(i, j) + min_gamma(r(i - 1, j), r(i, j - 1), r(i - 1, j - 1)), min_gamma(a) = -gamma log sum
    exp(-a / gamma) (eq. 1 and algorithm 1), the soft minimum is r(N - 1, M - 1). The weights that each min_gamma gives
    to its three arguments are the probabilities of the steps before, so that means over paths follow on the same way.

    Args:
        costs: (B, N, M), of pairing element i of one sequence with element j of the other.
        gamma: above 0, in the unit of the costs.
        band: at most this far apart may i and j be; None: anything.

    Raises:
        ValueError: empty sequences, gamma not above 0, or lengths so different that no path stays in the band.
    """
    batch, rows, columns = costs.shape
    if not rows or not columns or gamma <= 0:
        raise ValueError(f"costs {tuple(costs.shape)} and gamma {gamma}: sequences are not empty and gamma is above 0")
    if band is not None and abs(rows - columns) > band:
        raise ValueError(f"sequences of {rows} and {columns} cannot be aligned within {band} steps")
    diagonals = _diagonals(costs.double(), band)
    start = costs.new_full((batch, rows + 1), FAR, dtype=torch.float64)  # place 0 stands before row 0
    before, last = start.clone(), start
    before[:, 0] = 0  # every path comes from there
    paths_before = paths_last = start.new_zeros(2, batch, rows + 1)  # mean cost and mean length so far
    for diagonal in diagonals.unbind(1):
        previous = torch.stack([last[:, 1:], last[:, :-1], before[:, :-1]]) / -gamma
        total = previous.logsumexp(dim=0)
        steps = torch.stack([paths_last[..., 1:], paths_last[..., :-1], paths_before[..., :-1]])
        paths = ((previous - total).exp()[:, None] * steps).sum(dim=0)
        paths = paths + torch.stack([diagonal, torch.ones_like(diagonal)])
        before, last = last, F.pad(diagonal - gamma * total, (1, 0), value=FAR)
        paths_before, paths_last = paths_last, F.pad(paths, (1, 0))
    return Alignment(last[:, -1], *paths_last[..., -1])


def _diagonals(costs: Tensor, band: int | None) -> Tensor:
    """(B, N, M) -> (B, N + M - 1, N): element [d, i] is the cost of (i, d - i), `FAR` where that is no place to be."""
    batch, rows, columns = costs.shape
    if band is not None:
        apart = torch.arange(rows, device=costs.device)[:, None] - torch.arange(columns, device=costs.device)
        costs = costs.masked_fill(apart.abs() > band, FAR)
    count = rows + columns - 1
    # Rows that are one longer than they are read as start one later each.
    return F.pad(costs, (0, rows), value=FAR).flatten(1)[:, : rows * count].view(batch, rows, count).transpose(1, 2)


def cost_per_step(costs: Tensor, gamma: float, band: int | None = None) -> Tensor:
    """Mean cost of a path through (B, N, M) divided by its mean length (B,): in the unit of the costs.

    Unlike the soft minimum it is not negative, does not grow with the clip, and with `band` 0 it is the plain mean of
    the costs of the frames that stand side by side.
    """
    found = align(costs, gamma, band)
    return found.cost / found.length
