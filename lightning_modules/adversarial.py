"""What every adversarial stage shares: two optimisers and whose turn it is."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Unpack

import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn

from lightning_modules.stage import Batch, OptimizerFactory, StageModule, Training, held
from losses.adversarial import AdversarialLoss
from models.sync_batch_norm import synchronise_batch_norms


@dataclass(frozen=True)
class Game:
    """One generator pass: its `losses` by name, unweighted, and the images (B, 3, H, W) that are to be told apart."""

    losses: dict[str, Tensor]
    real: Tensor
    fake: Tensor


class AdversarialModule(StageModule):
    """A generator against a discriminator. A stage adds `play(batch)`, `measure(batch)` and `preview(batch)`.

    Arguments beside those of `StageModule`:

        discriminator: images (B, 3, H, W) -> judgements with `features` and `score`, one per scale.
        adversarial: what both sides make of the scores.
        generator_optimizer: from parameters to an optimiser.
        discriminator_optimizer: the same for the discriminator.

    """

    def __init__(
        self,
        model: nn.Module,
        discriminator: nn.Module,
        adversarial: AdversarialLoss,
        weights: dict[str, float],
        generator_optimizer: OptimizerFactory,
        discriminator_optimizer: OptimizerFactory,
        **training: Unpack[Training],
    ) -> None:
        super().__init__(model, weights, **training)
        self.discriminator, self.adversarial = discriminator, adversarial
        self.factories = (generator_optimizer, discriminator_optimizer)

    def networks(self) -> dict[str, nn.Module]:
        """Both sides."""
        return {**super().networks(), "discriminator": self.discriminator}

    @abstractmethod
    def play(self, batch: Batch) -> Game:
        """One pass of the generator side."""

    def training_step(self, batch: Batch, index: int) -> None:
        """The generator plays against a discriminator that holds still, then the other way round."""
        turn = self.ends_step()
        with held(self.discriminator):
            game = self.play(batch)
            total = self.weighted(game.losses)
            self.manual_backward(total / self.accumulation)
        norms = {"generator": self.update(0, self.model)} if turn else {}
        with held(self.model):
            judged = self.judge(game)
            loss = torch.stack(list(judged.values())).sum()
            self.manual_backward(loss / self.accumulation)
        self.batches += 1
        if turn:
            norms["discriminator"] = self.update(1, self.discriminator)
            self.finish_step({"total": total, **judged, **game.losses}, norms)

    def judge(self, game: Game) -> dict[str, Tensor]:
        """The losses of the discriminator by name; their sum is minimised."""
        real, fake = self.discriminator(game.real), self.discriminator(game.fake.detach())
        return {"discriminator": self.adversarial.discriminator([j.score for j in real], [j.score for j in fake])}

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Generator first."""
        sides = (self.model, self.discriminator)
        return self.scheduled(*(factory(side.parameters()) for factory, side in zip(self.factories, sides)))

    def setup(self, stage: str) -> None:
        """See `StageModule.setup`; both sides have batch norms."""
        super().setup(stage)
        if self.trainer.world_size > 1:
            synchronise_batch_norms(self.discriminator)
