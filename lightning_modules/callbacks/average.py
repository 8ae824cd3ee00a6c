"""Exponential moving average of the generator side.

Lightning's `EMAWeightAveraging` averages the whole module, discriminator and spectral norm vectors too, and counts
optimiser steps, which are two per generator step here.
"""

from copy import deepcopy
from typing import Any, cast

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import nn

from lightning_modules.stage import StageModule
from models.errors import UserError

# Those of batch norms. Others, such as the vectors of spectral norm, are copied: their mean has not length 1.
AVERAGED_BUFFERS = ("running_mean", "running_var")


class Average(Callback):
    """average = d average + (1 - d) weights after each generator step, d = min(decay, (1 + n) / (10 + n)).

    Validation, previews and `read_checkpoint` use the average; the raw weights go on training. A checkpoint holds
    both, and both are restored. The sanity check before training uses the raw weights.
    """

    def __init__(self, decay: float = 0.999) -> None:
        if not 0 <= decay < 1:
            raise UserError(f"callbacks.average.decay={decay} must be in [0, 1)")
        self.decay = decay
        self.model: nn.Module | None = None
        self._steps = 0
        self._swapped = False

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Start from the weights there are."""
        if self.model is None:
            self.model = deepcopy(cast(StageModule, pl_module).model).eval().requires_grad_(False)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Follow the module to its device."""
        assert self.model is not None
        self.model.to(pl_module.device)
        self._steps = cast(StageModule, pl_module).generator_steps

    @torch.no_grad()
    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Move the average, once per generator step."""
        module = cast(StageModule, pl_module)
        if module.generator_steps == self._steps or self.model is None:
            return
        self._steps = module.generator_steps
        rate = 1 - min(self.decay, (1 + self._steps) / (10 + self._steps))
        for kept, new in zip(self.model.parameters(), module.model.parameters()):
            kept.lerp_(new, rate)
        for (name, buffer), latest in zip(self.model.named_buffers(), module.model.buffers()):
            if name.endswith(AVERAGED_BUFFERS):
                buffer.lerp_(latest, rate)
            else:
                buffer.copy_(latest)

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put the average in the place of the weights."""
        if not trainer.sanity_checking:
            self._swap(cast(StageModule, pl_module))

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put the weights back."""
        if self._swapped:
            self._swap(cast(StageModule, pl_module))

    def _swap(self, module: StageModule) -> None:
        if self.model is None:
            return
        module.model, self.model = self.model, module.model
        self._swapped = not self._swapped

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Add the average; Lightning saves the raw weights."""
        if self.model is not None:
            checkpoint.setdefault("figurehead", {})["average"] = self.model.state_dict()

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Restore the average."""
        average = checkpoint["figurehead"].get("average")
        if average is not None and self.model is not None:
            self.model.load_state_dict(average)
