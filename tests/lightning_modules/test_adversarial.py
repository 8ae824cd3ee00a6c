"""The shared helper: whose turn it is, counting in generator steps, clipping, accumulation, randomness, bad numbers."""

import math
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Trainer

from lightning_modules.stage import held
from models.errors import UserError
from models.sync_batch_norm import SyncBatchNorm
from tests.lightning_modules.toy import Judge, Toy, fit, loader


def test_stops_and_counts_in_generator_steps() -> None:
    module = Toy(steps=5)
    trainer = fit(module)
    assert module.generator_steps == 5
    assert module.batches == 5
    assert trainer.global_step == 10  # what Lightning counts, and nobody is shown
    assert module.seen == [*range(16), *range(4)]


def test_schedule_is_stepped_once_per_generator_step() -> None:
    module = Toy(steps=4, schedule=lambda optimizer: torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.1))
    trainer = fit(module)
    assert [group["lr"] for optimizer in trainer.optimizers for group in optimizer.param_groups] == pytest.approx(
        [0.001, 0.001]
    )


def test_a_longer_training_continues_on_its_own_schedule(tmp_path: Path) -> None:
    """A whole cosine of 4 steps, then from step 4 to 6 of one of 8, with another rate for one side."""

    def train(steps: int, length: int, rate: float, start: Path | None = None) -> Trainer:
        module = Toy(
            steps=steps,
            generator_optimizer=lambda parameters: torch.optim.SGD(parameters, rate, momentum=0.5),
            schedule=lambda optimizer: torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, length),
        )
        return fit(module, start=start)

    train(4, 4, 0.1).save_checkpoint(tmp_path / "4.ckpt")
    rates = [optimizer.param_groups[0]["lr"] for optimizer in train(6, 8, 0.2, tmp_path / "4.ckpt").optimizers]
    cosine = (1 + math.cos(math.pi * 6 / 8)) / 2
    assert rates == pytest.approx([0.2 * cosine, 0.1 * cosine])


def test_accumulated_batches_give_the_step_of_the_big_batch() -> None:
    whole, pieces = Toy(steps=1), Toy(steps=1, accumulation=2)
    for module in (whole, pieces):
        setattr(module.model, "norm", torch.nn.Identity())  # noqa: B010  # its statistics are of a batch
    fit(whole, batch_size=8)
    fit(pieces, batch_size=4)
    assert pieces.batches == 2
    for ours, theirs in zip(pieces.parameters(), whole.parameters()):
        assert torch.allclose(ours, theirs, atol=1e-6)


def test_clipping_bounds_the_step_of_each_side() -> None:
    module = Toy(steps=1, clip=0.01)
    before = deepcopy(module)
    fit(module)
    for side in ("model", "discriminator"):
        pairs = zip(getattr(module, side).parameters(), getattr(before, side).parameters())
        moved = torch.stack([(a - b).square().sum() for a, b in pairs]).sum().sqrt()
        assert 0 < moved.item() <= 0.1 * 0.01 * 1.001


def test_held_networks_pass_gradients_on_and_get_none() -> None:
    judge, image = Judge(), torch.rand(1, 3, 8, 8, requires_grad=True)
    with held(judge):
        judge(image)[0].score.sum().backward()
    assert image.grad is not None
    assert all(parameter.grad is None and parameter.requires_grad for parameter in judge.parameters())


def test_what_stays_frozen_stays_frozen() -> None:
    judge = Judge()
    judge.conv.requires_grad_(False)
    with held(judge):
        pass
    assert [parameter.requires_grad for parameter in judge.parameters()] == [False, False, True, True]


def test_each_side_learns_its_own_loss_only() -> None:
    module = Toy(steps=1, weights={"l1": 0.0, "adversarial": 0.0})
    before = deepcopy(module)
    fit(module)
    assert all(torch.equal(a, b) for a, b in zip(module.model.parameters(), before.model.parameters()))
    pairs = zip(module.discriminator.parameters(), before.discriminator.parameters())
    assert not all(torch.equal(a, b) for a, b in pairs)


def test_losses_that_are_not_finite_stop_with_their_names() -> None:
    module = Toy(weights={"l1": 1.0, "adversarial": 0.1})
    with torch.no_grad():
        module.discriminator.score.weight.fill_(math.inf)
    with pytest.raises(UserError, match=r"adversarial.*generator step 1"):
        fit(module)


def test_randomness_is_a_function_of_seed_and_batch() -> None:
    module, later = Toy(seed=1), Toy(seed=1)
    later.batches = 1
    draws = [torch.rand(1, generator=m.step_random()).item() for m in (module, module, later, Toy(seed=2))]
    assert draws[0] == draws[1]
    assert len(set(draws)) == 3


def test_bf16_trains() -> None:
    module = Toy(steps=2)
    fit(module, precision="bf16-mixed")
    assert all(parameter.isfinite().all() for parameter in module.parameters())
    assert next(module.parameters()).dtype == torch.float32


def test_validation_numbers_reach_callbacks() -> None:
    module = Toy(steps=2)
    trainer = fit(module, val_check_interval=2)
    network = module.model.eval()
    expected = torch.stack([(network(b["source"]) - b["driving"]).abs().mean() / 2 for b in loader()]).mean()
    assert trainer.callback_metrics["validation/l1"].item() == pytest.approx(expected.item(), abs=1e-6)


def test_batch_norm_is_over_processes_only_where_there_are_some() -> None:
    module = Toy(steps=1)
    fit(module)
    assert not isinstance(module.model.norm, SyncBatchNorm)


@pytest.mark.parametrize("name", ["steps", "accumulation", "log_every"])
def test_counts_start_at_one(name: str) -> None:
    with pytest.raises(UserError, match="at least 1"):
        Toy(**{name: 0})
