"""Many pictures in one Adam are as many Adams; who is finished leaves; the lowest loss is what counts."""

import pytest
import torch
from torch import Tensor

from models.inversion.descent import LOOK, Plan, descend
from models.inversion.inversion import unwatched

GOALS = torch.tensor([[0.3, -0.2], [4.0, 1.0], [0.0, 0.0]], dtype=torch.double)
STEEP = torch.tensor([1.0, 100.0, 3.0], dtype=torch.double)


def valley(leaves: list[Tensor], rows: Tensor) -> dict[str, Tensor]:
    """Each picture has a bowl of its own, plus what its second leaf costs."""
    point, other = leaves
    return {
        "bowl": STEEP[rows] * (point - GOALS[rows]).square().sum(dim=1),
        "other": (other - 1).abs().sum(dim=(1, 2)),
    }


def start(count: int = 3) -> list[Tensor]:
    return [torch.zeros(count, 2, dtype=torch.double), torch.zeros(count, 3, 2, dtype=torch.double)]


def test_every_picture_goes_as_torchs_adam_would_alone() -> None:
    found = descend(start(), [0.1, 0.05], valley, Plan(30), unwatched)
    for row in range(3):
        leaves = [leaf.requires_grad_() for leaf in start(1)]
        adam = torch.optim.Adam([{"params": leaf, "lr": rate} for leaf, rate in zip(leaves, [0.1, 0.05])])
        visited = []
        for _ in range(31):
            loss = torch.cat(list(valley(leaves, torch.tensor([row])).values())).sum()
            visited.append((float(loss.detach()), [leaf.detach().clone() for leaf in leaves]))
            adam.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            adam.step()
        lowest = min(visited, key=lambda visit: visit[0])[1]
        assert all(torch.allclose(ours[row], theirs[0]) for ours, theirs in zip(found, lowest))


def test_who_does_not_get_better_is_finished_and_changes_nobody() -> None:
    present: list[int] = []

    def bowls(leaves: list[Tensor], rows: Tensor) -> dict[str, Tensor]:
        present.append(len(rows))
        return {"bowl": STEEP[rows] * (leaves[0] - GOALS[rows]).square().sum(dim=1)}

    def alone(row: int) -> Tensor:
        return descend(start(1)[:1], [0.1], lambda leaves, _: bowls(leaves, torch.tensor([row])), plan, unwatched)[0]

    plan, steps = Plan(60, patience=5, tolerance=0.01), []
    (found,) = descend(start()[:1], [0.1], bowls, plan, lambda done, most, parts: steps.append(done))
    assert present[LOOK] == 3 > present[LOOK + 1]  # the third is where it wants to be from the beginning
    assert steps == [*range(0, 60, LOOK), 60]  # nothing is asked of the device in between
    assert torch.allclose(found, torch.cat([alone(row) for row in range(3)]))
    assert found[2].abs().max() == 0


def test_numbers_that_are_none_never_win() -> None:
    def cliff(leaves: list[Tensor], rows: Tensor) -> dict[str, Tensor]:
        height = leaves[0].sum(dim=1)
        return {"cliff": torch.where(height > 0.25, torch.nan, -height)}

    (found,) = descend([torch.zeros(1, 1)], [0.1], cliff, Plan(50, 3, 0.0), unwatched)
    assert found.item() == pytest.approx(0.2, abs=1e-3)
