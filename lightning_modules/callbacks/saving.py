"""Which checkpoints are written, and what makes them stand for themselves."""

from pathlib import Path
from typing import Any, cast

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

from lightning_modules.checkpoints import VERSION
from lightning_modules.stage import StageModule
from models.aside import own_part


class Saving(Checkpoint):
    """`last.ckpt` every `every` generator steps and at the end, `best.ckpt` by a validation number, and some to keep.

    Files are written aside and renamed, so that a killed training leaves the previous one whole. Lightning calls
    callbacks of this base class last: the others have finished a step before it is saved.

    Args:
        folder: where they go.
        stage: the experiment.
        config: the resolved config of the training, plain types.
        dataset: facts about the training images, see `lightning_modules.checkpoints`.
        every: generator steps between two `last.ckpt`.
        keep_every: generator steps between two `step_00010000.ckpt`, which stay; 0 keeps none.
        monitor: the number that `best.ckpt` has the lowest of.

    """

    def __init__(
        self,
        folder: Path,
        stage: str,
        config: dict[str, Any],
        dataset: dict[str, Any],
        every: int = 1000,
        keep_every: int = 0,
        monitor: str = "validation/l1",
    ) -> None:
        self.folder, self.monitor = folder, monitor
        self.every, self.keep_every = every, keep_every
        self.facts = {"version": VERSION, "stage": stage, "config": config, "dataset": dataset}
        self.best = float("inf")
        self._seen = self._last = -1  # generator steps that were looked at, and those of last.ckpt

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """A run that starts at a checkpoint has nothing new to save."""
        self._seen = self._last = cast(StageModule, pl_module).generator_steps

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Save when it is time."""
        steps = cast(StageModule, pl_module).generator_steps
        if steps == self._seen:  # a step of several batches is not over
            return
        self._seen = steps
        if steps % self.every == 0:
            self._save_last(trainer, steps)
        if self.keep_every and steps % self.keep_every == 0:
            self._save(trainer, f"step_{steps:08d}.ckpt")

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save the best so far."""
        value = trainer.callback_metrics.get(self.monitor)
        if trainer.sanity_checking or value is None or not value < self.best:
            return
        self.best = float(value)
        self._save(trainer, "best.ckpt")

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save the end."""
        steps = cast(StageModule, pl_module).generator_steps
        if steps != self._last:
            self._save_last(trainer, steps)

    def _save_last(self, trainer: Trainer, steps: int) -> None:
        self._save(trainer, "last.ckpt")
        self._last = steps

    def _save(self, trainer: Trainer, name: str) -> None:
        part = own_part(self.folder / name)
        try:
            trainer.save_checkpoint(part, False)  # all of the state, not the weights alone; rank 0 writes it
            if trainer.is_global_zero:
                part.replace(self.folder / name)
        finally:
            part.unlink(missing_ok=True)
        trainer.strategy.barrier()

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Add the facts."""
        loggers = {type(logger).__name__: str(logger.version) for logger in trainer.loggers}
        checkpoint.setdefault("figurehead", {}).update(self.facts, loggers=loggers)

    def state_dict(self) -> dict[str, Any]:
        """What was best."""
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue to compare with what was best."""
        self.best = state_dict["best"]
