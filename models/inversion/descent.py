"""Adam on what belongs to many pictures at once, each on its own: what one is given does not depend on the others.

Letters: B pictures, b those that are still being worked on.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models.inversion.inversion import Watch

LOOK = 8  # steps from one look at the losses to the next: each waits for the device
Terms = Callable[[list[Tensor], Tensor], Mapping[str, Tensor]]
"""Leaves of some pictures, (b, ...) each, and the numbers (b,) of these pictures -> parts of the loss, (b,) each."""


@dataclass(frozen=True)
class Plan:
    """How long to optimise.

    A picture is finished when `patience` steps have not brought its loss down by the fraction `tolerance`; that is
    looked at in every eighth step.

    Attributes:
        steps: at most.
        patience: see above; None: all steps are done.
        tolerance: see above.
    """

    steps: int
    patience: int | None = None
    tolerance: float = 0.0


@torch.enable_grad()
def descend(start: Sequence[Tensor], rates: Sequence[float], terms: Terms, plan: Plan, watch: Watch) -> list[Tensor]:
    """The leaves (B, ...) with the lowest loss that Adam comes by from `start`, each leaf with its learning rate.

    The losses of the pictures are added, not averaged, and Adam keeps its moments by number, so every picture goes its
    own way. A finished one is taken out of the batch: the others get faster.
    """
    best = [leaf.detach().clone() for leaf in start]
    leaves = [leaf.clone().requires_grad_() for leaf in best]
    adam = torch.optim.Adam([{"params": [leaf], "lr": rate} for leaf, rate in zip(leaves, rates, strict=True)])
    rows = torch.arange(len(best[0]), device=best[0].device)
    stall = Stall(len(rows), plan, best[0])
    for step in range(plan.steps + 1):  # the last one only looks at what the one before has done
        parts = terms(leaves, rows)
        losses = torch.stack(list(parts.values())).sum(dim=0)
        better, finished = stall.look(losses.detach())
        for kept, leaf in zip(best, leaves):
            kept[rows] = leaf.detach().where(better.view(-1, *[1] * (leaf.ndim - 1)), kept[rows])
        look = step % LOOK == 0 or step == plan.steps
        if look:
            watch(step, plan.steps, {name: value.detach().mean().item() for name, value in parts.items()})
        if step == plan.steps or (look and bool(finished.all())):
            break
        gradients = torch.autograd.grad(losses.sum(), leaves)  # of nothing else: the networks need none
        for leaf, gradient in zip(leaves, gradients):
            leaf.grad = gradient
        adam.step()
        if look and bool(finished.any()):
            going = ~finished
            rows, leaves = rows[going], keep_rows(adam, going)
            stall.keep(going)
    return best


class Stall:
    """Which pictures have their lowest loss yet, and which are finished."""

    def __init__(self, pictures: int, plan: Plan, like: Tensor) -> None:
        self.plan = plan
        self.lowest = torch.full((pictures,), torch.inf, device=like.device)
        self.mark = self.lowest.clone()  # the loss that patience counts from
        self.waited = torch.zeros(pictures, device=like.device)

    def look(self, losses: Tensor) -> tuple[Tensor, Tensor]:
        """Losses (b,) -> two masks (b,): better than ever before, finished."""
        better = losses < self.lowest
        self.lowest = torch.where(better, losses, self.lowest)
        moved = losses < self.mark * (1 - self.plan.tolerance)
        self.mark = torch.where(moved, losses, self.mark)
        self.waited = torch.where(moved, 0, self.waited + 1)
        patience = torch.inf if self.plan.patience is None else self.plan.patience
        return better, self.waited >= patience

    def keep(self, rows: Tensor) -> None:
        """Go on with these pictures alone, a mask (b,)."""
        self.lowest, self.mark, self.waited = self.lowest[rows], self.mark[rows], self.waited[rows]


def keep_rows(adam: torch.optim.Adam, rows: Tensor) -> list[Tensor]:
    """Cut every leaf, and what Adam remembers of it, to these rows (mask); the new leaves."""
    leaves = []
    for group in adam.param_groups:
        (old,) = group["params"]
        leaf = old.detach()[rows].requires_grad_()
        memory = adam.state.pop(old)
        adam.state[leaf] = {name: value[rows] if value.ndim else value for name, value in memory.items()}
        group["params"] = [leaf]
        leaves.append(leaf)
    return leaves
