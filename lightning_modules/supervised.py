"""What every stage without a discriminator shares: one network, one optimiser."""

from abc import abstractmethod
from typing import Unpack

from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn

from lightning_modules.stage import Batch, OptimizerFactory, StageModule, Training


class SupervisedModule(StageModule):
    """One network and its losses. A stage adds `losses(batch)`, `measure(batch)` and `preview(batch)`.

    Arguments beside those of `StageModule`:

        optimizer: from parameters to an optimiser.

    """

    def __init__(
        self,
        model: nn.Module,
        weights: dict[str, float],
        optimizer: OptimizerFactory,
        **training: Unpack[Training],
    ) -> None:
        super().__init__(model, weights, **training)
        self.optimizer = optimizer

    @abstractmethod
    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The losses of a batch by name, unweighted scalars."""

    def training_step(self, batch: Batch, index: int) -> None:
        """Losses, gradients and, after `accumulation` batches, an update."""
        turn = self.ends_step()
        losses = self.losses(batch)
        total = self.weighted(losses)
        self.manual_backward(total / self.accumulation)
        self.batches += 1
        if turn:
            self.finish_step({"total": total, **losses}, {"model": self.update(0, self.model)})

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """The model's."""
        return self.scheduled(self.optimizer(self.model.parameters()))
