"""Stages of one network: the same counting, accumulation and clipping as adversarial ones, with one optimiser."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lightning_modules.supervised import SupervisedModule
from metrics.l1 import L1
from tests.lightning_modules.toy import fit


class Toy(SupervisedModule):
    def __init__(self, **options: Any) -> None:
        torch.manual_seed(0)
        chosen: dict[str, Any] = {
            "weights": {"square": 0.5, "size": 0.01},
            "optimizer": lambda parameters: torch.optim.SGD(parameters, 0.1),
            "steps": 3,
            "log_every": 1,
            **options,
        }
        super().__init__(nn.Conv2d(3, 3, 3, padding=1), **chosen)
        self.metrics = nn.ModuleDict({"l1": L1()})  # type: ignore[assignment]

    def losses(self, batch: dict[str, Any]) -> dict[str, Tensor]:
        return {
            "square": (self.model(batch["source"]) - batch["driving"]).square().mean(),
            "size": torch.stack([parameter.square().sum() for parameter in self.model.parameters()]).sum(),
        }

    def measure(self, batch: dict[str, Any]) -> None:
        self.metrics["l1"].update(self.model(batch["source"]).clamp(-1, 1), batch["driving"])

    @torch.no_grad()
    def preview(self, batch: dict[str, Any]) -> dict[str, Tensor]:
        return {"prediction": self.model(batch["source"])}


def test_counts_and_learns_a_weighted_sum() -> None:
    first, last = Toy(steps=1), Toy(steps=40, clip=1.0)
    fit(first)
    trainer = fit(last)
    assert (last.generator_steps, last.batches, trainer.global_step) == (40, 40, 40)
    assert last.recent["total"] == pytest.approx(0.5 * last.recent["square"] + 0.01 * last.recent["size"])
    assert last.recent["square"] < first.recent["square"]


def test_accumulated_batches_give_the_step_of_the_big_batch() -> None:
    whole, pieces = Toy(steps=1), Toy(steps=1, accumulation=2)
    fit(whole, batch_size=8)
    fit(pieces, batch_size=4)
    assert (pieces.generator_steps, pieces.batches) == (1, 2)
    for ours, theirs in zip(pieces.parameters(), whole.parameters()):
        assert torch.allclose(ours, theirs, atol=1e-6)


def test_schedule_is_stepped_once_per_generator_step() -> None:
    module = Toy(steps=4, schedule=lambda optimizer: torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.1))
    trainer = fit(module)
    assert trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(0.001)
