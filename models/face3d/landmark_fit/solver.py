"""Levenberg-Marquardt on all frames of a clip and their one identity together."""

import torch
from torch import Tensor

from models.face3d.landmark_fit.chain import smooth_chain, solve_chain
from models.face3d.landmark_fit.problem import Problem, System


def minimise(problem: Problem, identity: Tensor, frames: Tensor, steps: int, enough: float) -> tuple[Tensor, Tensor]:
    """Identity (n_identity,) and frames (T, n) of least cost from where they begin.

    Args:
        problem: the cost.
        identity: (n_identity,).
        frames: (T, n).
        steps: the most that are tried.
        enough: ends when an accepted step lowers the cost by less than this part of it.
    """
    damping = 1e-3
    for _ in range(steps):
        whiten = problem.whiten(problem.pixels(identity, frames))
        cost = problem.cost(identity, frames, whiten)
        move = _step(problem, problem.system(identity, frames, whiten), frames, damping)
        for part in (1.0, 0.5, 0.25, 0.1, 0.02):
            new = identity - part * move[0], problem.within(frames - part * move[1])
            new_cost = problem.cost(*new, whiten)
            if new_cost < cost:
                break
        damping *= 0.2 if part == 1 else 5
        if new_cost < cost:
            identity, frames = new
        elif damping > 1e3:
            break
        if 0 <= cost - new_cost < enough * cost:
            break
    return identity, frames


def _step(problem: Problem, system: System, frames: Tensor, damping: float) -> tuple[Tensor, Tensor]:
    """The identity is found by eliminating all frames (Schur complement), then the frames."""
    free = (~problem.frozen(frames, system.frame_slope)).to(frames)
    blocks = system.frames * free[:, :, None] * free[:, None, :]
    diagonal = system.frames.diagonal(dim1=1, dim2=2)
    blocks.diagonal(dim1=1, dim2=2).add_(torch.where(free > 0, damping * diagonal, 1.0))
    right = torch.cat([system.ties, system.frame_slope[..., None]], dim=2) * free[..., None]
    chain = smooth_chain(blocks, problem.stiffness, free)
    pairs = len(chain[0])
    right = torch.nn.functional.pad(right, (0, 0, 0, 0, 0, 2 * pairs - len(right)))
    solved = solve_chain(*chain, right.view(pairs, -1, right.shape[2])).view(right.shape)[: len(frames)]
    ties, alone = solved[..., :-1], solved[..., -1]
    pull = system.ties.flatten(0, 1) * free.flatten()[:, None]
    matrix = system.identity - pull.T @ ties.flatten(0, 1)
    matrix = matrix + torch.diag_embed(damping * system.identity.diagonal())
    slope = system.identity_slope - pull.T @ alone.flatten()
    move = torch.cholesky_solve(slope[:, None], torch.linalg.cholesky((matrix + matrix.T) / 2))[:, 0]
    return move, alone - ties @ move
