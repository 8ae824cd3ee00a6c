"""What every stage shares: counting, clipping, accumulation, logging, validation, and randomness that can be resumed.

An iteration is a generator step, here and in every schedule, log and checkpoint: one update of the network that the
stage is about. (Lightning's `global_step` counts every optimiser's, so it runs at double speed beside a discriminator.)
"""

import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Required, TypedDict

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torchmetrics import Metric

from models.errors import UserError
from models.sync_batch_norm import synchronise_batch_norms

OptimizerFactory = Callable[[Iterable[nn.Parameter]], Optimizer]
ScheduleFactory = Callable[[Optimizer], LRScheduler]
Batch = dict[str, Any]


class Training(TypedDict, total=False):
    """How a training goes: the arguments that every stage hands on to `StageModule`, which says what they mean."""

    steps: Required[int]
    schedule: ScheduleFactory | None
    accumulation: int
    clip: float | None
    log_every: int
    seed: int


class StageModule(LightningModule, ABC):
    """One thing that is trained. `AdversarialModule` and `SupervisedModule` say how a step goes.

    Args:
        model: what is trained; this is what a checkpoint is read for.
        weights: of the losses by name; the model minimises their weighted sum.
        steps: generator steps of the whole training.
        schedule: from an optimiser to a learning rate schedule, stepped once per generator step.
        accumulation: batches whose gradients are summed for one generator step.
        clip: largest norm of the gradients of each side; None does not clip.
        log_every: generator steps between two entries of the training losses.
        seed: of everything random inside a step, which is a function of (seed, batch): a resumed run continues as
            the one that was never stopped, and two processes draw what one would have drawn.

    """

    metrics: Mapping[str, Metric]
    # How much a loss may change, relatively, when the pictures of a batch are split among processes
    split_tolerance: ClassVar[float] = 1e-4

    def __init__(
        self,
        model: nn.Module,
        weights: dict[str, float],
        steps: int,
        schedule: ScheduleFactory | None = None,
        accumulation: int = 1,
        clip: float | None = None,
        log_every: int = 50,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if min(steps, accumulation, log_every) < 1:
            raise UserError("module.steps, module.accumulation and module.log_every must be at least 1")
        self.automatic_optimization = False
        self.model, self.weights = model, weights
        self.steps, self.schedule = steps, schedule
        self.accumulation, self.clip, self.log_every, self.seed = accumulation, clip, log_every, seed
        self.generator_steps = 0
        self.batches = 0  # consumed, `accumulation` of them per generator step
        self._rates: list[list[float]] = []  # learning rates to start with, of each optimiser's groups
        self.recent: dict[str, float] = {}  # the latest training losses, for the progress bar

    def networks(self) -> dict[str, nn.Module]:
        """What is trained, by the name of its side."""
        return {"model": self.model}

    @abstractmethod
    def measure(self, batch: Batch) -> None:
        """Update `metrics` with a validation batch."""

    @abstractmethod
    def preview(self, batch: Batch) -> dict[str, Tensor]:
        """Images (B, 3, H, W) in [-1, 1] for people to look at, by the name of their column."""

    def weighted(self, losses: Mapping[str, Tensor]) -> Tensor:
        """The sum that is minimised."""
        return torch.stack([self.weights[name] * loss for name, loss in losses.items()]).sum()

    def ends_step(self) -> bool:
        """Whether the batch at hand is the last one of a generator step."""
        return (self.batches + 1) % self.accumulation == 0

    def finish_step(self, losses: dict[str, Tensor], norms: dict[str, Tensor]) -> None:
        """Count a generator step, log its losses, stop after the last."""
        self.generator_steps += 1
        self._log_losses(losses, norms)
        if self.generator_steps >= self.steps:
            self.trainer.should_stop = True

    def update(self, which: int, network: nn.Module) -> Tensor:
        """Clip, step, reset, move the learning rate on; returns the norm of the gradients before clipping."""
        optimizer = as_list(self.optimizers())[which]
        norm = nn.utils.clip_grad_norm_(network.parameters(), self.clip or math.inf)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if self.schedule is not None:
            as_list(self.lr_schedulers())[which].step()
        return norm

    def scheduled(self, *optimizers: Optimizer) -> tuple[list[Optimizer], list[LRScheduler]]:
        """Optimisers and their schedules, which stand where the training is."""
        schedules = [] if self.schedule is None else [self.schedule(optimizer) for optimizer in optimizers]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that no optimiser has stepped: they did, before the training was stopped
            for schedule in schedules:
                for _ in range(self.generator_steps):
                    schedule.step()
        self._rates = [[group["lr"] for group in optimizer.param_groups] for optimizer in optimizers]
        return list(optimizers), schedules

    def on_train_start(self) -> None:
        """Take the learning rates of the config where a checkpoint has brought those that it was written with."""
        for optimizer, rates in zip(as_list(self.optimizers()), self._rates):
            for group, rate in zip(optimizer.param_groups, rates):
                group["lr"] = rate

    def _log_losses(self, losses: dict[str, Tensor], norms: dict[str, Tensor]) -> None:
        if self.generator_steps % self.log_every and self.generator_steps != 1:
            return
        values = torch.stack([loss.detach().float() for loss in losses.values()])
        values = self.trainer.strategy.reduce(values, reduce_op="mean")  # one exchange for all of them
        self.recent = dict(zip(losses, values.tolist()))
        broken = [name for name, value in self.recent.items() if not math.isfinite(value)]
        if broken:
            raise UserError(
                f"the losses {', '.join(broken)} are not finite at generator step {self.generator_steps}; resume from "
                "the last checkpoint with a smaller learning rate, or set module.clip"
            )
        rate = as_list(self.optimizers())[0].param_groups[0]["lr"]
        extra = {f"gradient_norm/{name}": norm.item() for name, norm in norms.items()}
        self.report({f"train/{name}": value for name, value in self.recent.items()} | extra | {"learning_rate": rate})

    def report(self, values: dict[str, float]) -> None:
        """Send numbers to all loggers; their x axis is the generator step."""
        for logger in self.loggers:
            logger.log_metrics(values, step=self.generator_steps)

    def validation_step(self, batch: Batch, index: int) -> None:
        """See `measure`."""
        self.measure(batch)

    def on_validation_epoch_end(self) -> None:
        """Bring the metrics of all processes together, then report and reset them."""
        values = self.validated({name: float(metric.compute()) for name, metric in self.metrics.items()})
        for metric in self.metrics.values():
            metric.reset()
        named = {f"validation/{name}": value for name, value in values.items()}
        self.log_dict(named, logger=False)  # for callbacks
        if not self.trainer.sanity_checking:
            self.report(named)

    def validated(self, values: dict[str, float]) -> dict[str, float]:
        """What is reported of a validation; a stage may add numbers that follow from others."""
        return values

    def step_random(self) -> torch.Generator:
        """The source of all randomness inside a step: equal on all processes, a function of (seed, batch).

        Call it once in a step: a second call begins with the same numbers.
        """
        return torch.Generator().manual_seed(self.seed * 1_000_003 + self.batches)

    def device_random(self, use: int = 0) -> torch.Generator:
        """A source of big random tensors on this process's device, another one for every process, batch and `use`."""
        seed = (self.seed * 1_000_003 + self.batches) * 7919 + self.global_rank * 10 + use
        return torch.Generator(self.device).manual_seed(seed)

    def share(self, count: int) -> slice:
        """Where the `count` examples of this process stand in the batch of all processes."""
        return slice(self.global_rank * count, (self.global_rank + 1) * count)

    def setup(self, stage: str) -> None:
        """Refuse what does not work here; batch norm over all processes."""
        if self.trainer.precision == "16-mixed":
            raise UserError("trainer.precision=16-mixed needs loss scaling, which is not done here; take bf16-mixed")
        if self.trainer.world_size > 1:
            synchronise_batch_norms(self.model)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what Lightning does not count."""
        counts = {"generator_steps": self.generator_steps, "batches": self.batches}
        checkpoint.setdefault("figurehead", {}).update(counts)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Continue counting; the schedules are the config's, for a training may be continued for longer."""
        self.generator_steps = checkpoint["figurehead"]["generator_steps"]
        self.batches = checkpoint["figurehead"]["batches"]
        checkpoint["lr_schedulers"] = []


def as_list(one_or_more: Any) -> list[Any]:
    """What Lightning gives bare when there is one of it."""
    return one_or_more if isinstance(one_or_more, list) else [one_or_more]


@contextmanager
def held(network: nn.Module) -> Iterator[None]:
    """Inside, gradients flow through the network but not into it."""
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)
